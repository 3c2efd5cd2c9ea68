"""What measuring costs the handler: its own time and memory under `meminterface measure`, and without.

    python benches/measure_overhead.py COMMAND PYTHON [RUNS]

COMMAND is the built `meminterface`, PYTHON an interpreter whose environment holds awslambdaric. Without measuring, the
same runtime client runs the same handler against a Runtime API of twenty lines of Python, with no harness, group,
sampler or reset. The handler tells its own time and resident memory, so that both are measured with one ruler.
"""

import http.server
import json
import os
import pathlib
import statistics
import subprocess
import sys
import tempfile
import threading

HANDLER = '''
import time

def status():
    with open("/proc/self/status") as file:
        fields = dict(line.split(":", 1) for line in file)
    return int(fields["RssAnon"].split()[0]), int(fields["VmRSS"].split()[0])

def handler(event, context):
    before = status()
    begin, begin_cpu = time.perf_counter(), time.process_time()
    table = {}
    for number in range(400_000):
        table[number] = [number] * 4
    blocks = [bytearray(1 << 20) for _ in range(64)]
    total = sum(len(block) for block in blocks) + len(table)
    seconds, cpu = time.perf_counter() - begin, time.process_time() - begin_cpu
    return {"seconds": seconds, "cpu": cpu, "rss_anon_kib": before[0], "rss_kib": before[1], "total": total}
'''

EVENTS = 6


class Api(http.server.BaseHTTPRequestHandler):
    """Just enough of the Runtime API."""

    protocol_version = "HTTP/1.1"

    def do_GET(self):
        number = self.server.given
        self.server.given += 1
        if number >= EVENTS:
            self.server.done.set()
            threading.Event().wait()
        headers = {
            "Lambda-Runtime-Aws-Request-Id": str(number),
            "Lambda-Runtime-Deadline-Ms": "9999999999999",
            "Lambda-Runtime-Invoked-Function-Arn": "arn:aws:lambda:us-east-1:000000000000:function:f",
            "Lambda-Runtime-Trace-Id": "Root=1-00000000-000000000000000000000000",
            "Content-Type": "application/json",
        }
        self.answer(200, b"{}", headers)

    def do_POST(self):
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        if not body and self.headers.get("Transfer-Encoding") == "chunked":
            while size := int(self.rfile.readline(), 16):
                body += self.rfile.read(size)
                self.rfile.readline()
            self.rfile.readline()
        self.server.responses.append(json.loads(body))
        self.answer(202, b"{}", {})

    def answer(self, status, body, headers):
        self.send_response(status)
        for name, value in {**headers, "Content-Length": str(len(body))}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *words):
        pass


def without(python, folder):
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Api)
    server.daemon_threads = True
    server.given, server.done, server.responses = 0, threading.Event(), []
    threading.Thread(target=server.serve_forever, daemon=True).start()
    environment = {
        "PATH": os.environ["PATH"],
        "HOME": "/tmp",
        "AWS_LAMBDA_RUNTIME_API": "127.0.0.1:%d" % server.server_port,
        "AWS_LAMBDA_FUNCTION_NAME": "f",
        "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "512",
        "_HANDLER": "app.handler",
    }
    process = subprocess.Popen(
        [python, "-B", "-m", "awslambdaric", "app.handler"], cwd=folder, env=environment, stdout=subprocess.DEVNULL
    )
    try:
        if not server.done.wait(120):
            raise SystemExit("the runtime client does not ask for events")
    finally:
        process.kill()
        process.wait()
        server.shutdown()
    return server.responses


def measured(command, python, folder):
    words = [command, "measure", "app.py", "--event", "event.json", "--warm", str(EVENTS - 1), "--memory", "512"]
    done = subprocess.run(words + ["--python", python, "--format", "json"], cwd=folder, stdout=subprocess.PIPE, check=True)
    return [one["response"] for one in json.loads(done.stdout)["invocations"]]


def main():
    command, python = (os.path.abspath(word) for word in sys.argv[1:3])
    runs = int(sys.argv[3]) if len(sys.argv) > 3 else 10
    with tempfile.TemporaryDirectory() as folder:
        pathlib.Path(folder, "app.py").write_text(HANDLER)
        pathlib.Path(folder, "event.json").write_text("{}")
        rows = {"without": [], "measured": []}
        for _ in range(runs):
            # Alternating, so that a busy machine is busy for both.
            rows["without"].append(without(python, folder))
            rows["measured"].append(measured(command, python, folder))
    median = statistics.median

    def quick(values):
        """The lower quartile: what else a machine does only ever adds."""
        return statistics.quantiles(values, n=4)[0]

    figures = {}
    for name, all_runs in rows.items():
        seconds = quick(one["seconds"] for run in all_runs for one in run)
        cpu = quick(one["cpu"] for run in all_runs for one in run)
        anonymous = median(run[0]["rss_anon_kib"] for run in all_runs)
        resident = median(run[0]["rss_kib"] for run in all_runs)
        figures[name] = (seconds, cpu, anonymous, resident)
        print(
            f"{name:9} {1000 * seconds:8.2f} ms and {1000 * cpu:.2f} ms of CPU an invocation, "
            f"{anonymous:.0f} KiB anonymous, {resident:.0f} KiB resident"
        )
    (a, b, c, d), (w, x, y, z) = figures["without"], figures["measured"]
    print(
        f"overhead  {100 * (w / a - 1):+7.1f} % of time, {100 * (x / b - 1):+.1f} % of CPU, "
        f"{(y - c) / 1024:+.2f} MB anonymous, {(z - d) / 1024:+.2f} MB resident"
    )


if __name__ == "__main__":
    main()
