"""An inverted index of the documents of the event."""


def handler(event, context):
    index = {}
    for number, document in enumerate(event["documents"]):
        for position, word in enumerate(document.split()):
            index.setdefault(word, []).append((number, position))
    common = sorted(index, key=lambda word: len(index[word]), reverse=True)[:5]
    return {"words": len(index), "common": common}
