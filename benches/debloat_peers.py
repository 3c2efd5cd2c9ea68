"""Puts `meminterface debloat` beside `ltrim` (PyPI) on applications of the public repository eniac/serverless-bench.

    git clone https://github.com/eniac/serverless-bench
    python benches/debloat_peers.py --examples serverless-bench/examples --python python3.10 --work DIR \\
        --meminterface target/release/meminterface [--limit 600] [--top 10] [--runs 10] [--only peer,ours,measure] [APP …]

For each application: an environment of its pinned requirements; the peer in a private copy of the whole interpreter (it
rewrites the standard library in place too, not only site-packages: never run it in one that is needed), for at most
`--limit` seconds, after which it is stopped, and what it had found and verified by then is put in place; ours on the same
handler (`lambda.py`) and the same events (`data.json`); then the three packages in the same layout (one folder), measured
in turn by one neutral script: a fresh process, bytecode compiled beforehand, the package's files dropped from the page
cache. Events of `WITHHELD`, which neither was given, must get the original's answers. Every stage leaves a JSON file in DIR
and is not repeated; `--table` prints the table of docs/DEBLOATING.md from them.

`lxml` asks a server of this script in place of github.com (both tools, and all measurements). `textblob` needs the
tokenizer of English sentences: `--nltk DIR` names a folder with `tokenizers/punkt_tab/english` (in the wheel of
`llama-index-core`, below `llama_index/core/_static/nltk_cache`).
"""

import argparse
import http.server
import json
import os
import pathlib
import resource
import shutil
import signal
import statistics
import subprocess
import sys
import threading
import time

APPLICATIONS = ["markdown", "igraph", "dna-visualization", "shapely-numpy", "lxml", "textblob", "jsym", "pandas",
                "lightgbm", "scikit", "epub-pdf", "chdb-olap"]

# Events that neither tool is given.
WITHHELD = {
    "markdown": [{"text": "IyBUaXRsZQo="}, {}],
    "igraph": [{"size": 3}, {"size": 57}, {}],
    "dna-visualization": [{"local_path": ".", "dna1": "gene2.txt", "dna2": "gene1.txt"},
                          {"local_path": ".", "dna1": "none.txt", "dna2": "gene1.txt"}],
    "shapely-numpy": [{"x": -1.5, "y": 7, "buffer": 0.25}, {"x": 0, "y": 0, "buffer": 0}, {"x": "a", "y": 0, "buffer": 1}],
    "pandas": [{"seed": 7}, {"seed": -1}],
    "lightgbm": [{"dataset_name": "none.csv", "model": "model.txt"},
                 {"dataset_name": "pima-indians-diabetes.csv", "model": "none.txt"}],
    "textblob": [
        {"sentiment_text": "What a terrible day."},
        {"text": "I love it. It is not bad at all, but the second part was boring!"},
        {"text": "Plain words only"},
    ],
    "jsym": [{"anything": 1}],
    "lxml": [{"url": "http://127.0.0.1:8765/other-name"}, {"url": "http://127.0.0.1:8765/missing"}, {"url": "nonsense"}],
    "epub-pdf": [{"anything": 1}],
    "scikit": [
        {},
        {"queryStringParameters": {"medInc": 1000, "houseAge": 50, "aveRooms": 1, "aveBedrms": 1, "population": 3,
                                   "aveOccup": 1, "latitude": 30.0, "longitude": -110.5}},
    ],
    "chdb-olap": [{"query": "SELECT count() FROM db_xxx.view_xxx;"}, {"query": "SELECT no_such"},
                  {"query": "SELECT 1", "default_format": "CSV"}],
}

# What the requirements leave out, or an old pin needs on today's index.
EXTRA = {"lightgbm": ["scikit-learn"]}

# The page that `lxml` looks for a name in, as far as it reads it.
PORT = 8765
PAGE = """<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8"><title>%s</title><link rel="stylesheet" href="/style.css"></head>
<body class="page-profile"><main><h1 class="vcard-names"><span class="p-name vcard-fullname" itemprop="name">A Person
</span><span class="p-nickname vcard-username d-block" itemprop="additionalName">
          %s
</span></h1><ul>%s</ul></main></body></html>
"""

VARIABLES = {"AWS_ACCESS_KEY_ID": "", "AWS_SECRET_ACCESS_KEY": "", "AWS_DEFAULT_REGION": "us-east-1"}

