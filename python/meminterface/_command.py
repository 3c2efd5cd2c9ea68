"""Where the packaged command is. Algebra runs in a process of it, never in the caller's."""

from __future__ import annotations

import importlib.metadata
import pathlib
import shutil
import sys


def path() -> pathlib.Path | None:
    """The ``meminterface`` script that was installed with this package, or else the one on the PATH."""
    names = {"meminterface", "meminterface.exe"}
    try:
        files = importlib.metadata.files("meminterface") or []
    except importlib.metadata.PackageNotFoundError:
        files = []
    for file in files:
        if file.name in names:
            script = pathlib.Path(str(file.locate()))
            if script.is_file():
                return script.resolve()
    beside = pathlib.Path(sys.executable).parent
    found = shutil.which("meminterface", path=str(beside)) or shutil.which("meminterface")
    return pathlib.Path(found) if found else None
