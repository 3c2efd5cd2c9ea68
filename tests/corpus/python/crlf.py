def handler(event, context):
    x = '''a
b'''
    if x:
        return x
    return \
        1
