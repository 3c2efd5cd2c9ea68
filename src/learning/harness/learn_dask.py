"""Learns on a Dask cluster: files of traces are parted by callable, and each callable is fitted, by the command itself.

Standard input has what is asked for as JSON, standard output the answer. All workers see the same files.
"""

import json
import os
import subprocess
import sys


def run(words):
    """What the command answers; 1 is its exit code where something was left out, which the answer has too."""
    done = subprocess.run(words, stdin=subprocess.DEVNULL, capture_output=True, text=True)
    if done.returncode not in (0, 1) or not done.stdout.strip():
        raise RuntimeError(f"{' '.join(words)}: exit code {done.returncode}: {done.stderr.strip()[-1000:]}")
    return json.loads(done.stdout)


def part(ask, number, file):
    words = [ask["command"], "learn", "--traces", file, "--partition", ask["folder"] + "/parts", "--part", f"{number:09}"]
    words += ["--most-traces", str(ask["most"]), "--python", ask["python"], "--format", "json"]
    for pattern in ask["only"]:
        words += ["--only", pattern]
    return run(words)


def fit(ask, number, folder):
    out = f"{ask['folder']}/out/{number:09}"
    words = [ask["command"], "learn", "--traces", folder, "-o", out, "--most-traces", str(ask["most"]), "--format", "json"]
    answer = run(words)
    files = sorted(os.listdir(out)) if os.path.isdir(out) else []
    answer["written"] = [os.path.join(out, name) for name in files if name.endswith(".toml")]
    return answer


def main():
    ask = json.load(sys.stdin)
    try:
        from distributed import Client, LocalCluster
    except ImportError as error:
        sys.exit(f"{error}: pip install \"dask[distributed]\"")
    cluster = None
    if ask["scheduler"] is None:
        cluster = LocalCluster(n_workers=ask["jobs"], threads_per_worker=1, processes=True, dashboard_address=None)
    client = Client(ask["scheduler"] or cluster)
    try:
        count = len(ask["files"])
        parts = client.gather(client.map(part, [ask] * count, range(count), ask["files"], pure=False, retries=2))
        folders = sorted({folder for one in parts for folder in one["folders"]})
        count = len(folders)
        fits = client.gather(client.map(fit, [ask] * count, range(count), folders, pure=False, retries=2))
        workers = len(client.scheduler_info(n_workers=-1)["workers"])
    finally:
        client.close()
        if cluster is not None:
            cluster.close()
    left_out = [problem for one in parts + fits for problem in one["left_out"]]
    json.dump({"callables": [one for fit in fits for one in fit["callables"]], "left_out": left_out, "workers": workers,
               "files": [file for fit in fits for file in fit["written"]]}, sys.stdout)


if __name__ == "__main__":
    main()
