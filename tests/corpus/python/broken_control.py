break
continue
return 1
yield 2
await 3
def handler(event, context):
    break
    nonlocal missing
    class C:
        return 1
