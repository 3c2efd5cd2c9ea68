"""Traces one callable of a workload file: each call in a fork of this interpreter, measured in several ways.

    learn_run.py --list FILE…                     the workloads of the files, as JSON
    learn_run.py --label NAME --scratch DIR FILE  jobs as JSON lines on standard input, traces as JSON lines

This runs in the user's interpreter (3.9 or later, Linux). docs/LEARNING.md has the form of a trace. Standard output of
what is measured is swallowed; traces go to the descriptor that was standard output at the start.
"""

import argparse
import contextlib
import ctypes
import gc
import importlib.metadata
import importlib.util
import json
import os
import pathlib
import platform
import random
import resource
import select
import signal
import subprocess
import sys
import time
import traceback
import zlib

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))

import meminterface_workloads as workloads  # noqa: E402

PLATFORM = f"{sys.platform}-{platform.machine()}"


def load(path):
    """Runs a workload file; gives the problem, if there is one."""
    path = pathlib.Path(path)
    spec = importlib.util.spec_from_file_location(f"meminterface_workload_{path.stem}", path)
    before = set(workloads.WORKLOADS)
    workloads.Workload.file = str(path)  # of those that a file declared before it failed, too
    try:
        spec.loader.exec_module(importlib.util.module_from_spec(spec))
    except ModuleNotFoundError as error:
        return {"file": str(path), "problem": f"{error.name} is not installed", "missing": error.name}
    except BaseException as error:  # noqa: BLE001 - a workload file may do anything
        return {"file": str(path), "problem": f"{type(error).__name__}: {error}"}
    for label, spec in workloads.WORKLOADS.items():
        if label not in before:
            spec.file = str(path)
    return None


def version_of(library, distribution=None):
    """Version of a library by the name that it is imported by."""
    if library in sys.stdlib_module_names if hasattr(sys, "stdlib_module_names") else library in ("python", "builtins"):
        return platform.python_version()
    if library in ("python", "builtins"):
        return platform.python_version()
    names = [distribution] if distribution else [library, {"PIL": "pillow", "bs4": "beautifulsoup4", "sklearn": "scikit-learn",
                                                           "yaml": "PyYAML", "cv2": "opencv-python"}.get(library, library)]
    for name in names:
        try:
            return importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            continue
    module = sys.modules.get(library)
    return str(getattr(module, "__version__", "")) or None


# ---- the process ------------------------------------------------------------------------------------------------------


def status(*fields):
    """Fields of /proc/self/status, in bytes."""
    found = dict.fromkeys(fields, 0)
    with open("/proc/self/status") as lines:
        for line in lines:
            name = line.partition(":")[0]
            if name in found:
                found[name] = int(line.split()[1]) * 1024
    return [found[name] for name in fields]


def threads():
    try:
        return len(os.listdir("/proc/self/task"))
    except OSError:
        return 1


def prefault():
    """Maps all pages of files that are mapped already: what a call touches of code is not what it needs."""
    try:
        madvise = ctypes.CDLL(None, use_errno=True).madvise
    except (OSError, AttributeError):
        return
    populate_read = 22
    with open("/proc/self/maps") as lines:
        mappings = lines.read().splitlines()
    for line in mappings:
        parts = line.split(None, 5)
        if len(parts) < 6 or not parts[5].startswith("/") or not parts[1].startswith("r") or parts[1].endswith("s"):
            continue
        start, end = (int(number, 16) for number in parts[0].split("-"))
        madvise(ctypes.c_void_p(start), ctypes.c_size_t(end - start), populate_read)


def alive(pid):
    with open(f"/proc/{pid}/stat") as text:
        return text.read().rpartition(")")[2].split()[0] != "Z"


def children_of(pid):
    """Processes below one."""
    found, pending = [], [pid]
    while pending:
        one = pending.pop()
        try:
            for task in os.listdir(f"/proc/{one}/task"):
                with open(f"/proc/{one}/task/{task}/children") as text:
                    for child in text.read().split():
                        if alive(child):
                            found.append(int(child))
                            pending.append(int(child))
        except (OSError, ValueError):
            continue
    return found


def private(pid):
    """Anonymous and shared memory of a process, in bytes."""
    try:
        with open(f"/proc/{pid}/status") as lines:
            return sum(int(line.split()[1]) * 1024 for line in lines if line.startswith(("RssAnon", "RssShmem")))
    except (OSError, ValueError):
        return 0


