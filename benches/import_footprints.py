"""What imports add to a process that waits for its first event: writes interfaces/footprints/imports.toml.

    python benches/import_footprints.py COMMAND PYTHON [RUNS [NAME ...]] > interfaces/footprints/imports.toml

With NAMEs only these; libraries that import whatever else is installed (igraph: matplotlib) are best measured in an
environment without it, and their entries put into the file by hand.

COMMAND is the built `meminterface`; PYTHON an interpreter whose environment holds awslambdaric and what is to be measured.
What is not installed is left out and named on standard error. Each figure is a median of RUNS (default 3) fresh processes
with a cold page cache, and compiled bytecode, as pip installs it (`python -m compileall` where another tool did). Figures of an import are on top of the runtime client: modules that it has loaded anyway count
nothing. They are split by top-level package, for imports share packages: of several imports, the largest part counts.
"""

import datetime
import json
import os
import pathlib
import statistics
import subprocess
import sys
import tempfile

# Statements as handlers have them, with the name that a handler's import has.
IMPORTS = """
json decimal csv datetime re uuid base64 hashlib logging sqlite3 asyncio urllib.request http.client zipfile gzip
xml.etree.ElementTree concurrent.futures multiprocessing dataclasses typing subprocess tempfile email ssl
boto3 botocore requests urllib3 httpx aiohttp numpy pandas scipy scipy.optimize scipy.stats sklearn sklearn.linear_model
matplotlib.pyplot PIL.Image pyarrow pyarrow.parquet igraph networkx sympy shapely lxml.etree bs4 jinja2 yaml openpyxl
reportlab.pdfgen.canvas reportlab.platypus pydantic sqlalchemy psycopg2 redis pymongo jwt cryptography.fernet orjson
aws_lambda_powertools flask azure.functions functions_framework
""".split()

# Calls that handlers make while they are imported.
CALLS = [
    ("boto3", 'boto3.client("%s")' % service, "import boto3\nheld = boto3.client(%r)\n" % service)
    for service in ("s3", "dynamodb", "sqs", "sns", "lambda", "secretsmanager", "ssm", "ec2")
] + [
    ("boto3", 'boto3.resource("%s")' % service, "import boto3\nheld = boto3.resource(%r)\n" % service)
    for service in ("s3", "dynamodb", "sqs")
]

SMALL = 64 * 1024

HANDLER = "import sys\ndef handler(event, context):\n    return sorted(sys.modules)\n"


def measured(command, python, folder, *words):
    base = [command, "measure", "app.py", "--python", python, "--memory", "0", "--format", "json"]
    base += ["--env", "AWS_ACCESS_KEY_ID=none", "--env", "AWS_SECRET_ACCESS_KEY=none"]
    done = subprocess.run(base + list(words), cwd=folder, capture_output=True, text=True, check=False)
    return json.loads(done.stdout) if done.returncode == 0 else None


def median(values):
    return int(statistics.median(values))


def parts_of(document, loaded):
    """Own costs by top-level package: {package: [resident, anonymous]}, and the whole time."""
    parts = {}
    for module in document["modules"]:
        if module["name"] in loaded:
            continue
        package = module["name"].partition(".")[0]
        part = parts.setdefault(package, [0, 0])
        part[0] += module["own_resident_bytes"]
        part[1] += module["own_anonymous_bytes"]
    return parts


def measure(command, python, folder, source, loaded, runs):
    pathlib.Path(folder, "app.py").write_text(source + "def handler(event, context):\n    pass\n")
    documents = [measured(command, python, folder, "--imports") for _ in range(runs)]
    if None in documents:
        return None
    all_parts = [parts_of(document, loaded) for document in documents]
    names = sorted({name for parts in all_parts for name in parts})
    parts = {
        name: [max(0, median(parts.get(name, [0, 0])[n] for parts in all_parts)) for n in (0, 1)] for name in names
    }
    milliseconds = statistics.median(document["modules"][0]["cumulative_ms"] for document in documents)
    return parts, milliseconds


def versions(python):
    code = (
        "import json, sys; from importlib import metadata as m\n"
        "print(json.dumps([sys.version.split()[0], {k: [[d, m.version(d)] for d in v] for k, v in "
        "m.packages_distributions().items()}, sorted(n for n in sys.stdlib_module_names if n[0] != '_')]))"
    )
    return json.loads(subprocess.run([python, "-c", code], stdout=subprocess.PIPE, check=True, text=True).stdout)


def required(python):
    """Top-level packages that each package brings when it is installed, by its metadata: {package: [packages]}."""
    code = """
import json, re
from importlib import metadata as m
modules = {}
for module, distributions in m.packages_distributions().items():
    for name in distributions:
        modules.setdefault(re.sub("[-_.]+", "-", name).lower(), set()).add(module)
def needs(name, seen):
    if name in seen:
        return seen
    seen.add(name)
    try:
        lines = m.requires(name) or []
    except m.PackageNotFoundError:
        return seen
    for line in lines:
        if "extra ==" not in line:
            needs(re.sub("[-_.]+", "-", re.match("[A-Za-z0-9_.-]+", line).group()).lower(), seen)
    return seen
all = {}
for name, own in modules.items():
    brought = sorted(set().union(*(modules.get(other, set()) for other in needs(name, set()))))
    for module in own:
        all[module] = brought
print(json.dumps(all))
"""
    return json.loads(subprocess.run([python, "-c", code], stdout=subprocess.PIPE, check=True, text=True).stdout)


