"""Text with accents, other scripts and emoji: two and four bytes a character."""


def handler(event, context):
    repeat = event["repeat"]
    french = "Où est la bibliothèque, s'il vous plaît ? " * repeat
    russian = "Съешь же ещё этих мягких французских булок. " * repeat
    emoji = "Fertig 🎉 " * repeat
    document = french + russian
    encoded = document.encode("utf-8")
    upper = emoji.upper()
    return {"characters": len(document), "bytes": len(encoded), "emoji": len(upper)}
