"""Compares graphs of `meminterface cfg` with the CPython that runs this script.

    python ground_truth.py GRAPHS.json PROGRAM.py [--runs N] [--no-bytecode]

Three checks, each over whole sequences of statement lines and not only over pairs, so that a path that enters a
`finally` by `return` and leaves it by its end is found:

run       Every function `f*` of the program is run with N oracles under `sys.settrace`. The graph must accept
          every sequence of lines that CPython reports, in every frame, and the way in which the function ended.
sound     Every sequence of lines that the graph allows must be one that the bytecode allows
          (jumps, falling through, exception table).
complete  Every sequence of lines that the bytecode allows must be one that the graph allows. Of the exceptional
          edges of the bytecode only those of calls and `raise` are taken: its table covers instructions
          that cannot raise, too.

A line stands for the statement, `except`, `case` or decorator that it belongs to, and equal lines in a row are one.
The bytecode is read for 3.11 and later. Older versions report lines differently: see `RELAXED`.
Prints what does not fit, one JSON object a line, and then a summary. Standard library only, Python 3.8 and later.
"""

import argparse
import ast
import dis
import json
import random
import sys
import types

RETURN, RAISE = "return", "raise"

#: Before 3.11 the lines that CPython reports differ (docs/CFG.md): none for `pass`, a constant condition or the exit of
#: a `with` (up to 3.9), `return` and `break` again after a `finally` (up to 3.9), none for calling decorators, and the
#: last statement's again for the implicit `return` (3.10). There, lines of the graph may be passed over.
RELAXED = sys.version_info < (3, 11)


class A(Exception):
    pass


class B(Exception):
    pass


class OutOfSteps(BaseException):
    """Ends a run that would go on for ever."""


class Oracle:
    """Decides conditions, and raises now and then. The same number gives the same decisions."""

    def __init__(self, number, raises):
        self.random = random.Random(number)
        self.raises = raises
        self.steps = 300

    def __call__(self, *_):
        self.steps -= 1
        if self.steps < 0:
            raise OutOfSteps
        if self.random.random() < self.raises:
            raise self.random.choice([A, B, KeyError])
        return self.random.random() < 0.5

    def stop(self):
        """Raises if the run is to end."""
        if self.steps < 0:
            raise OutOfSteps

    def number(self):
        self()
        return self.random.randint(0, 4)

    def items(self):
        for number in range(self.random.randint(0, 3)):
            self()
            yield number

    def decorator(self, function):
        self()
        return function

    def manager(self):
        self()
        return Manager(self)


class Manager:
    def __init__(self, oracle):
        self.oracle = oracle

    def __enter__(self):
        self.oracle()
        return self

    def __exit__(self, kind, value, traceback):
        if kind is OutOfSteps:
            return False
        return self.oracle()


def statement_lines(tree):
    """Maps each line to the first line of the statement, handler, case or decorator that it belongs to, or to None
    where that has no code (3.11 gives such lines to code that is not theirs)."""
    owner = {}

    def own(first, last, line):
        for number in range(first, last + 1):
            owner[number] = line

    def visit(body, in_function):
        for node in body:
            bare = isinstance(node, ast.AnnAssign) and node.value is None and isinstance(node.target, ast.Name)
            silent = isinstance(node, (ast.Global, ast.Nonlocal)) or (bare and in_function)
            own(node.lineno, node.end_lineno, None if silent else node.lineno)
            for decorator in getattr(node, "decorator_list", []):
                own(decorator.lineno, decorator.end_lineno, decorator.lineno)
            within = in_function
            if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
                within = not isinstance(node, ast.ClassDef)
            for field in ("body", "orelse", "finalbody"):
                visit(getattr(node, field, []), within)
            for handler in getattr(node, "handlers", []):
                own(handler.lineno, handler.end_lineno, handler.lineno)
                visit(handler.body, within)
            for case in getattr(node, "cases", []):
                own(case.pattern.lineno, case.body[-1].end_lineno, case.pattern.lineno)
                visit(case.body, within)

    visit(tree.body, False)
    return owner


def is_idle(node):
    """Whether a statement does nothing, but has a line."""
    if isinstance(node, ast.Expr):
        return isinstance(node.value, ast.Constant)
    # The tests that generate.py and constructs.py write and the compiler decides.
    if isinstance(node, (ast.If, ast.While)):
        names = {name.id for name in ast.walk(node.test) if isinstance(name, ast.Name)}
        return names <= {"__debug__"}
    return isinstance(node, ast.Pass)