# ---- one measure, in a child ---------------------------------------------------------------------------------------------


def seed_of(label, point, repetition):
    return zlib.crc32(json.dumps([label, sorted(point.items()), repetition], default=repr).encode())


def make(spec, point, seed):
    rng = random.Random(seed)
    random.seed(seed)
    numpy = sys.modules.get("numpy")
    if numpy is not None:
        numpy.random.seed(seed & 0xFFFFFFFF)
    made = spec.make(rng, **spec.decoded(point))
    if not isinstance(made, workloads.Call):
        raise TypeError(f"the workload gives {type(made).__name__}, not call(…)")
    return made


def heap_stats(path):
    """(demand, peak, live) of a memray file, in bytes."""
    import memray
    from memray._memray import compute_statistics

    stats = compute_statistics(path, report_progress=False, num_largest=1)
    with memray.FileReader(path) as reader:
        live = sum(record.size for record in reader.get_leaked_allocation_records(merge_threads=True))
    return stats.total_memory_allocated, stats.peak_memory_allocated, live


@contextlib.contextmanager
def heap_file(scratch):
    """The path of a file for memray, removed afterwards."""
    path = os.path.join(scratch, f"heap-{os.getpid()}.bin")
    try:
        yield path
    finally:
        try:
            os.unlink(path)
        except OSError:
            pass


def tracker_of(path):
    import memray

    return memray.Tracker(destination=memray.FileDestination(path, overwrite=True, compress_on_exit=False),
                          trace_python_allocators=True, native_traces=False)


def heap(function, args, kwargs, drop, options):
    """Calls, and gives the result with (demand, peak, live) of the heap. With `drop`, the result is dropped before live
    bytes are counted."""
    if options.memray:
        with heap_file(options.scratch) as path:
            tracker = tracker_of(path)
            with tracker:
                result = function(*args, **kwargs)
                if drop:
                    result = None
            return result, heap_stats(path)
    import tracemalloc

    tracemalloc.start(1)
    before = tracemalloc.get_traced_memory()[0]
    tracemalloc.reset_peak()
    result = function(*args, **kwargs)
    peak = tracemalloc.get_traced_memory()[1]
    if drop:
        result = None
    live = tracemalloc.get_traced_memory()[0]
    tracemalloc.stop()
    return result, (None, peak - before, live - before)


def same_as(result, bound_objects):
    for path, value in bound_objects:
        if result is value and not isinstance(result, (int, float, str, bytes, bool, type(None))):
            return path
    return None


def view_of(result, bound_objects):
    numpy = sys.modules.get("numpy")
    if numpy is None or not isinstance(result, numpy.ndarray):
        return None
    for path, value in bound_objects:
        if isinstance(value, numpy.ndarray) and numpy.may_share_memory(result, value):
            return path
    return None


def measure(spec, job, mode, options):
    """Makes the arguments, calls once, and gives what was seen."""
    point, seed = job["point"], seed_of(job["label"], job["point"], job["repetition"])
    soft = options.memory
    if soft:
        used = status("VmData")[0] if os.path.exists("/proc/self/status") else 0
        resource.setrlimit(resource.RLIMIT_DATA, (soft + used, resource.RLIM_INFINITY))
    made = make(spec, point, seed)
    answer = {}
    if mode == "held":
        described = workloads.describe_call(spec, made)
        parameters = workloads.parameters_of(spec, made)
        features, texts = {}, {}
        for path, value in workloads.bind(parameters, described):
            workloads.flatten(path, value, features, texts)
        features.update(made.values)
        if spec.features:
            features = {name: number for name, number in features.items() if name in spec.features}
        answer.update(call=described, parameters=parameters, features=features, texts=texts)
        positional = [(f"#{n}", value) for n, value in enumerate(made.args)]
        objects = [("self", made.receiver)] if made.receiver is not None else []
        names = [path for path, _ in workloads.bind(parameters, described) if path != "self"]
        objects += list(zip(names, [value for _, value in positional] + list(made.kwargs.values())))
    function, args, kwargs = made.function, made.args, made.kwargs
    if mode != "all":
        keep = made  # arguments stay until the end
    else:
        made = None
    before_threads = threads()
    started = time.perf_counter()
    if mode == "resident":
        gc.collect()
        prefault()
        with open("/proc/self/clear_refs", "w") as reset:
            reset.write("5")
        before, anonymous = status("VmHWM", "RssAnon")
        started = time.perf_counter()
        result = function(*args, **kwargs)
        seconds = time.perf_counter() - started
        peak, after = status("VmHWM", "RssAnon")
        answer.update(resident_peak_bytes=max(peak - before, 0), resident_result_bytes=max(after - anonymous, 0))
        answer["seconds"] = round(seconds, 6)
    else:
        gc.collect()
        if mode == "all":
            holder = [function, args, kwargs]
            function = args = kwargs = None
            result, (demand, peak, live) = heap_all(holder, options)
        else:
            result, (demand, peak, live) = heap(function, args, kwargs, mode == "dropped", options)
        answer["heap"] = [demand, peak, live]
        if mode == "held":
            answer["result"] = workloads.describe(result)
            found = same_as(result, objects)
            if found:
                answer["result"]["same_as"] = found
            else:
                found = view_of(result, objects)
                if found:
                    answer["result"]["view_of"] = found
    left = threads() - before_threads
    notes = []
    if left > 0 and mode == "held":
        notes.append(f"left {left} threads")
    if children_of(os.getpid()):
        notes.append("left child processes")
    answer["notes"] = notes
    return answer


