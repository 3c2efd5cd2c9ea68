"""Read a Python serverless handler, know its memory before it runs.

The work is done by the extension module ``_meminterface``; this package gives its names a home.
"""

from meminterface._meminterface import (
    FormulaError,
    HandlerNotFound,
    InputError,
    InternalError,
    MeminterfaceError,
    ParseError,
    __version__,
)

__all__ = [
    "FormulaError",
    "HandlerNotFound",
    "InputError",
    "InternalError",
    "MeminterfaceError",
    "ParseError",
    "__version__",
]