class Automaton:
    """States with a line or none, and what follows each. `RETURN` and `RAISE` are states without successors."""

    def __init__(self, start):
        self.start = start
        self.line = {RETURN: RETURN, RAISE: RAISE}
        self.next = {RETURN: [], RAISE: []}
        self.closed = {}

    def close(self, states, line):
        """All states that can be reached while the line stays the same."""
        key = (frozenset(states), line)
        if key not in self.closed:
            seen, todo = set(states), list(states)
            while todo:
                for state in self.next[todo.pop()]:
                    if state not in seen and self.line[state] in (None, line):
                        seen.add(state)
                        todo.append(state)
            self.closed[key] = frozenset(seen)
        return self.closed[key]

    def initial(self):
        return self.close([self.start], self.line[self.start])

    def step(self, states, line):
        """The states after the given line comes next."""
        found = {follower for state in states for follower in self.next[state] if self.line[follower] == line}
        return self.close(found, line)


def from_graph(function, owner):
    """The automaton of a graph."""
    exits = {number: RETURN for number in function["exits"]}
    if function["exceptional_exit"] is not None:
        exits[function["exceptional_exit"]] = RAISE
    automaton = Automaton((function["entry"], -1))
    automaton.line[automaton.start] = None
    for block in function["blocks"]:
        number, lines = block["id"], block["lines"]
        for place in range(-1, len(lines)):
            automaton.line[number, place] = owner.get(lines[place], lines[place]) if place >= 0 else None
            automaton.next[number, place] = [(number, place + 1)] if place + 1 < len(lines) else []
    length = {block["id"]: len(block["lines"]) for block in function["blocks"]}
    for edge in function["edges"]:
        target = exits.get(edge["to"], (edge["to"], -1))
        # An exception that leaves the function leaves from any place of its block.
        anywhere = edge["kind"] == "exception" and target == RAISE
        last = length[edge["from"]] - 1
        for place in range(min(0, last) if anywhere else last, last + 1):
            automaton.next[edge["from"], place].append(target)
    return automaton


JUMPS = set(getattr(dis, "hasjump", [])) | set(dis.hasjrel) | set(dis.hasjabs)
ENDS = {"RETURN_VALUE", "RETURN_CONST", "RAISE_VARARGS", "RERAISE", "JUMP_FORWARD", "JUMP_BACKWARD"}
ENDS |= {"JUMP_BACKWARD_NO_INTERRUPT", "JUMP_ABSOLUTE", "INTERPRETER_EXIT"}
NAMED = ("CALL", "RAISE_VARARGS", "RERAISE", "FOR_ITER", "BEFORE_WITH", "SEND", "WITH_EXCEPT_START", "CHECK_EG_MATCH")


def code_lines(code):
    """The line of each instruction, by offset."""
    lines = {}
    for start, end, line in code.co_lines():
        for offset in range(start, end, 2):
            lines[offset] = None if not line or line < 1 else line
    return lines


def artificial(code, idle):
    """Offsets of instructions that have a line only by mistake: 3.11 gives the code that raises an exception again
    (behind a `finally`, an `except`, an `except*`) the line of whatever comes before it. 3.12 gives it none.
    Only the lines in `idle`, of statements that do nothing, are then theirs: the end of a `finally` stands for them."""
    if sys.version_info[:2] != (3, 11):
        return set()
    instructions = [i for i in dis.get_instructions(code) if i.opname != "CACHE"]
    lines = code_lines(code)
    found = set()
    for place, instruction in enumerate(instructions):
        names = [(i.opname, i.arg) for i in instructions[place : place + 3]]
        if names == [("COPY", 3), ("POP_EXCEPT", None), ("RERAISE", 1)]:
            found.update(i.offset for i in instructions[place : place + 3])
        if instruction.opname == "RERAISE" and instruction.arg == 0 and lines.get(instruction.offset) not in idle:
            found.add(instruction.offset)
        if instruction.opname == "PREP_RERAISE_STAR":
            # LIST_APPEND, this, COPY, POP_JUMP, POP_TOP, POP_EXCEPT, JUMP, SWAP, POP_EXCEPT, RERAISE
            found.update(i.offset for i in instructions[max(0, place - 2) : place + 9])
    return found


