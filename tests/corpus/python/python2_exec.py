def handler(event, context):
    exec "x = 1" in {}
    return `event`