# The neutral measurement: one process, one package in one folder.
MEASURE = r'''
import json, os, sys, time
root, events, out = sys.argv[1:4]
os.chdir("/tmp")
os.chdir(root)
sys.path[:] = [root] + [one for one in sys.path[1:] if "site-packages" not in one]
def resident():
    found = {}
    for line in open("/proc/self/smaps_rollup"):
        words = line.split()
        if words[0] in ("Rss:", "Anonymous:"):
            found[words[0][:-1]] = int(words[1]) / 1024
    return found
bare = resident()
a, b = time.perf_counter(), time.process_time()
import app
a, b = time.perf_counter() - a, time.process_time() - b
after = resident()
class Said:
    text = ""
    def write(self, text):
        self.text += text
    def flush(self):
        pass
answers = []
for event in json.load(open(events)):
    sys.stdout = said = Said()
    try:
        answer = repr(app.handler(event, {}))
    except BaseException as error:
        answer = "%s: %s" % (type(error).__name__, error)
    answers.append([answer, said.text])
json.dump({"import_ms": a * 1000, "import_cpu_ms": b * 1000, "rss_mb": after["Rss"], "bare_mb": bare["Rss"],
           "end_mb": resident()["Rss"], "modules": len(sys.modules), "answers": answers}, open(out, "w"))
os._exit(0)
'''

# What the peer has found out when its time is over, from its own log and by its own function: it is killed in the
# middle of a module, whose file then holds a candidate that may not even start.
SETTLE = r'''
import ast, glob, json, os, shutil, sys
finished, current, attributes = [], None, None
for log in sorted(glob.glob("log/*_delta.log")):
    module = os.path.basename(log)[:-len("_delta.log")]
    if os.path.exists("log/%s/attrs.txt" % module):
        finished.append(module)
        continue
    current = module
    marked = []
    for line in open(log, errors="replace"):
        if "INFO - REDUCED to " in line:
            attributes = ast.literal_eval(line.split("INFO - REDUCED to ", 1)[1])
        elif "INFO - Necessary attributes: " in line:
            marked = ast.literal_eval(line.split("INFO - Necessary attributes: ", 1)[1])
    for backup in glob.glob("tmp/%s/*" % module):
        name = os.path.basename(backup)
        path = module.replace(".", "/")
        path = path + "/" + name if name.startswith("__init__.") else os.path.dirname(path) + "/" + name
        for folder in sys.path:
            to = os.path.join(folder or ".", path.lstrip("/"))
            if os.path.exists(to):
                shutil.copyfile(backup, to)
                shutil.rmtree(os.path.join(os.path.dirname(to), "__pycache__"), ignore_errors=True)
                break
if attributes is not None:
    # It empties the folder of its logs when it is imported.
    from ltrim.moduify import Moduify
    Moduify(module_name=current, marked_attributes=marked).modify(marked + attributes, remove=False)
print("SETTLED " + json.dumps({"finished": finished, "current": current,
                               "kept": None if attributes is None else len(attributes)}))
'''

EVICT = r'''
import os, sys
for folder, _, names in os.walk(sys.argv[1]):
    for name in names:
        try:
            file = os.open(os.path.join(folder, name), os.O_RDONLY)
            os.posix_fadvise(file, 0, 0, os.POSIX_FADV_DONTNEED)
            os.close(file)
        except OSError:
            pass
'''


def run(words, limit=None, **more):
    """Runs a command in a session of its own, so that all of it can be ended. Gives (code, seconds, end of its output)."""
    begin, before = time.perf_counter(), resource.getrusage(resource.RUSAGE_CHILDREN)
    process = subprocess.Popen(words, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                               start_new_session=True, **more)
    try:
        said, _ = process.communicate(timeout=limit)
        code = process.returncode
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        said, _ = process.communicate()
        code = None
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    # Of processes that were ended with it, only those that somebody waited for.
    run.cpu_seconds = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return code, time.perf_counter() - begin, said.decode("utf-8", "replace")[-6000:]


class Server(http.server.BaseHTTPRequestHandler):
    """Answers as the site that `lxml` asks: a name is a page, but for one."""

    def do_GET(self):
        name = self.path.strip("/")
        found = name != "missing"
        rows = "".join("<li><a href='/%s/%d'>Repository %d &amp; more</a></li>" % (name, n, n) for n in range(200))
        text = (PAGE % (name, name, rows) if found else "<html><body>Not Found</body></html>").encode()
        self.send_response(200 if found else 404)
        self.send_header("Content-Type", "text/html; charset=utf-8")
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    def log_message(self, *_):
        pass


