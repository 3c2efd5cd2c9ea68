"""Measures one call of a handler, in a fresh process: what run.py starts, never imported.

    python child.py resident|requested FILE FUNCTION EVENT.json ANSWER.json [WARM-UP.json]

`resident`: how far the call raises the high-water mark of resident memory above the level at its entry, as the kernel
counts it. `requested`: the same of what Python's allocators were asked for, as tracemalloc counts it (numpy's arrays
included; what C libraries take by malloc themselves is not).
"""

import importlib
import json
import os
import sys


class Context:
    """What handlers use of the context object of AWS Lambda."""

    function_name = "accuracy"
    function_version = "$LATEST"
    memory_limit_in_mb = 2048
    aws_request_id = "00000000-0000-4000-8000-000000000000"

    def get_remaining_time_in_millis(self):
        return 300_000


def level(field):
    """A field of /proc/self/status in bytes, read with next to no memory of its own."""
    descriptor = os.open("/proc/self/status", os.O_RDONLY)
    text = os.read(descriptor, 8192)
    os.close(descriptor)
    start = text.index(field) + len(field)
    return int(text[start : text.index(b"kB", start)]) * 1024


def reset_high_water_mark():
    """proc(5): 5 resets the peak resident set size of the process to its present value."""
    descriptor = os.open("/proc/self/clear_refs", os.O_WRONLY)
    os.write(descriptor, b"5")
    os.close(descriptor)


def read_event(path):
    # As a runtime client does: the text is gone when the handler is entered.
    with open(path, "rb") as file:
        return json.loads(file.read())


def load(path, function):
    folder, name = os.path.split(os.path.abspath(path))
    sys.path.insert(0, folder)
    os.chdir(folder)
    sys.argv = [path]
    module = importlib.import_module(os.path.splitext(name)[0])
    return getattr(module, function)


def main(mode, path, function, event_path, answer_path, warm_up=None):
    handler = load(path, function)
    arguments = (Context(),) if getattr(handler, "__code__", main.__code__).co_argcount > 1 else ()
    if warm_up:
        handler(read_event(warm_up), *arguments)
    event = read_event(event_path)
    answer = {"error": None}
    if mode == "requested":
        import tracemalloc

        tracemalloc.start()
    level(b"VmRSS:")  # once beforehand, so that what reading it takes is there
    if mode == "resident":
        reset_high_water_mark()
        entry = level(b"VmRSS:")
    else:
        tracemalloc.reset_peak()
        entry = tracemalloc.get_traced_memory()[0]
    try:
        result = handler(event, *arguments)
    except Exception as error:
        answer["error"] = f"{type(error).__name__}: {error}"
    if mode == "resident":
        answer["peak_bytes"] = level(b"VmHWM:") - entry
        answer["entry_bytes"] = entry
    else:
        answer["peak_bytes"] = tracemalloc.get_traced_memory()[1] - entry
        answer["after_bytes"] = tracemalloc.get_traced_memory()[0] - entry
    result = None  # noqa: F841  (it lives until here: the caller of a handler holds it)
    answer["modules"] = {
        name: str(getattr(sys.modules[name], "__version__", "")) for name in ("numpy", "PIL") if name in sys.modules
    }
    with open(answer_path, "w", encoding="utf-8") as file:
        json.dump(answer, file)


if __name__ == "__main__":
    main(*sys.argv[1:])
