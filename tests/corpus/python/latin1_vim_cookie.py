# vim: set fileencoding=iso-8859-15 :
def handler(event, context):
    return '€'
