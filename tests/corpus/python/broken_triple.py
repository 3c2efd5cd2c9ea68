def handler(event, context):
    """never closed
    return 1
