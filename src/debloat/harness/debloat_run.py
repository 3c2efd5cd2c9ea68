"""Runs a handler on all its events and writes what could be seen from outside. Runs in the user's interpreter.

    debloat_run.py REQUEST

REQUEST is JSON: `root`, `packages` (folders behind the root), `hidden` (folders that must not be found), `seed` (of hashes), `entry`, `platform`, `events` ([{event, context}]), `out`,
`overlay` (path of a module -> file with the text to use instead), `cache` (folder for compiled overlays), `trace` (write
evidence too), `rounds` (how often all events are run), `scratch` (a folder of its own). OUT is JSON.

With `serve` (`queue`, `modules`, `changing`) it is a fork server: it loads `modules`, none of which may need one of
`changing`, reads paths of further requests from the named pipe `queue`, and runs each in a fork, in which a module that
is held ready takes no time to import but is not imported before it is asked for. How a fork ended is in OUT with the
ending `.ended`.
"""

import os
import sys
import time

HARNESS = os.path.dirname(os.path.abspath(__file__))


def digest(data):
    import hashlib

    return hashlib.sha256(data).hexdigest()


class Outside:
    """What the process does to the world: audit events, as a sequence."""

    NAMES = {
        "socket.connect", "socket.bind", "socket.sendto", "socket.getaddrinfo", "subprocess.Popen", "os.system",
        "os.exec", "os.posix_spawn", "os.fork", "os.remove", "os.rename", "os.rmdir", "os.mkdir", "os.truncate",
        "os.symlink", "os.link", "os.chmod", "os.kill", "shutil.move", "shutil.rmtree", "sqlite3.connect",
        "ftplib.connect", "smtplib.connect", "smtplib.send", "http.client.connect", "http.client.send",
        "urllib.Request",
    }

    def __init__(self, own):
        self.calls = []
        self.written = set()
        self.read = set()
        self.sources = set()
        self.own = own
        self.on = False
        self.busy = False

    def hook(self, name, arguments):
        if name == "open":
            path, mode, flags = (tuple(arguments) + (None, None, None))[:3]
            if isinstance(path, bytes):
                path = os.fsdecode(path)
            if not isinstance(path, str):
                return
            if isinstance(flags, int) and flags & (os.O_WRONLY | os.O_RDWR | os.O_CREAT):
                if self.on and not path.startswith(self.own) and not path.startswith("/dev/"):
                    self.written.add(path)
                    self.calls.append(["open for writing", path])
            else:
                self.read.add(path)
                if path.endswith(".py"):
                    caller = sys._getframe(1).f_code.co_filename
                    if not caller.startswith("<frozen importlib") and caller != __file__:
                        # Not to import it: to show it, to hash it, to find things in it.
                        self.sources.add(path)
            return
        if not self.on or self.busy or name not in self.NAMES:
            return
        self.busy = True
        try:
            if any(isinstance(one, str) and one.startswith(self.own) for one in arguments):
                return
            self.calls.append([name] + [self.plain(one) for one in arguments[:4]])
        except Exception:
            self.calls.append([name])
        finally:
            self.busy = False

    VOLATILE = (b"date:", b"x-amz-date:", b"authorization:", b"amz-sdk-", b"x-amzn-trace-id:", b"user-agent:")

    def plain(self, value):
        if isinstance(value, (bytes, bytearray, memoryview)):
            value = bytes(value)
            lines = [line for line in value.split(b"\r\n") if not line.lower().startswith(self.VOLATILE)]
            return b"\r\n".join(lines).decode("latin-1")[:20000]
        if isinstance(value, (str, int, float, bool)) or value is None:
            return value
        if isinstance(value, (list, tuple)):
            return [self.plain(one) for one in value]
        if isinstance(value, dict):
            return {str(key): self.plain(one) for key, one in value.items()}
        return "<%s>" % type(value).__name__

    def files(self):
        """What was written, by content."""
        found = {}
        for path in sorted(self.written):
            try:
                with open(path, "rb") as file:
                    found[path] = digest(file.read())
            except OSError:
                found[path] = None
        self.written.clear()
        return found


