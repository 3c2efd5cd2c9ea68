def handler(event, context):
    name = event["name"]
    return t"hello {name!r:>{10}} {t'{name}'}"
