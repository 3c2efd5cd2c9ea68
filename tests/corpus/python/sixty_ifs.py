def handler(event, context):
    n = event['n']
    if f0(n):
        n = g0(n)
    else:
        n = h0(n)
    if f1(n):
        n = g1(n)
    else:
        n = h1(n)
    if f2(n):
        n = g2(n)
    else:
        n = h2(n)
    if f3(n):
        n = g3(n)
    else:
        n = h3(n)
    if f4(n):
        n = g4(n)
    else:
        n = h4(n)
    if f5(n):
        n = g5(n)
    else:
        n = h5(n)
    if f6(n):
        n = g6(n)
    else:
        n = h6(n)
    if f7(n):
        n = g7(n)
    else:
        n = h7(n)
    if f8(n):
        n = g8(n)
    else:
        n = h8(n)
    if f9(n):
        n = g9(n)
    else:
        n = h9(n)
    if f10(n):
        n = g10(n)
    else:
        n = h10(n)
    if f11(n):
        n = g11(n)
    else:
        n = h11(n)
    if f12(n):
        n = g12(n)
    else:
        n = h12(n)
    if f13(n):
        n = g13(n)
    else:
        n = h13(n)
    if f14(n):
        n = g14(n)
    else:
        n = h14(n)
    if f15(n):
        n = g15(n)
    else:
        n = h15(n)
    if f16(n):
        n = g16(n)
    else:
        n = h16(n)
    if f17(n):
        n = g17(n)
    else:
        n = h17(n)
    if f18(n):
        n = g18(n)
    else:
        n = h18(n)
    if f19(n):
        n = g19(n)
    else:
        n = h19(n)
    if f20(n):
        n = g20(n)
    else:
        n = h20(n)
    if f21(n):
        n = g21(n)
    else:
        n = h21(n)
    if f22(n):
        n = g22(n)
    else:
        n = h22(n)
    if f23(n):
        n = g23(n)
    else:
        n = h23(n)
    if f24(n):
        n = g24(n)
    else:
        n = h24(n)
    if f25(n):
        n = g25(n)
    else:
        n = h25(n)
    if f26(n):
        n = g26(n)
    else:
        n = h26(n)
    if f27(n):
        n = g27(n)
    else:
        n = h27(n)
    if f28(n):
        n = g28(n)
    else:
        n = h28(n)
    if f29(n):
        n = g29(n)
    else:
        n = h29(n)
    if f30(n):
        n = g30(n)
    else:
        n = h30(n)
    if f31(n):
        n = g31(n)
    else:
        n = h31(n)
    if f32(n):
        n = g32(n)
    else:
        n = h32(n)
    if f33(n):
        n = g33(n)
    else:
        n = h33(n)
    if f34(n):
        n = g34(n)
    else:
        n = h34(n)
    if f35(n):
        n = g35(n)
    else:
        n = h35(n)
    if f36(n):
        n = g36(n)
    else:
        n = h36(n)
    if f37(n):
        n = g37(n)
    else:
        n = h37(n)
    if f38(n):
        n = g38(n)
    else:
        n = h38(n)
    if f39(n):
        n = g39(n)
    else:
        n = h39(n)
    if f40(n):
        n = g40(n)
    else:
        n = h40(n)
    if f41(n):
        n = g41(n)
    else:
        n = h41(n)
    if f42(n):
        n = g42(n)
    else:
        n = h42(n)
    if f43(n):
        n = g43(n)
    else:
        n = h43(n)
    if f44(n):
        n = g44(n)
    else:
        n = h44(n)
    if f45(n):
        n = g45(n)
    else:
        n = h45(n)
    if f46(n):
        n = g46(n)
    else:
        n = h46(n)
    if f47(n):
        n = g47(n)
    else:
        n = h47(n)
    if f48(n):
        n = g48(n)
    else:
        n = h48(n)
    if f49(n):
        n = g49(n)
    else:
        n = h49(n)
    if f50(n):
        n = g50(n)
    else:
        n = h50(n)
    if f51(n):
        n = g51(n)
    else:
        n = h51(n)
    if f52(n):
        n = g52(n)
    else:
        n = h52(n)
    if f53(n):
        n = g53(n)
    else:
        n = h53(n)
    if f54(n):
        n = g54(n)
    else:
        n = h54(n)
    if f55(n):
        n = g55(n)
    else:
        n = h55(n)
    if f56(n):
        n = g56(n)
    else:
        n = h56(n)
    if f57(n):
        n = g57(n)
    else:
        n = h57(n)
    if f58(n):
        n = g58(n)
    else:
        n = h58(n)
    if f59(n):
        n = g59(n)
    else:
        n = h59(n)
    return n