def plain(value, depth=0):
    """A value as JSON can hold it, such that values that differ give texts that differ."""
    if value is None or isinstance(value, (bool, str)):
        return value if type(value) in (bool, str, type(None)) else [type(value).__name__, str(value)]
    if type(value) is int:
        return value if abs(value) < 1 << 53 else {"int": str(value)}
    if type(value) is float:
        return value if value == value and abs(value) != float("inf") else {"float": repr(value)}
    if depth > 60:
        return "<deep>"
    if isinstance(value, dict):
        pairs = [[plain(key, depth + 1), plain(one, depth + 1)] for key, one in value.items()]
        if all(type(key) is str for key, _ in pairs):
            return {key: one for key, one in pairs}
        return {"<%s>" % type(value).__name__: pairs}
    if type(value) in (list, tuple):
        return [plain(one, depth + 1) for one in value]
    if isinstance(value, (set, frozenset)):
        return {"<set>": sorted((plain(one, depth + 1) for one in value), key=repr)}
    if isinstance(value, (bytes, bytearray)):
        return {"<bytes>": digest(bytes(value)), "length": len(value)}
    import re

    kind = type(value)
    text = re.sub(r"0x[0-9a-f]+", "0x", repr(value))
    return {"<%s.%s>" % (kind.__module__, kind.__qualname__): text}


class Captured:
    """Standard output as a file, so that what a library in C writes is seen too."""

    def __init__(self, path):
        self.path = path
        self.file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_TRUNC, 0o600)
        os.set_inheritable(self.file, False)
        os.dup2(self.file, 1)

    def take(self, outside):
        on, outside.on = outside.on, False
        try:
            return self.taken()
        finally:
            outside.on = on

    def taken(self):
        try:
            sys.stdout.flush()
        except Exception:
            pass
        size = os.lseek(self.file, 0, os.SEEK_END)
        os.lseek(self.file, 0, os.SEEK_SET)
        data = b""
        while len(data) < size:
            part = os.read(self.file, size - len(data))
            if not part:
                break
            data += part
        os.ftruncate(self.file, 0)
        os.lseek(self.file, 0, os.SEEK_SET)
        return data.decode("utf-8", "replace")


def install_overlay(overlay, cache):
    """Modules whose text is to be another, without their files being changed."""
    import importlib.machinery as machinery
    import marshal

    loader = machinery.SourceFileLoader
    original = loader.get_code
    tag = sys.implementation.cache_tag or "python"

    def get_code(self, fullname):
        instead = overlay.get(self.path)
        if instead is None:
            return original(self, fullname)
        compiled = os.path.join(cache, os.path.basename(instead) + "." + tag)
        try:
            with open(compiled, "rb") as file:
                return marshal.loads(file.read())
        except (OSError, EOFError, ValueError, TypeError):
            pass
        with open(instead, "rb") as file:
            code = compile(file.read(), self.path, "exec", dont_inherit=True)
        part = "%s.%d" % (compiled, os.getpid())
        try:
            with open(part, "wb") as file:
                file.write(marshal.dumps(code))
            os.replace(part, compiled)
        except OSError:
            pass
        return code

    loader.get_code = get_code


