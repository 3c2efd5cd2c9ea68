*a
def f(*): pass
def g(**k, *a): pass
def h(a=1, b): pass
f(**k, *a)
f(x=1, 2)
del *a
