"""What AWS calls "Max Memory Used", from what `measure` sees: writes src/measure/data/max_memory_used.toml.

    python benches/max_memory_used.py COMMAND APPLICATIONS PUBLISHED PYTHON WORK [RUNS] > src/measure/data/max_memory_used.toml

COMMAND is the built `meminterface`; APPLICATIONS the folder `examples` of a checkout of the public repository
eniac/serverless-bench (none of it is copied into this one); PUBLISHED a table with the columns `app` and `memory_before`:
the published "Max Memory Used" of the applications as they are, in MB (means over 100 cold starts, Python 3.10 container
images, x86_64; 'lambda-trim: Optimizing Function Initialization in Serverless Applications With Cost-driven Debloating',
ASPLOS 2025); PYTHON a Python 3.10; WORK a folder for environments, which stay there for the next time. Needs the package
index for the pinned requirements of each application, and the programs `git` and `openssl`; takes a few minutes.

Each application runs its own event once, cold, without a limit, RUNS times (default 3) in fresh processes; figures are
medians of what was held at the end of the initialisation, and of how much the resident memory grew above that. What an application wants from outside is on this machine:

- lxml fetches a profile page of github.com: a TLS server on the loopback interface, with a page of the same size;
- epub-pdf writes to S3: a moto server;
- textblob wants NLTK's sentence model, which it downloads where it is deployed: the copy in llama-index-core's wheel.

The estimate is what is resident, counted once, and what the platform counts besides: a constant and a share of the page cache
(what was charged and is not resident) or, where that is not known, of the file pages, both at the end of the initialisation.
Coefficients minimise the sum of squared relative errors. Forms in which anonymous memory counts more than once fit these
applications a little better, for most of their memory is small objects of libraries; they would count a model's weights, or an
event's data, nearly twice. Standard error has their errors too.
"""

import csv
import datetime
import itertools
import json
import os
import pathlib
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
import zipfile

MB = 1 << 20
CLIENT = "awslambdaric==2.0.11"
MOTO = "moto[server]==5.2.5"
SENTENCES = "llama-index-core==0.12.52"
FIGURES = ("anonymous", "resident", "charged")

# Runs before the handler's module: github.com is this machine.
LXML = """import os, socket
_look_up = socket.getaddrinfo
def _here(host, port, *rest, **named):
    if host == "github.com":
        host, port = "127.0.0.1", int(os.environ["PAGE_PORT"])
    return _look_up(host, port, *rest, **named)
socket.getaddrinfo = _here
from lambda_function import handler
"""

PAGE_SERVER = """import http.server, ssl, sys
row = "<li class='pinned'><a href='/a/b'><span class='repo'>a repository</span></a><p>what it is about</p></li>\\n"
page = ("<html><body><span class='vcard-username'> someone </span><ul>" + row * 2600 + "</ul></body></html>").encode()
class Page(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.send_header("Content-Type", "text/html; charset=utf-8")
        self.send_header("Content-Length", str(len(page)))
        self.end_headers()
        self.wfile.write(page)
    def log_message(self, *words):
        pass
server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Page)
context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
context.load_cert_chain(sys.argv[1], sys.argv[2])
server.socket = context.wrap_socket(server.socket, server_side=True)
print(server.server_address[1], flush=True)
server.serve_forever()
"""

MOTO_SERVER = """import sys, threading, boto3
from moto.server import ThreadedMotoServer
server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
server.start()
host, port = server.get_host_and_port()
print(port, flush=True)
threading.Event().wait()
"""


def say(*words):
    print(*words, file=sys.stderr, flush=True)


def environment(python, work, name, *words):
    """The interpreter of an environment with these packages; none if they cannot be installed."""
    folder = work / name
    interpreter = folder / "bin/python"
    done = folder / "installed"
    wanted = " ".join(map(str, words))
    if done.is_file() and done.read_text() == wanted:
        return interpreter
    subprocess.run([python, "-m", "venv", folder], check=True)
    installed = subprocess.run([interpreter, "-m", "pip", "install", "-q", *words], stdout=sys.stderr, check=False)
    if installed.returncode != 0:
        return None
    done.write_text(wanted)
    return interpreter


def serve(*words, env=None):
    """A server process and the port that it says."""
    process = subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, env=env)
    port = process.stdout.readline().strip()
    if not port:
        process.kill()
        raise SystemExit(f"a server did not start: {words}")
    return process, port