class Evidence:
    """What an original run tells: who imported what from where, which functions ran, which modules changed others."""

    SKIPPED = {"sys", "builtins", "_frozen_importlib", "_frozen_importlib_external", "linecache", "re", "sre_compile",
               "typing", "abc", "functools", "__main__", "weakref", "_weakref", "enum", "zipimport", "_thread",
               "posixpath", "debloat_run", "importlib._bootstrap", "importlib._bootstrap_external", "importlib",
               "_warnings", "logging", "threading", "encodings", "_weakrefset", "_collections_abc", "collections.abc",
               "traceback", "inspect", "zipfile", "tempfile", "gc", "_imp", "meminterface_ondemand", "tokenize", "_io", "marshal", "posix", "time",
               "regex", "regex._main", "regex._regex_core"}

    def __init__(self):
        self.imports = []  # [module, [[importer, line], …]]: the statements that led to it, the outermost first
        self.stack = []
        self.functions = set()
        self.effects = {}
        self.watched = {}
        self.known = {}  # what is_own() compares with
        self.seen = set()
        self.spaces = {}  # name -> [its namespace, the names in it, how many]

    def profile(self, frame, event, argument):
        if event == "call":
            code = frame.f_code
            self.functions.add((code.co_filename, code.co_firstlineno))

    def watch(self, name):
        """Remembers the containers that a module holds: a registry shows by its length."""
        module = sys.modules.get(name)
        if module is None or name in self.SKIPPED or name in self.seen:
            return
        space = getattr(module, "__dict__", None)
        if not isinstance(space, dict):
            return
        self.seen.add(name)
        kinds = (dict, list, set)
        found = []
        for key, value in list(space.items()):
            if key.startswith("__") or key == "onceregistry" or "cache" in key.lower():
                # What is in a cache is found out again.
                continue
            try:
                if isinstance(value, kinds):
                    found.append(value)
                elif isinstance(value, type):
                    if value.__module__ == name:
                        inside = type.__getattribute__(value, "__dict__")
                        # Methods that others give it: `setattr(cls, name, function)` in a decorator.
                        found.append(inside)
                        for one in list(inside.values()):
                            if isinstance(one, kinds):
                                found.append(one)
                else:
                    inner = getattr(type(value), "__module__", "")
                    if inner != "builtins" and not isinstance(value, type(sys)):
                        try:
                            inside = object.__getattribute__(value, "__dict__")
                        except AttributeError:
                            continue
                        if isinstance(inside, dict):
                            for one in list(inside.values())[:50]:
                                if isinstance(one, kinds):
                                    found.append(one)
            except Exception:
                continue
        self.watched[name] = [found, list(map(len, found))]
        if name in self.WATCHED:
            self.known[name] = self.state(name)

    def check(self, culprit):
        # Our own calls are none of the application's, and would be slow to report.
        sys.setprofile(None)
        try:
            self.compare(culprit)
        finally:
            sys.setprofile(self.profile)

    def compare(self, culprit):
        # Names that a module gets from another: only the innermost of those that are being imported can have run.
        for name in self.stack:
            if name not in self.spaces:
                self.see(name)
        for name, entry in self.spaces.items():
            space = entry[0]
            if len(space) != entry[2]:
                new = set(space) - entry[1]
                entry[1].update(new)
                entry[2] = len(space)
                if culprit is None or culprit == name:
                    continue
                for one in new:
                    if isinstance(one, str) and not one.startswith("__") and name + "." + one not in sys.modules:
                        self.effects.setdefault(culprit, set()).add(name)
        for name, pair in self.watched.items():
            lengths = list(map(len, pair[0]))
            if lengths != pair[1]:
                pair[1] = lengths
                if self.is_own(name, culprit):
                    continue
                if culprit is not None and culprit != name:
                    self.effects.setdefault(culprit, set()).add(name)

    THREADS = ("KMP_", "OMP_", "MKL_", "OPENBLAS_", "NUMEXPR_", "VECLIB_", "BLIS_")

    # `copy` and `pickle` hold the table of `copyreg`.
    WATCHED = ("warnings", "os", "copyreg", "copy", "pickle")

    def is_own(self, name, culprit):
        """Whether what changed there matters to the one who changed it alone: which warnings are shown, how objects of
        its own classes are pickled, how many threads its libraries start, what was looked up before."""
        if name in ("_ctypes", "ctypes", "platform"):
            return True
        if name not in self.WATCHED:
            return False
        before = self.known.get(name)
        if before is None:
            return False
        try:
            now = self.known[name] = self.state(name)
            new = [one for one in now if one not in before]
            if name == "warnings":
                return all(one[0] != "error" for one in new)
            if name == "os":
                return bool(new) and all(one.startswith(self.THREADS) for one in new)
            others = set(getattr(sys, "stdlib_module_names", ())) | {"builtins", "types", "re", "ctypes", "collections"}
            return bool(new) and all(one.__module__.split(".")[0] not in others for one in new)
        except Exception:
            return False

    def state(self, name):
        module = sys.modules[name]
        if name == "warnings":
            return list(module.filters)
        return set(module.environ) if name == "os" else set(module.dispatch_table)

    def see(self, name):
        space = getattr(sys.modules.get(name), "__dict__", None)
        if isinstance(space, dict) and name not in self.SKIPPED:
            self.spaces[name] = [space, set(space), len(space)]

    def executed(self, original):
        def find_and_load(name, import_):
            self.check(self.stack[-1] if self.stack else None)
            chain = []
            frame = sys._getframe(1)
            while frame is not None:
                code = frame.f_code
                if code.co_name == "<module>":
                    chain.append([frame.f_globals.get("__name__") or "", frame.f_lineno])
                frame = frame.f_back
            chain.reverse()
            self.imports.append([name, chain])
            self.stack.append(name)
            try:
                return original(name, import_)
            finally:
                self.check(name)
                self.stack.pop()
                self.watch(name)
                if name not in self.spaces:
                    self.see(name)

        return find_and_load

    def start(self):
        bootstrap = sys.modules["_frozen_importlib"]
        bootstrap._find_and_load_unlocked = self.executed(bootstrap._find_and_load_unlocked)
        for name in sorted(sys.modules):
            self.watch(name)
        import threading

        threading.setprofile(self.profile)
        sys.setprofile(self.profile)

    def stop(self):
        self.profile = None
        sys.setprofile(None)

    def classes(self):
        """Classes whose making may have had an effect: a metaclass of its own, or `__init_subclass__`."""
        import abc

        odd = {}
        for name, module in sorted(sys.modules.items()):
            space = getattr(module, "__dict__", None)
            if not isinstance(space, dict):
                continue
            for key, value in list(space.items()):
                try:
                    if isinstance(value, type) and value.__module__ == name:
                        inherited = any("__init_subclass__" in base.__dict__ for base in value.__mro__[1:-1])
                        if type(value) not in (type, abc.ABCMeta) or inherited:
                            odd.setdefault(name, []).append(key)
                except Exception:
                    continue
        return odd


