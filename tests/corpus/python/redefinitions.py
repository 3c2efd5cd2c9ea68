def handler(event): return 1
handler = handler
def handler(event, context): return 2
if handler:
    def handler(event, context, extra): return 3
else:
    handler = None
for handler in [handler]: pass
with open("x") as handler: pass
import handler
class handler: pass
del handler
try: handler
except NameError as handler: pass
def handler(event, context): return handler
