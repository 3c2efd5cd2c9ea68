"""What a workload file imports: how the arguments of a library's callables are made, over sizes and kinds.

    from meminterface_workloads import call, choice, kind, sizes, workload
    import networkx as nx

    kind(nx.Graph, "networkx.Graph", nodes=nx.number_of_nodes, edges=nx.number_of_edges)

    @workload("networkx.pagerank", nodes=sizes(10, 20_000), degree=sizes(1, 16))
    def _(rng, nodes, degree):
        return call(nx.pagerank, nx.gnm_random_graph(nodes, nodes * degree, seed=rng))

Each axis is varied independently of the others. `rng` is a `random.Random` that differs between repetitions, so that
two calls of the same sizes have different contents. docs/LEARNING.md describes the rest.
"""

import atexit
import ctypes
import functools
import inspect
import math
import os
import signal
import socket
import subprocess
import sys
import time

WORKLOADS = {}
KINDS = []


class Sizes:
    """An axis of whole numbers, log-spaced from `low` to `high`; `edges` are tried too, one at a time."""

    def __init__(self, low, high, edges=(0, 1)):
        if not 0 < low <= high:
            raise ValueError(f"sizes({low}, {high}): 0 < low <= high is expected")
        self.low, self.high = low, high
        self.edges = tuple(edge for edge in edges if edge < low)

    def at(self, share):
        """The size at a share (0 to 1) of the axis."""
        return int(round(self.low * (self.high / self.low) ** share))


class Choice:
    """An axis of kinds: each value is tried at many sizes."""

    def __init__(self, values):
        if not values:
            raise ValueError("choice() needs values")
        self.values = tuple(values)


def sizes(low, high, edges=(0, 1)):
    """An axis of sizes; `edges=()` where a size of 0 or 1 makes no sense."""
    return Sizes(low, high, edges)


def choice(*values):
    """An axis of kinds: `choice("L", "RGB")`."""
    return Choice(values)


def coded(value):
    """A choice as a trace has it: plain values as they are, others by name."""
    if value is None or isinstance(value, (str, int, float, bool)):
        return value
    return getattr(value, "__qualname__", None) or repr(value)


class Call:
    """A call to measure: function, arguments, and what else describes them."""

    def __init__(self, function, args, kwargs):
        self.function, self.args, self.kwargs = function, args, kwargs
        self.values, self.describe_as = {}, {}
        owner = getattr(function, "__self__", None)
        # A function may be an object of the library's own (networkx's dispatch), or bound to its module or class.
        plain = inspect.ismethod(function) or inspect.isbuiltin(function) or type(function).__name__ == "method-wrapper"
        self.receiver = None if not plain or inspect.ismodule(owner) or inspect.isclass(owner) else owner

    def given(self, **values):
        """Sizes from outside, which no argument says: `file_bytes=…`."""
        self.values.update(values)
        return self

    def on(self, receiver):
        """The receiver, where it is not the function's `__self__`; None for a function."""
        self.receiver = receiver
        return self

    def described(self, **features):
        """More features: `parameter__feature=…`, `self__feature=…`; parameters by position are `_0__feature`."""
        self.describe_as.update(features)
        return self


def call(function, *args, **kwargs):
    """The call that a workload measures."""
    return Call(function, args, kwargs)