def heap_all(holder, options):
    """As `heap`, where nothing but the call itself holds the arguments."""
    function, args, kwargs = holder
    holder.clear()
    args, kwargs = list(args), dict(kwargs)
    if options.memray:
        with heap_file(options.scratch) as path:
            with tracker_of(path):
                function(*args, **kwargs)
                function = None
                args.clear()
                kwargs.clear()
                gc.collect()
            return None, heap_stats(path)
    import tracemalloc

    tracemalloc.start(1)
    before = tracemalloc.get_traced_memory()[0]
    function(*args, **kwargs)
    peak = tracemalloc.get_traced_memory()[1]
    function = None
    args.clear()
    kwargs.clear()
    gc.collect()
    live = tracemalloc.get_traced_memory()[0]
    tracemalloc.stop()
    return None, (None, peak - before, live - before)


def in_fork(work, limit):
    """Runs `work()` in a fork. Gives (answer, outcome, printed, children's peak, number of children)."""
    read, write = os.pipe()
    swallowed = os.memfd_create("output") if hasattr(os, "memfd_create") else os.open(os.devnull, os.O_RDWR)
    sys.stdout.flush()
    sys.stderr.flush()
    pid = os.fork()
    if pid == 0:
        code = 0
        try:
            os.close(read)
            os.setsid()
            # It ends with this process, whatever becomes of that.
            ctypes.CDLL(None).prctl(1, signal.SIGKILL)
            for signum in (signal.SIGINT, signal.SIGTERM):
                signal.signal(signum, signal.SIG_DFL)
            os.dup2(swallowed, 1)
            os.dup2(swallowed, 2)
            null = os.open(os.devnull, os.O_RDONLY)
            os.dup2(null, 0)
            try:
                answer = {"outcome": "returned", "answer": work()}
            except MemoryError:
                answer = {"outcome": "out-of-memory"}
            except BaseException as error:  # noqa: BLE001 - what is traced may raise anything
                text = " ".join(str(error).split())[:200]
                answer = {"outcome": "raised", "detail": f"{type(error).__name__}: {text}",
                          "trace": traceback.format_exc(limit=-2)[-400:]}
            sys.stdout.flush()
            sys.stderr.flush()
            data = json.dumps(answer, default=repr).encode()
            while data:
                data = data[os.write(write, data):]
        except BaseException:  # noqa: BLE001
            code = 70
        finally:
            # No handlers of the library's: the process is done.
            os._exit(code)
    os.close(write)
    pieces, deadline, most, count, pause = [], time.monotonic() + limit, 0, 0, 0.002
    outcome = None
    try:
        while True:
            ready = select.select([read], [], [], pause)[0]
            if ready:
                piece = os.read(read, 1 << 16)
                if not piece:
                    break
                pieces.append(piece)
                continue
            pause = min(pause * 1.5, 0.02)
            below = children_of(pid)
            if below:
                count = max(count, len(below))
                most = max(most, sum(private(one) for one in below))
            try:
                # A process that the call left behind may hold the pipe: the child's own end counts.
                ended = os.waitid(os.P_PID, pid, os.WEXITED | os.WNOHANG | os.WNOWAIT)
            except OSError:
                ended = None
            if ended is not None:
                while select.select([read], [], [], 0)[0]:
                    piece = os.read(read, 1 << 16)
                    if not piece:
                        break
                    pieces.append(piece)
                break
            if time.monotonic() > deadline:
                outcome = "timed-out"
                break
    finally:
        os.close(read)
        try:
            if outcome:
                os.killpg(pid, signal.SIGKILL)
        except OSError:
            pass
        try:
            _, status_word = os.waitpid(pid, 0)
        except KeyboardInterrupt:
            os.killpg(pid, signal.SIGKILL)
            raise
        try:
            # What the call left behind goes with it.
            os.killpg(pid, signal.SIGKILL)
        except OSError:
            pass
    printed = 0
    try:
        printed = os.fstat(swallowed).st_size
    finally:
        os.close(swallowed)
    if outcome:
        return {}, outcome, f"after {limit} s", printed, most, count
    text = b"".join(pieces)
    if os.WIFSIGNALED(status_word):
        name = signal.Signals(os.WTERMSIG(status_word)).name
        return {}, "out-of-memory" if name == "SIGKILL" else "crashed", name, printed, most, count
    try:
        found = json.loads(text)
    except ValueError:
        return {}, "crashed", "it ended without an answer", printed, most, count
    return found.get("answer") or {}, found["outcome"], found.get("detail"), printed, most, count


