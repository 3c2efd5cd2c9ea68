"""Builds CPython's objects at many sizes and prints what they take, as JSON: the ground truth of tests/memory.rs.

``{"version": …, "sizes": […], "series": {kind: {"sizeof": […], "traced": […], "peak": […]}}, "objects": {kind: [sizeof, traced]}}``

"sizeof" is ``sys.getsizeof``, "traced" what is live after building by tracemalloc, "peak" the high-water mark while
building. Elements exist before, so that only the container counts. Free lists are emptied first, since what comes from
them is not allocated again.
"""

import collections
import dataclasses
import datetime
import decimal
import gc
import io
import itertools
import json
import sys
import tracemalloc

MOST = 2000
# Beyond 50,000 elements sets grow by another factor.
BIG = [2**k + d for k in range(11, 18) for d in (-1, 0, 1)] + [200_003]
DRAIN = 12
SIZES = list(range(MOST + 1)) + [n for n in BIG if n > MOST]
LARGEST = SIZES[-1]

KEYS = list(range(LARGEST))
NAMES = ["k%d" % n for n in range(LARGEST)]
TUPLE = tuple(KEYS)
HELD = []


def empty_free_lists():
    """Holds as many of the small objects as the free lists can have given."""
    for _ in range(300):
        HELD.append(([], {}, {None: None}, set(), 1.5 * len(HELD), (None,) * 3, [None], slice(len(HELD))))
    for n in range(1, 21):
        HELD.extend((None,) * n for _ in range(2100))
    HELD.extend(itertools.repeat(None, 10))
    HELD.extend(1.0 / n for n in range(1, 300))
    HELD.extend({n: n} for n in range(300))
    HELD.extend((lambda n=n: n).__get__(n) for n in range(300))
    HELD.extend(iter([]) for n in range(300))


def drain():
    """Takes what the last measurement has put on the free lists."""
    for _ in range(DRAIN):
        HELD.append(([], {}, {None: None}, {"a": None}, set(), 1.5 * len(HELD), len(HELD) + 1000))
        HELD.extend((None,) * n for n in range(1, 21))
        HELD.extend((len(HELD) << 40, object(), iter([])))


def traced(build, *arguments):
    """What is live after ``build(*arguments)``, and the peak while it ran, above what was live before."""
    get, reset = tracemalloc.get_traced_memory, tracemalloc.reset_peak
    reset()
    before = get()
    made = build(*arguments)
    after = get()
    return made, after[0] - before[0], after[1] - before[0]


if not hasattr(tracemalloc, "reset_peak"):
    raise SystemExit("needs Python 3.9")


def nothing(*arguments):
    return None


def list_append(n):
    made = []
    append = made.append
    for value in itertools.repeat(None, n):
        append(value)
    return made


def dict_keys(n):
    made = {}
    for key in itertools.islice(KEYS, n):
        made[key] = None
    return made


def dict_names(n):
    made = {}
    for key in itertools.islice(NAMES, n):
        made[key] = None
    return made


def set_add(n):
    made = set()
    add = made.add
    for key in itertools.islice(KEYS, n):
        add(key)
    return made


def bytearray_append(n):
    made = bytearray()
    append = made.append
    for _ in itertools.repeat(None, n):
        append(0)
    return made


def deque_append(n):
    made = collections.deque()
    append = made.append
    for _ in itertools.repeat(None, n):
        append(None)
    return made


def list_extend(n, part):
    made = []
    made.extend(part)
    return made


def str_concatenate(n):
    made = ""
    for _ in itertools.repeat(None, n):
        made += "x"
    return made


def bytesio_write(n):
    made = io.BytesIO()
    write = made.write
    for _ in itertools.repeat(None, n):
        write(b"x")
    return made


# kind: (what it is built from, before the measurement; how it is built; by growth).
SERIES = {
    "list_append": (None, list_append, True),
    "list_comprehension": (None, lambda n: [None for _ in itertools.repeat(None, n)], True),
    "list_of_generator": (lambda n: (None for _ in itertools.repeat(None, n)), lambda n, part: list(part), True),
    "list_of_tuple": (lambda n: TUPLE[:n], lambda n, part: list(part), False),
    "list_extend": (lambda n: TUPLE[:n], list_extend, False),
    "list_repeat": (None, lambda n: [None] * n, False),
    "list_slice": (lambda n: KEYS[:n], lambda n, part: part[:], False),
    "list_copy": (lambda n: KEYS[:n], lambda n, part: part.copy(), False),
    "list_sorted": (lambda n: KEYS[:n], lambda n, part: sorted(part), False),
    "list_plus": (lambda n: KEYS[:n], lambda n, part: part + [], False),
    "list_of_dict": (lambda n: dict.fromkeys(KEYS[:n]), lambda n, part: list(part), False),
    "tuple_of_list": (lambda n: KEYS[:n], lambda n, part: tuple(part), False),
    "tuple_of_generator": (lambda n: (None for _ in itertools.repeat(None, n)), lambda n, part: tuple(part), True),
    "dict_keys": (None, dict_keys, True),
    "dict_names": (None, dict_names, True),
    "dict_copy_keys": (dict_keys, lambda n, part: part.copy(), False),
    "dict_copy_names": (dict_names, lambda n, part: dict(part), False),
    "dict_zip_keys": (None, lambda n: dict(zip(KEYS[:n], KEYS)), True),
    "dict_comprehension_names": (None, lambda n: {key: None for key in itertools.islice(NAMES, n)}, True),
    "dict_fromkeys_names": (lambda n: NAMES[:n], lambda n, part: dict.fromkeys(part), True),
    "set_add": (None, set_add, True),
    "set_of_list": (lambda n: KEYS[:n], lambda n, part: set(part), True),
    "set_copy": (set_add, lambda n, part: set(part), False),
    "frozenset_of_list": (lambda n: KEYS[:n], lambda n, part: frozenset(part), True),
    "str_ascii": (None, lambda n: "x" * n, False),
    "str_latin1": (None, lambda n: "\xe9" * n, False),
    "str_ucs2": (None, lambda n: "\u0100" * n, False),
    "str_ucs4": (None, lambda n: "\U00010000" * n, False),
    "str_concatenate": (None, str_concatenate, True),
    "str_join": (lambda n: ["x"] * n, lambda n, part: "".join(part), False),
    "bytes": (None, lambda n: b"x" * n, False),
    "bytes_zero": (None, bytes, False),
    "bytearray": (None, bytearray, False),
    "bytearray_append": (None, bytearray_append, True),
    "bytesio_bytes": (None, bytesio_write, True),
    "bytesio_of_bytes": (lambda n: b"x" * n, lambda n, part: io.BytesIO(part), False),
    "deque_append": (None, deque_append, True),
    "int_bits": (None, lambda n: 1 << n, False),
    "ints": (None, lambda n: list(range(n)), False),
}

