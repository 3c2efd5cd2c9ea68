if a:
 b = 1
 if b:
        c = 2
 else:
	d = 3
def handler(event, context):
			return event