class Identity:
    cognito_identity_id = None
    cognito_identity_pool_id = None


class Context:
    """A context object whose values are the same in every run."""

    def __init__(self, name, given):
        self.aws_request_id = "00000000-0000-4000-8000-000000000000"
        self.invoked_function_arn = "arn:aws:lambda:us-east-1:123456789012:function:" + name
        self.log_group_name = "/aws/lambda/" + name
        self.log_stream_name = "debloat"
        self.function_name = name
        self.memory_limit_in_mb = "128"
        self.function_version = "$LATEST"
        self.client_context = None
        self.identity = Identity()
        self.tenant_id = None
        for key, value in (given or {}).items():
            try:
                setattr(self, key, value)
            except Exception:
                pass

    def get_remaining_time_in_millis(self):
        return 30000

    def log(self, message):
        sys.stdout.write(str(message))


def fault(error):
    import traceback

    return {
        "type": type(error).__name__,
        "message": str(error)[:4000],
        "traceback": "".join(traceback.format_exception(type(error), error, error.__traceback__))[-8000:],
    }


def main():
    import json

    with open(sys.argv[1], "rb") as file:
        request = json.loads(file.read().decode("utf-8"))
    if os.environ.get("PYTHONHASHSEED") != request["seed"]:
        # The order of sets is decided before Python starts.
        os.environ["PYTHONHASHSEED"] = request["seed"]
        os.execv(sys.executable, [sys.executable, "-B"] + sys.argv)
    try:
        os.close(3)
    except OSError:
        pass
    hidden = set(request["hidden"])
    sys.path[:] = [folder for folder in sys.path if os.path.abspath(folder) not in hidden]
    # The harness is on no path of the user's code.
    sys.path[0:1] = [request["root"]]
    for folder in request["packages"]:
        if folder not in sys.path:
            sys.path.append(folder)
    sys.dont_write_bytecode = True
    if request.get("serve"):
        serve(request["serve"])
    else:
        answer(request)


