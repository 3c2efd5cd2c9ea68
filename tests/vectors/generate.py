"""Writes tests/vectors/expression/: expressions of the closed language, and what CPython 3.12 makes of them.

Run with CPython 3.12: python3.12 tests/vectors/generate.py [--seed N] [--random COUNT]

edge_cases.json answers edge_cases.txt, one expression a line. random.json holds expressions over random JSON values,
from a fixed seed. A vector is {"expr", "env"?, and one of "value", "raises", "huge"}: the canonical text of the value
(its repr, sets in sorted order), the exception's qualified name and message, or that CPython needs more than two
seconds or a gigabyte. Both files are checked by tests/expression_vectors.rs and tests/python/test_expression_vectors.py.
"""

import argparse
import base64
import json
import math
import os
import random
import resource
import signal
import sys
import urllib.parse
import warnings
from pathlib import Path

FOLDER = Path(__file__).parent / "expression"
MODULES = {"base64": base64, "json": json, "math": math, "os": os, "urllib": urllib}
LONGEST = 400


def canonical(value):
    """The text of a value that tells it from all others, or None if the language has no such value."""
    kind = type(value)
    if kind in (list, tuple, set, frozenset):
        items = [canonical(item) for item in value]
        if None in items:
            return None
        if kind is list:
            return f"[{', '.join(items)}]"
        if kind is tuple:
            return f"({', '.join(items)}{',' if len(items) == 1 else ''})"
        text = f"{{{', '.join(sorted(items))}}}" if items else "set()"
        return text if kind is set else f"frozenset({text if items else ''})"
    if kind is dict:
        items = [(canonical(key), canonical(item)) for key, item in value.items()]
        if any(None in pair for pair in items):
            return None
        return "{" + ", ".join(f"{key}: {item}" for key, item in items) + "}"
    if kind in (type({}.keys()), type({}.values()), type({}.items())):
        items = canonical(list(value))
        return items and f"{kind.__name__}({items})"
    if kind is str:
        return None if any(0xD800 <= ord(c) <= 0xDFFF for c in value) else repr(value)
    if kind in (type(None), bool, int, float, bytes, range):
        return repr(value)
    return None


def exception_name(error):
    kind = type(error)
    if kind.__module__ == "builtins":
        return kind.__name__
    return {"json.decoder.JSONDecodeError": "json.JSONDecodeError"}.get(
        name := f"{kind.__module__}.{kind.__qualname__}", name
    )


def answer(text, env):
    """The vector's answer, computed in this process; None if it has none."""
    try:
        value = eval(text, {**MODULES, **env})
        result = canonical(value)
        return result and len(result) <= LONGEST and {"value": result} or None
    except (MemoryError, RecursionError):
        return {"huge": True}
    except SyntaxError:
        return None
    except Exception as error:
        message = str(error)
        if len(message) > LONGEST or any(0xD800 <= ord(c) <= 0xDFFF for c in message):
            return None
        return {"raises": [exception_name(error), message]}


def vector(text, env):
    """The vector of an expression; None if it has no answer. A child process bounds time and memory."""
    read, write = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(read)
        signal.signal(signal.SIGALRM, signal.SIG_DFL)
        signal.alarm(2)
        resource.setrlimit(resource.RLIMIT_AS, (1 << 30, 1 << 30))
        with open(write, "w") as out:
            json.dump(answer(text, env), out)
        os._exit(0)
    os.close(write)
    with open(read) as source:
        result = source.read()
    _, status = os.waitpid(child, 0)
    found = json.loads(result) if status == 0 else {"huge": True}
    if found is None:
        return None
    return {"expr": text} | ({"env": env} if env else {}) | found


# ---- random expressions ----------------------------------------------------------------------------------------------

