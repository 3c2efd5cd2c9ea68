"""The extension module. Its names are public through ``meminterface``."""

from collections.abc import Sequence
from typing import Final

__all__ = [
    "FormulaError",
    "HandlerNotFound",
    "InputError",
    "InternalError",
    "MeminterfaceError",
    "ParseError",
    "__version__",
    "run_command",
]

__version__: Final[str]

class MeminterfaceError(Exception):
    """What the package raises about an input. Base of the classes below."""

    id: str | None
    """The kebab-case id of the kind of error, explained in docs/DIAGNOSTICS.md."""
    file: str | None
    """The file as the caller named it."""
    line: int | None
    """Counted from 1."""
    column: int | None
    """Counted from 1, in code points."""
    help: str | None
    """What to do about it."""

class InputError(MeminterfaceError):
    """A file that cannot be read or decoded, a template that is no YAML."""

class ParseError(MeminterfaceError):
    """The source is not Python 3.8 to 3.14."""

class HandlerNotFound(MeminterfaceError):
    """The handler is not there, or is made at run time."""

class FormulaError(MeminterfaceError):
    """A formula that cannot be read or evaluated, or an algebra system that is not in this build."""

class InternalError(MeminterfaceError):
    """A bug of the package."""

def run_command(words: Sequence[str]) -> int:
    """Runs the command with these words (the first is the program's own name), and gives its exit code.

    Writes to the process's standard output and standard error, not to ``sys.stdout``.
    """
