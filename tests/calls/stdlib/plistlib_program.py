# Copied beside this program: plistlib.py
import plistlib
x = plistlib.dumps({'a': 1, 'b': [True, 2.5, b'x'], 'c': {'d': 'e'}})
print(plistlib.loads(x))
y = plistlib.dumps({'a': [1, 2]}, fmt=plistlib.FMT_BINARY)
print(plistlib.loads(y))
