def handler(event, context):
    if True: a()
    else: dead()
    if 0: dead()
    elif 1: b()
    else: dead()
    if "": dead()
    if None: dead()
    if (): maybe()
    if []: maybe()
    if ...: c()
    if not 0: d()
    if __debug__: e()
    if 1 and 0: dead()
    if 1 or x: f()
    while "text": break
    if 1 < 2: g()
    assert 0
    assert False, dead()
    return
    dead()
