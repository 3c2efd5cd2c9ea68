def handler(event, context):
    print "hello", event
