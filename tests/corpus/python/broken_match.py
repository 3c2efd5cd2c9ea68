match x:
    case {**rest, "a": 1}: pass
    case [*a, *b]: pass
    case 1 + 1: pass
case 2: pass