def measured(command, interpreter, folder, file, event, runs, variables):
    found = {figure: [] for figure in (*FIGURES, "growth")}
    (folder / "event.json").write_text(json.dumps(event))
    for _ in range(runs):
        words = [command, "measure", file, "--handler", f"{pathlib.Path(file).stem}.handler", "--event", "event.json"]
        words += ["--python", interpreter, "--memory", "0", "--timeout", "120", "--runtime-client", "awslambdaric"]
        words += ["--format", "json"] + [word for variable in variables for word in ("--env", variable)]
        done = subprocess.run(words, cwd=folder, capture_output=True, text=True, check=False)
        if not done.stdout.strip():
            return None, done.stderr.strip()[:300]
        document = json.loads(done.stdout)
        if document["outcome"] != "ok":
            return None, f"{document['outcome']}: {document['message'][:300]}"
        for figure in FIGURES:
            value = document["init"][f"end_{figure}_bytes"]
            if value is None:
                return None, "nothing says what is charged: no memory cgroup can be made here"
            found[figure].append(value / MB)
        most = max(invocation["peak_resident_bytes"] for invocation in document["invocations"])
        found["growth"].append(max(0, most - document["init"]["end_resident_bytes"]) / MB)
    return {figure: statistics.median(values) for figure, values in found.items()}, None


# --- the fit ---


def solve(rows, wanted):
    """Least squares by normal equations (few columns)."""
    count = len(rows[0])
    matrix = [[sum(r[i] * r[j] for r in rows) for j in range(count)] + [sum(r[i] * w for r, w in zip(rows, wanted))]
              for i in range(count)]
    for i in range(count):
        pivot = max(range(i, count), key=lambda k: abs(matrix[k][i]))
        matrix[i], matrix[pivot] = matrix[pivot], matrix[i]
        if abs(matrix[i][i]) < 1e-12:
            return None
        for k in range(count):
            if k != i:
                factor = matrix[k][i] / matrix[i][i]
                matrix[k] = [a - factor * b for a, b in zip(matrix[k], matrix[i])]
    return [matrix[i][count] / matrix[i][i] for i in range(count)]


def part(name, app):
    """A figure that the excess over resident memory may depend on, in MB."""
    return {
        "constant": 1.0,
        "page_cache": app["charged"] - app["resident"],
        "files": app["resident"] - app["anonymous"],
        "anonymous": app["anonymous"],
    }[name]


def held(app):
    return app["resident"] + app["growth"]


def fit(form, apps):
    """Coefficients of a form (a list of figures), for the smallest relative squares."""
    rows = [[part(name, app) / app["published"] for name in form] for app in apps]
    return solve(rows, [1.0 - held(app) / app["published"] for app in apps])


def value(form, coefficients, app):
    return held(app) + sum(c * part(name, app) for c, name in zip(coefficients, form))


def left_out(form, apps):
    """The relative error of each application, predicted from the others."""
    errors = []
    for at, app in enumerate(apps):
        coefficients = fit(form, apps[:at] + apps[at + 1:])
        if coefficients is None:
            return None
        errors.append(value(form, coefficients, app) / app["published"] - 1.0)
    return errors


def main():
    command, applications, published, python, work = sys.argv[1:6]
    runs = int(sys.argv[6]) if len(sys.argv) > 6 else 3
    command, work = os.path.abspath(command), pathlib.Path(work).resolve()
    applications = pathlib.Path(applications).resolve()
    work.mkdir(parents=True, exist_ok=True)
    with open(published, encoding="utf-8") as file:
        wanted = {row["app"]: float(row["memory_before"]) for row in csv.DictReader(l for l in file if l[0] != "#")}
    commit = subprocess.run(["git", "-C", applications, "rev-parse", "--short=12", "HEAD"], capture_output=True, text=True)
    commit = commit.stdout.strip() or os.environ.get("BENCH_COMMIT", "unknown")

    apps, missing, servers = [], [], []
    scratch = pathlib.Path(tempfile.mkdtemp(prefix="max-memory-used-"))
    try:
        for name, memory in wanted.items():
            requirements = applications / name / "requirements.txt"
            interpreter = environment(python, work, name, CLIENT, "-r", requirements) if requirements.is_file() else None
            if interpreter is None:
                missing.append((name, "its requirements cannot be installed"))
                continue
            folder = scratch / name
            shutil.copytree(applications / name, folder)
            event = json.loads((folder / "data.json").read_text())["tests"][-1]["event"]
            file, variables = "lambda_function.py", []
            if name == "igraph":
                event = {}  # the default size, 1,000
            if name == "lxml":
                file = "here.py"
                (folder / file).write_text(LXML)
                (scratch / "serve.py").write_text(PAGE_SERVER)
                key, certificate, bundle = (str(scratch / n) for n in ("key.pem", "certificate.pem", "bundle.pem"))
                subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", key, "-out", certificate,
                                "-days", "2", "-subj", "/CN=github.com", "-addext", "subjectAltName=DNS:github.com"],
                               check=True, capture_output=True)
                known = subprocess.run([interpreter, "-m", "certifi"], capture_output=True, text=True, check=True)
                # The handler's /tmp is its own: what it reads lies beside its code.
                bundle = folder / "bundle.pem"
                bundle.write_text(pathlib.Path(known.stdout.strip()).read_text() + pathlib.Path(certificate).read_text())
                server, port = serve(sys.executable, scratch / "serve.py", certificate, key)
                servers.append(server)
                variables = [f"PAGE_PORT={port}", f"REQUESTS_CA_BUNDLE={bundle}"]
            if name == "epub-pdf":
                moto = environment(python, work, "moto", MOTO, "boto3")
                if moto is None:
                    missing.append((name, "it writes to S3, and moto cannot be installed"))
                    continue
                server, port = serve(moto, "-c", MOTO_SERVER)
                servers.append(server)
                url = f"http://127.0.0.1:{port}"
                request = urllib.request.Request(f"{url}/serverless-torch-xl", method="PUT")
                request.add_header("Authorization", "AWS4-HMAC-SHA256 Credential=testing/20250101/us-east-1/s3/aws4_request")
                urllib.request.urlopen(request).read()
                variables = ["AWS_ACCESS_KEY_ID=testing", "AWS_SECRET_ACCESS_KEY=testing", f"AWS_ENDPOINT_URL={url}",
                             "AWS_DEFAULT_REGION=us-east-1"]
            if name == "textblob":
                event = {"text": event.get("text") or event.get("sentiment_text")}
                wheels = work / "sentences"
                if not list(wheels.glob("*.whl")):
                    subprocess.run([interpreter, "-m", "pip", "download", "-q", "--no-deps", "-d", wheels, SENTENCES], check=False)
                for wheel in wheels.glob("*.whl"):
                    with zipfile.ZipFile(wheel) as archive:
                        for entry in archive.namelist():
                            _, found, rest = entry.partition("nltk_cache/")
                            if found and "punkt" in rest and not rest.endswith("/"):
                                target = folder / "nltk_data" / rest
                                target.parent.mkdir(parents=True, exist_ok=True)
                                target.write_bytes(archive.read(entry))
                variables = [f"NLTK_DATA={folder / 'nltk_data'}"]
            found, why = measured(command, interpreter, folder, file, event, runs, variables)
            if found is None:
                missing.append((name, why))
                say(name, "left out:", why)
                continue
            apps.append({"name": name, "published": memory, **found})
            say(name, memory, found)
    finally:
        for server in servers:
            server.kill()
            server.wait()
        shutil.rmtree(scratch, ignore_errors=True)
    report(command, python, commit, runs, apps, missing)


