"""String methods that copy: replace, strip, slices, reversal, upper case."""


def handler(event, context):
    text = event["text"]
    cleaned = text.replace("\t", "    ").strip()
    reverse = cleaned[::-1]
    shout = reverse.upper()
    lines = shout.splitlines()
    return {"length": len(shout), "lines": len(lines), "palindrome": reverse == cleaned}