class Ready:
    """Modules that are loaded but not imported: whoever imports one gets it at once, with what it imported."""

    def __init__(self):
        self.modules = {}
        self.needs = {}  # name -> modules that it asked for while it ran
        self.stack = []
        self.tainted = set()
        self.changing = set()
        self.companions = {}  # name -> names below it that it registers itself
        self.registered = set()

    def find_spec(self, name, path=None, target=None):
        if name in self.changing:
            # What needs this one cannot be held ready, whatever it does without it.
            self.tainted.update(self.stack)
            raise ImportError("not now: " + name)
        if name in self.modules and not self.stack:
            # An import here would ask us again.
            kind = sys.modules["_frozen_importlib"].ModuleSpec
            return kind(name, self, is_package=hasattr(self.modules[name], "__path__"))
        return None

    def create_module(self, spec):
        return self.modules[spec.name]

    def exec_module(self, module):
        name = module.__spec__.name
        original = self.specs[name]
        module.__spec__ = original
        module.__loader__ = self.loaders[name]
        # What a module that is no package has registered below its name: `typing.io`.
        for one in self.companions.get(name, ()):
            sys.modules.setdefault(one, self.modules[one])
        for one in self.needs.get(name, ()):
            if one in self.modules and one not in sys.modules and one not in self.registered:
                __import__(one)

    def load(self, modules, changing):
        """Loads modules, then takes them out of what is imported."""
        import builtins
        import importlib

        bootstrap = sys.modules["_frozen_importlib"]
        inner, plain_import = bootstrap._find_and_load_unlocked, builtins.__import__
        before = set(sys.modules)
        self.changing = set(changing)

        def find_and_load(name, import_):
            for one in self.stack[-1:]:
                self.needs.setdefault(one, []).append(name)
            self.stack.append(name)
            try:
                return inner(name, import_)
            finally:
                self.stack.pop()

        def importing(name, globals=None, locals=None, fromlist=(), level=0):
            found = plain_import(name, globals, locals, fromlist, level)
            if self.stack and globals is not None:
                # Modules that were there already are needed all the same.
                owner, full = self.stack[-1], name
                if level:
                    package = globals.get("__package__") or ""
                    package = package.rsplit(".", level - 1)[0] if level > 1 else package
                    full = package + "." + name if name else package
                needs = self.needs.setdefault(owner, [])
                needs.append(full)
                needs.extend(full + "." + one for one in fromlist or () if isinstance(one, str))
            return found

        bootstrap._find_and_load_unlocked, builtins.__import__ = find_and_load, importing
        sys.meta_path.insert(0, self)
        try:
            for name in modules:
                try:
                    importlib.import_module(name)
                except BaseException:
                    self.tainted.add(name)
        finally:
            bootstrap._find_and_load_unlocked, builtins.__import__ = inner, plain_import
            self.changing = set()
        loaded = {name: module for name, module in list(sys.modules.items()) if name not in before}
        wanted = set(modules)
        # A name below a module that is no package was put there by that module.
        parents = {name: name.rpartition(".")[0] for name in loaded}
        made = {name for name, one in parents.items() if one in loaded and not hasattr(loaded[one], "__path__")}
        bad = self.tainted.union(name for name in loaded if name not in wanted and name not in made)
        while True:
            more = {name for name in loaded if name not in bad and bad.intersection(self.needs.get(name, ()))}
            if not more:
                break
            bad |= more
        for name, module in loaded.items():
            del sys.modules[name]
            parent, _, child = name.rpartition(".")
            holder = loaded.get(parent) or sys.modules.get(parent)
            if holder is not None and getattr(holder, "__dict__", {}).get(child) is module:
                try:
                    delattr(holder, child)
                except AttributeError:
                    pass
        self.modules = {name: module for name, module in loaded.items() if name not in bad}
        self.specs = {name: getattr(module, "__spec__", None) for name, module in self.modules.items()}
        self.loaders = {name: getattr(module, "__loader__", None) for name, module in self.modules.items()}
        for name in self.modules:
            parent = name.rpartition(".")[0]
            if parent in self.modules and not hasattr(self.modules[parent], "__path__"):
                self.companions.setdefault(parent, []).append(name)
                self.registered.add(name)