def from_bytecode(code, owner, hidden, all_exceptions):
    """The automaton of a code object. With `all_exceptions` every covered instruction raises; else calls only."""
    instructions = [i for i in dis.get_instructions(code) if i.opname != "CACHE"]
    offsets = [instruction.offset for instruction in instructions]
    lines = code_lines(code)
    for offset in hidden:
        lines[offset] = None
    handlers = {}
    for entry in dis._parse_exception_table(code):
        for offset in range(entry.start, entry.end, 2):
            handlers[offset] = entry.target
    automaton = Automaton("start")
    automaton.line["start"], automaton.next["start"] = None, offsets[:1]
    # What comes before RESUME (the class cell, a generator's frame) has the line of the `def`, and no event.
    begun = not any(instruction.opname == "RESUME" for instruction in instructions)
    prologue = set()
    for instruction in instructions:
        if begun:
            break
        prologue.add(instruction.offset)
        if instruction.opname == "RESUME":
            # The POP_TOP behind a generator's RETURN_GENERATOR comes before RESUME, too.
            begun = True
    for place, instruction in enumerate(instructions):
        offset, name = instruction.offset, instruction.opname
        line = lines.get(offset)
        automaton.line[offset] = None if offset in prologue or line is None else owner.get(line, line)
        follow = []
        if name in ("RETURN_VALUE", "RETURN_CONST"):
            follow.append(RETURN)
        if name not in ENDS and place + 1 < len(offsets):
            follow.append(offsets[place + 1])
        if instruction.opcode in JUMPS:
            follow.append(instruction.argval)
        if (all_exceptions or name.startswith(NAMED)) and offset not in prologue:
            follow.append(handlers.get(offset, RAISE))
        automaton.next[offset] = follow
    return automaton


def included(small, large):
    """None if `large` accepts every sequence of `small`; otherwise one that it does not.

    Walks pairs of a state of `small` and the set of states that `large` can be in. A pair needs no visit if one with
    the same state and a smaller set was visited: whatever fails from it fails from there.
    """
    visited, steps = {}, {}

    def is_new(state, others):
        known = visited.setdefault(state, [])
        if any(earlier <= others for earlier in known):
            return False
        known[:] = [earlier for earlier in known if not others <= earlier] + [others]
        return True

    todo = [(small.start, large.initial(), ())]
    while todo:
        later = []
        for state, others, path in todo:
            line = small.line[state]
            followers = {f for same in small.close([state], line) for f in small.next[same]}
            for follower in sorted(followers, key=lambda f: str(small.line[f])):
                coming = small.line[follower]
                if coming is None or coming == line:
                    continue
                if (others, coming) not in steps:
                    steps[others, coming] = large.step(others, coming)
                following = steps[others, coming]
                if not following:
                    return unwind(path) + [coming]
                if is_new(follower, following):
                    later.append((follower, following, (path, coming)))
        todo = later
    return None


def unwind(path):
    lines = []
    while path:
        path, line = path
        lines.append(line)
    return lines[::-1]


def code_objects(code, name):
    """All code objects with their dotted names; those that graphs have in place of their surroundings left out."""
    yield name, code
    for constant in code.co_consts:
        if isinstance(constant, types.CodeType):
            inner = constant.co_name
            if inner in ("<listcomp>", "<setcomp>", "<dictcomp>", "__annotate__"):
                continue
            if inner.startswith("<generic parameters of"):
                yield from list(code_objects(constant, name))[1:]
                continue
            yield from code_objects(constant, "%s.%s" % (name, inner))


class Report:
    def __init__(self):
        self.found = 0
        self.counts = {"functions": 0, "run": 0, "sound": 0, "complete": 0}

    def tell(self, check, function, path, **more):
        self.found += 1
        if self.found <= 20:
            print(json.dumps(dict(check=check, function=function["name"], line=function["line"], path=path, **more)))


def accepts(automaton, lines):
    """How many of the lines are accepted; all of them if the sequence is."""
    states = automaton.initial()
    for place, line in enumerate(lines):
        if place and line == lines[place - 1]:
            continue
        following = automaton.step(states, line)
        if not following and RELAXED:
            following = relaxed_step(automaton, states, line)
        if not following:
            return place
        states = following
    return len(lines)


