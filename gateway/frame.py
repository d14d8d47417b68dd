"""From decoded reports to a frame: columns over all reports at once, never a loop over samples.

A report with a value that can't be is left out and named; the others are built without it. The result
depends on nothing but the reports. Positions leave here in WGS84, whatever datum they came in; the extra
``datum`` marks the samples that were converted.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Any, Final

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from gateway.columns import EXTRA, SPECS, Fault, column, times
from gateway.report import Report
from geofences.datum import DATUMS, to_wgs84_e7
from streams.codec import CodecError, dump_json
from streams.records import EXTRAS, REPORTS, SAMPLES, Form, Frame

NO_EXTRAS: Final = pa.RecordBatch.from_arrays(
    [
        pa.array([], pa.int32()),
        pa.DictionaryArray.from_arrays(pa.array([], pa.int32()), pa.array([], pa.string())),
        pa.array([], pa.float64()),
    ],
    schema=EXTRAS,
)
"""The table of a frame whose reports have none."""


@dataclass(frozen=True, slots=True)
class Admitted:
    """A report that was let in: who sent it, where it belongs, its bytes and their SHA-256, who signed it."""

    device: str
    asset: str
    tenant: str
    received_ms: int
    hash: bytes
    raw: bytes
    report: Report
    signature: int | None = None
    key: str | None = None


@dataclass(frozen=True, slots=True)
class Refusal:
    """A report that is not in the frame, and why."""

    admitted: Admitted
    reason: str
    detail: str


@dataclass(frozen=True, slots=True)
class FrameResult:
    """The frame of the reports that are sound (None if none is), in their order; and the others."""

    frame: Frame | None
    kept: list[Admitted]
    refused: list[Refusal]


def build(reports: Sequence[Admitted]) -> FrameResult:
    """The frame of ``reports``, which are all of one partition."""
    kept = list(reports)
    refused: list[Refusal] = []
    while kept:
        built = _build(kept)
        if isinstance(built, Frame):
            return FrameResult(built, kept, refused)
        first: dict[int, Fault] = {}
        for fault in built:
            first.setdefault(fault.report, fault)
        refused += [Refusal(kept[n], f.reason, f.detail) for n, f in sorted(first.items())]
        kept = [report for n, report in enumerate(kept) if n not in first]
    return FrameResult(None, [], refused)


def _build(admitted: Sequence[Admitted]) -> Frame | list[Fault]:
    reports = [item.report for item in admitted]
    columns = [report.columns for report in reports]
    faults: list[Fault] = []

    def take(result: Any) -> pa.Array:
        if isinstance(result, list):
            faults.extend(result)
            return None
        return result

    at = [found["t"] for found in columns]
    counts = np.fromiter(map(len, at), np.int32, len(at))
    total = int(counts.sum())
    arrays = {"report": np.repeat(np.arange(len(at), dtype=np.int32), counts), "t_ms": take(times(at))}
    present = set(chain.from_iterable(columns))
    bools = any(map(_may_hold_bool, admitted))
    for spec in SPECS:
        if spec.wire in present:
            arrays[spec.stored] = take(column(spec, _parts(spec.wire, columns, at), bools))
        else:
            arrays[spec.stored] = pa.nulls(total, spec.type)
    facts = [take(_facts(n, report)) if report.facts else None for n, report in enumerate(reports)]
    if not faults:
        faults = _half_positions(arrays["lon_e7"], arrays["lat_e7"], arrays["report"])
    marks = np.zeros(total, np.int8) if faults else _convert(arrays, reports, counts)
    some = marks.any() or any(report.extras for report in reports)
    extras = take(_extras(reports, counts, marks)) if some else NO_EXTRAS
    if faults:
        return faults
    samples = pa.RecordBatch.from_arrays([pa.array(arrays[f.name], f.type) for f in SAMPLES], schema=SAMPLES)
    return Frame(_reports(admitted, counts, facts), samples, extras)


def _may_hold_bool(item: Admitted) -> bool:
    """Whether the bytes may hold a bool; JSON spells it out, CBOR doesn't show it."""
    if item.report.form in (Form.CBOR, Form.COSE):
        return True
    return item.report.form is Form.JSON and (b"true" in item.raw or b"false" in item.raw)


def _parts(name: str, columns: Sequence[dict[str, list[Any]]], at: Sequence[list[int]]) -> list[list[Any]]:
    return [found[name] if name in found else [None] * len(t) for found, t in zip(columns, at, strict=True)]


def _facts(number: int, report: Report) -> str | list[Fault]:
    try:
        return dump_json(report.facts).decode()
    except CodecError as error:
        return [Fault(number, "bad_field", f"facts: got {error}, want JSON values")]


def _half_positions(lon: pa.Array, lat: pa.Array, report: Any) -> list[Fault]:
    if lon.null_count == lat.null_count == 0 or lon.null_count == lat.null_count == len(lon):
        return []
    has_lon, has_lat = (found.is_valid().to_numpy(zero_copy_only=False) for found in (lon, lat))
    rows = np.flatnonzero(has_lon != has_lat)
    return [
        Fault(int(report[row]), "bad_field", "position: got one of lon and lat, want both or none")
        for row in rows
    ]


