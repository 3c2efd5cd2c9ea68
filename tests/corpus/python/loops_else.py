def handler(event, context):
    while event:
        if event.pop():
            break
    else:
        tail()
    while 1:
        pass
    else:
        never()
    unreachable()


def for_else(n):
    for i, (j, *k) in enumerate(n):
        for i in k:
            if i:
                break
        else:
            continue
        break
    else:
        return None
    while False: dead()
    while not True: dead()
    while (yield): pass
