# Copied beside this program: shlex.py
import shlex
print(shlex.split('a "b c" d\\ e'), shlex.quote('a b'), shlex.join(['a', 'b c']))
l = shlex.shlex('a b;c', punctuation_chars=True)
print(list(l))
