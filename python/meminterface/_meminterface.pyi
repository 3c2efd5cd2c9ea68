"""The extension module. Its names are public through ``meminterface``."""

import os
from collections.abc import Mapping, Sequence
from fractions import Fraction
from typing import Any, Final, Literal, SupportsIndex, Union, final

from typing_extensions import TypeAlias

from ._prediction import Exceeds, Prediction

__all__ = [
    "EvaluationError",
    "Formula",
    "FormulaError",
    "HandlerNotFound",
    "InputError",
    "Interface",
    "InternalError",
    "Mcv",
    "MeasurementError",
    "MeminterfaceError",
    "ParseError",
    "Path",
    "__version__",
    "_listing",
    "_predict",
    "_predict_rows",
    "_predict_workload",
    "extract",
    "extract_all",
    "run_command",
    "symbol",
    "term",
]

__version__: Final[str]

_Exact: TypeAlias = Union[Formula, SupportsIndex, Fraction]
_Value: TypeAlias = Union[SupportsIndex, Fraction, float, str, bool, None, Formula]

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
    """A file that cannot be read or decoded, a template that is no YAML, a contract or event that is not valid."""

class ParseError(MeminterfaceError):
    """The source is not Python 3.8 to 3.14."""

class HandlerNotFound(MeminterfaceError):
    """The handler is not there, is made at run time, or is one of several."""

class FormulaError(MeminterfaceError):
    """A formula that cannot be read or evaluated, or an algebra system that is not in this build."""

class EvaluationError(MeminterfaceError):
    """An interface that has no formula for the values given: the handler raises, or a loop needs a value."""

class MeasurementError(MeminterfaceError):
    """A handler that could not be run or watched as asked: no interpreter, no limit, not Linux."""

class InternalError(MeminterfaceError):
    """A bug of the package."""

@final
class Formula:
    """An amount of memory in bytes as an exact expression over named sizes.

    ``Formula(text)`` reads one; numbers, formulas and the operators of Python make further ones.
    """

    def __new__(cls, value: str | _Exact, /) -> Formula: ...
    def __add__(self, other: _Exact, /) -> Formula: ...
    def __radd__(self, other: _Exact, /) -> Formula: ...
    def __sub__(self, other: _Exact, /) -> Formula: ...
    def __rsub__(self, other: _Exact, /) -> Formula: ...
    def __mul__(self, other: _Exact, /) -> Formula: ...
    def __rmul__(self, other: _Exact, /) -> Formula: ...
    def __truediv__(self, other: _Exact, /) -> Formula: ...
    def __rtruediv__(self, other: _Exact, /) -> Formula: ...
    def __floordiv__(self, other: _Exact, /) -> Formula: ...
    def __rfloordiv__(self, other: _Exact, /) -> Formula: ...
    def __mod__(self, other: _Exact, /) -> Formula: ...
    def __rmod__(self, other: _Exact, /) -> Formula: ...
    def __pow__(self, other: _Exact, modulo: None = None, /) -> Formula: ...
    def __rpow__(self, other: _Exact, modulo: None = None, /) -> Formula: ...
    def __neg__(self) -> Formula: ...
    def __pos__(self) -> Formula: ...
    def __eq__(self, other: object, /) -> bool: ...
    def __ne__(self, other: object, /) -> bool: ...
    def __lt__(self, other: _Exact, /) -> bool: ...
    def __le__(self, other: _Exact, /) -> bool: ...
    def __gt__(self, other: _Exact, /) -> bool: ...
    def __ge__(self, other: _Exact, /) -> bool: ...
    def __hash__(self) -> int: ...
    def __bool__(self) -> bool: ...
    def __reduce__(self) -> tuple[type[Formula], tuple[str]]: ...
    @property
    def symbols(self) -> tuple[str, ...]:
        """The names of the sizes that the value depends on, sorted."""

    @property
    def terms(self) -> tuple[Formula, ...]:
        """The calls whose memory is not known yet, each once."""

    def substitute(self, values: Mapping[Any, _Value] | None = None, /, **names: _Value) -> Formula:
        """Puts formulas or numbers into the places of symbols and of calls (by their text), all at once."""

    def evaluate(self, values: Mapping[Any, _Value] | None = None, /, **names: _Value) -> int:
        """The number of bytes for these values of symbols and of calls (by their text), rounded up once at the end."""

    def growth(self, symbol: str | None = None) -> Formula:
        """The order of growth, without coefficients: in one symbol, or in all of them."""

    def simplify(self) -> Formula:
        """The shortest form that algebra finds. Needs a build with Symbolica."""

    def derivative(self, symbol: str) -> Formula:
        """The derivative by a symbol. Needs a build with Symbolica."""

    def to_sympy(self) -> Any:
        """The same as an expression of SymPy, which must be installed."""

    def to_latex(self) -> str:
        """LaTeX, without dollar signs."""

    def _repr_latex_(self) -> str: ...

