"""Starts the runtime client that runs the handler. Runs in the user's interpreter, needs nothing but Python.

    start.py CLIENT PLATFORM ROOT ENTRY CONCURRENCY RUNTIME TRACE

CLIENT is `awslambdaric` or `minimal`; RUNTIME a folder that holds the former, or empty; TRACE where memray writes,
`record:POINTS` where values are to be noted (into POINTS.out), or empty. Descriptor 3 is the control channel: a line says that a phase is over, a byte back that it was measured.
"""

import os
import sys


def phase_is_over(name):
    """Waits until the engine has read its figures; what is open for it is closed."""
    try:
        os.write(3, name + b"\n")
        os.read(3, 1)
        os.close(3)
    except OSError:
        pass  # Nobody measures.


def main():
    client, platform, root, entry, concurrency, runtime, trace = sys.argv[1:8]
    os.set_inheritable(3, False)
    harness = sys.path[0]
    if client == "awslambdaric":
        # As on the platform: the code first, the runtime's own packages last.
        sys.path[0] = root
        if runtime:
            sys.path.append(runtime)
        import awslambdaric.__main__ as runtime_client

        sys.argv = [runtime_client.__file__, entry]
        phase_is_over(b"runtime")
        runtime_client.main(sys.argv)
        return
    import meminterface_client

    if platform in ("google-cloud", "azure"):
        import meminterface_platforms as adapters
    else:
        adapters = None
    if trace.startswith("record:"):
        # While the harness can still be found.
        import meminterface_record  # noqa: F401
    sys.path[0] = root
    sys.argv = [os.path.join(harness, "start.py"), entry]
    phase_is_over(b"runtime")
    if trace.startswith("record:"):
        import meminterface_record

        points = trace[len("record:") :]
        recorder = meminterface_record.install(points, points + ".out", meminterface_client)
        meminterface_client.run(entry, platform, adapters, int(concurrency))
        recorder.write()
    elif trace:
        import memray

        with memray.Tracker(trace):
            meminterface_client.run(entry, platform, adapters, int(concurrency))
    else:
        meminterface_client.run(entry, platform, adapters, int(concurrency))


if __name__ == "__main__":
    main()
