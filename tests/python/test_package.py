"""The package as it is installed: its names, its stubs, its exceptions, its command."""

from __future__ import annotations

import os
import pathlib
import re
import signal
import subprocess
import sys
import time

import meminterface
import pytest
from meminterface import _meminterface

ROOT = pathlib.Path(__file__).parents[2]
SYNTAX_ERROR = "def handler(event, context):\n    return )\n"


def command(*words: str, **options: object) -> subprocess.CompletedProcess[str]:
    """Runs ``python -m meminterface`` with these words."""
    return subprocess.run(
        [sys.executable, "-m", "meminterface", *words],
        capture_output=True,
        text=True,
        encoding="utf-8",
        timeout=60,
        check=False,
        **options,  # type: ignore[call-overload]
    )


# --- names and stubs ---------------------------------------------------------------------------------------


def test_version_is_that_of_the_crate() -> None:
    manifest = (ROOT / "Cargo.toml").read_text(encoding="utf-8")
    declared = re.search(r'^version = "(.+)"', manifest, re.MULTILINE)
    assert declared is not None
    assert meminterface.__version__ == declared[1]


def test_every_public_name_exists_and_nothing_else_is_public() -> None:
    assert meminterface.__all__ == sorted(meminterface.__all__)
    for name in meminterface.__all__:
        assert hasattr(meminterface, name)
    of_the_module = {name for name in dir(_meminterface) if not name.startswith("_")} - {"run_command"}
    assert of_the_module <= set(meminterface.__all__)


def test_stubs_say_what_the_code_does(tmp_path: pathlib.Path) -> None:
    """mypy.stubtest compares every name, signature and default of the stubs with the module that is installed."""
    pytest.importorskip("mypy", reason="mypy is not in this environment")
    result = subprocess.run(
        [sys.executable, "-m", "mypy.stubtest", "meminterface", "--ignore-disjoint-bases"],
        capture_output=True,
        text=True,
        cwd=tmp_path,
        env={**os.environ, "MYPY_CACHE_DIR": str(tmp_path / "cache")},
        check=False,
    )
    assert result.returncode == 0, result.stdout + result.stderr


def test_package_passes_strict_type_checking(tmp_path: pathlib.Path) -> None:
    pytest.importorskip("mypy", reason="mypy is not in this environment")
    result = subprocess.run(
        [sys.executable, "-m", "mypy", "--strict", "--cache-dir", str(tmp_path), str(ROOT / "python" / "meminterface")],
        capture_output=True,
        text=True,
        cwd=tmp_path,
        check=False,
    )
    assert result.returncode == 0, result.stdout + result.stderr


def test_package_is_marked_as_typed() -> None:
    assert (pathlib.Path(meminterface.__file__).parent / "py.typed").is_file()


# --- exceptions --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", [n for n in meminterface.__all__ if n[0].isupper() and n != "MeminterfaceError"])
def test_exception_classes_have_one_base(name: str) -> None:
    value = getattr(meminterface, name)
    if not issubclass(value, Exception):
        assert not name.endswith("Error")
        return
    assert issubclass(value, meminterface.MeminterfaceError)
    error = value("made by a caller")
    assert (error.id, error.file, error.line, error.column, error.help) == (None, None, None, None, None)
    assert value.__module__ == "meminterface"
    assert value.__doc__


# --- the command -------------------------------------------------------------------------------------------


def test_command_is_installed() -> None:
    """The wheel carries the command: a script beside the interpreter, which does what ``python -m`` does."""
    script = pathlib.Path(sys.executable).parent / ("meminterface.exe" if os.name == "nt" else "meminterface")
    assert script.is_file(), f"{script} was not installed"
    result = subprocess.run([script, "--version"], capture_output=True, text=True, check=False)
    assert (result.returncode, result.stdout) == (0, f"meminterface {meminterface.__version__}\n")
    assert command("--version").stdout == result.stdout


def test_command_exit_codes(tmp_path: pathlib.Path) -> None:
    broken = tmp_path / "broken.py"
    broken.write_text(SYNTAX_ERROR, encoding="utf-8")
    assert command("--help").returncode == 0
    assert command("no-such-verb").returncode == 2
    result = command("cfg", str(broken))
    assert result.returncode == 2
    assert "error[syntax-error]" in result.stderr
    assert "broken.py:2:12" in result.stderr


def test_command_can_be_called_again_in_one_process(capfd: pytest.CaptureFixture[str]) -> None:
    assert _meminterface.run_command(["meminterface", "--version"]) == 0
    assert _meminterface.run_command(("meminterface", "--no-such-option")) == 2
    assert _meminterface.run_command(["meminterface", "--version"]) == 0
    assert capfd.readouterr().out.count("meminterface ") == 2


def test_command_takes_paths_that_are_not_text(tmp_path: pathlib.Path) -> None:
    """A word of the command line may be any bytes on Unix; Python hands them on as surrogates."""
    if sys.platform != "linux":
        pytest.skip("file names are text on this platform")
    name = os.fsdecode(bytes(tmp_path) + b"/caf\xe9.py")
    pathlib.Path(name).write_text(SYNTAX_ERROR, encoding="utf-8")
    assert command("cfg", name).returncode == 2
    assert "syntax-error" in command("cfg", name).stderr


def test_command_needs_words_that_are_text() -> None:
    with pytest.raises(TypeError):
        _meminterface.run_command([1, 2])  # type: ignore[list-item]
    with pytest.raises(TypeError):
        _meminterface.run_command(None)  # type: ignore[arg-type]


@pytest.mark.skipif(os.name == "nt", reason="signals of Unix")
def test_interrupt_ends_the_command(tmp_path: pathlib.Path) -> None:
    """Ctrl-C ends the command at once, although Python's own handler would wait for it: here it waits on a pipe
    that nobody reads."""
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    program = """if True:
        import os, sys
        import meminterface.__main__
        os.write(2, b"ready")
        sys.argv[1:] = ["cfg", sys.argv[1]]
        sys.exit(meminterface.__main__.main())
    """
    process = subprocess.Popen([sys.executable, "-c", program, str(pipe)], stderr=subprocess.PIPE)
    assert process.stderr is not None
    try:
        assert process.stderr.read(5) == b"ready"
        deadline = time.monotonic() + 30
        # The first signals may find Python still on its way into the command.
        while process.poll() is None and time.monotonic() < deadline:
            time.sleep(0.2)
            process.send_signal(signal.SIGINT)
        assert process.poll() == -signal.SIGINT
    finally:
        process.kill()
        process.wait()
        process.stderr.close()