def _convert(arrays: dict[str, Any], reports: Sequence[Report], counts: Any) -> NDArray[np.int8]:
    """Bring the positions in ``arrays`` to WGS84; for each sample the number of the datum it came in, or 0.

    0 also where a device of that datum shifts nothing (outside China), and without a position.
    """
    datums = np.fromiter((DATUMS.index(report.datum) for report in reports), np.int8, len(reports))
    marks = np.repeat(datums, counts)
    if not marks.any():
        return marks
    valid = arrays["lon_e7"].is_valid().to_numpy(zero_copy_only=False)
    marks[~valid] = 0
    columns = {name: arrays[name].fill_null(0).to_numpy().copy() for name in ("lon_e7", "lat_e7")}
    for number in np.unique(marks[marks > 0]).tolist():
        rows = np.flatnonzero(marks == number)
        lon, lat, converted = to_wgs84_e7(columns["lon_e7"][rows], columns["lat_e7"][rows], DATUMS[number])
        columns["lon_e7"][rows], columns["lat_e7"][rows] = lon, lat
        marks[rows[~converted]] = 0
    for name, found in columns.items():
        arrays[name] = pa.array(found, pa.int32(), mask=~valid)
    return marks


def _extras(reports: Sequence[Report], counts: Any, marks: NDArray[np.int8]) -> pa.RecordBatch | list[Fault]:
    """Long form of all extras: one conversion for all values, ordered by sample and then by name.

    ``marks`` that are not 0 come last among a sample's, named ``datum``: no device can send that name.
    """
    owners: list[int] = []
    names: dict[str, int] = {}
    codes: list[int] = []
    parts: list[list[Any]] = []
    for number, report in enumerate(reports):
        for name, values in report.extras.items():
            owners.append(number)
            codes.append(names.setdefault(name, len(names)))
            parts.append(values)
    array = column(EXTRA, parts)
    if isinstance(array, list):
        called = list(names)
        return [
            Fault(owners[f.report], f.reason, f.detail.replace(EXTRA.wire, called[codes[f.report]], 1))
            for f in array
        ]
    lengths = np.fromiter(map(len, parts), np.int64, len(parts))
    starts = np.cumsum(counts) - counts
    first = starts[np.array(owners, np.int64)] if owners else np.empty(0, np.int64)
    within = np.arange(lengths.sum()) - np.repeat(np.cumsum(lengths) - lengths, lengths)
    sample = np.repeat(first, lengths) + within
    measured = np.flatnonzero(array.is_valid().to_numpy(zero_copy_only=False))
    marked = np.flatnonzero(marks)
    sample = np.concatenate([sample[measured], marked])
    code = np.concatenate(
        [
            np.repeat(np.array(codes, np.int32), lengths)[measured],
            np.full(len(marked), names.setdefault("datum", len(names)) if len(marked) else 0, np.int32),
        ]
    )
    numbers = np.concatenate([array.to_numpy(zero_copy_only=False)[measured], marks[marked]])
    order = np.argsort(sample, kind="stable")
    return pa.RecordBatch.from_arrays(
        [
            pa.array(sample[order].astype(np.int32)),
            pa.DictionaryArray.from_arrays(
                pa.array(code[order], pa.int32()), pa.array(list(names), pa.string())
            ),
            pa.array(numbers[order], pa.float64()),
        ],
        schema=EXTRAS,
    )


def _reports(admitted: Sequence[Admitted], counts: Any, facts: list[str | None]) -> pa.RecordBatch:
    reports = [item.report for item in admitted]
    return pa.RecordBatch.from_arrays(
        [
            names([item.device for item in admitted]),
            names([item.asset for item in admitted]),
            names([item.tenant for item in admitted]),
            names([report.boot for report in reports]),
            pa.array([report.boot_n for report in reports], pa.int32()),
            pa.array([report.seq for report in reports], pa.int64()),
            pa.array([item.hash for item in admitted], pa.binary(32)),
            pa.array([report.prev for report in reports], pa.binary(32)),
            pa.array([item.received_ms for item in admitted], pa.int64()),
            pa.array([report.form for report in reports], pa.uint8()),
            pa.array(counts),
            pa.array([report.dropped for report in reports], pa.int32()),
            pa.array(facts, pa.string()),
            pa.array([item.raw for item in admitted], pa.binary()),
            pa.array([item.signature for item in admitted], pa.uint8()),
            pa.array([item.key for item in admitted], pa.string()),
        ],
        schema=REPORTS,
    )


def names(values: list[str]) -> pa.Array:
    """Texts as numbers of the different ones among them."""
    codes: dict[str, int] = {}
    indices = [codes.setdefault(value, len(codes)) for value in values]
    return pa.DictionaryArray.from_arrays(pa.array(indices, pa.int32()), pa.array(list(codes), pa.string()))