def environment(options, app, folder):
    """A virtual environment of the application's pinned requirements, in `folder`."""
    venv = folder / "venv"
    if not (folder / "ready").exists():
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        subprocess.run([options.python, "-m", "venv", venv], check=True)
        install(options, app, venv / "bin/python")
        (folder / "ready").touch()
    return venv


def install(options, app, python, *more):
    pip = [python, "-m", "pip", "-q", "--disable-pip-version-check", "install"]
    subprocess.run(pip + ["-r", options.examples / app / "requirements.txt"] + EXTRA.get(app, []) + list(more), check=True)


def copy_of(options, copied):
    """A copy of the interpreter. Gives its program."""
    ask = "import sys; print(sys.base_prefix); print('python%d.%d' % sys.version_info[:2])"
    said = subprocess.run([options.python, "-c", ask], check=True, capture_output=True, text=True).stdout.split("\n")
    shutil.rmtree(copied, ignore_errors=True)
    shutil.copytree(said[0], copied, symlinks=True, ignore=shutil.ignore_patterns("test"))
    program = copied / "bin" / said[1]
    ask = "import sys, os, html; print(sys.prefix); print(os.__file__); print(html.__file__)"
    found = subprocess.run([program, "-c", ask], check=True, capture_output=True, text=True).stdout.split()
    if not all(one.startswith(str(copied)) for one in found):
        raise OSError(f"the copied interpreter uses {found}, not itself: the peer would rewrite those")
    return program


def interpreter(options, app, folder):
    """A copy of the interpreter, with the requirements and the peer in it. Gives its program."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    program = copy_of(options, folder / "python")
    install(options, app, program, "ltrim", "setuptools<80")
    return program


def site_packages(root):
    return next((root / "lib").glob("python3*")) / "site-packages"


def code(options, app, folder):
    """The application's code: `lambda.py` as `app.py`, so that it can be imported, and its data."""
    shutil.copytree(options.examples / app, folder, dirs_exist_ok=True)
    source = folder / "lambda.py"
    if source.exists():
        source.rename(folder / "app.py")
    for name in ("lambda_function.py", "requirements.txt"):
        (folder / name).unlink(missing_ok=True)
    (folder / "data.json").write_text(json.dumps(tests(options, app)))
    if app == "epub-pdf":
        # It writes beside its code, which a platform does not allow.
        text = (folder / "app.py").read_text()
        (folder / "app.py").write_text(text.replace('strFolderPath = "./"', 'strFolderPath = "/tmp/"'))
    return folder


def tests(options, app):
    """The events, as both tools take them."""
    found = json.loads((options.examples / app / "data.json").read_text())
    if app == "lxml":
        for one in found["tests"]:
            one["event"]["url"] = one["event"]["url"].replace("https://github.com", f"http://127.0.0.1:{PORT}")
    return found


def needed(options, app):
    """Variables that the application needs."""
    return {**VARIABLES, "NLTK_DATA": str(options.nltk)} if app == "textblob" and options.nltk else VARIABLES


def variables(options, app, more=None):
    # The run that compiles must be allowed to.
    own = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    return {**own, **needed(options, app), **(more or {})}


def peer(options, app):
    out = options.work / app / "peer.json"
    if out.exists():
        return settle(options, app)
    folder = options.work / app / "peer"
    program = interpreter(options, app, folder)
    where = code(options, app, folder / "code")
    call = "import sys; sys.argv[0] = 'debloat'; from ltrim import debloat; sys.exit(debloat())"
    words = [program, "-c", call, "app.py", "-t", "data.json", "-k", str(options.top)]
    # It runs the application as `python`.
    (program.parent / "python").unlink(missing_ok=True)
    (program.parent / "python").symlink_to(program.name)
    path = {"PATH": f"{program.parent}{os.pathsep}{os.environ.get('PATH', '')}"}
    status, seconds, said = run(words, options.limit, cwd=where, env=variables(options, app, path))
    out.write_text(json.dumps({"code": status, "seconds": seconds, "limit": options.limit, "top": options.top,
                               "cpu_seconds": run.cpu_seconds, "said": said}, indent=1))
    print(app, "peer", status, round(seconds, 1), flush=True)
    settle(options, app)


