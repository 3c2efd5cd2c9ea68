"""Writes random Python programs of nested control flow from a seed.

    python generate.py SEED COUNT [--match] [--star]

Each program is COUNT functions of one parameter, the oracle `t`. It decides every condition, and whether a call
raises: see `Oracle` in ground_truth.py. Standard library only, Python 3.8 and later.
"""

import argparse
import random


class Generator:
    def __init__(self, seed, match, star):
        self.random = random.Random(seed)
        self.match = match
        self.star = star
        self.lines = []
        self.budget = 0

    def line(self, depth, text):
        self.lines.append("    " * depth + text)

    def choose(self, *weighted):
        return self.random.choices([what for what, _ in weighted], [weight for _, weight in weighted])[0]

    def condition(self):
        return self.choose(
            ("t()", 12),
            ("not t()", 2),
            ("t() and t()", 2),
            ("t() or not t()", 2),
            ("(t() if t() else t())", 1),
            ("(n := t())", 1),
            ("0 < t.number() < t.number()", 1),
            ("True", 1),
            ("0", 1),
            ("not 1", 1),
            ("t() or True", 1),
            ("t() and None", 1),
            ("__debug__", 1),
        )

    def simple(self, depth):
        self.line(
            depth,
            self.choose(
                ("t()", 8),
                ("x = 1", 3),
                ("pass", 3),
                ("x = t() if t() else t.number()", 1),
                ("x = t() and t()", 1),
                ("x = [t() for i in t.items() if t()]", 1),
                ("x = {i: j for i in t.items() for j in t.items()}", 1),
                ("assert t()", 1),
                ("assert t(), t.number()", 1),
                ("x = list(i for i in t.items())", 1),
                ("...", 1),
                ("g = lambda: t()", 1),
                ("x: int = 2", 1),
                ("y: int", 1),
                ("x = t(\n" + "    " * depth + "    t(),\n" + "    " * depth + "    1)", 1),
                ("import os", 1),
                ("x = t.number() + (t() or t())", 1),
            ),
        )

    def body(self, depth, loop, star=False):
        for _ in range(self.random.randint(1, 3)):
            self.statement(depth, loop, star)

    def guarded(self, depth, loop, star):
        """A body that could swallow the end of a run: it asks for the end again, so that no program runs for ever."""
        start = len(self.lines)
        self.body(depth, loop, star)
        if any(line.strip() in ("break", "continue") for line in self.lines[start:]):
            self.lines.insert(start, "    " * depth + "t.stop()")

    def statement(self, depth, loop, star):
        self.budget -= 1
        if self.budget < 0 or depth > 7:
            return self.simple(depth)
        kind = self.choose(
            ("simple", 7),
            ("if", 4),
            ("while", 2),
            ("for", 3),
            ("try", 6),
            ("with", 3),
            ("match", 2 if self.match else 0),
            ("star", 2 if self.star else 0),
            ("return", 2 if not star else 0),
            ("break", 3 if loop and not star else 0),
            ("continue", 3 if loop and not star else 0),
            ("raise", 2),
            ("def", 1),
            ("class", 1),
        )
        getattr(self, "make_" + kind)(depth, loop, star)

    def make_simple(self, depth, loop, star):
        self.simple(depth)

    def make_if(self, depth, loop, star):
        self.line(depth, "if %s:" % self.condition())
        self.body(depth + 1, loop, star)
        if self.random.random() < 0.3:
            self.line(depth, "elif %s:" % self.condition())
            self.body(depth + 1, loop, star)
        if self.random.random() < 0.4:
            self.line(depth, "else:")
            self.body(depth + 1, loop, star)

    def make_while(self, depth, loop, star):
        condition = self.condition()
        self.line(depth, "while %s:" % condition)
        if condition in ("True", "__debug__"):
            self.line(depth + 1, "t()")
        self.body(depth + 1, True, star)
        self.orelse(depth, loop, star)

    def make_for(self, depth, loop, star):
        self.line(depth, "for i in t.items():")
        self.body(depth + 1, True, star)
        self.orelse(depth, loop, star)

    def orelse(self, depth, loop, star):
        if self.random.random() < 0.3:
            self.line(depth, "else:")
            self.body(depth + 1, loop, star)

    def make_try(self, depth, loop, star):
        self.line(depth, "try:")
        self.body(depth + 1, loop, star)
        handlers = self.random.randint(0, 2)
        for number in range(handlers):
            last = number == handlers - 1
            self.line(
                depth,
                self.choose(
                    ("except A:", 3), ("except B as e:", 3), ("except (A, B) as e:", 1), ("except:", 2 if last else 0)
                ),
            )
            if self.lines[-1].strip() == "except:":
                self.line(depth + 1, "t.stop()")
            self.body(depth + 1, loop, star)
        if handlers and self.random.random() < 0.3:
            self.line(depth, "else:")
            self.body(depth + 1, loop, star)
        if not handlers or self.random.random() < 0.5:
            self.line(depth, "finally:")
            self.guarded(depth + 1, loop, star)

    def make_star(self, depth, loop, star):
        self.line(depth, "try:")
        self.body(depth + 1, loop, star)
        for number in range(self.random.randint(1, 2)):
            self.line(depth, self.choose(("except* A:", 1), ("except* B as e:", 1)))
            self.body(depth + 1, False, True)
        if self.random.random() < 0.3:
            self.line(depth, "else:")
            self.body(depth + 1, loop, star)
        if self.random.random() < 0.3:
            self.line(depth, "finally:")
            self.guarded(depth + 1, loop, star)

    def make_with(self, depth, loop, star):
        self.line(depth, self.choose(("with t.manager():", 2), ("with t.manager() as m, t.manager():", 1)))
        self.body(depth + 1, loop, star)

    def make_match(self, depth, loop, star):
        self.line(depth, "match t.number():")
        for pattern in self.random.sample(["0", "1 | 2", "int() if t()", "str()", "[x, y]", "3 as z if t() or t()"], 2):
            self.line(depth + 1, "case %s:" % pattern)
            self.body(depth + 2, loop, star)
        last = self.choose(("", 2), ("_", 2), ("w", 1), ("_ if t()", 1))
        if last:
            self.line(depth + 1, "case %s:" % last)
            self.body(depth + 2, loop, star)

    def make_return(self, depth, loop, star):
        self.line(depth, self.choose(("return", 1), ("return 1", 1), ("return t()", 2), ("return x", 1)))

    def make_break(self, depth, loop, star):
        self.line(depth, "break")

    def make_continue(self, depth, loop, star):
        self.line(depth, "continue")

    def make_raise(self, depth, loop, star):
        self.line(depth, self.choose(("raise A", 2), ("raise B(t())", 1), ("raise", 1), ("raise A from B()", 1)))

    def make_def(self, depth, loop, star):
        if self.random.random() < 0.5:
            self.line(depth, "@t.decorator")
            self.line(depth, "@t.decorator")
        self.line(depth, "def inner(p=t()):")
        self.line(depth + 1, "return t()")

    def make_class(self, depth, loop, star):
        if self.random.random() < 0.5:
            self.line(depth, "@t.decorator")
        self.line(depth, "class Inner:")
        self.line(depth + 1, "a = t()")
        self.line(depth + 1, "if a:")
        self.line(depth + 2, "b = t()")

    def program(self, count):
        for number in range(count):
            self.budget = self.random.randint(3, 25)
            self.line(0, "def f%d(t):" % number)
            self.body(1, False)
            self.line(0, "")
        return "\n".join(self.lines) + "\n"


def program(seed, count, match=True, star=True):
    """The text of a program of `count` functions."""
    return Generator(seed, match, star).program(count)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("seed", type=int)
    parser.add_argument("count", type=int)
    parser.add_argument("--match", action="store_true", help="with `match` (Python 3.10)")
    parser.add_argument("--star", action="store_true", help="with `except*` (Python 3.11)")
    arguments = parser.parse_args()
    print(program(arguments.seed, arguments.count, arguments.match, arguments.star), end="")
