def handler(event, context):
    try:
        return event["n"]
    except KeyError:
        return 0
    finally:
        return -1
