CACHE = {}
COUNT = 0
CLIENT = __import__("boto3").client("s3")


def handler(event, context):
    global COUNT, CACHE
    COUNT += 1
    CACHE[event["key"]] = bytes(event["n"])
    global LATER; LATER = 1
    def f():
        global COUNT
        COUNT = 0
        def g(): nonlocal_ = 1; return nonlocal_
        return g
    return f()() + COUNT


if __name__ == "__main__":
    handler({}, None)
