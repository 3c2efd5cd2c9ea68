# Copied beside this program: string.py
import string
print(string.Template('$a ${b}').substitute(a=1, b=2), string.Template('$a $$').safe_substitute(), string.capwords('a b'), string.Formatter().format('{0} {x[0]:>3}', 1, x=[2]))