TAKEN = {"with_page_cache": ("constant", "page_cache"), "without_page_cache": ("constant", "files")}


def report(command, python, commit, runs, apps, missing):
    version = subprocess.run([python, "-c", "import platform; print(platform.python_version())"], capture_output=True, text=True)
    print("# AWS Lambda's \"Max Memory Used\" from what `measure` sees. Written by benches/max_memory_used.py; do not edit by hand.")
    print("#")
    print("# Published figures: AWS Lambda, x86_64, Python 3.10 container images, means over 100 cold starts, from 'lambda-trim: Optimizing")
    print("# Function Initialization in Serverless Applications With Cost-driven Debloating' (ASPLOS 2025). The applications' sources are public:")
    print(f"# eniac/serverless-bench, examples/, at {commit}. The other figures were measured with this tool, in MB (1,048,576 bytes).")
    print("#")
    print("# estimate = resident memory at its most + constant_mb + page_cache * (MB charged - MB resident), or + files * (MB resident -")
    print("# MB anonymous) where nothing says what is charged or the page cache was warm; both at the end of the initialisation. Errors are")
    print("# those of each application when it is left out and predicted from the others, as a share of the published figure.")
    print(f'date = "{datetime.date.today().isoformat()}"')
    print(f'python = "{version.stdout.strip()}"')
    print(f'kernel = "{os.uname().release}"')
    print(f'client = "{CLIENT}"')
    print(f"runs = {runs}")
    for size in (1, 2, 3):
        for form in itertools.combinations(("constant", "page_cache", "files", "anonymous"), size):
            if form[0] == "constant":
                size_of = [abs(error) for error in left_out(form, apps)]
                say(f"{statistics.mean(size_of):.4f} mean, {statistics.median(size_of):.4f} median: {' + '.join(form)}")
    errors_of = {}
    for name, form in TAKEN.items():
        errors_of[name] = left_out(form, apps)
        size_of = [abs(error) for error in errors_of[name]]
        print(f"\n[{name}]")
        for figure, coefficient in zip(form, fit(form, apps)):
            print(f"{'constant_mb' if figure == 'constant' else figure} = {coefficient:.4f}")
        print(f"median_error = {statistics.median(size_of):.4f}")
        print(f"mean_error = {statistics.mean(size_of):.4f}")
        print(f"largest_error = {max(size_of):.4f}")
    for at, app in enumerate(apps):
        print(f'\n[[application]]\nname = "{app["name"]}"\npublished_mb = {app["published"]}')
        for figure in (*FIGURES, "growth"):
            print(f"{figure}_mb = {app[figure]:.2f}")
        for name, errors in errors_of.items():
            print(f"error_{name} = {errors[at]:.4f}")
    for name, why in missing:
        print(f"\n[[missing]]\nname = {json.dumps(name)}\nwhy = {json.dumps(why)}")


if __name__ == "__main__":
    main()
