from a \
    import b
x = 1 + \
    2
if x and \
   x:
    pass
def \
    handler \
    (event, \
     context) \
    : \
    return \
        event
assert x, \
    "y"
