# Copied beside this program: pprint.py
import pprint
pprint.pprint({'a': [1] * 40, 'b': {'c': ('x' * 90,)}, 'd': {1, 2}})
print(pprint.pformat([1, 'a' * 100]), pprint.isrecursive([]))
from collections import OrderedDict, Counter
pprint.pprint(OrderedDict(a='x' * 100))
pprint.pprint(Counter('a' * 100))
