"""Loads one thing on demand and writes what that cost. Runs in the user's interpreter.

    debloat_load.py ROOT HIDDEN ENTRY MODULE NAME OUT

HIDDEN is a JSON list of folders that must not be found. ENTRY is the handler's module, which is imported first, as a
platform does. OUT gets `{"ms", "bytes"}`: time and anonymous memory of the load alone.
"""

import json
import os
import sys
import time


def anonymous():
    with open("/proc/self/smaps_rollup") as file:
        for line in file:
            if line.startswith("Anonymous:"):
                return int(line.split()[1]) * 1024
    return 0


def main():
    root, hidden, entry, module, name, out = sys.argv[1:7]
    try:
        os.close(3)
    except OSError:
        pass
    hidden = set(json.loads(hidden))
    sys.path[0:1] = [root]
    sys.path[:] = [folder for folder in sys.path if os.path.abspath(folder) not in hidden]
    import importlib

    import meminterface_ondemand

    meminterface_ondemand.observer = lambda module, name: None
    try:
        importlib.import_module(entry)
    except Exception:
        pass  # An adapter of a platform may be needed for that; the module alone will do.
    target = importlib.import_module(module)
    if name in vars(target):
        return  # The handler's import has loaded it: that is no load on demand.
    before = anonymous()
    begin = time.perf_counter()
    getattr(target, name)
    ms = (time.perf_counter() - begin) * 1000
    with open(out, "w") as file:
        json.dump({"ms": ms, "bytes": max(anonymous() - before, 0)}, file)


if __name__ == "__main__":
    main()