TEXTS = [
    "", "a", "key", "photo.JPG", "a/b/c.tar.gz", "1920x1080", " 12 ", "-7", "3.50", "1e3", "é", "ß🙂", "a,b,,c", "x=1&y=2",
    "Hello World", "%41+b%20c", "2024-01-31T10:00:00Z", "0x1f", "arn:aws:s3:::bucket/k", '{"a": [1, 2.5], "b": null}', "[1, 2",
    "aGVsbG8=", "\n a\tb \n", "{} {0}", "TRUE", "nan", "1_000", "İΣ", "٣٤",
]
KEYS = ["id", "n", "name", "size", "tags", "width", "body"]
SPECS = [
    "", "d", "5", "<8", ">8", "^9", "08", ".2f", ",", "x", "#x", "b", "e", ".3g", "+d", " d", "%", ".1%", "s", ".2", "*^7",
    "010,", "_", "G", "n", "c", "=+8", ".0f", "o", "X", "10.4", "z.1f",
]
PERCENTS = ["%s", "%d", "%05d", "%.2f", "%x", "%r", "%5s|", "%-5s|", "%s-%s", "%e", "%g", "%+d", "%c", "%%", "%(n)s", "%i%%", "%#o"]
FIELDS = ["{}", "{0}", "{:>5}", "{!r}", "{:.2f}", "{0[0]}", "{0[id]}", "{}-{}", "{:,}", "{a}", "{:d}", "{0!s:^7}", "{:{}}", "{{}}", "{"]
ENCODINGS = ["utf-8", "ascii", "latin-1", "UTF8", "iso-8859-1"]
STR_METHODS = """lower upper strip lstrip rstrip title capitalize casefold swapcase isdigit isnumeric isdecimal isalpha isalnum
    isspace isupper islower split rsplit splitlines istitle isascii isprintable expandtabs""".split()


class Writer:
    """Writes expressions of a wanted type; now and then of another one."""

    def __init__(self, random, env):
        self.random = random
        self.names = {}
        for name, value in env.items():
            self.names.setdefault(type(value).__name__, []).append(name)
        self.bound = 0

    def pick(self, *choices):
        return self.random.choice(choices)

    def text(self):
        return repr(self.pick(*TEXTS))

    def any(self, depth):
        return self.of(self.pick("int", "float", "str", "bool", "list", "dict", "bytes", "NoneType", "tuple", "set"), depth)

    def of(self, kind, depth):
        if self.random.random() < 0.04:
            kind = self.pick("int", "float", "str", "list", "dict", "NoneType", "bytes", "tuple")
        names = self.names.get(kind, [])
        if names and self.random.random() < (0.7 if depth <= 0 else 0.25):
            return self.pick(*names)
        if "dict" in self.names and self.random.random() < 0.05:
            name, key = self.pick(*self.names["dict"]), self.pick(*KEYS)
            return self.pick(f'{name}["{key}"]', f'{name}.get("{key}")', f'{name}.get("{key}", {self.literal(kind)})')
        if depth <= 0:
            return self.literal(kind)
        if self.random.random() < 0.06:
            test = self.of("bool", depth - 1)
            return f"({self.of(kind, depth - 1)} if {test} else {self.of(kind, depth - 1)})"
        if self.random.random() < 0.05:
            return f"({self.of(kind, depth - 1)} {self.pick('and', 'or')} {self.of(kind, depth - 1)})"
        return getattr(self, "make_" + kind)(depth - 1)

    def literal(self, kind):
        number = self.random.choice([0, 1, 2, 3, -1, -2, 5, 7, 10, 12, 64, 100, -13, 255, 1024, 4096, 123456, 10**12, 2**53 + 1, -(2**64), 10**20])
        match kind:
            case "int":
                return str(number) if number >= 0 else f"({number})"
            case "float":
                return self.pick("0.0", "-0.0", "0.5", "1.5", "(-2.5)", "0.1", "2.675", "1e16", "1e-7", "123456.789", "1e300", "3.0", "12.125")
            case "str":
                return self.text()
            case "bool":
                return self.pick("True", "False")
            case "list":
                return self.pick("[]", "[1, 2, 3]", '["b", "a", "c"]', "[[1, 2], [3]]", "[3, 1.5, True]", '[{"id": 1}, {"id": 2}]', "[None, 0, 'x']")
            case "dict":
                return self.pick("{}", '{"id": 1, "n": "x"}', '{"b": 2, "a": 1}', "{1: 'a', None: 2.5}", '{"tags": [1, "é"]}')
            case "tuple":
                return self.pick("()", "(1,)", '("a", 2)', "(1, 2, 3)")
            case "set":
                return self.pick("set()", "{1}", '{"a", "b"}', "{1, 2, 3}")
            case "bytes":
                return self.pick("b''", "b'abc'", "b'a,b'", "b'\\xff\\x00'", "b'\\xc3\\xa9'", "b' x '", "b'MTIz'")
        return "None"

    def index(self):
        return self.pick("0", "1", "-1", "2", "-3", "7", self.of("int", 0))

    def slice(self):
        part = lambda: self.pick("", "", "0", "1", "-1", "2", "-2", "5")
        return f"[{part()}:{part()}]" if self.random.random() < 0.7 else f"[{part()}:{part()}:{self.pick('1', '2', '-1', '-2', '3', '0')}]"

    def number(self, depth):
        return self.of(self.pick("int", "int", "float"), depth)

    def sequence(self, depth):
        return self.of(self.pick("list", "tuple", "str", "list", "set", "dict"), depth)

    def make_int(self, d):
        int_, number, text = (lambda: self.of("int", d)), (lambda: self.number(d)), (lambda: self.of("str", d))
        small = self.pick("0", "1", "2", "3", "5", "-1", "10", "33", "True")
        return self.pick(
            lambda: f"({int_()} {self.pick('+', '-', '*', '//', '%')} {int_()})",
            lambda: f"({int_()} {self.pick('&', '|', '^')} {int_()})",
            lambda: f"({int_()} {self.pick('**', '<<', '>>')} {small})",
            lambda: f"({self.pick('-', '+', '~')}{int_()})",
            lambda: f"len({self.pick(self.sequence(d), self.of('bytes', d))})",
            lambda: f"int({self.pick(number(), text(), self.of('bytes', d))})",
            lambda: f"int({text()}, {self.pick('10', '16', '0', '2', '36', 'base=8')})",
            lambda: f"{self.pick('min', 'max')}({int_()}, {number()})",
            lambda: f"{self.pick('min', 'max', 'sum')}({self.of('list', d)})",
            lambda: f"round({number()})",
            lambda: f"round({int_()}, {self.pick('-1', '-2', '2', 'None', '-20')})",
            lambda: f"abs({int_()})",
            lambda: f"math.{self.pick('ceil', 'floor', 'trunc')}({number()})",
            lambda: f"math.gcd({int_()}, {int_()})",
            lambda: f"pow({int_()}, {small}, {int_()})",
            lambda: f"ord({text()}{self.pick('', '[0]', '[-1]')})",
            lambda: f"{text()}.{self.pick('find', 'count', 'index', 'rfind', 'rindex')}({text()})",
            lambda: f"{text()}.{self.pick('find', 'count', 'rfind')}({self.pick(repr('a'), repr('/'), repr(''))}, {self.index()}{self.pick('', ', ' + self.index())})",
            lambda: f"{self.of('list', d)}[{self.index()}]",
            lambda: f"{self.of('list', d)}.{self.pick('count', 'index')}({self.any(0)})",
            lambda: f"divmod({number()}, {number()})[{self.pick('0', '1')}]",
            lambda: f"sum(x for x in {self.of('list', d)})",
            lambda: f"sum(len(x) for x in {self.of('list', d)})",
            lambda: f"next((x for x in {self.sequence(d)} if {self.pick('x', 'not x')}), 0)",
        )()

    def make_float(self, d):
        number = lambda: self.number(d)
        return self.pick(
            lambda: f"({number()} {self.pick('+', '-', '*', '/', '//', '%')} {number()})",
            lambda: f"({number()} / {number()})",
            lambda: f"({number()} ** {self.pick('2', '0.5', '-1', '3', '-0.5', '0')})",
            lambda: f"float({self.pick(number(), self.of('str', d))})",
            lambda: f"round({number()}, {self.pick('0', '1', '2', '3', '-1', '10')})",
            lambda: f"math.{self.pick('sqrt', 'log', 'log2', 'log10', 'fabs')}({number()})",
            lambda: f"math.log({number()}, {number()})",
            lambda: f"math.pow({number()}, {self.pick('2', '0.5', '-1')})",
            lambda: f"{self.pick('min', 'max')}({number()}, {number()}, {number()})",
            lambda: f"sum([{number()}, {number()}, {number()}])",
            lambda: f"abs({number()})",
            lambda: f"(-{number()})",
        )()

    def make_str(self, d):
        text, some = (lambda: self.of("str", d)), (lambda: self.any(d))
        short = lambda: repr(self.pick(",", "/", ".", " ", "a", "", "x", "é", "-", "=", "xyz", "World"))
        return self.pick(
            lambda: f"({text()} + {text()})",
            lambda: f"({text()} * {self.pick('0', '1', '2', '3', '-1')})",
            lambda: f"str({some()})",
            lambda: f"{self.pick('repr', 'ascii')}({some()})",
            lambda: f"{text()}.{self.pick(*STR_METHODS)}()",
            lambda: f"{text()}.{self.pick('strip', 'lstrip', 'rstrip', 'removeprefix', 'removesuffix')}({short()})",
            lambda: f"{text()}.replace({short()}, {short()}{self.pick('', ', 1', ', 0', ', -1')})",
            lambda: f"{text()}.{self.pick('ljust', 'rjust', 'center')}({self.pick('3', '8', '13', '0')}{self.pick('', ', ' + short())})",
            lambda: f"{text()}.zfill({self.pick('0', '5', '12')})",
            lambda: f"{text()}[{self.index()}]",
            lambda: f"{text()}{self.slice()}",
            lambda: f"{text()}.{self.pick('split', 'rsplit')}({short()})[{self.index()}]",
            lambda: f"{text()}.{self.pick('split', 'rsplit')}({self.pick('None', short())}, {self.pick('1', '2', '0', 'maxsplit=1') if self.random.random() < 0.8 else '-1'})",
            lambda: f"{text()}.{self.pick('partition', 'rpartition')}({short()})[{self.pick('0', '1', '2')}]",
            lambda: f"{short()}.join({self.of('list', d)})",
            lambda: f"{short()}.join(str(x) for x in {self.sequence(d)})",
            lambda: f"{text()}.{self.pick('startswith', 'endswith')}({self.pick(short(), '(' + short() + ', ' + short() + ')')})",
            lambda: f"{self.pick(*map(repr, FIELDS))}.format({some()}{self.pick('', ', ' + some(), ', a=' + some())})",
            lambda: f"({self.pick(*map(repr, PERCENTS))} % {self.pick(some(), '(' + some() + ',)', '(' + some() + ', ' + some() + ')')})",
            lambda: f"format({self.pick(self.number(d), text(), some())}, {self.pick(*map(repr, SPECS))})",
            lambda: f'f"{{{some()}}}"' if d < 1 else f"str({some()})",
            lambda: f"json.dumps({some()}{self.pick('', ', indent=2', ', sort_keys=True', ', ensure_ascii=False', ', separators=(chr(44), chr(58))', ', default=str')})",
            lambda: f"{self.of('bytes', d)}.decode({self.pick('', *map(repr, ENCODINGS))})",
            lambda: f"{self.of('bytes', d)}.decode({self.pick(*map(repr, ENCODINGS))}, {self.pick(*map(repr, ['replace', 'ignore', 'strict']))})",
            lambda: f"{self.of('bytes', d)}.hex()",
            lambda: f"chr({self.of('int', d)})",
            lambda: f"{self.pick('hex', 'oct', 'bin')}({self.of('int', d)})",
            lambda: f"urllib.parse.{self.pick('quote', 'unquote', 'unquote_plus', 'quote_plus')}({text()})",
            lambda: f"os.path.{self.pick('basename', 'dirname')}({text()})",
            lambda: f"os.path.join({text()}, {text()}{self.pick('', ', ' + text())})",
            lambda: f"os.path.splitext({text()})[{self.pick('0', '1')}]",
            lambda: f"{self.pick('min', 'max')}({text()}, {text()})",
        )()

    def make_bool(self, d):
        return self.pick(
            lambda: f"({self.number(d)} {self.pick('<', '<=', '>', '>=', '==', '!=')} {self.number(d)})",
            lambda: f"({self.of('str', d)} {self.pick('<', '<=', '>', '==', '!=', 'in', 'not in')} {self.of('str', d)})",
            lambda: f"({self.any(d)} {self.pick('==', '!=', 'in', '<')} {self.any(d)})",
            lambda: f"({self.any(d)} {self.pick('in', 'not in')} {self.sequence(d)})",
            lambda: f"(not {self.any(d)})",
            lambda: f"({self.any(d)} {self.pick('is', 'is not')} None)",
            lambda: f"bool({self.any(d)})",
            lambda: f"isinstance({self.any(d)}, {self.pick('str', 'int', 'dict', '(list, tuple)', '(int, float)', 'bool', 'bytes', 'set')})",
            lambda: f"{self.pick('any', 'all')}({self.sequence(d)})",
            lambda: f"{self.pick('any', 'all')}(x {self.pick('>', '==', '!=')} {self.any(0)} for x in {self.sequence(d)})",
            lambda: f"({self.number(d)} < {self.number(d)} <= {self.number(d)})",
            lambda: f"{self.of('set', d)}.{self.pick('issubset', 'issuperset', 'isdisjoint')}({self.sequence(d)})",
            lambda: f"({self.of('set', d)} {self.pick('<', '<=', '>', '>=')} {self.of('set', d)})",
        )()

    def make_list(self, d):
        sequence = lambda: self.sequence(d)
        return self.pick(
            lambda: f"[{self.any(d)}, {self.any(d)}]",
            lambda: f"[{self.number(d)}, {self.number(d)}, {self.number(d)}]",
            lambda: f"({self.of('list', d)} + {self.of('list', d)})",
            lambda: f"({self.of('list', d)} * {self.pick('0', '2', '3')})",
            lambda: f"{self.of('list', d)}{self.slice()}",
            lambda: f"sorted({sequence()}{self.pick('', '', ', reverse=True')})",
            lambda: f"list({self.pick('reversed', 'enumerate', '')}({self.of(self.pick('list', 'tuple', 'str', 'dict'), d)}))",
            lambda: f"list(zip({self.of('list', d)}, {self.of('str', d)}))",
            lambda: f"list(range({self.pick('0', '3', '-2', self.pick('5', '1'))}{self.pick('', ', 9', ', 9, 4', ', -5, -2')}))",
            lambda: f"list({self.of('dict', d)}.{self.pick('keys', 'values', 'items')}())",
            lambda: f"{self.of('str', d)}.split()",
            lambda: f"{self.of('str', d)}.splitlines({self.pick('', 'True')})",
            lambda: f"[x for x in {self.of(self.pick('list', 'tuple', 'str'), d)} if {self.pick('x', 'x != 1', 'not x')}]",
            lambda: f"[{self.pick('x * 2', 'str(x)', 'x[0]', 'len(x)', '(x, x)', 'x + 1', 'isinstance(x, str)')} for x in {self.of(self.pick('list', 'tuple', 'str'), d)}]",
            lambda: f"[k for k, v in {self.of('dict', d)}.items() if v]",
            lambda: f"json.loads({self.of('str', d)})",
            lambda: f"json.loads(json.dumps({self.any(d)}))",
            lambda: f"{self.of('bytes', d)}.split()",
        )()

    def make_tuple(self, d):
        return self.pick(
            lambda: f"({self.any(d)},)",
            lambda: f"({self.any(d)}, {self.any(d)})",
            lambda: f"tuple({self.of(self.pick('list', 'str', 'dict'), d)})",
            lambda: f"({self.of('tuple', d)} + {self.of('tuple', d)})",
            lambda: f"divmod({self.number(d)}, {self.number(d)})",
            lambda: f"os.path.splitext({self.of('str', d)})",
            lambda: f"{self.of('str', d)}.partition({self.text()})",
            lambda: f"{self.of('tuple', d)}{self.slice()}",
        )()

    def make_set(self, d):
        return self.pick(
            lambda: f"set({self.of(self.pick('list', 'tuple', 'str'), d)})",
            lambda: f"{{{self.any(0)}, {self.number(0)}}}",
            lambda: f"({self.of('set', d)} {self.pick('|', '&', '-', '^')} {self.of('set', d)})",
            lambda: f"{self.of('set', d)}.{self.pick('union', 'intersection', 'difference', 'symmetric_difference')}({self.of('list', d)})",
            lambda: f"{{x for x in {self.of('list', d)}}}",
            lambda: f"frozenset({self.of('list', d)})",
            lambda: f"({self.of('dict', d)}.keys() {self.pick('|', '&', '-')} {self.of('set', d)})",
        )()

    def make_dict(self, d):
        return self.pick(
            lambda: f'{{"id": {self.any(d)}, "n": {self.any(d)}}}',
            lambda: f"{{{self.of('str', d)}: {self.any(d)}, {self.any(0)}: {self.any(d)}}}",
            lambda: f"{{**{self.of('dict', d)}, {self.of('str', d)}: {self.any(d)}}}",
            lambda: f"({self.of('dict', d)} | {self.of('dict', d)})",
            lambda: f"dict({self.pick('', self.of('dict', d) + ', ')}n={self.any(d)})",
            lambda: f"dict(zip({self.of('str', d)}, {self.of('list', d)}))",
            lambda: f"{{k: v for k, v in {self.of('dict', d)}.items() if {self.pick('v', 'k', 'not v')}}}",
            lambda: f"{{str(k): v for k, v in enumerate({self.of('list', d)})}}",
            lambda: f"{self.of('dict', d)}.copy()",
        )()

    def make_bytes(self, d):
        return self.pick(
            lambda: f"{self.of('str', d)}.encode({self.pick('', *map(repr, ENCODINGS))})",
            lambda: f"{self.of('str', d)}.encode({self.pick(*map(repr, ENCODINGS))}, {self.pick(*map(repr, ['replace', 'ignore', 'strict']))})",
            lambda: f"base64.b64encode({self.of('bytes', d)})",
            lambda: f"base64.b64decode({self.pick(self.of('str', d), self.of('bytes', d))}{self.pick('', ', validate=True')})",
            lambda: f"({self.of('bytes', d)} + {self.of('bytes', d)})",
            lambda: f"{self.of('bytes', d)}{self.slice()}",
            lambda: f"{self.of('bytes', d)}.{self.pick('strip', 'lower', 'upper')}()",
            lambda: f"{self.of('bytes', d)}.replace(b'a', {self.of('bytes', d)})",
            lambda: f"bytes({self.pick(self.of('list', d), self.of('bytes', d))})",
        )()

    def make_NoneType(self, d):
        return "None"


def json_value(random, depth):
    kind = random.random()
    if depth > 0 and kind < 0.2:
        return [json_value(random, depth - 1) for _ in range(random.randrange(4))]
    if depth > 0 and kind < 0.4:
        return {random.choice(KEYS): json_value(random, depth - 1) for _ in range(random.randrange(4))}
    return random.choice(
        [
            lambda: random.choice(TEXTS),
            lambda: random.choice([0, 1, -1, 7, 100, 1024, 2**31, 10**18, -5]) + random.randrange(3),
            lambda: random.choice([0.5, -1.25, 1e10, 3.14159, 100.0, 1e-9, 0.1]) * random.randrange(1, 4),
            lambda: random.choice([True, False, None]),
        ]
    )()


def random_vectors(seed, count):
    generator = random.Random(seed)
    kinds = "int float str str bool list tuple set dict bytes".split()
    seen = set()
    while len(seen) < count:
        env = {"event": {key: json_value(generator, 2) for key in generator.sample(KEYS, 4)}}
        for name in generator.sample(["a", "b", "c"], generator.randrange(3)):
            env[name] = json_value(generator, 1)
        text = Writer(generator, env).of(generator.choice(kinds), generator.choice([1, 2, 2, 3]))
        if text in seen or len(text) > 160:
            continue
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            try:
                used = set(compile(text, "", "eval").co_names)
            except SyntaxError:
                continue
            env = {name: value for name, value in env.items() if name in text and (name == "event" or name in names(text))}
            found = vector(text, env)
        # The texts of sets, and what depends on their order, are not defined.
        if found and order_independent(text, env, found):
            # Failures teach less than values do: keep some.
            if "raises" in found and generator.random() < 0.5:
                continue
            seen.add(text)
            yield found


def names(text):
    import ast

    return {node.id for node in ast.walk(ast.parse(text, mode="eval")) if isinstance(node, ast.Name)}


def order_independent(text, env, found):
    """Whether the answer stays the same when strings are hashed otherwise, and no set of several elements is listed."""
    if "set(" not in text and "{" not in text and ".keys()" not in text:
        return True
    import ast

    tree = ast.parse(text, mode="eval")
    makes_set = any(
        isinstance(node, (ast.Set, ast.SetComp))
        or isinstance(node, ast.Call) and getattr(node.func, "id", "") in ("set", "frozenset")
        or isinstance(node, ast.BinOp) and "keys" in text
        for node in ast.walk(tree)
    )
    if not makes_set:
        return True
    # Only where the set itself is the answer, or is only compared, is its order of no matter.
    lists = {"list", "tuple", "sorted", "join", "str", "repr", "ascii", "enumerate", "zip", "next", "min", "max", "sum", "format", "dumps", "reversed"}
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            name = getattr(node.func, "id", getattr(node.func, "attr", ""))
            if name in lists and name not in ("sorted",):
                return False
        if isinstance(node, (ast.comprehension, ast.JoinedStr)) or isinstance(node, ast.BinOp) and isinstance(node.op, ast.Mod):
            return False
    return "raises" not in found


def write(path, vectors):
    with open(path, "w", encoding="utf-8") as out:
        out.write("[\n")
        out.write(",\n".join(json.dumps(item, ensure_ascii=False) for item in vectors))
        out.write("\n]\n")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seed", type=int, default=20)
    parser.add_argument("--random", type=int, default=3_600, help="number of random expressions")
    options = parser.parse_args()
    assert sys.version_info[:2] == (3, 12), "the language is CPython 3.12's"
    warnings.simplefilter("ignore")
    lines = (FOLDER / "edge_cases.txt").read_text(encoding="utf-8").splitlines()
    assert len(lines) == len(set(lines)), "a case stands twice"
    write(FOLDER / "edge_cases.json", [found for line in lines if (found := vector(line, {}))])
    write(FOLDER / "random.json", random_vectors(options.seed, options.random))


if __name__ == "__main__":
    main()
