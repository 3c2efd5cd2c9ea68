"""Runs a program and prints the calls that CPython makes between its functions.

    python trace_calls.py ROOT MAIN

Prints JSON: `edges`, a list of [caller, callee] in the names of `meminterface calls` (lambdas without their number;
`*` for the caller of a generator), and `error`, what the program raised. Code below ROOT counts; text that is evaluated counts as code of who evaluates it.
A program that does not end is stopped after MOST_CALLS calls. Works from 3.11 on (`co_qualname`).
"""

import io
import json
import os
import sys
import types

ROOT, MAIN = (os.path.realpath(path) for path in sys.argv[1:3])
# Code objects that are no functions of their own in the graph.
INSIDE = ("<listcomp>", "<setcomp>", "<dictcomp>", "<genexpr>")
MOST_CALLS = 200_000
# CPython reports a generator (or coroutine) when it is resumed, which may be far from its call: who calls is not known.
ANYONE = "*"
OPTIMISED, GENERATORS = 0x1, 0x20 | 0x80 | 0x200
edges = set()
calls = 0


class Endless(BaseException):
    pass


def name_of(frame):
    while frame is not None and frame.f_code.co_filename == "<string>":
        frame = frame.f_back
    if frame is None:
        return None
    path = os.path.realpath(frame.f_code.co_filename)
    if not path.startswith(ROOT + os.sep):
        return None
    module = os.path.relpath(path, ROOT)[: -len(".py")].replace(os.sep, ".")
    if module.endswith(".__init__"):
        module = module[: -len(".__init__")]
    # A comprehension belongs to the function that writes it, whoever takes its elements.
    parts = frame.f_code.co_qualname.replace("<locals>.", "").split(".")
    while parts and parts[-1] in INSIDE:
        parts.pop()
    inner = ".".join(parts)
    return module if inner in ("", "<module>") else module + "." + inner


def profile(frame, event, _):
    code = frame.f_code
    # Class bodies and modules are not called. What the standard library makes from text (the constructor of a
    # dataclass) has no name in the graph.
    if code.co_filename == "<string>":
        return
    if event != "call" or code.co_name in INSIDE or not code.co_flags & OPTIMISED:
        return
    callee = name_of(frame)
    caller = name_of(frame.f_back) if frame.f_back is not None else None
    if code.co_flags & GENERATORS:
        caller = ANYONE
    global calls
    calls += 1
    if calls > MOST_CALLS:
        raise Endless
    if callee is not None and caller is not None:
        edges.add((caller, callee))


sys.argv = [MAIN]
sys.path[:0] = [os.path.dirname(MAIN), ROOT]
with open(MAIN) as file:
    code = compile(file.read(), MAIN, "exec")
module = types.ModuleType("__main__")
module.__file__ = MAIN
sys.modules["__main__"] = module
stdout, sys.stdout = sys.stdout, io.StringIO()
error = None
try:
    sys.setprofile(profile)
    exec(code, module.__dict__)
except BaseException as raised:
    error = repr(raised)
finally:
    sys.setprofile(None)
    sys.stdout = stdout
print(json.dumps({"edges": sorted(edges), "error": error}))
