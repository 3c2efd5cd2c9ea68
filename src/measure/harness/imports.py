"""Imports a module and writes what each module cost on the way. Runs in the user's interpreter.

    imports.py ROOT MODULE OUT

Each import that executes a module is measured from outside of it: time, anonymous and resident memory before and after,
read from /proc/self/smaps_rollup (exact to the page). Every import statement is noted too, also of modules that were
there already: who needs whom decides what would go if a module went.
"""

import os
import sys
import time

os.set_inheritable(3, False)
ROLLUP = b"/proc/self/smaps_rollup"


def memory():
    """Anonymous and resident memory now, in KiB."""
    descriptor = os.open(ROLLUP, os.O_RDONLY)
    try:
        text = os.read(descriptor, 4096)
    finally:
        os.close(descriptor)
    anonymous = resident = 0
    for line in text.split(b"\n"):
        if line.startswith(b"Rss:"):
            resident = int(line.split()[1])
        elif line.startswith(b"Anonymous:"):
            anonymous = int(line.split()[1])
    return anonymous, resident


class Recorder:
    """What was executed, in the order of its beginning, and who asked for what."""

    def __init__(self):
        self.modules = []  # [name, parent, ns, anonymous KiB, resident KiB, failed]: all of them cumulative
        self.stack = []
        self.edges = {}
        self.overhead = 0

    def executed(self, original):
        def find_and_load(name, import_):
            begin_reading = time.perf_counter_ns()
            before = memory()
            entry = [name, self.stack[-1] if self.stack else -1, 0, 0, 0, True]
            self.stack.append(len(self.modules))
            self.modules.append(entry)
            begin = time.perf_counter_ns()
            self.overhead += begin - begin_reading
            overhead = self.overhead
            try:
                result = original(name, import_)
                entry[5] = False
                return result
            finally:
                end = time.perf_counter_ns()
                after = memory()
                self.stack.pop()
                # What measuring took within is not the module's.
                entry[2] = end - begin - (self.overhead - overhead)
                entry[3] = after[0] - before[0]
                entry[4] = after[1] - before[1]
                self.overhead += time.perf_counter_ns() - end

        return find_and_load

    def asked(self, original):
        edges = self.edges

        def __import__(name, globals=None, locals=None, fromlist=(), level=0):
            result = original(name, globals, locals, fromlist, level)
            try:
                importer = globals["__name__"] if globals else ""
                wanted = edges.setdefault(importer, set())
                if level:
                    package = globals.get("__package__") or importer
                    base = package.rsplit(".", level - 1)[0] if level > 1 else package
                    full = base + "." + name if name else base
                else:
                    full = name
                wanted.add(full)
                for part in fromlist or ():
                    if isinstance(part, str) and part != "*" and full + "." + part in sys.modules:
                        wanted.add(full + "." + part)
            except Exception:
                pass  # A caller with odd globals: its edge is lost, the import is not.
            return result

        return __import__


def text(value):
    """A JSON string, in ASCII."""
    out = ['"']
    for char in value:
        code = ord(char)
        if char in '"\\':
            out.append("\\" + char)
        elif 32 <= code < 127:
            out.append(char)
        elif code < 0x10000:
            out.append("\\u%04x" % code)
        else:
            code -= 0x10000
            out.append("\\u%04x\\u%04x" % (0xD800 + (code >> 10), 0xDC00 + (code & 0x3FF)))
    return "".join(out) + '"'


def main():
    root, module, out = sys.argv[1:4]
    sys.path[0] = root
    sys.argv = [out]
    try:
        os.close(3)
    except OSError:
        pass
    import builtins
    import importlib

    recorder = Recorder()
    start = memory()
    present = sorted(sys.modules)
    bootstrap = sys.modules["_frozen_importlib"]
    original_import = builtins.__import__
    if hasattr(bootstrap, "_find_and_load_unlocked"):
        bootstrap._find_and_load_unlocked = recorder.executed(bootstrap._find_and_load_unlocked)
    builtins.__import__ = recorder.asked(original_import)
    try:
        importlib.import_module(module)
    finally:
        builtins.__import__ = original_import
    lines = []
    for name, parent, ns, anonymous, resident, failed in recorder.modules:
        file = getattr(sys.modules.get(name), "__file__", None)
        lines.append(
            '{"name":%s,"parent":%d,"ns":%d,"anonymous_kib":%d,"resident_kib":%d,"failed":%s,"file":%s}'
            % (
                text(name),
                parent,
                ns,
                anonymous,
                resident,
                "true" if failed else "false",
                text(file) if isinstance(file, str) else "null",
            )
        )
    edges = ["%s:[%s]" % (text(str(k)), ",".join(text(v) for v in sorted(vs))) for k, vs in sorted(recorder.edges.items())]
    with open(out, "w") as file:
        file.write('{"start_anonymous_kib":%d,"start_resident_kib":%d,' % start)
        file.write('"present":[%s],' % ",".join(text(name) for name in present))
        file.write('"modules":[%s],"edges":{%s}}' % (",\n".join(lines), ",\n".join(edges)))


if __name__ == "__main__":
    main()