class Workload:
    """A callable and how it is tried."""

    def __init__(self, name, make, axes, options):
        self.name, self.make, self.axes = name, make, axes
        self.library = options.pop("library", None) or name.split(".")[0]
        self.distribution = options.pop("distribution", None)
        self.parameters = options.pop("parameters", None)
        self.externals = options.pop("externals", None) or {}
        self.features = options.pop("features", None)
        self.warm = options.pop("warm", True)
        self.fork = options.pop("fork", True)
        self.limit = options.pop("limit", 30)
        self.points = options.pop("points", None)
        self.repetitions = options.pop("repetitions", 2)
        self.result = options.pop("result", None)
        if options:
            raise TypeError(f"workload({name!r}): unknown option {sorted(options)[0]!r}")
        self.label = name
        self.watched, self.stays = 0, False

    def smallest(self):
        """The point of the warm-up call."""
        return {name: axis.low if isinstance(axis, Sizes) else coded(axis.values[0]) for name, axis in self.axes.items()}

    def decoded(self, point):
        """The arguments of `make` for a point of a trace."""
        found = dict(point)
        for name, axis in self.axes.items():
            if isinstance(axis, Choice):
                found[name] = next((value for value in axis.values if coded(value) == point[name]), point[name])
        return found

    def design(self, quick=False):
        """The points that are tried, each with whether it is an edge."""
        if self.points is not None:
            return [(dict(point), False) for point in self.points]
        ranges = {name: axis for name, axis in self.axes.items() if isinstance(axis, Sizes)}
        choices = {name: axis for name, axis in self.axes.items() if isinstance(axis, Choice)}
        combinations = [{}]
        for name, axis in choices.items():
            combinations = [dict(one, **{name: coded(value)}) for one in combinations for value in axis.values]
        each = {0: 1, 1: 16, 2: 26}.get(len(ranges), 34)
        if quick:
            each = {0: 1, 1: 8, 2: 14}.get(len(ranges), 20)
        if len(combinations) > 1:
            each = max(10 if len(ranges) <= 1 else 16, each // len(combinations)) if ranges else 1
        points, seen = [], set()

        def add(point, edge):
            key = repr(sorted(point.items()))
            if key not in seen:
                seen.add(key)
                points.append((point, edge))

        for offset, combination in enumerate(combinations):
            # The largest comes second: what stays behind is looked for in the first ones.
            for n in ([0, each - 1, *range(1, each - 1)] if len(ranges) == 1 and each > 2 else range(each)):
                add(dict(combination, **spread(ranges, n, each, offset)), False)
        middle = {name: axis.at(0.4) for name, axis in ranges.items()}
        for name, axis in ranges.items():
            for edge in axis.edges if not quick else ():
                add(dict(combinations[0], **dict(middle, **{name: edge})), True)
        return points


def spread(ranges, n, count, offset):
    """The n-th point of a design that fills the space of sizes evenly (additive recurrence, Roberts 2018)."""
    dimensions = len(ranges)
    if dimensions == 0:
        return {}
    if dimensions == 1:
        (name, axis), = ranges.items()
        return {name: axis.at(n / max(count - 1, 1))}
    root = 2.0
    for _ in range(40):
        root = (1 + root) ** (1 / (dimensions + 1))
    point = {}
    for d, (name, axis) in enumerate(ranges.items()):
        share = (0.5 + (n + 1 + 7 * offset) * root ** -(d + 1)) % 1.0
        # The corners are what the range is.
        share = 0.0 if n == 0 else 1.0 if n == 1 else share
        point[name] = axis.at(share)
    return point


def workload(name, **options):
    """Declares how a callable is tried. Axes are keyword arguments that are `sizes(…)` or `choice(…)`."""
    axes = {key: value for key, value in options.items() if isinstance(value, (Sizes, Choice))}
    rest = {key: value for key, value in options.items() if key not in axes}

    def declare(make):
        made = Workload(name, make, axes, dict(rest))
        again = 2
        while made.label in WORKLOADS:
            made.label = f"{name}#{again}"
            again += 1
        WORKLOADS[made.label] = made
        return make

    return declare


def kind(test, name, **features):
    """Declares a kind of object: a class or a test, its name in contracts, and features as functions of the object.
    `shape` gives a tuple of sizes; a feature that is a text tells kinds apart."""
    check = (lambda value: isinstance(value, test)) if isinstance(test, (type, tuple)) else test
    KINDS.insert(0, (check, name, features))


# ---- servers --------------------------------------------------------------------------------------------------------


def _ends_with_us():
    """SIGTERM when the process that started it is gone, whatever became of that."""
    ctypes.CDLL(None).prctl(1, signal.SIGTERM)


@functools.lru_cache(None)
def server(*words):
    """Starts a command once and gives the port on loopback that it listens on; `{port}` in a word is a free one. It ends
    with the process that traces, and is no child of the forks that measure."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    process = subprocess.Popen([word.replace("{port}", str(port)) for word in words], stdin=subprocess.DEVNULL,
                               stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, preexec_fn=_ends_with_us)
    owner = os.getpid()
    atexit.register(lambda: os.getpid() == owner and process.terminate())
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline and process.poll() is None:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return port
        time.sleep(0.05)
    process.kill()
    raise TimeoutError(f"{words[0]} does not listen on port {port}")


# ---- what a static reader could know of a value ---------------------------------------------------------------------


def deep(value, seen=None):
    """Bytes of a value with all that it holds, as CPython counts them."""
    stack, seen, total = [value], set(), 0
    gc_header = 16
    import gc

    while stack:
        value = stack.pop()
        if value is None or isinstance(value, (bool, type)) or id(value) in seen:
            continue
        seen.add(id(value))
        if isinstance(value, int) and -6 < value < 257:
            continue
        total += sys.getsizeof(value) + (gc_header if gc.is_tracked(value) and type(value).__sizeof__ is object.__sizeof__ else 0)
        if isinstance(value, dict):
            stack.extend(value.keys())
            stack.extend(value.values())
        elif isinstance(value, (list, tuple, set, frozenset)):
            stack.extend(value)
    return total


def width(text):
    """Bytes a character."""
    if text.isascii():
        return 1
    widest = ord(max(text))
    return 1 if widest < 256 else 2 if widest < 65536 else 4


def _numpy(value):
    numpy = sys.modules.get("numpy")
    return numpy is not None and type(value) is numpy.ndarray


def _pillow(value):
    module = sys.modules.get("PIL.Image")
    return module is not None and isinstance(value, module.Image)


KINDS.append((_numpy, "numpy.ndarray", {"shape": lambda a: a.shape, "size": lambda a: a.size, "itemsize": lambda a: a.itemsize,
                                        "dtype": lambda a: a.dtype.name}))
KINDS.append((_pillow, "PIL.Image.Image", {"width": lambda i: i.width, "height": lambda i: i.height, "mode": lambda i: i.mode}))


def describe(value, depth=0):
    """A value as `meminterface contracts apply` reads it."""
    for test, name, features in KINDS:
        if test(value):
            found = {"kind": name}
            for feature, get in features.items():
                got = get(value) if callable(get) else getattr(value, get)
                if feature == "shape":
                    found["shape"] = [int(extent) for extent in got]
                elif isinstance(got, str):
                    found.setdefault("texts", {})[feature] = got
                elif got is not None and math.isfinite(got):
                    found.setdefault("features", {})[feature] = int(got) if got == int(got) else float(got)
            return found
    if value is None or isinstance(value, (bool, int)):
        return {"value": value}
    if isinstance(value, float):
        return {"value": value} if math.isfinite(value) else {"kind": "float"}
    if isinstance(value, str):
        if len(value) <= 100:
            return {"value": value}
        return {"kind": "str", "features": {"length": len(value), "width": width(value), "bytes": sys.getsizeof(value)}}
    if isinstance(value, (bytes, bytearray)):
        return {"kind": type(value).__name__, "features": {"length": len(value), "bytes": sys.getsizeof(value)}}
    if isinstance(value, memoryview):
        return {"kind": "memoryview", "features": {"length": len(value)}}
    if type(value) in (list, tuple):
        found = {"kind": type(value).__name__, "features": {"length": len(value), "bytes": deep(value)}}
        if depth < 2 and value:
            found["items"] = [describe(value[0], depth + 1)]
            if len(value) <= 8:
                found["items"] = [describe(item, depth + 1) for item in value]
        return found
    if type(value) in (dict, set, frozenset):
        found = {"kind": type(value).__name__, "features": {"length": len(value), "bytes": deep(value)}}
        if type(value) is dict and depth < 2 and value:
            # What it holds, as a path `data[0]` of a contract asks for it.
            found["items"] = [describe(next(iter(value.values())), depth + 1)]
        return found
    if isinstance(value, range):
        return {"kind": "range", "features": {"length": len(value)}}
    if isinstance(value, type) or inspect.isroutine(value):
        module = getattr(value, "__module__", None) or ""
        name = getattr(value, "__qualname__", type(value).__qualname__)
        return {"reference": name if module == "builtins" else f"{module}.{name}"}
    return {"kind": f"{type(value).__module__}.{type(value).__qualname__}"}


def describe_call(spec, made):
    """The call as `meminterface contracts apply` reads it."""
    found = {
        "callable": spec.name,
        "positional": [describe(value) for value in made.args],
        "keywords": {key: describe(value) for key, value in made.kwargs.items()},
        "values": dict(made.values),
    }
    if made.receiver is not None:
        found["self"] = describe(made.receiver)
        owner = spec.name.rpartition(".")[0]
        if "." in found["self"].get("kind", "") and owner:
            found["self"]["kind"] = owner
    for path, value in made.describe_as.items():
        target, feature = path.split("__", 1)
        if target.startswith("_"):
            entry = found["positional"][int(target[1:])]
        elif target == "self":
            entry = found.setdefault("self", {"kind": spec.name.rpartition(".")[0]})
        else:
            entry = found["keywords"][target]
        if feature == "kind":
            entry["kind"] = value
            entry.pop("value", None)
        elif isinstance(value, str):
            entry.setdefault("texts", {})[feature] = value
        else:
            entry.setdefault("features", {})[feature] = value
    return found


def parameters_of(spec, made):
    """The parameters of the callable, as contracts list them."""
    if spec.parameters is not None:
        return list(spec.parameters)
    try:
        signature = inspect.signature(made.function)
    except (TypeError, ValueError):
        return ["*args", "**kwargs"]
    listed, keyword_only = [], False
    for parameter in signature.parameters.values():
        name = parameter.name
        if name in ("self", "result"):
            name += "_"
        if parameter.kind is parameter.VAR_POSITIONAL:
            listed.append("*" + name)
            keyword_only = True
            continue
        if parameter.kind is parameter.VAR_KEYWORD:
            listed.append("**" + name)
            continue
        if parameter.kind is parameter.KEYWORD_ONLY and not keyword_only:
            listed.append("*")
            keyword_only = True
        if parameter.default is parameter.empty:
            listed.append(name)
        else:
            default = parameter.default
            plain = default is None or isinstance(default, (bool, int)) or (isinstance(default, float) and math.isfinite(default))
            if isinstance(default, str) and default.isidentifier():
                plain = True
            listed.append(f"{name}={default!r}" if plain else f"{name}=...")
    return listed


def bind(parameters, described):
    """Where each described argument goes: (path, description), receiver first."""
    bound = []
    if "self" in described:
        bound.append(("self", described["self"]))
    normal, rest, names, keywords, only = [], None, set(), None, False
    for text in parameters:
        name = text.split("=")[0].strip()
        if name == "*":
            only = True
        elif name.startswith("**"):
            keywords = name[2:]
        elif name.startswith("*"):
            rest, only = name[1:], True
        else:
            names.add(name)
            if not only:
                normal.append(name)
    for n, value in enumerate(described["positional"]):
        if n < len(normal):
            bound.append((normal[n], value))
        elif rest:
            bound.append((f"{rest}[{n - len(normal)}]", value))
    for name, value in described["keywords"].items():
        if name in names:
            bound.append((name, value))
        elif keywords:
            bound.append((f"{keywords}[{name}]", value))
    return bound


def flatten(path, value, features, texts, depth=0):
    """The sizes of a value by the names that formulas use, and the texts that tell kinds apart."""
    if "value" in value and not value.get("features"):
        plain = value["value"]
        if isinstance(plain, bool) or plain is None:
            texts[path] = repr(plain)
        elif isinstance(plain, (int, float)):
            features[path] = plain
        elif isinstance(plain, str):
            features[f"{path}.length"] = len(plain)
            if len(plain) <= 24:
                texts[path] = repr(plain)
    for name, number in value.get("features", {}).items():
        features[f"{path}.{name}"] = number
    for name, text in value.get("texts", {}).items():
        texts[f"{path}.{name}"] = text
    shape = value.get("shape")
    if shape is not None:
        for n, extent in enumerate(shape):
            features[f"{path}.shape[{n}]"] = extent
        features[f"{path}.ndim"] = len(shape)
    if value.get("reference"):
        texts[path] = value["reference"]
    items = value.get("items")
    if items and depth < 1 and value.get("kind") in ("list", "tuple"):
        numbers = all(isinstance(item.get("value"), int) and not isinstance(item.get("value"), bool) for item in items)
        if numbers and len(items) == value["features"]["length"]:
            for n, item in enumerate(items):
                features[f"{path}[{n}]"] = item["value"]
        else:
            flatten(f"{path}[0]", items[0], features, {}, depth + 1)
