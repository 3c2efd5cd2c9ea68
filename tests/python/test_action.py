"""What CI runs: the steps of action.yml, the hooks of .pre-commit-hooks.yaml, and the JSON of `check` and `listing`."""

import json
import os
import pathlib
import re
import shlex
import subprocess
import textwrap

import pytest
from test_schemas import command, validate

ROOT = pathlib.Path(__file__).resolve().parents[2]
HANDLER = "def handler(event, context):\n    return len(bytes(event['n']))\n"
BUDGET = "[[budget]]\ninputs = {{ n = 5000 }}\npeak = {peak}\n"


@pytest.fixture
def repository(tmp_path):
    """A handler that was committed, and one more that was not."""
    folder = tmp_path / "with a space"
    folder.mkdir()
    (folder / "app.py").write_text(HANDLER)
    git = ["git", "-c", "user.name=t", "-c", "user.email=t@example.com"]
    subprocess.run([*git, "init", "-q"], cwd=folder, check=True)
    subprocess.run([*git, "add", "app.py"], cwd=folder, check=True)
    subprocess.run([*git, "commit", "-qm", "one"], cwd=folder, check=True)
    (folder / "more.py").write_text(HANDLER)
    return folder


def script(name):
    """The shell lines of a step of the action."""
    text = (ROOT / "action.yml").read_text()
    step = text.split(f"- name: {name}\n", 1)[1]
    return textwrap.dedent(step.split("      run: |\n", 1)[1])


def check_memory(folder, **inputs):
    """Runs the step as a runner does: inputs are variables. Gives the exit code, the log, the outputs."""
    outputs = folder.parent / "outputs"
    outputs.write_text("")
    given = {"PATHS": ".", "BUDGET": "", "SINCE": "", "FORMAT": "github", "OUTPUT": "", "ARGUMENTS": "", **inputs}
    environment = {**os.environ, **given, "COMMAND": command(), "GITHUB_OUTPUT": str(outputs)}
    environment["MEMINTERFACE_CACHE"] = str(folder.parent / "cache")
    done = subprocess.run(
        ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", script("Check memory")],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    return done.returncode, done.stdout + done.stderr, outputs.read_text()


def test_every_input_of_the_action_is_used():
    text = (ROOT / "action.yml").read_text()
    declared = re.findall(r"^  ([a-z-]+):$", text.split("\noutputs:")[0].split("\ninputs:\n")[1], re.MULTILINE)
    assert len(declared) == 7
    for name in declared:
        assert f"${{{{ inputs.{name} }}}}" in text, name
    # Text of a pull request is never part of a script.
    assert "${{" not in script("Check memory")


def test_the_action_annotates_and_fails_on_a_broken_budget(repository):
    (repository / "meminterface.toml").write_text(BUDGET.format(peak=100))
    code, log, outputs = check_memory(repository)
    assert (code, outputs) == (1, "exit-code=1\n"), log
    assert "::error file=app.py,line=2,title=peak over budget::" in log
    (repository / "meminterface.toml").write_text(BUDGET.format(peak=10_000))
    code, log, outputs = check_memory(repository)
    assert (code, outputs) == (0, "exit-code=0\n"), log


def test_the_action_compares_and_writes_a_file(repository):
    code, log, _ = check_memory(repository, SINCE="HEAD", FORMAT="markdown", OUTPUT="comment.md", PATHS="app.py more.py")
    assert code == 0, log
    comment = (repository / "comment.md").read_text()
    assert comment.startswith("<!-- meminterface check -->\n### Memory changed\n")
    assert "`handler`" in comment
    code, log, _ = check_memory(repository, SINCE="no-such-revision")
    assert code == 2, log
    # Words of an input are options or paths, never commands.
    code, log, _ = check_memory(repository, PATHS="$(touch owned) app.py")
    assert code == 2, log
    assert not (repository / "owned").exists()


def test_the_hooks_run_the_command(repository):
    text = (ROOT / ".pre-commit-hooks.yaml").read_text()
    entries = re.findall(r"^  entry: (.+)$", text, re.MULTILINE)
    arguments = [json.loads(words) for words in re.findall(r"^  args: (.+)$", text, re.MULTILINE)]
    assert len(entries) == len(arguments) == 2
    (repository / "meminterface.toml").write_text(BUDGET.format(peak=100))
    for entry, words in zip(entries, arguments):
        program, *rest = shlex.split(entry)
        assert program == "meminterface"
        done = subprocess.run([command(), *rest, *words], cwd=repository, capture_output=True, text=True, check=False)
        assert done.returncode == 1, done.stderr
        assert "error[over-budget]" in done.stdout


def run(folder, *words):
    done = subprocess.run([command(), *words], cwd=folder, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode in (0, 1), done.stderr
    return done.stdout


def test_json_follows_its_schemas(repository):
    (repository / "meminterface.toml").write_text(BUDGET.format(peak=100))
    validate(json.loads(run(repository, "check", ".", "--since", "HEAD", "--format", "json")), "check")
    run(repository, "check", ".", "--write-state", "state.json")
    validate(json.loads((repository / "state.json").read_text()), "state")
    example = str(ROOT / "examples" / "page" / "template.yaml")
    run(repository, "listing", example, "--author", "jane", "-o", "listing")
    validate(json.loads((repository / "listing" / "listing.json").read_text()), "listing")
    both = ["listing/listing.json", "listing/listing.json"]
    validate(json.loads(run(repository, "listing", "compare", *both, "--format", "json")), "comparison")
