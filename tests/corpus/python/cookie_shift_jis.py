# coding: shift_jis
def handler(event, context):
    return '漢字'
