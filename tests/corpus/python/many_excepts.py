def handler(event, context):
    try:
        f()
    except E0 as e:
        g0(e)
    except E1 as e:
        g1(e)
    except E2 as e:
        g2(e)
    except E3 as e:
        g3(e)
    except E4 as e:
        g4(e)
    except E5 as e:
        g5(e)
    except E6 as e:
        g6(e)
    except E7 as e:
        g7(e)
    except E8 as e:
        g8(e)
    except E9 as e:
        g9(e)
    except E10 as e:
        g10(e)
    except E11 as e:
        g11(e)
    except E12 as e:
        g12(e)
    except E13 as e:
        g13(e)
    except E14 as e:
        g14(e)
    except E15 as e:
        g15(e)
    except E16 as e:
        g16(e)
    except E17 as e:
        g17(e)
    except E18 as e:
        g18(e)
    except E19 as e:
        g19(e)
    except E20 as e:
        g20(e)
    except E21 as e:
        g21(e)
    except E22 as e:
        g22(e)
    except E23 as e:
        g23(e)
    except E24 as e:
        g24(e)
    except E25 as e:
        g25(e)
    except E26 as e:
        g26(e)
    except E27 as e:
        g27(e)
    except E28 as e:
        g28(e)
    except E29 as e:
        g29(e)
    except E30 as e:
        g30(e)
    except E31 as e:
        g31(e)
    except E32 as e:
        g32(e)
    except E33 as e:
        g33(e)
    except E34 as e:
        g34(e)
    except E35 as e:
        g35(e)
    except E36 as e:
        g36(e)
    except E37 as e:
        g37(e)
    except E38 as e:
        g38(e)
    except E39 as e:
        g39(e)
    except E40 as e:
        g40(e)
    except E41 as e:
        g41(e)
    except E42 as e:
        g42(e)
    except E43 as e:
        g43(e)
    except E44 as e:
        g44(e)
    except E45 as e:
        g45(e)
    except E46 as e:
        g46(e)
    except E47 as e:
        g47(e)
    except E48 as e:
        g48(e)
    except E49 as e:
        g49(e)
    except E50 as e:
        g50(e)
    except E51 as e:
        g51(e)
    except E52 as e:
        g52(e)
    except E53 as e:
        g53(e)
    except E54 as e:
        g54(e)
    except E55 as e:
        g55(e)
    except E56 as e:
        g56(e)
    except E57 as e:
        g57(e)
    except E58 as e:
        g58(e)
    except E59 as e:
        g59(e)
    except E60 as e:
        g60(e)
    except E61 as e:
        g61(e)
    except E62 as e:
        g62(e)
    except E63 as e:
        g63(e)
    except E64 as e:
        g64(e)
    except E65 as e:
        g65(e)
    except E66 as e:
        g66(e)
    except E67 as e:
        g67(e)
    except E68 as e:
        g68(e)
    except E69 as e:
        g69(e)
    except E70 as e:
        g70(e)
    except E71 as e:
        g71(e)
    except E72 as e:
        g72(e)
    except E73 as e:
        g73(e)
    except E74 as e:
        g74(e)
    except E75 as e:
        g75(e)
    except E76 as e:
        g76(e)
    except E77 as e:
        g77(e)
    except E78 as e:
        g78(e)
    except E79 as e:
        g79(e)
    except E80 as e:
        g80(e)
    except E81 as e:
        g81(e)
    except E82 as e:
        g82(e)
    except E83 as e:
        g83(e)
    except E84 as e:
        g84(e)
    except E85 as e:
        g85(e)
    except E86 as e:
        g86(e)
    except E87 as e:
        g87(e)
    except E88 as e:
        g88(e)
    except E89 as e:
        g89(e)
    except E90 as e:
        g90(e)
    except E91 as e:
        g91(e)
    except E92 as e:
        g92(e)
    except E93 as e:
        g93(e)
    except E94 as e:
        g94(e)
    except E95 as e:
        g95(e)
    except E96 as e:
        g96(e)
    except E97 as e:
        g97(e)
    except E98 as e:
        g98(e)
    except E99 as e:
        g99(e)
    except E100 as e:
        g100(e)
    except E101 as e:
        g101(e)
    except E102 as e:
        g102(e)
    except E103 as e:
        g103(e)
    except E104 as e:
        g104(e)
    except E105 as e:
        g105(e)
    except E106 as e:
        g106(e)
    except E107 as e:
        g107(e)
    except E108 as e:
        g108(e)
    except E109 as e:
        g109(e)
    except E110 as e:
        g110(e)
    except E111 as e:
        g111(e)
    except E112 as e:
        g112(e)
    except E113 as e:
        g113(e)
    except E114 as e:
        g114(e)
    except E115 as e:
        g115(e)
    except E116 as e:
        g116(e)
    except E117 as e:
        g117(e)
    except E118 as e:
        g118(e)
    except E119 as e:
        g119(e)
    finally:
        h()
