import urllib2
def handler(event, context):
    try:
        return urllib2.urlopen(event["url"]).read()
    except Exception, e:
        return e