@final
class Mcv:
    """A memory-critical variable: what memory depends on and the handler's arguments do not give."""

    @property
    def name(self) -> str:
        """Its name: a keyword of the interface."""

    @property
    def kind(self) -> str:
        """``"input"``, ``"external size"``, ``"computed condition"``, ``"trip count"``, ``"exception"``,
        ``"environment"`` or ``"state"``."""

    @property
    def type(self) -> str:
        """The type of its values, as Python writes it."""

    @property
    def meaning(self) -> str:
        """What it stands for, in words of the source."""

    @property
    def file(self) -> str:
        """The file that it comes from."""

    @property
    def line(self) -> int:
        """The line that it comes from."""

    @property
    def default(self) -> str | None:
        """Its value unless given, as Python text: an environment variable's default."""

    @property
    def values(self) -> tuple[str, ...]:
        """The values that it may take, where they are few and known."""

@final
class Path:
    """One way through the handler."""

    @property
    def conditions(self) -> tuple[str, ...]:
        """The conditions that hold along it, in order, as Python text."""

    @property
    def formula(self) -> Formula:
        """What it costs."""

@final
class Interface:
    """The memory interface of one handler. Called with the handler's arguments it gives a ``Formula``."""

    @property
    def handler(self) -> str:
        """The handler's qualified name."""

    @property
    def file(self) -> str:
        """The handler's file, as the caller named it."""

    @property
    def line(self) -> int:
        """The line of its definition."""

    @property
    def parameters(self) -> tuple[str, ...]:
        """The names of the handler's own parameters."""

    @property
    def mcvs(self) -> tuple[Mcv, ...]:
        """What memory depends on and the arguments do not give, in the order of first use."""

    @property
    def derived(self) -> tuple[str, ...]:
        """The names of the values that are computed from the arguments and can be given instead."""

    @property
    def warnings(self) -> tuple[str, ...]:
        """Warnings of the extraction, a line each."""

    @property
    def source(self) -> str:
        """The interface as a Python file, with terms of this package."""

    def to_python(self, symbols: Literal["meminterface", "sympy"] = "meminterface") -> str:
        """The interface as a Python file; ``symbols`` is ``"meminterface"`` or ``"sympy"``."""

    def to_json(self) -> str:
        """The interface as JSON text, by the schema ``meminterface.interface``."""

    def paths(self, *arguments: Any, limit: int = 256, **values: Any) -> list[Path]:
        """The ways through the handler with their conditions and formulas, for what is known of the arguments and
        variables. At most ``limit`` are listed; ``ValueError`` if there are more."""

    def __call__(self, *arguments: Any, **values: Any) -> Formula:
        """The memory that the handler demands for these arguments. Arguments come by position or name, memory-critical
        variables and derived values by name; what is not given stays a symbol of the formula."""

    def predict(self, event: Any = None, /, **mcvs: Any) -> Prediction:
        """What the handler needs for an event, without running it: a ``Prediction``.

        ``event`` is the event; without one, formulas over its parts come out. A list of events, a dict with arrays, or a
        table (Arrow, pandas) gives arrays: NumPy's where it is installed, and lists where it is not. ``mcvs`` are values of
        what the event does not give, by name; arrays of them too."""

    def sample(
        self,
        workload: str | os.PathLike[str] | dict[str, Any],
        events: Any = None,
        /,
        *,
        samples: int | None = None,
        seed: int | None = None,
        **mcvs: Any,
    ) -> Prediction:
        """Quantiles for a workload (docs/WORKLOAD.md): a ``Prediction``. ``workload`` is a file, or a dict as the file
        has it."""

    def exceeds(self, limit: str | float, event: Any = None, /, **mcvs: Any) -> Exceeds:
        """For which inputs the process needs more than ``limit`` (``"512MB"``, or bytes): an ``Exceeds``. With an event
        its other parts stay as they are."""

def extract(
    path_or_source: str | os.PathLike[str],
    handler: str | None = None,
    *,
    filename: str = "handler.py",
    depth: int | None = None,
) -> Interface:
    """Reads a handler without importing or running it, and gives its memory interface.

    ``path_or_source`` is a Python file, a template, a folder, or the text of a source (which has more than one line).
    If it holds several handlers, ``handler`` names one.
    """

def extract_all(
    path_or_source: str | os.PathLike[str],
    handler: str | None = None,
    *,
    filename: str = "handler.py",
    depth: int | None = None,
) -> list[Interface]:
    """The memory interfaces of all handlers, in the order that they are found in. Raises for the first input that
    cannot be used."""

def term(name: str, /, *arguments: Any, **keywords: Any) -> Formula:
    """A call whose memory is not known yet, with the arguments that matter: a term of an interface."""

def symbol(text: str, /) -> Formula:
    """An argument of a term that stays as the handler's source writes it."""

def _listing(words: Sequence[str | os.PathLike[str]]) -> tuple[str, str, str, list[str]]: ...
def _predict(
    interface: Interface, event: Any, mcvs: dict[str, Any] | None, explain: bool, limit: str | None
) -> str: ...
def _predict_rows(
    interface: Interface, events: list[Any], inputs: dict[str, Any], mcvs: dict[str, Any], count: int
) -> tuple[list[tuple[bytearray, bytearray]], str]: ...
def _predict_workload(
    interface: Interface,
    file: str | os.PathLike[str],
    text: str,
    events: list[Any],
    mcvs: dict[str, Any] | None,
    samples: int | None,
    seed: int | None,
) -> str: ...
def run_command(words: Sequence[str]) -> int:
    """Runs the command with these words (the first is the program's own name), and gives its exit code.

    Writes to the process's standard output and standard error, not to ``sys.stdout``.
    """
