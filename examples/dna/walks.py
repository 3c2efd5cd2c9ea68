"""Walks: each base moves a pen. All give two lists of floats of the same length."""


class UnknownMethod(ValueError):
    pass


def squiggle(bases):
    """Two steps a base: up or down first, then back or on (after the well-known visualisation of this name)."""
    steps = {"A": (0.5, -0.5), "C": (-0.5, 0.5), "T": (-0.5, -0.5), "G": (0.5, 0.5)}
    xs, ys = [0.0], [0.0]
    y = 0.0
    for index, base in enumerate(bases):
        first, second = steps.get(base, (0.0, 0.0))
        xs.append(index + 0.5)
        ys.append(y + first)
        y += first + second
        xs.append(index + 1.0)
        ys.append(y)
    return xs, ys


def gates(bases):
    """One step a base, in the four directions of the compass."""
    moves = {"A": (0, -1), "C": (1, 0), "T": (-1, 0), "G": (0, 1)}
    xs, ys = [0], [0]
    for base in bases:
        dx, dy = moves.get(base, (0, 0))
        xs.append(xs[-1] + dx)
        ys.append(ys[-1] + dy)
    return xs, ys


def purine(bases):
    """Purines go up, pyrimidines down."""
    total = 0
    ys = [0]
    ys.extend(total := total + (1 if base in "AG" else -1 if base in "CT" else 0) for base in bases)
    return list(range(len(ys))), ys


METHODS = {function.__name__: function for function in (squiggle, gates, purine)}


def transform(bases, method):
    walk = METHODS.get(method)
    if walk is None:
        raise UnknownMethod(f"{method} is none of {', '.join(METHODS)}")
    return walk(bases)
