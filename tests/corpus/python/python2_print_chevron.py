import sys
print >>sys.stderr, "x"
def handler((a, b), context): return a
