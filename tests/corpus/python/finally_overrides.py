def f():
    while True:
        try:
            return 1
        finally:
            break


def g():
    try:
        try:
            return 1
        finally:
            try:
                return 2
            finally:
                return 3
    finally:
        pass


def h():
    for _ in range(3):
        try:
            continue
        finally:
            continue
    try:
        yield 1
    finally:
        yield 2