def serve(request):
    """Runs requests in forks, one after the other, until it is killed."""
    import gc
    import json
    import signal

    ready = Ready()
    ready.load(request["modules"], request["changing"])
    gc.freeze()
    # A `/tmp` of our own is empty but for what leads to folders that are shown in it: only such a one is swept.
    temporary = os.environ.get("TMPDIR") or "/tmp"
    there = set(os.listdir(temporary))
    os.mkfifo(request["queue"], 0o600)
    # Open for writing too, so that there is no end of the file.
    queue = os.fdopen(os.open(request["queue"], os.O_RDWR), "rb", 0)
    with open(os.path.splitext(request["queue"])[0] + ".ready", "w"):
        pass
    while True:
        path = queue.readline().decode("utf-8", "surrogateescape").rstrip("\n")
        child = os.fork()
        if child == 0:
            os.setpgid(0, 0)
            queue.close()
            with open(path, "rb") as file:
                own = json.loads(file.read().decode("utf-8"))
            code = 1
            try:
                answer(own)
                code = 0
            except BaseException:
                import traceback

                traceback.print_exc()
            finally:
                sys.stdout.flush()
                sys.stderr.flush()
                os._exit(code)
        _, status = os.waitpid(child, 0)
        try:
            os.killpg(child, signal.SIGKILL)
        except OSError:
            pass
        if len(there) <= 3:
            sweep(temporary, there)
        code = -os.WTERMSIG(status) if os.WIFSIGNALED(status) else os.WEXITSTATUS(status)
        with open(path, "rb") as file:
            out = json.loads(file.read().decode("utf-8"))["out"]
        ended = os.path.splitext(out)[0] + ".ended"
        with open(ended + ".part", "w") as file:
            file.write(str(code))
        os.replace(ended + ".part", ended)


def sweep(folder, there):
    """Removes what a run left in its `/tmp`."""
    for name in os.listdir(folder):
        if name in there:
            continue
        path = os.path.join(folder, name)
        for top, folders, files in os.walk(path, topdown=False):
            for one in files + folders:
                one = os.path.join(top, one)
                try:
                    os.rmdir(one) if os.path.isdir(one) and not os.path.islink(one) else os.remove(one)
                except OSError:
                    pass
        try:
            os.rmdir(path) if os.path.isdir(path) and not os.path.islink(path) else os.remove(path)
        except OSError:
            pass


