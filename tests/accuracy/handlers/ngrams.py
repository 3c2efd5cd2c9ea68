"""Character and word n-grams of a document."""


def handler(event, context):
    words = event["document"].split(" ")
    n = event.get("n", 3)
    grams = [tuple(words[i : i + n]) for i in range(len(words) - n + 1)]
    frequency = {}
    for gram in grams:
        frequency[gram] = frequency.get(gram, 0) + 1
    return {"grams": len(grams), "distinct": len(frequency)}
