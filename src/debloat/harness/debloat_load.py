"""Loads one thing on demand and writes what that cost. Runs in the user's interpreter.

    debloat_load.py ROOT HIDDEN MODULE NAME OUT

HIDDEN is a JSON list of folders that must not be found. OUT gets `{"ms", "bytes"}`: time and anonymous memory.
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
    root, hidden, module, name, out = sys.argv[1:6]
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
    target = importlib.import_module(module)
    before = anonymous()
    begin = time.perf_counter()
    getattr(target, name)
    ms = (time.perf_counter() - begin) * 1000
    with open(out, "w") as file:
        json.dump({"ms": ms, "bytes": max(anonymous() - before, 0)}, file)


if __name__ == "__main__":
    main()
