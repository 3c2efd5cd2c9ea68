def handler(event, context):
    if event: