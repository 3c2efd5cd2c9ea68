"""Notes the values of memory-critical variables while the handler runs. Runs in the user's interpreter.

The variables are places of the source: (file, line, kind, expression). Files that hold some are compiled from a changed
syntax tree, in memory only: an expression `e` becomes `record(n, e)`, which gives back what it was given; a loop counts
its iterations; a `try` says what raised in it. What the handler computes stays the same.
"""

import ast
import builtins
import functools
import json
import linecache
import os
import random
import re
from importlib.machinery import SourceFileLoader

MOST = 10_000
LONGEST = 2_000


class Recorder:
    def __init__(self, points, out):
        self.points = points
        self.out = out
        self.values = {}
        self.counts = {}
        self.why = {}
        self.open_loops = {}
        self.has_raised = set()
        self.random = random.Random(0)

    # What the changed code calls.

    def value(self, number, value):
        self.add(number, value)
        return value

    def length(self, number, value):
        try:
            self.add(number, len(value))
        except TypeError:
            self.why.setdefault(number, "it has no length")
        return value

    def loop(self, number, iterable):
        count = 0
        try:
            for item in iterable:
                count += 1
                yield item
        finally:
            self.add(number, count)

    def begin(self, number):
        self.end(number)
        self.open_loops[number] = 0

    def tick(self, number):
        self.open_loops[number] = self.open_loops.get(number, 0) + 1

    def end(self, number):
        count = self.open_loops.pop(number, None)
        if count is not None:
            self.add(number, count)

    def raised(self, number, error):
        """Notes which call an exception came from, by the interface's name for it: the innermost that it knows."""
        self.has_raised.add(number)
        names = self.points[number].get("values", [])
        bases = {}
        for name in names:
            bases.setdefault(re.sub(r"_[0-9]+$", "", name), name)
        places = []
        frame = error.__traceback__
        while frame is not None:
            places.append((frame.tb_frame.f_code.co_filename, frame.tb_lineno))
            frame = frame.tb_next
        for file, line in reversed(places):
            for called in re.findall(r"([A-Za-z_][A-Za-z0-9_]*)\s*\(", linecache.getline(file, line)):
                if snake(called) in bases:
                    self.add(number, bases[snake(called)])
                    return
        self.why.setdefault(number, "%s came from no call that the interface names" % type(error).__name__)

    def passed(self, number):
        if number in self.has_raised:
            self.has_raised.discard(number)
        else:
            self.add(number, None)

    # What it comes to.

    def add(self, number, value):
        if isinstance(value, float) and value != value or not plain(value):
            try:
                value = {"len": len(value)}
            except Exception:
                self.why.setdefault(number, "its values are no plain data (%s)" % type(value).__name__)
                return
        count = self.counts.get(number, 0)
        self.counts[number] = count + 1
        kept = self.values.setdefault(number, [])
        if len(kept) < MOST:
            kept.append(value)
        else:
            # A sample of all of them, each as likely as the other.
            at = self.random.randrange(count + 1)
            if at < MOST:
                kept[at] = value

    def write(self):
        for number in list(self.open_loops):
            self.end(number)
        text = json.dumps({"values": self.values, "counts": self.counts, "why": self.why})
        with open(self.out + ".part", "w") as file:
            file.write(text)
        os.replace(self.out + ".part", self.out)


def snake(name):
    """`BytesIO` as the interface writes it: `bytes_io`."""
    name = re.sub(r"([A-Z]+)([A-Z][a-z])", r"\1_\2", name)
    return re.sub(r"([a-z0-9])([A-Z])", r"\1_\2", name).lower().strip("_")


def plain(value):
    if value is None or isinstance(value, (bool, int)):
        return True
    if isinstance(value, float):
        return abs(value) != float("inf")
    if isinstance(value, str):
        return len(value) <= LONGEST
    return isinstance(value, (list, tuple)) and len(value) <= 100 and all(plain(item) for item in value)


def same(text):
    """A text of an expression without its spaces and quotes' kinds; none if it is no expression."""
    try:
        return ast.dump(ast.parse(text.strip(), mode="eval").body)
    except (SyntaxError, ValueError, RecursionError):
        return None


def call(name, *words):
    function = ast.Attribute(ast.Name("__meminterface__", ast.Load()), name, ast.Load())
    return ast.Call(function, list(words), [])


class Change(ast.NodeTransformer):
    """Puts the recorder's calls around what the points name."""

    def __init__(self, points):
        self.by_line = {}
        for number, point in points:
            meaning = point["meaning"]
            expected = {same(meaning): "value"}
            if meaning.startswith("len(") and meaning.endswith(")"):
                # The length of something that stands there.
                expected.setdefault(same(meaning[4:-1]), "length")
            expected.pop(None, None)
            self.by_line.setdefault(point["line"], []).append((number, point, expected))
        self.found = set()

    def is_of_loop(self, point):
        return point["meaning"].startswith("iterations")

    def generic_visit(self, node):
        node = super().generic_visit(node)
        if isinstance(node, ast.expr) and isinstance(getattr(node, "ctx", ast.Load()), ast.Load) and hasattr(node, "lineno"):
            for number, _, expected in self.by_line.get(node.lineno, ()):
                how = expected.get(self.original.get(id(node)))
                if how is not None and number not in self.found:
                    self.found.add(number)
                    return ast.copy_location(call(how, ast.Constant(number), node), node)
        return node

    def change(self, tree):
        # Before anything is changed: what each expression on a line of interest is.
        self.original = {
            id(node): ast.dump(node)
            for node in ast.walk(tree)
            if isinstance(node, ast.expr) and getattr(node, "lineno", None) in self.by_line
        }
        return ast.fix_missing_locations(self.visit(tree))

    def visit_For(self, node):
        line = node.lineno
        node = super().generic_visit(node)
        for number, point, _ in self.by_line.get(line, ()):
            if point["kind"] == "trip-count" and self.is_of_loop(point) and number not in self.found:
                self.found.add(number)
                node.iter = ast.copy_location(call("loop", ast.Constant(number), node.iter), node.iter)
        return node

    def visit_comprehension(self, node):
        line = node.iter.lineno
        node = super().generic_visit(node)
        for number, point, _ in self.by_line.get(line, ()):
            if point["kind"] == "trip-count" and self.is_of_loop(point) and number not in self.found and not node.is_async:
                self.found.add(number)
                node.iter = ast.copy_location(call("loop", ast.Constant(number), node.iter), node.iter)
        return node

    def visit_While(self, node):
        line = node.lineno
        node = super().generic_visit(node)
        for number, point, _ in self.by_line.get(line, ()):
            if point["kind"] == "trip-count" and self.is_of_loop(point) and number not in self.found:
                self.found.add(number)
                node.body.insert(0, ast.copy_location(ast.Expr(call("tick", ast.Constant(number))), node))
                return [ast.copy_location(ast.Expr(call("begin", ast.Constant(number))), node), node]
        return node

    def visit_Try(self, node):
        line = node.lineno
        node = super().generic_visit(node)
        for number, point, _ in self.by_line.get(line, ()):
            if point["kind"] == "exception" and number not in self.found:
                self.found.add(number)
                # An outer `try` that says what happened, and lets it happen.
                note = call("raised", ast.Constant(number), ast.Name("__raised__", ast.Load()))
                handler = ast.ExceptHandler(
                    ast.Name("BaseException", ast.Load()), "__raised__", [ast.Expr(note), ast.Raise(None, None)]
                )
                inner = ast.copy_location(ast.Try(node.body, [handler], [], [ast.Expr(call("passed", ast.Constant(number)))]), node)
                node.body = [inner]
        return node


def install(points_file, out, client):
    with open(points_file) as file:
        points = json.load(file)
    recorder = Recorder(points, out)
    builtins.__meminterface__ = recorder
    files = {}
    for number, point in enumerate(points):
        if point["kind"] == "environment":
            name = re.match(r"environment variable (\w+)", point["meaning"])
            if name:
                recorder.add(number, os.environ.get(name.group(1)))
        else:
            files.setdefault(os.path.realpath(point["file"]), []).append((number, point))
    original = SourceFileLoader.get_code

    def get_code(self, fullname):
        path = self.get_filename(fullname)
        wanted = files.get(os.path.realpath(path))
        if not wanted:
            return original(self, fullname)
        change = Change(wanted)
        tree = change.change(ast.parse(self.get_data(path), path))
        for number, _ in wanted:
            if number not in change.found:
                recorder.why[number] = "its expression does not stand on that line as it is"
        return compile(tree, path, "exec", dont_inherit=True)

    SourceFileLoader.get_code = get_code
    load = client.load

    def load_and_watch(entry):
        handler = load(entry)
        recorder.write()
        if not callable(handler) or hasattr(handler, "_function"):
            # What decorators of Azure made is taken apart by its adapter: values are written at the end alone.
            return handler

        @functools.wraps(handler, updated=())
        def watched(*words, **named):
            try:
                return handler(*words, **named)
            finally:
                recorder.write()

        return watched

    client.load = load_and_watch
    return recorder
