"""A trie of dicts for the words of the event."""


def insert(trie, word):
    node = trie
    for character in word:
        node = node.setdefault(character, {})
    node["$"] = True


def handler(event, context):
    trie = {}
    for word in event["words"]:
        insert(trie, word)
    return {"roots": len(trie)}
