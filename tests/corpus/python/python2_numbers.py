MODE = 0777
BIG = 10L
def handler(event, context):
    return ur"x" if event <> 1 else None
