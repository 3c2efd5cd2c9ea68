"""Puts the recommendation for every example to the proof: the table of docs/VALIDATION.md.

    python benches/validate_examples.py COMMAND PYTHON [NAME ...] > docs/VALIDATION.md

COMMAND is the built `meminterface`; PYTHON an interpreter whose environment holds awslambdaric, moto[server] and what
the examples require (examples/README.md has the line). Every handler of every example's template runs every event that is
meant for it: `meminterface validate` predicts, measures, recommends, runs under exactly the recommended setting and bisects
for the smallest that survives. S3 and DynamoDB are a moto server on the loopback interface, filled by examples/seed.py.
Needs a real limit (a memory cgroup: run as root). Takes half an hour on two cores. The page cache is left as it is: resident
memory does not depend on it, and an environment of ten thousand files takes long to be dropped from it.
"""

import datetime
import json
import os
import pathlib
import platform
import re
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parent.parent
EXAMPLES = ROOT / "examples"
MB = 1 << 20

MOTO = """import logging, sys, threading
logging.getLogger("werkzeug").setLevel(logging.ERROR)
from moto.server import ThreadedMotoServer
server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
server.start()
print(server.get_host_and_port()[1], flush=True)
threading.Event().wait()
"""

# Events of other files than events.json, by handler.
OTHER_EVENTS = {"app.subscription_handler": "events-subscription.json"}


def handlers(name):
    text = (EXAMPLES / name / "template.yaml").read_text("utf-8")
    return list(dict.fromkeys(re.findall(r"^\s+Handler: (\S+)$", text, re.MULTILINE)))


def mb(value):
    return "-" if value is None else f"{value / MB:.1f}"


def whole(value):
    return "-" if value is None else str(value)


def validate(command, python, name, handler, logs, cloud):
    folder = EXAMPLES / name
    events = OTHER_EVENTS.get(handler, "events.json")
    words = [command, "validate", "template.yaml", "--handler", handler, "--events", events, "--python", python]
    words += ["--runtime-client", "awslambdaric", "--keep-page-cache", "--format", "json"]
    for key, value in cloud.items():
        words += ["--env", f"{key}={value}"]
    if name == "log-filter":
        words += ["--env", f"LOG_ROOT={logs}"]
    done = subprocess.run(words, cwd=folder, capture_output=True, text=True, check=False, timeout=3600)
    if not done.stdout.strip():
        return None, done.stderr.strip()
    return json.loads(done.stdout), None


def main():
    command, python, *names = sys.argv[1:]
    command = os.path.abspath(command)
    names = names or sorted(path.parent.name for path in EXAMPLES.glob("*/events.json"))
    server = subprocess.Popen([python, "-c", MOTO], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    rows, details, misses = [], [], []
    try:
        port = server.stdout.readline().strip()
        if not port:
            raise SystemExit("the moto server did not start: is moto[server] installed?")
        cloud = {"AWS_ENDPOINT_URL": f"http://127.0.0.1:{port}", "AWS_DEFAULT_REGION": "eu-west-1",
                 "AWS_ACCESS_KEY_ID": "testing", "AWS_SECRET_ACCESS_KEY": "testing"}
        with tempfile.TemporaryDirectory(prefix="validate-", dir=os.environ.get("XDG_CACHE_HOME", "/var/tmp")) as folder:
            logs = pathlib.Path(folder) / "logs"
            for name in names:
                seeds = subprocess.run([python, str(EXAMPLES / "seed.py"), name, "--files", str(logs)], capture_output=True,
                                       text=True, env={**os.environ, **cloud}, check=False)
                if seeds.returncode not in (0, 2):
                    print(name, seeds.stderr, file=sys.stderr)
                for handler in handlers(name):
                    found, why = validate(command, python, name, handler, logs, cloud)
                    if found is None:
                        misses.append(f"`{name}`, `{handler}`: could not be validated: {why.splitlines()[-1] if why else '?'}")
                        continue
                    print(name, handler, found["passed"], found["message"], file=sys.stderr, flush=True)
                    add(name, handler, found, rows, details, misses)
    finally:
        server.kill()
        server.wait()
    report(python, rows, details, misses)


def add(name, handler, found, rows, details, misses):
    recommended, smallest = found["recommended_mb"], found["smallest_surviving_mb"]
    predicted = [event for event in found["events"] if event["predicted_peak_bytes"] is not None]
    # What has no upper end holds easily: it is not counted.
    held = sum(event["prediction_held"] is True for event in predicted)
    judged = sum(event["prediction_held"] is not None for event in predicted)
    survives = bool(found["events"]) and all(event["survived"] for event in found["events"])
    near = None not in (recommended, smallest) and recommended - smallest <= max(64, smallest / 4)
    rows.append(
        f"| {name} | `{handler}` | {whole(recommended)} | {whole(smallest)} | {whole(found['waste_mb'])} | "
        f"{'yes' if survives else '**no**'} | {'yes' if near else '**no**'} | {mb(found['predicted_baseline_bytes'])} | "
        f"{mb(found['baseline_bytes'])} | {len(predicted)} of {len(found['events'])} | {held} of {judged} |"
    )
    if not survives or not near:
        misses.append(f"`{name}`, `{handler}`: {found['message'] or 'recommended too much'}")
    for event in found["events"]:
        low, high = event["predicted_least_bytes"], event["predicted_peak_bytes"]
        expected = mb(high) if low == high else f"{mb(low)} to {mb(high)}" if high is not None else f"{mb(low)} or more"
        verdict = {True: "yes" if high is not None else "(yes)", False: "**no**", None: "-"}[event["prediction_held"]]
        details.append(
            f"| {name} | {event['name']} | {expected} | {mb(event['measured_peak_bytes'])} | {verdict} | "
            f"{mb(event['measured_footprint_bytes'])} | {event['limited_outcome']} |"
        )


def report(python, rows, details, misses):
    version = subprocess.run([python, "-c", "import platform; print(platform.python_version())"], capture_output=True, text=True)
    print("# Recommendations put to the proof\n")
    print("Written by `benches/validate_examples.py`; do not edit by hand. "
          f"{datetime.date.today().isoformat()}, Linux {platform.release()}, Python {version.stdout.strip()}.\n")
    print("```sh\npython benches/validate_examples.py target/debug/meminterface ENV/bin/python > docs/VALIDATION.md\n```\n")
    print("Every handler of every example ran every event: measured without a limit, recommended from that, run again under exactly")
    print("that setting, and bisected for the smallest setting that survives. A recommendation is *near* if it is at most 64 MB or 25 %")
    print("above that, whichever is more. *Predicted* is what reading the handler told before anything ran; a prediction *holds* if the")
    print("measured peak lies in its range, give or take a tenth of the measured footprint; only ranges with an upper end are counted,")
    print("and events that end well. MB are 1,048,576 bytes.\n")
    print("| example | handler | recommended | smallest surviving | waste | survives | near | baseline predicted | measured | "
          "peaks bounded | predictions hold |")
    print("| --- | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |")
    print("\n".join(rows))
    if misses:
        print("\n## Misses\n")
        print("\n".join(f"- {miss}" for miss in misses))
    print("\n## Each event\n")
    print("Peaks are resident, above the baseline.\n")
    print("| example | event | predicted MB | measured MB | holds | footprint MB | under the recommended limit |")
    print("| --- | --- | --- | --- | --- | --- | --- |")
    print("\n".join(details))


if __name__ == "__main__":
    main()