def in_fresh(label, job, mode, options):
    """As `in_fork`, in an interpreter of its own."""
    words = [sys.executable, __file__, "--label", label, "--scratch", options.scratch, "--memory", str(options.memory),
             "--one", json.dumps(job), "--mode", mode, *options.files]
    if not options.memray:
        words.append("--no-memray")
    try:
        done = subprocess.run(words, capture_output=True, timeout=options.limit + 60, start_new_session=True)
    except subprocess.TimeoutExpired:
        return {}, "timed-out", f"after {options.limit} s", 0, 0, 0
    if done.returncode < 0:
        return {}, "crashed", signal.Signals(-done.returncode).name, 0, 0, 0
    try:
        found = json.loads(done.stdout.splitlines()[-1])
    except (ValueError, IndexError):
        return {}, "crashed", "it ended without an answer", 0, 0, 0
    return found["answer"], found["outcome"], found.get("detail"), 0, 0, 0


def trace(spec, job, options, idle):
    """Measures one job in all ways; gives the trace."""
    repetition = job["repetition"]
    # What stays behind, and what grows in arguments, is looked for in the first calls (the largest is among them), and
    # in all of them if there is any.
    modes = ["held", "resident"]
    if not repetition and (spec.watched < 5 or spec.stays):
        modes = ["held", "dropped", "all", "resident"]
    line = {
        "callable": spec.name, "library": spec.library, "library_version": version_of(spec.library, spec.distribution),
        "python": platform.python_version(), "platform": PLATFORM, "workload": job["label"], "axes": job["point"],
        "edge": bool(job.get("edge")), "repetition": repetition, "unit": "bytes",
        "method": "memray" if options.memray else "tracemalloc", "outcome": "returned", "notes": [],
    }
    if spec.externals:
        line["externals"] = spec.externals
    if spec.result is not None:
        line["declared_result"] = spec.result
    live = {}
    for mode in modes:
        if spec.fork:
            found = in_fork(lambda m=mode: measure(spec, job, m, options), min(spec.limit, options.limit))
        else:
            found = in_fresh(job["label"], job, mode, options)
        answer, outcome, detail, printed, most, count = found
        if outcome != "returned":
            line.update(outcome=outcome, detail=detail)
            return line
        if printed and "printed" not in line["notes"]:
            line["notes"].append("printed")
        for note in answer.pop("notes", []):
            if note not in line["notes"]:
                line["notes"].append(note)
        if count:
            line["children"] = max(count, line.get("children", 0))
        figures = answer.pop("heap", None)
        if figures:
            figures = [None if a is None else max(a - b, 0) for a, b in zip(figures, idle)]
            live[mode] = figures[2]
            if mode == "held":
                demand, peak = figures[0], figures[1]
                line.update(demand_bytes=None if demand is None else max(demand, peak), peak_bytes=peak)
        if mode == "resident":
            answer["resident_peak_bytes"] += most
            if count:
                line["children_peak_bytes"] = most
        line.update(answer)
    line["live_bytes"] = live["held"]
    if "all" in live:
        line["result_bytes"] = max(live["held"] - live["dropped"], 0)
        line["grown_bytes"] = max(live["dropped"] - live["all"], 0)
        line["retained_bytes"] = live["all"]
        spec.watched += not line["edge"]
        spec.stays = spec.stays or line["grown_bytes"] > 4096 or line["retained_bytes"] > 16384
    else:
        line["result_bytes"] = live["held"]
    return line


