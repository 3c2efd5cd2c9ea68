# Copied beside this program: graphlib.py
import graphlib
t = graphlib.TopologicalSorter({'a': {'b'}, 'b': {'c'}})
print(list(t.static_order()))
try:
    graphlib.TopologicalSorter({1: {2}, 2: {1}}).prepare()
except graphlib.CycleError:
    pass