def relaxed_step(automaton, states, line):
    """The same for CPython before 3.11: lines of the graph may go unreported, and some are reported again."""
    seen, todo = set(states), list(states)
    while todo:
        for state in automaton.next[todo.pop()]:
            if state not in seen and state not in (RETURN, RAISE):
                seen.add(state)
                todo.append(state)
    following = automaton.step(frozenset(seen), line)
    return following or frozenset(states)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("graphs")
    parser.add_argument("program")
    parser.add_argument("--runs", type=int, default=30)
    parser.add_argument("--no-bytecode", action="store_true")
    arguments = parser.parse_args()
    with open(arguments.graphs, encoding="utf-8") as file:
        functions = json.load(file)["functions"]
    with open(arguments.program, encoding="utf-8") as file:
        text = file.read()
    tree = ast.parse(text)
    owner = statement_lines(tree)
    compiled = compile(text, arguments.program, "exec", dont_inherit=True)
    defined = {node.name for node in ast.walk(tree) if hasattr(node, "body") and hasattr(node, "name")}
    idle = {node.lineno for node in ast.walk(tree) if is_idle(node)}
    by_place = {}
    for function in functions:
        by_place.setdefault((function["name"], function["first_line"]), function)
    report = Report()
    graphs = {}
    for name, code in code_objects(compiled, functions[0]["name"]):
        key = (name, code.co_firstlineno if name != functions[0]["name"] else 1)
        function = by_place.get(key)
        if function is None:
            # Several lambdas may share their name and differ in a line that is counted otherwise.
            # Bounds of type parameters and values of `type` statements have code objects that look like functions.
            if "<" not in name and name.rpartition(".")[2] in defined:
                report.tell("missing", {"name": name, "line": code.co_firstlineno}, [])
            continue
        report.counts["functions"] += 1
        graph = from_graph(function, owner)
        if not any(block["lines"] for block in function["blocks"]):
            # Nothing has code (`global x` alone): CPython returns from the line of the `def`, which is not in it.
            continue
        hidden = artificial(code, idle)
        graphs[code] = (function, graph, hidden)
        if sys.version_info >= (3, 11) and not arguments.no_bytecode and "<" not in name:
            path = included(graph, from_bytecode(code, owner, hidden, True))
            report.counts["sound"] += 1
            if path is not None:
                report.tell("sound", function, path)
            path = included(from_bytecode(code, owner, hidden, False), graph)
            report.counts["complete"] += 1
            if path is not None:
                report.tell("complete", function, path)
    if arguments.runs:
        run(compiled, graphs, owner, arguments.runs, report)
    print(json.dumps(dict(report.counts, violations=report.found, python="%d.%d" % sys.version_info[:2])))
    return 1 if report.found else 0


def run(compiled, graphs, owner, runs, report):
    base = {"A": A, "B": B, "Manager": Manager, "__name__": "program"}
    exec(compiled, base)
    for name in sorted(name for name in base if name.startswith("f")):
        if not callable(base[name]):
            continue
        for number in range(runs):
            trace_one(base[name], Oracle(number, (0.0, 0.05, 0.2)[number % 3]), graphs, owner, report)


def trace_one(function, oracle, graphs, owner, report):
    frames = {}

    def trace(frame, event, argument):
        if frame.f_code not in graphs:
            return None
        # A generator that goes on is called again with the same frame.
        if frame not in frames and frame.f_lineno != frame.f_code.co_firstlineno:
            # A generator of an earlier run that is closed now.
            return None
        lines = frames.setdefault(frame, [])
        hidden = graphs[frame.f_code][2]

        def local(frame, event, argument):
            if event == "line" and frame.f_lasti not in hidden:
                line = owner.get(frame.f_lineno, frame.f_lineno)
                if line is not None:
                    lines.append(line)
            return local

        return local

    ending = RETURN
    sys.settrace(trace)
    try:
        result = function(oracle)
    except BaseException:
        ending = RAISE
        result = None
    finally:
        sys.settrace(None)
    if isinstance(result, types.GeneratorType):
        ending = None
    for place, (frame, lines) in enumerate(frames.items()):
        described, graph, _ = graphs[frame.f_code]
        if "<" in described["name"]:
            continue
        if place == 0 and ending:
            lines.append(ending)
        good = accepts(graph, lines)
        report.counts["run"] += 1
        if good < len(lines):
            report.tell("run", described, lines[max(0, good - 6) : good + 1])


if __name__ == "__main__":
    sys.exit(main())