def settle(options, app):
    """Where the peer was stopped, the best that it had found and verified by then is put in its place."""
    out, folder = options.work / app / "peer.json", options.work / app / "peer"
    found = json.loads(out.read_text())
    if found["code"] is not None or "settled" in found or not folder.exists():
        return
    status, _, said = run([folder / "python/bin/python", "-c", SETTLE], 300, cwd=folder / "code",
                          env=variables(options, app))
    lines = [line for line in said.splitlines() if line.startswith("SETTLED ")]
    found["settled"] = json.loads(lines[-1].removeprefix("SETTLED ")) if status == 0 and lines else {"failed": said[-800:]}
    out.write_text(json.dumps(found, indent=1))
    print(app, "peer stopped:", found["settled"], flush=True)


def ours(options, app):
    out = options.work / app / "ours.json"
    if out.exists():
        return
    folder = options.work / app / "ours"
    shutil.rmtree(folder, ignore_errors=True)
    venv = environment(options, app, options.work / app / "original")
    where = code(options, app, folder / "code")
    words = [options.meminterface, "debloat", where / "app.py", "--handler", "handler", "--events", where / "data.json",
             "--venv", venv, "-o", folder / "package", "--runs", "0", "--jobs", str(options.jobs), "-v"]
    for name, value in needed(options, app).items():
        words += ["--env", f"{name}={value}"]
    more = {"XDG_CACHE_HOME": str(options.work / "cache")}
    status, seconds, said = run(words, options.limit, env=variables(options, app, more))
    out.write_text(json.dumps({"code": status, "seconds": seconds, "limit": options.limit,
                               "cpu_seconds": run.cpu_seconds, "said": said}, indent=1))
    print(app, "ours", status, round(seconds, 1), flush=True)


def flat(options, app, source, name):
    """One folder with the code and the packages, compiled: the layout that is deployed."""
    folder = options.work / app / "flat" / name
    shutil.rmtree(folder, ignore_errors=True)
    ignore = shutil.ignore_patterns("pip", "pip-*", "setuptools", "setuptools-*", "ltrim*", "ruff*")
    shutil.copytree(site_packages(source), folder, ignore=ignore)
    code(options, app, folder)
    return folder


def measure(options, app):
    out = options.work / app / "measured.json"
    if out.exists():
        return
    packages = {"original": flat(options, app, options.work / app / "original/venv", "original")}
    base = options.work / app
    # Each runs in a copied interpreter, for the peer's is one.
    plain = options.work / "python"
    if not (options.work / "python.ready").exists():
        copy_of(options, plain)
        (options.work / "python.ready").touch()
    program = plain / "bin" / pathlib.Path(options.python).resolve().name
    programs = {"original": program, "ours": program}
    if (base / "peer.json").exists():
        packages["peer"] = flat(options, app, base / "peer/python", "peer")
        programs["peer"] = base / "peer/python/bin/python"
    if (base / "ours/package").exists():
        packages["ours"] = base / "ours/package"
    given = [one["event"] for one in tests(options, app)["tests"]]
    events = given + WITHHELD.get(app, [])
    (base / "events.json").write_text(json.dumps(events))
    (base / "measure.py").write_text(MEASURE)
    (base / "evict.py").write_text(EVICT)
    found = {name: [] for name in packages}
    faults = {}
    for number in range(options.runs + 1):
        order = list(packages) if number % 2 == 0 else list(packages)[::-1]
        for name in order:
            root, answer = packages[name], base / f"answer-{name}.json"
            answer.unlink(missing_ok=True)
            if number:
                subprocess.run([options.python, base / "evict.py", root], check=True)
            # The first run compiles what it imports, where there is no bytecode yet, and does not count.
            words = [programs[name]] + (["-B"] if number else []) + ["-s", base / "measure.py", root, base / "events.json", answer]
            _, _, said = run(words, 600, env=variables(options, app))
            if not answer.exists():
                faults[name] = said[-1500:]
            elif number:
                found[name].append(json.loads(answer.read_text()))
    result = {"events": len(given), "withheld": len(events) - len(given), "faults": faults}
    reference = found["original"][0]["answers"] if found["original"] else []
    steady = [all(run["answers"][n] == one for run in found["original"]) for n, one in enumerate(reference)]
    for name, runs in found.items():
        if not runs:
            continue
        figures = {key: statistics.median(run[key] for run in runs)
                   for key in ("import_ms", "import_cpu_ms", "rss_mb", "end_mb", "bare_mb", "modules")}
        wrong = [n for n, one in enumerate(reference)
                 if steady[n] and any(run["answers"][n] != one for run in runs)]
        result[name] = {**figures, "wrong": wrong, "runs": len(runs),
                        "low_high": [min(run["import_cpu_ms"] for run in runs), max(run["import_cpu_ms"] for run in runs)],
                        "bytes": sum(path.stat().st_size for path in packages[name].rglob("*") if path.is_file())}
    result["unsteady"] = [n for n, one in enumerate(steady) if not one]
    out.write_text(json.dumps(result, indent=1))
    print(app, "measured", flush=True)
    shutil.rmtree(base / "flat", ignore_errors=True)


