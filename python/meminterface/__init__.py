"""Read a Python serverless handler, know its memory before it runs.

>>> import meminterface
>>> interface = meminterface.extract("handler.py")
>>> interface({"n": 1000}, None)
Formula('...')

The work is done by the extension module ``_meminterface``; this package gives its names a home. Interfaces that
``meminterface extract`` wrote import ``term``, ``symbol``, ``amount``, ``raised``, ``fail`` and ``Leave`` from here.
"""

from meminterface._listing import ListedFunction, ListedNumber, ListedSize, Listing, listing
from meminterface._meminterface import (
    EvaluationError,
    Formula,
    FormulaError,
    HandlerNotFound,
    InputError,
    Interface,
    InternalError,
    Mcv,
    MeasurementError,
    MeminterfaceError,
    ParseError,
    Path,
    __version__,
    extract,
    extract_all,
    symbol,
    term,
)
from meminterface._prediction import Exceeds, InputLimit, PredictedLine, Prediction
from meminterface._runtime import Leave, amount, fail, raised

__all__ = [
    "EvaluationError",
    "Exceeds",
    "Formula",
    "FormulaError",
    "HandlerNotFound",
    "InputError",
    "InputLimit",
    "Interface",
    "InternalError",
    "Leave",
    "ListedFunction",
    "ListedNumber",
    "ListedSize",
    "Listing",
    "Mcv",
    "MeasurementError",
    "MeminterfaceError",
    "ParseError",
    "Path",
    "PredictedLine",
    "Prediction",
    "__version__",
    "amount",
    "extract",
    "extract_all",
    "fail",
    "listing",
    "raised",
    "symbol",
    "term",
]
