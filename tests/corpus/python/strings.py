a = 'a' "b" '''c''' """d"""
b = r'\n' R"\d" u'x' U"y" b'z' B"\xff" br'\q' Rb"w"
c = "\N{BULLET} \u0000 \U0001F600 \x00 \777 \
continued"
d = '''
    'a' "b" ''' + """ ' ' """
e = "\ud800"
f = 'é 漢字 😀 ‏rtl'
é漢字 = 1
𝐱 = ﬁ = 2


def ｈandler(event, context):
    return 'a' 'b' % event, "{}{!r:>{}}".format(1, 2, 3), "%s %(x)d %%" % {}
