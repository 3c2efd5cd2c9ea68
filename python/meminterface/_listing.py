"""A marketplace listing as objects: what ``meminterface listing`` writes."""

from __future__ import annotations

import dataclasses
import json
import os
from collections.abc import Iterable
from typing import Any

from meminterface._meminterface import Formula, _listing


@dataclasses.dataclass(frozen=True)
class ListedNumber:
    """A number and how it is known: ``measured``, ``learned`` or ``assumed``. ``value`` is None if it is not known;
    ``note`` then says why."""

    value: float | None
    basis: str
    note: str | None = None

    def __float__(self) -> float:
        if self.value is None:
            raise ValueError(self.note or "the number is not known")
        return self.value


@dataclasses.dataclass(frozen=True)
class ListedSize:
    """What a function needs for inputs of one size."""

    name: str
    inputs: str
    values: dict[str, Any]
    basis: str | None
    peak_bytes: ListedNumber | None
    footprint_bytes: ListedNumber | None
    duration_ms: ListedNumber | None
    cost_per_million_usd: ListedNumber | None


@dataclasses.dataclass(frozen=True)
class ListedFunction:
    """A function of the application. ``data`` is its whole entry of ``listing.json``."""

    name: str
    handler: str
    file: str
    peak: Formula | None
    resident_peak: Formula | None
    demand: Formula | None
    retained: Formula | None
    complete: bool
    recommended_mb: ListedNumber | None
    template_mb: int | None
    baseline_bytes: ListedNumber | None
    cost_per_million_usd: ListedNumber | None
    cold_start_ms: ListedNumber | None
    sizes: tuple[ListedSize, ...]
    data: dict[str, Any]


@dataclasses.dataclass(frozen=True)
class Listing:
    """What a marketplace listing needs. ``metadata`` is the template's block, ``markdown`` the readme's section,
    ``warnings`` what is wrong without being an error, ``data`` all of ``listing.json``."""

    application: dict[str, str | None]
    functions: tuple[ListedFunction, ...]
    metadata: str
    markdown: str
    warnings: tuple[str, ...]
    data: dict[str, Any]

    def to_json(self) -> str:
        """The text of ``listing.json``."""
        return json.dumps(self.data, indent=2, ensure_ascii=False) + "\n"


def _number(data: dict[str, Any] | None) -> ListedNumber | None:
    return None if data is None else ListedNumber(data["value"], data["basis"], data["note"])


def _formula(data: dict[str, Any]) -> Formula | None:
    text = data["bytes"]
    return None if text is None else Formula(text)


def _size(data: dict[str, Any]) -> ListedSize:
    return ListedSize(
        name=data["name"],
        inputs=data["inputs"],
        values=data["values"],
        basis=data["basis"],
        peak_bytes=_number(data["peak_bytes"]),
        footprint_bytes=_number(data["footprint_bytes"]),
        duration_ms=_number(data["duration_ms"]),
        cost_per_million_usd=_number(data["cost_per_million_usd"]),
    )


def _function(data: dict[str, Any]) -> ListedFunction:
    return ListedFunction(
        name=data["name"],
        handler=data["handler"],
        file=data["file"],
        peak=_formula(data["peak"]),
        resident_peak=_formula(data["resident_peak"]),
        demand=_formula(data["demand"]),
        retained=_formula(data["retained"]),
        complete=data["complete"],
        recommended_mb=_number(data["setting"]["recommended_mb"]),
        template_mb=data["setting"]["template_mb"],
        baseline_bytes=_number(data["baseline_bytes"]),
        cost_per_million_usd=_number(data["cost_per_million_usd"]),
        cold_start_ms=_number(data["cold_start_ms"]),
        sizes=tuple(_size(size) for size in data["sizes"]),
        data=data,
    )


def listing(
    template: str | os.PathLike[str],
    *,
    measured: Iterable[str | os.PathLike[str]] = (),
    validation: Iterable[str | os.PathLike[str]] = (),
    workload: str | os.PathLike[str] | None = None,
    public: bool = False,
    replace: bool = False,
    labels: Iterable[str] = (),
    **options: str | float,
) -> Listing:
    """Reads a SAM template and its functions, and gives what a marketplace listing needs. Writes nothing.

    ``options`` are those of ``meminterface listing`` with ``_`` for ``-``: ``name``, ``author``, ``license``,
    ``semantic_version``, ``strategy``, ``headroom`` and so on. Raises ``InputError`` for metadata that the
    repository would refuse, and for files that cannot be used.
    """
    words: list[str] = ["--public"] * public + ["--replace"] * replace
    for word, files in (("--measured", measured), ("--validation", validation)):
        for file in files:
            words += [word, os.fspath(file)]
    if workload is not None:
        words += ["--workload", os.fspath(workload)]
    for label in labels:
        words.append(f"--label={label}")
    for name, value in options.items():
        words.append(f"--{name.replace('_', '-')}={value}")
    words += ["--", os.fspath(template)]
    text, metadata, markdown, warnings = _listing(words)
    data = json.loads(text)
    return Listing(
        application=data["application"],
        functions=tuple(_function(function) for function in data["functions"]),
        metadata=metadata,
        markdown=markdown,
        warnings=tuple(warnings),
        data=data,
    )