def answer(request):
    """Runs the handler on all events, and writes what was seen."""
    import json

    scratch = request["scratch"]
    result = {"complete": False, "init": None, "events": [], "ondemand": []}
    captured = Captured(os.path.join(scratch, "stdout"))
    if request["ondemand"]:
        import importlib.util as util

        spec = util.spec_from_file_location("meminterface_ondemand", os.path.join(HARNESS, "meminterface_ondemand.py"))
        ondemand = util.module_from_spec(spec)
        sys.modules["meminterface_ondemand"] = ondemand
        spec.loader.exec_module(ondemand)
        ondemand.FOLDER = request["ondemand"]
        ondemand.observer = lambda module, name: result["ondemand"].append([module, name, phase[0]])
    elif os.path.isfile(os.path.join(request["root"], "meminterface_ondemand.py")):
        import meminterface_ondemand as ondemand

        ondemand.observer = lambda module, name: result["ondemand"].append([module, name, phase[0]])
    phase = ["init"]
    if request["overlay"]:
        install_overlay(request["overlay"], request["cache"])
    adapters = None
    if request["platform"] in ("google-cloud", "azure"):
        sys.path.append(HARNESS)
        import meminterface_client
        import meminterface_platforms as adapters
    before = set(sys.modules)
    sys.argv = [os.path.join(request["root"], "bootstrap")]
    outside = Outside(HARNESS)
    sys.addaudithook(outside.hook)
    evidence = None
    if request["trace"]:
        import importlib
        import traceback  # noqa: F401
        import threading  # noqa: F401

        before = set(sys.modules)
        evidence = Evidence()
        evidence.start()
    outside.on = True

    def write():
        if evidence is not None:
            evidence.stop()
        outside.on = False
        loaded = []
        for name, module in list(sys.modules.items()):
            file = getattr(module, "__file__", None)
            loaded.append([name, file if isinstance(file, str) else None])
        result["modules"] = sorted(loaded)
        result["present"] = sorted(before)
        result["read"] = sorted(outside.read)
        result["sources"] = sorted(outside.sources)
        if evidence is not None:
            result["evidence"] = {
                "imports": evidence.imports,
                "functions": sorted(list(one) for one in evidence.functions),
                "effects": {key: sorted(value) for key, value in sorted(evidence.effects.items())},
                "classes": evidence.classes(),
                "names": {
                    name: sorted(one for one in vars(module) if isinstance(one, str))
                    for name, module in list(sys.modules.items())
                    if isinstance(getattr(module, "__dict__", None), dict)
                },
            }
        part = request["out"] + ".part"
        with open(part, "w") as file:
            json.dump(result, file)
        os.replace(part, request["out"])

    import importlib

    begin = time.perf_counter()
    init = {"error": None}
    try:
        module, _, name = request["entry"].rpartition(".")
        if adapters is None:
            handler = getattr(importlib.import_module(module.replace("/", ".")), name)
        else:
            handler = adapters.adapt(request["entry"], request["platform"], meminterface_client.load)
    except BaseException as error:
        init["error"] = fault(error)
        handler = None
    init["seconds"] = time.perf_counter() - begin
    init["stdout"] = captured.take(outside)
    init["calls"], outside.calls = outside.calls, []
    init["files"] = outside.files()
    init["modules"] = sorted(name for name in sys.modules if name not in before)
    result["init"] = init
    if handler is None:
        write()
        return
    for round in range(request["rounds"]):
        for number, test in enumerate(request["events"]):
            phase[0] = "event %d" % number
            # What a process that ends in the middle leaves behind says how far it came.
            result["last"] = number
            event = json.loads(test["event"])
            one = {"value": None, "error": None}
            context = Context(request["name"], test.get("context"))
            begin = time.perf_counter()
            try:
                one["value"] = plain(handler(event, context))
            except BaseException as error:
                one["error"] = fault(error)
                if isinstance(error, (KeyboardInterrupt, SystemExit)):
                    one["ended"] = True
            one["seconds"] = time.perf_counter() - begin
            one["stdout"] = captured.take(outside)
            one["calls"], outside.calls = outside.calls, []
            one["files"] = outside.files()
            result["events"].append(one)
    phase[0] = "after"
    result["complete"] = True
    write()
    sys.stdout.flush()
    # Threads that the handler left must not keep the process.
    os._exit(0)


if __name__ == "__main__":
    main()
