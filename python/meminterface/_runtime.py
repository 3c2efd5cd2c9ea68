"""What generated interfaces import: the handler's own exceptions and exits, acted out, and formulas in bytes."""

from __future__ import annotations

import builtins
from collections.abc import Callable, Mapping
from fractions import Fraction
from typing import Any

from meminterface._meminterface import Formula

__all__ = ["Leave", "amount", "fail", "raised"]


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


def amount(formula: str, values: Mapping[str, Callable[[], Any]]) -> Formula:
    """The formula, with the symbols replaced whose values are known.

    ``values`` gives a function for each symbol. What gives ``None``, no number, or fails because the arguments lack
    it (``event["n"]`` without an ``n``) stays a symbol.
    """
    known: dict[str, Any] = {}
    for name, value in values.items():
        try:
            found = value()
        except (AttributeError, LookupError, TypeError, ValueError):
            continue
        if isinstance(found, bool):
            found = int(found)
        if isinstance(found, (int, float, Fraction, Formula)):
            known[name] = found
    result = Formula(formula)
    return result.substitute(known) if known else result