# Kinds whose elements or steps cost time: sizes above this are left out.
SLOW = {
    "bytesio_bytes": 70000,
    "dict_comprehension_names": 140000,
    "dict_copy_keys": 140000,
    "dict_fromkeys_names": 140000,
    "dict_zip_keys": 140000,
    "frozenset_of_list": 140000,
    "int_bits": 140000,
    "list_comprehension": 140000,
    "list_of_generator": 140000,
    "set_copy": 140000,
    "set_of_list": 140000,
    "str_concatenate": 140000,
    "tuple_of_generator": 140000,
}


def series():
    result = {}
    for kind, (prepare, build, grows) in SERIES.items():
        rows = {"sizes": [], "sizeof": [], "traced": [], "peak": []}
        most = SLOW.get(kind, LARGEST)
        for n in SIZES:
            # Growing from nothing each time takes time: every n where steps are near, then some.
            if n > most or (n > 300 and n <= MOST and (grows and n % 37 or n % 11)):
                continue
            arguments = (n,) if prepare is None else (n, prepare(n))
            drain()
            made, net, peak = traced(build, *arguments)
            rows["sizes"].append(n)
            rows["sizeof"].append(sys.getsizeof(made))
            rows["traced"].append(net)
            rows["peak"].append(peak)
        result[kind] = rows
    return result


class Plain:
    def __init__(self, n):
        for name in NAMES[:n]:
            setattr(self, name, None)

    def method(self):
        return None


class Slots:
    __slots__ = ("a", "b", "c")


class SlotsAndDict:
    __slots__ = ("a", "__dict__")


@dataclasses.dataclass
class Data:
    a: object
    b: object


class Two:
    def __init__(self):
        self.a = None
        self.b = None


Named = collections.namedtuple("Named", "a b")


def generator():
    yield None


async def coroutine():
    return None


def closure():
    x = None
    return lambda: x


INSTANCE = Two()

OBJECTS = {
    "object": object,
    "float": lambda: 1.5 * len(HELD),
    "complex": lambda: 1.5j * len(HELD),
    "range": lambda: range(3, 1000, 2),
    "slice": lambda: slice(len(HELD)),
    "memoryview": lambda: memoryview(b"abc"),
    "bound_method": lambda: INSTANCE.__init__,
    "two_attributes": Two,
    "dataclass": lambda: Data(None, None),
    "slots_3": Slots,
    "slots_and_dict": SlotsAndDict,
    "namedtuple_2": lambda: Named(None, None),
    "generator": generator,
    "coroutine": coroutine,
    "closure": closure,
    "exception": Exception,
    "exception_1": lambda: Exception("a"),
    "os_error": OSError,
    "ordered_dict": collections.OrderedDict,
    "ordered_dict_1": lambda: collections.OrderedDict.fromkeys(("a",)),
    "default_dict": lambda: collections.defaultdict(int),
    "counter": collections.Counter,
    "datetime": lambda: datetime.datetime(2020, 1, 1),
    "date": lambda: datetime.date(2020, 1, 1),
    "timedelta": lambda: datetime.timedelta(123),
    "time": lambda: datetime.time(1, 2),
    "decimal": lambda: decimal.Decimal(12345),
    "string_io": io.StringIO,
    "bytes_io": io.BytesIO,
}
for count in (0, 1, 2, 5, 6, 11, 29, 30, 31, 40):
    OBJECTS["instance_%d" % count] = lambda count=count: type("Fresh", (Plain,), {})


def objects():
    result = {}
    for kind, build in OBJECTS.items():
        if kind.startswith("instance_"):
            count = int(kind[9:])
            fresh = build()
            for _ in range(3):
                HELD.append(fresh(count))
            build = lambda: fresh(count)  # noqa: E731
        for _ in range(3):
            HELD.append(build())
        HELD.extend(build() for _ in range(300))
        made, net, _ = traced(build)
        result[kind] = [sys.getsizeof(made), net]
        HELD.append(made)
    for made in HELD:
        if hasattr(made, "close"):
            made.close()
    return result


def main():
    gc.disable()
    empty_free_lists()
    tracemalloc.start(1)
    traced(nothing)
    overhead = min(traced(nothing)[1] for _ in range(5))
    everything = {"version": list(sys.version_info[:3]), "overhead": overhead}
    everything["series"] = series()
    everything["objects"] = objects()
    json.dump(everything, sys.stdout)


main()
