"""Sixty guarded cases: what stands behind a guard is reached in two ways, and read once."""


def handler(event, context):
    match event:
        case {"k0": x} if x > 0:
            f0(x)
        case {"k1": x} if x > 1:
            f1(x)
        case {"k2": x} if x > 2:
            f2(x)
        case {"k3": x} if x > 3:
            f3(x)
        case {"k4": x} if x > 4:
            f4(x)
        case {"k5": x} if x > 5:
            f5(x)
        case {"k6": x} if x > 6:
            f6(x)
        case {"k7": x} if x > 7:
            f7(x)
        case {"k8": x} if x > 8:
            f8(x)
        case {"k9": x} if x > 9:
            f9(x)
        case {"k10": x} if x > 10:
            f10(x)
        case {"k11": x} if x > 11:
            f11(x)
        case {"k12": x} if x > 12:
            f12(x)
        case {"k13": x} if x > 13:
            f13(x)
        case {"k14": x} if x > 14:
            f14(x)
        case {"k15": x} if x > 15:
            f15(x)
        case {"k16": x} if x > 16:
            f16(x)
        case {"k17": x} if x > 17:
            f17(x)
        case {"k18": x} if x > 18:
            f18(x)
        case {"k19": x} if x > 19:
            f19(x)
        case {"k20": x} if x > 20:
            f20(x)
        case {"k21": x} if x > 21:
            f21(x)
        case {"k22": x} if x > 22:
            f22(x)
        case {"k23": x} if x > 23:
            f23(x)
        case {"k24": x} if x > 24:
            f24(x)
        case {"k25": x} if x > 25:
            f25(x)
        case {"k26": x} if x > 26:
            f26(x)
        case {"k27": x} if x > 27:
            f27(x)
        case {"k28": x} if x > 28:
            f28(x)
        case {"k29": x} if x > 29:
            f29(x)
        case {"k30": x} if x > 30:
            f30(x)
        case {"k31": x} if x > 31:
            f31(x)
        case {"k32": x} if x > 32:
            f32(x)
        case {"k33": x} if x > 33:
            f33(x)
        case {"k34": x} if x > 34:
            f34(x)
        case {"k35": x} if x > 35:
            f35(x)
        case {"k36": x} if x > 36:
            f36(x)
        case {"k37": x} if x > 37:
            f37(x)
        case {"k38": x} if x > 38:
            f38(x)
        case {"k39": x} if x > 39:
            f39(x)
        case {"k40": x} if x > 40:
            f40(x)
        case {"k41": x} if x > 41:
            f41(x)
        case {"k42": x} if x > 42:
            f42(x)
        case {"k43": x} if x > 43:
            f43(x)
        case {"k44": x} if x > 44:
            f44(x)
        case {"k45": x} if x > 45:
            f45(x)
        case {"k46": x} if x > 46:
            f46(x)
        case {"k47": x} if x > 47:
            f47(x)
        case {"k48": x} if x > 48:
            f48(x)
        case {"k49": x} if x > 49:
            f49(x)
        case {"k50": x} if x > 50:
            f50(x)
        case {"k51": x} if x > 51:
            f51(x)
        case {"k52": x} if x > 52:
            f52(x)
        case {"k53": x} if x > 53:
            f53(x)
        case {"k54": x} if x > 54:
            f54(x)
        case {"k55": x} if x > 55:
            f55(x)
        case {"k56": x} if x > 56:
            f56(x)
        case {"k57": x} if x > 57:
            f57(x)
        case {"k58": x} if x > 58:
            f58(x)
        case {"k59": x} if x > 59:
            f59(x)
        case _:
            rest()
