"""Predictions as objects: what ``meminterface predict`` says, for one event, for many, or for a workload."""

from __future__ import annotations

import array
import dataclasses
import json
import math
import os
import pathlib
from collections.abc import Mapping, Sequence
from typing import Any

from meminterface._meminterface import Formula, Interface, _predict, _predict_rows, _predict_workload

MEASURES = ("demand", "peak", "resident_peak", "retained")


def _numpy() -> Any:
    """NumPy, or None where it is not installed."""
    try:
        import numpy  # noqa: PLC0415
    except ImportError:
        return None
    return numpy


def _column(data: bytearray) -> Any:
    """64-bit floats as an array of NumPy's, or as a list without it."""
    numpy = _numpy()
    if numpy is not None:
        return numpy.frombuffer(data, dtype="float64")
    values = array.array("d")
    values.frombytes(bytes(data))
    return list(values)


@dataclasses.dataclass(frozen=True)
class PredictedLine:
    """A line of the handler's sources, and what of the resident peak is from there. ``share`` is 0 to 1."""

    file: str
    line: int
    text: str
    what: str
    resident_bytes: int
    requested_bytes: int
    share: float


@dataclasses.dataclass(frozen=True)
class InputLimit:
    """Up to where an input fits. ``verdict`` is ``"above"``, ``"never"``, ``"always"``, ``"uneven"`` or ``"unknown"``."""

    input: str
    verdict: str
    fits_up_to: int | None
    given: str
    message: str

    def __str__(self) -> str:
        return self.message


@dataclasses.dataclass(frozen=True)
class Exceeds:
    """For which inputs a limit is exceeded. ``now`` says whether it is as things stand; None if inputs decide."""

    limit_bytes: int
    room_bytes: int
    now: bool | None
    inputs: tuple[InputLimit, ...]


class Prediction:
    """What a handler needs: bytes above the level at entry, by ``demand``, ``peak``, ``resident_peak`` and ``retained``.

    For one event each ``*_bytes`` is what is expected, or the largest where nothing says what is expected, or None where
    nothing bounds it. For many events it is an array with a number for each (infinite where nothing bounds it, NaN where a
    row was not predicted); of a workload the mean, and ``quantiles`` has the rest.
    """

    def __init__(self, data: dict[str, Any], interface: Interface, asked: tuple[Any, Any] | None = None) -> None:
        self._data = data
        self._interface = interface
        self._asked = asked
        self._columns: dict[str, tuple[Any, Any]] | None = None

    # ---- amounts

    def _one(self, name: str) -> Any:
        if self._columns is not None:
            return self._columns[name][1]
        amounts = self._data[f"{name}_bytes"]
        return amounts["max"] if amounts["expected"] is None else amounts["expected"]

    @property
    def demand_bytes(self) -> Any:
        """Bytes that are asked for, nothing reclaimed."""
        return self._one("demand")

    @property
    def peak_bytes(self) -> Any:
        """High-water mark of requested bytes."""
        return self._one("peak")

    @property
    def resident_peak_bytes(self) -> Any:
        """The part of the peak that is resident: what a memory limit counts."""
        return self._one("resident_peak")

    @property
    def retained_bytes(self) -> Any:
        """Bytes that stay when the handler has returned, its result left out."""
        return self._one("retained")

    @property
    def baseline_bytes(self) -> int | None:
        """What the process holds before its first event, by shipped footprints; None if packages are not known."""
        found: int | None = self._data["baseline_bytes"]["max"]
        return found

    @property
    def footprint_bytes(self) -> Any:
        """The most that the process holds: baseline, late imports and resident peak."""
        if self._columns is None:
            return self._one("footprint")
        resident = self._columns["resident_peak"][1]
        baseline, start = self.baseline_bytes, self._data["initial_peak_bytes"]["max"]
        if baseline is None or start is None:
            return [None] * len(self)
        held = baseline + self._data["later_bytes"]
        numpy = _numpy()
        if numpy is not None:
            return numpy.maximum(resident + held, start)
        return [max(peak + held, start) for peak in resident]

    def bounds(self, name: str) -> tuple[Any, Any]:
        """The least and the largest of ``"demand"``, ``"peak"``, ``"resident_peak"``, ``"retained"``, ``"baseline"`` or
        ``"footprint"``; None where nothing bounds it. Of many events the least and the expected."""
        if self._columns is not None and name in self._columns:
            return self._columns[name]
        amounts = self._data[f"{name}_bytes"]
        return amounts["min"], amounts["max"]

    @property
    def quantiles(self) -> dict[str, int | None]:
        """Of a workload: the resident peak at ``p50``, ``p90``, ``p95``, ``p99``, ``p99.9`` and ``max``. Else empty."""
        found = self._data["resident_peak_bytes"].get("quantiles") if self._columns is None else None
        return {one["name"]: one["bytes"] for one in found or ()}

    # ---- the rest

    @property
    def formulas(self) -> dict[str, Formula | None]:
        """The four amounts as formulas over what is not known; None for one that is too long to be written."""
        texts = {name: self._data["formulas"][name] for name in MEASURES}
        return {name: None if text is None else Formula(text) for name, text in texts.items()}

    @property
    def unknown(self) -> list[dict[str, Any]]:
        """What is not known: symbol, cause, file, line, and how to resolve it."""
        return list(self._data["unknown"])

    @property
    def assumptions(self) -> list[str]:
        """What was taken for granted."""
        return list(self._data["assumptions"])

    @property
    def growth(self) -> list[dict[str, Any]]:
        """Where memory stays from one invocation to the next."""
        return list(self._data["growth"])

    def explain(self) -> list[PredictedLine]:
        """Where the resident peak comes from, the largest first. Needs one event, and a peak that is a number."""
        if self._asked is None or self._asked[0] is None:
            raise ValueError("a prediction of one event can be explained, and no other")
        event, mcvs = self._asked
        data = json.loads(_predict(self._interface, event, mcvs, True, None))
        return [PredictedLine(**line) for line in data.get("lines") or ()]

    def to_dict(self) -> dict[str, Any]:
        """The same as plain data, by the schema ``meminterface.prediction``. Of many events what they have in common."""
        return dict(self._data)

    def to_json(self) -> str:
        """The same as JSON text."""
        return json.dumps(self._data, indent=2)

    def __len__(self) -> int:
        """How many events it is of."""
        return 1 if self._columns is None else len(self._columns["peak"][0])

    def __bool__(self) -> bool:
        return True

    def __repr__(self) -> str:
        name = self._data["handler"]
        if self._columns is not None:
            return f"<Prediction of {name} for {len(self)} events>"
        resident = self.resident_peak_bytes
        if resident is None:
            resident = self._data["formulas"]["resident_peak"] or "a formula too long to be written"
            if len(resident) > 200:
                resident = f"a formula of {len(resident)} characters"
        return f"<Prediction of {name}: resident peak {resident}>"


