def handler(event, context):
    return f"{event["a" + }" + f"{" + f"{}" + f"{x!z}"