def table(options):
    """The table of docs/DEBLOATING.md."""
    print("| application | import CPU ms: original, peer, ours | resident after import MB | modules | "
          "events wrong of given + withheld: peer, ours | seconds: peer, ours |")
    print("| --- | --- | --- | --- | --- | --- |")
    for app in APPLICATIONS:
        base = options.work / app
        if not (base / "measured.json").exists():
            continue
        found = json.loads((base / "measured.json").read_text())
        stages = {name: json.loads((base / f"{name}.json").read_text()) for name in ("peer", "ours")
                  if (base / f"{name}.json").exists()}

        def cell(key, digits=0):
            before = found["original"][key]
            parts = [f"{before:.{digits}f}"]
            for name in ("peer", "ours"):
                one = found.get(name)
                parts.append("—" if one is None else f"{one[key]:.{digits}f} ({100 * (one[key] / before - 1):+.0f} %)")
            return " · ".join(parts)

        def wrong(name):
            one = found.get(name)
            return "does not start" if one is None else f"{len(one['wrong'])}"

        def seconds(name):
            one = stages.get(name)
            if one is None:
                return "—"
            if one["code"] is None:
                settled = one.get("settled", {})
                at = f", in module {len(settled['finished']) + 1} of {one['top']}" if settled.get("current") else ""
                return f"stopped after {one['limit']:.0f}{at}"
            return f"{one['seconds']:.0f}" + ("" if one["code"] == 0 else f" (fails, code {one['code']})")

        print(f"| {app} | {cell('import_cpu_ms')} | {cell('rss_mb', 1)} | {cell('modules')} | "
              f"{wrong('peer')}, {wrong('ours')} of {found['events']} + {found['withheld']} | "
              f"{seconds('peer')}, {seconds('ours')} |")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("applications", nargs="*", metavar="APP")
    parser.add_argument("--examples", type=pathlib.Path, required=True)
    parser.add_argument("--work", type=pathlib.Path, required=True)
    parser.add_argument("--python", default="python3.10")
    parser.add_argument("--meminterface", type=pathlib.Path, default="meminterface")
    parser.add_argument("--limit", type=float, default=600)
    parser.add_argument("--top", type=int, default=10, help="modules that the peer may trim; its own default is 10")
    parser.add_argument("--runs", type=int, default=10)
    parser.add_argument("--jobs", type=int, default=1)
    parser.add_argument("--only", default="peer,ours,measure")
    parser.add_argument("--nltk", type=pathlib.Path, help="data of NLTK, for textblob")
    parser.add_argument("--table", action="store_true")
    options = parser.parse_args()
    options.work, options.examples = options.work.resolve(), options.examples.resolve()
    if options.meminterface.exists():
        options.meminterface = options.meminterface.resolve()
    stages = {"peer": peer, "ours": ours, "measure": measure}
    if options.table:
        return table(options)
    options.nltk = options.nltk and options.nltk.resolve()
    try:
        server = http.server.ThreadingHTTPServer(("127.0.0.1", PORT), Server)
        threading.Thread(target=server.serve_forever, daemon=True).start()
    except OSError:
        print(f"port {PORT} is taken: by another run of this script, it is hoped", file=sys.stderr)
    for app in options.applications or APPLICATIONS:
        for stage in options.only.split(","):
            try:
                stages[stage](options, app)
            except (subprocess.CalledProcessError, OSError) as error:
                print(app, stage, "failed:", error, file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
