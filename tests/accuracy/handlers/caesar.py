"""Shifts the letters of a text, character by character."""


def shift(text, key):
    result = []
    for character in text:
        if character.isalpha():
            base = ord("A") if character.isupper() else ord("a")
            result.append(chr((ord(character) - base + key) % 26 + base))
        else:
            result.append(character)
    return "".join(result)


def handler(event, context):
    encrypted = shift(event["text"], event.get("key", 13))
    return {"statusCode": 200, "body": encrypted}
