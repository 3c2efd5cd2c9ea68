"""What generated interfaces import, other than formulas: the handler's own exceptions and exits, acted out."""

from __future__ import annotations

import builtins

__all__ = ["Leave", "fail", "raised"]


class Leave(BaseException):
    """The handler ends inside of a function that it called (``sys.exit``)."""


_made: dict[str, type[BaseException]] = {}


def raised(name: str) -> type[BaseException]:
    """The exception class of this name: Python's own, or one that stands for the library's and is never imported."""
    known = getattr(builtins, name, None)
    if isinstance(known, type) and issubclass(known, BaseException):
        return known
    if name not in _made:
        _made[name] = type(name, (Exception,), {"__module__": "meminterface"})
    return _made[name]


def fail(variable: str | None, label: str, *exceptions: str) -> None:
    """Raises what ``variable`` says that the call ``label`` raises: its label, or ``"label: exception"``."""
    for exception in exceptions:
        if variable == label or variable == f"{label}: {exception}":
            raise raised(exception)
