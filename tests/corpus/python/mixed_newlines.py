a = 1
b = 2
c = 3def handler(event, context):
    return a