def _plain(value: Any) -> Any:
    """Numbers of NumPy's as Python's own; everything else as it is."""
    item = getattr(value, "item", None)
    if callable(item) and getattr(value, "ndim", None) == 0:
        return item()
    if isinstance(value, dict):
        return {key: _plain(inner) for key, inner in value.items()}
    if isinstance(value, (list, tuple)):
        return type(value)(_plain(inner) for inner in value) if type(value) in (list, tuple) else value
    return value


def _rows_of(value: Any) -> list[Any] | None:
    """The rows of an array, series or column; None for what is no column."""
    if isinstance(value, (str, bytes, bytearray, list, tuple, dict)) or value is None:
        return None
    if getattr(value, "ndim", 1) == 0:
        return None
    for name in ("to_pylist", "tolist", "to_list"):
        method = getattr(value, name, None)
        if callable(method):
            return list(method())
    return list(value) if isinstance(value, (array.array, Sequence)) else None


def _columns_of(event: Any) -> dict[str, Any] | None:
    """The columns of a table: Arrow's, pandas', or a structured array's. None for what is no table."""
    if isinstance(event, dict):
        return None
    names = getattr(getattr(event, "dtype", None), "names", None)
    if names:
        return {name: event[name] for name in names}
    if hasattr(event, "column_names") and hasattr(event, "column"):
        return {name: event.column(name) for name in event.column_names}
    if hasattr(event, "columns") and hasattr(event, "iloc"):
        return {str(name): event[name] for name in event.columns}
    return None


def predict(interface: Interface, event: Any, mcvs: Mapping[str, Any] | None) -> Prediction:
    """See ``Interface.predict``."""
    given = {name: _plain(value) for name, value in (mcvs or {}).items()}
    many = {name: rows for name, value in given.items() if (rows := _rows_of(value)) is not None}
    events: list[Any] = []
    inputs: dict[str, Any] = {}
    count: int | None = None
    table = _columns_of(event)
    if table is None and isinstance(event, list):
        events, count = [_plain(one) for one in event], len(event)
    elif table is not None or isinstance(event, dict) and any(_rows_of(value) is not None for value in event.values()):
        for name, value in (table if table is not None else event).items():
            rows = _rows_of(value)
            # A name is a key of the event here, whatever it looks like.
            key = f"event[{json.dumps(name)}]"
            inputs[key] = [_plain(row) for row in rows] if rows is not None else (_plain(value),)
            count = len(rows) if count is None and rows is not None else count
    elif many:
        events = [] if event is None else [_plain(event)]
        count = len(next(iter(many.values())))
    if count is None:
        asked = (_plain(event), given)
        return Prediction(json.loads(_predict(interface, *asked, False, None)), interface, asked)
    if count == 0:
        raise ValueError("there are no events to predict for")
    values: dict[str, Any] = {name: many.get(name, (value,)) for name, value in given.items()}
    columns, text = _predict_rows(interface, events, inputs, values, count)
    found = Prediction(json.loads(text), interface)
    found._columns = {name: (_column(low), _column(high)) for name, (low, high) in zip(MEASURES, columns)}
    return found


def sample(
    interface: Interface,
    workload: Any,
    events: Any,
    samples: int | None,
    seed: int | None,
    mcvs: Mapping[str, Any] | None,
) -> Prediction:
    """See ``Interface.sample``."""
    if isinstance(workload, (str, os.PathLike)):
        path = pathlib.Path(workload)
        text = path.read_text(encoding="utf-8")
    else:
        path, text = pathlib.Path("workload"), json.dumps(_plain(workload))
    if events is None:
        events = []
    elif not isinstance(events, list):
        events = [events]
    given = {name: _plain(value) for name, value in (mcvs or {}).items()}
    data = _predict_workload(interface, path, text, [_plain(one) for one in events], given, samples, seed)
    return Prediction(json.loads(data), interface)


def exceeds(interface: Interface, limit: Any, event: Any, mcvs: Mapping[str, Any] | None) -> Exceeds:
    """See ``Interface.exceeds``."""
    if isinstance(limit, float) and math.isfinite(limit):
        limit = int(limit)
    given = {name: _plain(value) for name, value in (mcvs or {}).items()}
    data = json.loads(_predict(interface, _plain(event), given, False, str(limit)))["exceeds"]
    return Exceeds(
        limit_bytes=data["limit_bytes"],
        room_bytes=data["room_bytes"],
        now=data["now"],
        inputs=tuple(InputLimit(**one) for one in data["inputs"]),
    )
