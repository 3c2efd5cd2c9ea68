def handler(event, context):
    match event:
        case {"kind": "a", **rest} if rest:
            return 1
        case {"kind": "b" | "c" as kind, 1: _, -1: x, 1 + 2j: _, None: _}:
            return kind
        case [1, [2, *_], (3, 4), *others]:
            return others
        case Point(x=0, y=Point(1, 2)) | Point():
            return 0
        case str() | bytes():
            pass
        case a.b.c:
            pass
        case "x" "y" | b"z" | f:
            return f


def irrefutable(match, case):
    match match:
        case case: return case


def soft(type):
    match = type
    case = match[type]
    type = case
    match(type)
    match[0]
    match * case
    match -case
    _ = 1
    match _:
        case (_): pass


def nested(x, y):
    match x, y:
        case 0, _:
            match y:
                case 1: return 1
                case _: pass
            return 2
        case _ if x: pass
        case *_, 1: pass
