"""Runs a program and prints the calls that CPython makes between its functions.

    python trace_calls.py ROOT MAIN

Prints JSON: `edges`, a list of [caller, callee] in the names of `meminterface calls` (lambdas without their number),
and `error`, what the program raised. Code below ROOT counts. Works from 3.11 on (`co_qualname`).
"""

import io
import json
import os
import sys
import types

ROOT, MAIN = (os.path.realpath(path) for path in sys.argv[1:3])
# Code objects that are no functions of their own in the graph.
INSIDE = ("<listcomp>", "<setcomp>", "<dictcomp>", "<genexpr>")
OPTIMISED, GENERATORS = 0x1, 0x20 | 0x80 | 0x200
edges = set()


def name_of(frame):
    while frame is not None and frame.f_code.co_name in INSIDE:
        frame = frame.f_back
    if frame is None:
        return None
    path = os.path.realpath(frame.f_code.co_filename)
    if not path.startswith(ROOT + os.sep):
        return None
    module = os.path.relpath(path, ROOT)[: -len(".py")].replace(os.sep, ".")
    if module.endswith(".__init__"):
        module = module[: -len(".__init__")]
    inner = frame.f_code.co_qualname.replace("<locals>.", "")
    return module if inner == "<module>" else module + "." + inner


def profile(frame, event, _):
    code = frame.f_code
    # Class bodies and modules are not called; a generator is called once, and resumed after that.
    if event != "call" or code.co_name in INSIDE or not code.co_flags & OPTIMISED:
        return
    if code.co_flags & GENERATORS and frame.f_lasti > 5:
        return
    callee = name_of(frame)
    caller = name_of(frame.f_back) if frame.f_back is not None else None
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