def without_optional(parts, package, brings, standard):
    """Parts without packages that are only there because something else was installed beside this one."""
    if package not in brings:
        return parts
    third = set(brings)
    return {
        name: part
        for name, part in parts.items()
        if name in standard or name.lstrip("_") in standard or name not in third or name in brings[package]
    }


def text(value):
    return json.dumps(value)


def write(name, kind, parts, milliseconds, distribution):
    # The module of the harness is nobody's; what is small is one sum.
    parts = dict(parts)
    own = parts.pop("app", [0, 0])
    small = [sum(part[n] for part in parts.values() if part[0] < SMALL) for n in (0, 1)]
    parts = {package: part for package, part in parts.items() if part[0] >= SMALL}
    if kind == "call":
        parts[name] = own
    total = [small[n] + sum(part[n] for part in parts.values()) for n in (0, 1)]
    print("\n[[%s]]" % kind)
    print("%s = %s" % ("module" if kind == "import" else "call", text(name)))
    if distribution:
        print("distribution = %s" % text(distribution[0]))
        print("version = %s" % text(distribution[1]))
    print("resident_bytes = %d" % total[0])
    print("anonymous_bytes = %d" % total[1])
    print("milliseconds = %.1f" % milliseconds)
    print("small = [%d, %d]" % tuple(small))
    for package, part in sorted(parts.items()):
        print("parts.%s = [%d, %d]" % (text(package), *part))


def main():
    command, python = (os.path.abspath(word) for word in sys.argv[1:3])
    runs = int(sys.argv[3]) if len(sys.argv) > 3 else 3
    version, distributions, standard = versions(python)
    brings = required(python)
    with tempfile.TemporaryDirectory() as folder:
        pathlib.Path(folder, "app.py").write_text(HANDLER)
        pathlib.Path(folder, "event.json").write_text("{}")
        bare = [measured(command, python, folder, "--event", "event.json") for _ in range(runs)]
        if None in bare or bare[0]["client"]["name"] != "awslambdaric":
            raise SystemExit("the runtime client is not there: install awslambdaric into the environment of PYTHON")
        loaded = {name for name in bare[0]["invocations"][0]["response"] if name != "app"}
        print("# What imports add to a process that waits for its first event. Generated; do not edit:")
        print("#   python benches/import_footprints.py COMMAND PYTHON > interfaces/footprints/imports.toml")
        print("# Bytes: [resident, anonymous]. Resident: file pages of shared libraries count whole, as in an instance")
        print("# of its own. `parts` are by top-level package: of several imports, the largest part of a package counts.")
        print("# What a package imports only where it happens to be installed (matplotlib by igraph) is left out.")
        print("# Milliseconds include what reading the figures took: they compare, no more.")
        print("# What the runtime client has loaded itself counts nothing. `small` is the sum of parts below 64 KiB.")
        print("\n[environment]")
        print("python = %s" % text(version))
        print("kernel = %s" % text(bare[0]["kernel"]))
        print("machine = %s" % text(os.uname().machine))
        print("date = %s" % text(datetime.date.today().isoformat()))
        print("runs = %d" % runs)
        print('bytecode = "compiled"')
        print("standard = [%s]" % ", ".join(text(name) for name in standard))
        print("\n# The runtime client with a handler that imports nothing.")
        print("[runtime]")
        print('client = "awslambdaric"')
        print("version = %s" % text(bare[0]["client"]["version"]))
        for name in ("end_resident_bytes", "end_anonymous_bytes", "end_charged_bytes"):
            values = [one["init"][name] for one in bare]
            if None not in values:
                print("%s = %d" % (name.replace("end_", ""), median(values)))
        print("milliseconds = %.1f" % statistics.median(one["init"]["wall_ms"] for one in bare))
        print("loaded = [%s]" % ", ".join(text(name) for name in sorted(loaded) if not name.startswith("_")))
        for kind, items in (
            ("import", [(name, name.partition(".")[0], "import %s\n" % name) for name in IMPORTS]),
            ("call", [(name, package, source) for package, name, source in CALLS]),
        ):
            for name, package, source in items:
                if sys.argv[4:] and name not in sys.argv[4:]:
                    continue
                found = measure(command, python, folder, source, loaded, runs)
                if found is None:
                    print("%s is not installed, or cannot be imported: left out" % name, file=sys.stderr)
                    continue
                parts = without_optional(found[0], package, brings, standard)
                write(name, kind, parts, found[1], (distributions.get(package) or [None])[0])


if __name__ == "__main__":
    main()
