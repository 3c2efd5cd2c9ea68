def handler(event, context):
    access = 'user‮ ⁦# admin⁩ ⁦'
    return access
