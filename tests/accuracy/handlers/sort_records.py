"""Sorts the records of the event by two keys."""


def handler(event, context):
    people = event["people"]
    by_name = sorted(people, key=lambda person: (person["last"], person["first"]))
    groups = {}
    for person in by_name:
        groups.setdefault(person["last"][0], []).append(person)
    return {"first": by_name[0]["last"] if by_name else None, "groups": len(groups)}
