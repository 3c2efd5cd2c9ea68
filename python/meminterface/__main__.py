"""The ``meminterface`` command, as ``meminterface`` or ``python -m meminterface``."""

from __future__ import annotations

import signal
import sys

from meminterface._meminterface import run_command


def main() -> int:
    """Runs the command with this process's arguments, and gives its exit code."""
    # Python's own handler only sets a flag, which nothing looks at while the command runs.
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    return run_command(["meminterface", *sys.argv[1:]])


if __name__ == "__main__":
    sys.exit(main())
