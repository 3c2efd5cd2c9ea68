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


def merge(ask, folder, group, number, files):
    """Some parts of a callable as one: the summary of their summaries, in their order."""
    os.makedirs(group, exist_ok=True)
    for file in files:
        link = f"{group}/{os.path.basename(file)}"
        if not os.path.exists(link):
            os.link(file, link)
    words = [ask["command"], "learn", "--traces", group, "--partition", folder, "--part", f"{number:09}"]
    return run(words + ["--most-traces", str(ask["most"]), "--format", "json"])


def merged(ask, client, folders):
    """The folders of the callables, each with at most so many parts as one worker reads: a tree of summaries."""
    few, level = [], 0
    while folders:
        level += 1
        parts = {folder: sorted(os.path.join(folder, name) for name in os.listdir(folder)) for folder in folders}
        few += [folder for folder, files in parts.items() if len(files) <= ask["most_parts"]]
        jobs = []
        for files in parts.values():
            if len(files) > ask["most_parts"]:
                chunks = [files[n : n + ask["most_parts"]] for n in range(0, len(files), ask["most_parts"])]
                jobs += [(number, chunk) for number, chunk in enumerate(chunks)]
        root = f"{ask['folder']}/level{level}"
        done = [client.submit(merge, ask, f"{root}/parts", f"{root}/groups/{n:09}", *job, pure=False, retries=2) for n, job in enumerate(jobs)]
        folders = sorted({folder for one in client.gather(done) for folder in one["folders"]})
    return sorted(few, key=lambda folder: folder.rsplit("/", 2)[1:])


def fit(ask, number, folder):
    out = f"{ask['folder']}/out/{number:09}"
    words = [ask["command"], "learn", "--traces", folder, "-o", out, "--most-traces", str(ask["most"]), "--format", "json"]
    answer = run(words + ["--most-error", str(ask["most_error"])])
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
        folders = merged(ask, client, sorted({folder for one in parts for folder in one["folders"]}))
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
