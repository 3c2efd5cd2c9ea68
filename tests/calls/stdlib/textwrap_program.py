# Copied beside this program: textwrap.py
import textwrap
print(textwrap.fill('a b c ' * 30, width=20), textwrap.dedent(' a\n b'), textwrap.indent('a\nb', '>'), textwrap.shorten('a b c d e', 5, placeholder='..'))