def first_use():
    """Makes libraries take what they take once and keep: OpenBLAS has a buffer of 32 MiB from the first product that is
    large enough on, and the warm-up call is too small for that. numpy and scipy have one each."""
    numpy = sys.modules.get("numpy")
    if numpy is None:
        return
    square = numpy.ones((256, 256))
    square @ square
    if "scipy" in sys.modules:
        from scipy.linalg import blas

        blas.dgemm(1.0, square, square)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("files", nargs="+")
    parser.add_argument("--list", action="store_true")
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--label")
    parser.add_argument("--scratch", default="/tmp")
    parser.add_argument("--memory", type=int, default=0, help="bytes that a call may take more")
    parser.add_argument("--limit", type=float, default=60, help="seconds that a call may take")
    parser.add_argument("--no-memray", action="store_true")
    parser.add_argument("--one")
    parser.add_argument("--mode")
    options = parser.parse_args()
    out = os.fdopen(os.dup(1), "w", buffering=1)
    null = os.open(os.devnull, os.O_RDWR)
    os.dup2(null, 1)
    os.set_inheritable(out.fileno(), False)
    options.memray = False
    if not options.no_memray:
        try:
            import memray  # noqa: F401
            import memray._memray  # noqa: F401

            options.memray = True
        except ImportError:
            pass
    problems = [problem for problem in map(load, options.files) if problem]
    if options.list:
        listed = []
        for label, spec in workloads.WORKLOADS.items():
            points = [{"point": point, "edge": edge} for point, edge in spec.design(options.quick)]
            listed.append({
                "label": label, "callable": spec.name, "file": spec.file, "library": spec.library,
                "library_version": version_of(spec.library, spec.distribution), "points": points,
                "repetitions": 1 if options.quick else spec.repetitions,
            })
        json.dump({"workloads": listed, "problems": problems, "python": platform.python_version(), "platform": PLATFORM,
                   "memray": options.memray}, out)
        out.flush()
        return 0
    spec = workloads.WORKLOADS.get(options.label)
    if spec is None:
        print(f"no workload {options.label!r}: {problems}", file=sys.stderr)
        return 2
    warm_problem = None
    if spec.warm:
        first_use()
        try:
            warm = make(spec, spec.smallest(), 1)
            warm.function(*warm.args, **warm.kwargs)
            del warm
        except BaseException as error:  # noqa: BLE001
            if isinstance(error, KeyboardInterrupt):
                raise
            warm_problem = f"the warm-up call raised {type(error).__name__}"
    gc.collect()
    # What is there now is not looked at again, nor copied, by the collector of each fork.
    gc.freeze()
    if options.one:
        job = json.loads(options.one)
        try:
            answer = {"outcome": "returned", "answer": measure(spec, job, options.mode, options)}
        except MemoryError:
            answer = {"outcome": "out-of-memory", "answer": {}}
        except BaseException as error:  # noqa: BLE001
            answer = {"outcome": "raised", "detail": f"{type(error).__name__}: {error}"[:300], "answer": {}}
        out.write(json.dumps(answer, default=repr) + "\n")
        out.flush()
        os._exit(0)
    # What the measure itself requests.
    nothing = lambda: {"heap": heap(lambda: None, (), {}, False, options)[1]}  # noqa: E731
    idle = in_fork(nothing, 30)[0].get("heap") or [0, 0, 0]
    for line in sys.stdin:
        if not line.strip():
            continue
        job = json.loads(line)
        found = trace(spec, job, options, [number or 0 for number in idle])
        if warm_problem:
            found["notes"].append(warm_problem)
        out.write(json.dumps(found, default=repr) + "\n")
        out.flush()
    return 0


if __name__ == "__main__":
    sys.exit(main())
