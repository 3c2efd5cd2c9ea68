# coding: klingon
def handler(event, context):
    return 'é'
