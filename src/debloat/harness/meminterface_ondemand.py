"""Loads on first use what `meminterface debloat` took out of a module. Part of the trimmed package; needs only Python.

A trimmed module calls `install` before anything else. `_meminterface/ondemand/KEY.z` beside this file is zlib-compressed
JSON: `names` (name -> numbers of units), `units` ([line, kind, text, names]), `bodies` ([line, classes, name, text]) and
`flags` (of `from __future__`). Everything runs in the module's own namespace, once, whoever asks first.
"""

import sys
from os.path import abspath, dirname, join

FOLDER = join(dirname(abspath(__file__)), "_meminterface", "ondemand")
STRICT = False
# Called with (module, name) for everything that is loaded; a recorder may put its own function here.
observer = None
_sides = {}
_lock = None
_busy = set()  # (thread, module, name) of what is being loaded


class RemovedError(RuntimeError):
    """What was taken out is needed, and cannot be loaded."""


def install(name, namespace, key, names, submodules):
    """Lets a module find what was taken out of it. `names` and `submodules` hold names between spaces."""
    module = sys.modules.get(name)
    if module is None or module.__dict__ is not namespace:
        # Run by something that does not register modules: what stands in for it has the same namespace.
        class Stand:
            def __getattr__(self, attribute):
                try:
                    return namespace[attribute]
                except KeyError:
                    return resolve(attribute)

        module = Stand()

    def resolve(attribute):
        if " " + attribute + " " in names:
            return _load(name, namespace, key, attribute)
        if " " + attribute + " " in submodules:
            full = name + "." + attribute
            _said(name, attribute)
            __import__(full)
            return sys.modules[full]
        if attribute == "__all__" and names:
            # For `from … import *`, which takes what the namespace holds where there is no list.
            return [one for one in listing() if not one.startswith("_")]
        # The module's own `__getattr__`, under the name that the trimmed text gives it.
        own = namespace.get("_mi_own_getattr")
        if own is not None:
            return own(attribute)
        raise AttributeError("module %r has no attribute %r" % (name, attribute))

    def listing():
        own = ("__getattr__", "__dir__")
        return sorted({one for one in namespace if one not in own and not one.startswith("_mi_")}.union(names.split(), submodules.split()))

    def call(number, cell=None):
        return _body(name, namespace, key, number, cell)

    def ready(source):
        """Loads what a text names before it is run in the module's namespace."""
        if hasattr(source, "co_names"):
            words = set(source.co_names)
            for const in source.co_consts:
                if hasattr(const, "co_names"):
                    ready(const)
        else:
            if isinstance(source, (bytes, bytearray)):
                source = source.decode("utf-8", "replace")
            words = set("".join(c if c.isalnum() or c == "_" else " " for c in str(source)).split())
        for word in words:
            if word not in namespace and " " + word + " " in names:
                resolve(word)

    def evaluate(source):
        ready(source)
        frame = sys._getframe(1)
        return eval(source, frame.f_globals, frame.f_locals)

    def execute(source):
        ready(source)
        frame = sys._getframe(1)
        exec(source, frame.f_globals, frame.f_locals)

    namespace["_mi_eval"] = evaluate
    namespace["_mi_exec"] = execute
    namespace["__getattr__"] = resolve
    namespace["__dir__"] = listing
    namespace["_mi_call"] = call
    return module


def _said(module, name):
    if observer is not None:
        observer(module, name)
        return
    try:
        sys.stderr.write("meminterface: loaded %s.%s on demand\n" % (module, name))
    except Exception:
        pass  # A process without standard error.


def _missing(module, name, why):
    return RemovedError(
        "`%s` of module `%s` was removed by `meminterface debloat` and is needed now (%s). "
        "Run `meminterface debloat … --keep '%s.%s'` to keep it" % (name, module, why, module, name)
    )


def _side(module, name, key):
    side = _sides.get(key)
    if side is None:
        if STRICT:
            raise _missing(module, name, "the package was made with --strict")
        try:
            import json
            import zlib

            with open(join(FOLDER, key + ".z"), "rb") as file:
                side = json.loads(zlib.decompress(file.read()).decode("utf-8"))
        except Exception as error:
            raise _missing(module, name, "its side file cannot be read: %s" % error)
        side = _sides.setdefault(key, side)
    return side


def _locked():
    global _lock
    if _lock is None:
        import _thread

        _lock = _thread.RLock()
    return _lock


def _compile(namespace, line, text, flags):
    file = namespace.get("__file__") or "<on demand>"
    return compile("\n" * (line - 1) + text, file, "exec", flags, True)


def _load(module, namespace, key, name):
    side = _side(module, name, key)
    lock = _locked()
    # An import within may wait for a thread that waits for us: after a while both may go on, for the first value stays.
    held = lock.acquire(timeout=5)
    import _thread

    busy = (_thread.get_ident(), module, name)
    if busy in _busy:
        # `from package import part` within the package itself asks the package for what it is about to bind: there is no
        # such name yet, and so the import system looks for a module of that name.
        if held:
            lock.release()
        import builtins

        if hasattr(builtins, name):
            return getattr(builtins, name)  # `str = str`
        raise AttributeError("module %r has no attribute %r yet" % (module, name))
    _busy.add(busy)
    try:
        if name in namespace:
            return namespace[name]
        for number in side["names"][name]:
            line, kind, text, names = side["units"][number]
            code = _compile(namespace, line, text, side["flags"])
            if kind == "definition":
                found = {}
                exec(code, namespace, found)
                for one in names:
                    if one in found:
                        namespace.setdefault(one, found[one])
            else:
                exec(code, namespace)
    finally:
        _busy.discard(busy)
        if held:
            lock.release()
    if name not in namespace:
        raise AttributeError("module %r has no attribute %r" % (module, name))
    _said(module, name)
    return namespace[name]


def _body(module, namespace, key, number, cell):
    functions = namespace.get("_mi_bodies")
    if functions is None:
        functions = namespace.setdefault("_mi_bodies", {})
    place = (number, cell)
    function = functions.get(place)
    if function is not None:
        return function
    side = _side(module, "function %d" % number, key)
    line, classes, name, text = side["bodies"][str(number)]
    # The same nesting gives the same private names, the same `super()` and the same qualified name.
    wrapped = "".join("%sclass %s:\n" % (" " * depth, one) for depth, one in enumerate(classes))
    lines = wrapped.count("\n")
    if lines:
        indent = " " * len(classes)
        # The text is that of a block at its own indentation, which `if` takes as it is.
        wrapped += indent + "if 1:\n"
        lines += 1
    start = line - 1 - lines
    code = _compile(namespace, max(start, 0) + 1, wrapped + text, side["flags"])
    for one in classes + [name]:
        code = next(
            const
            for const in code.co_consts
            if hasattr(const, "co_code") and const.co_name == one
        )
    _said(module, ".".join(classes + [name]))
    kind = type(_body)
    closure = None
    if code.co_freevars:
        closure = tuple((lambda cell: lambda: cell)(cell).__closure__[0] for _ in code.co_freevars)
    function = kind(code, namespace, name, None, closure)
    function.__qualname__ = ".".join(classes + [name])
    function.__module__ = namespace.get("__name__")
    return functions.setdefault(place, function)
