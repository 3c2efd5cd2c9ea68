def handler(event, context):
    try:
        run()
    except ValueError, TypeError:
        pass
