"""The columns that are stored and served, and how a frame becomes rows of them.

Texts that repeat (asset, device, names of extras) are stored as numbers of one dictionary. A sample is
known by (asset, t_ms, hash); ``hash`` is the first 8 bytes of its report's SHA-256, as a signed number.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from feeds.store.names import Names
from feeds.store.port import StoreError
from streams.records import SAMPLES, Frame

_FLAGS: Final = pa.field("flags", pa.uint32(), nullable=False)  # quality of the sample, 0: nothing found
_MEASURED: Final = [pa.field(f.name, f.type) for f in SAMPLES if f.name not in ("report", "t_ms")]

ROWS: Final = pa.schema(
    [
        pa.field("asset", pa.int32(), nullable=False),
        pa.field("t_ms", pa.int64(), nullable=False),
        pa.field("hash", pa.int64(), nullable=False),
        pa.field("device", pa.int32(), nullable=False),
        pa.field("seq", pa.int64(), nullable=False),
        pa.field("received_ms", pa.int64(), nullable=False),
        *_MEASURED,
        _FLAGS,
    ]
)
"""One row a sample, as stored."""

EXTRA_ROWS: Final = pa.schema(
    [
        pa.field("asset", pa.int32(), nullable=False),
        pa.field("t_ms", pa.int64(), nullable=False),
        pa.field("hash", pa.int64(), nullable=False),
        pa.field("name", pa.int32(), nullable=False),
        pa.field("value", pa.float64(), nullable=False),
    ]
)
"""One row a value that has no column of its own, as stored."""

_PLACE: Final = (
    *("lon_e7", "lat_e7", "alt_mm", "speed_ckmh", "heading_cdeg", "hdop_c", "sats", "fix"),
    *("odometer_mm", "wheel_ckmh", "flags"),
)

TRACK: Final = pa.schema([ROWS.field(n) for n in ("t_ms", *_PLACE)])
"""What a track is served as."""

LATEST: Final = pa.schema(
    [pa.field("asset", pa.string()), pa.field("device", pa.string()), *(ROWS.field(n) for n in TRACK.names)]
)
"""What the newest samples are served as."""

WIRE: Final[dict[str, tuple[str, float]]] = {
    "alt_m": ("alt_mm", 1000),
    "speed_kmh": ("speed_ckmh", 100),
    "heading_deg": ("heading_cdeg", 100),
    "hdop": ("hdop_c", 100),
    "sats": ("sats", 1),
    "fix": ("fix", 1),
    "odometer_m": ("odometer_mm", 1000),
    "wheel_speed_kmh": ("wheel_ckmh", 100),
    **{f.name: (f.name, 1) for f in SAMPLES if f.type == pa.float64()},
}
"""Signals of the wire: the column that holds each and what to divide it by."""


def signals_schema(names: Sequence[str]) -> pa.Schema:
    """The schema that signals of ``names`` are served as."""
    return pa.schema([ROWS.field("t_ms"), *(pa.field(n, pa.float64()) for n in names)])


class UnsoundFrameError(StoreError):
    """A frame whose parts don't fit together; it can never be stored."""


def check(frame: Frame) -> None:
    """Raises UnsoundFrameError when a row of ``frame`` points outside of it."""
    reports, samples, extras = frame.reports, frame.samples, frame.extras
    texts = [reports["asset"], reports["device"], extras["name"]]
    pointers = [
        ("report", samples["report"], reports.num_rows),
        ("sample", extras["sample"], samples.num_rows),
        *(("text", column.indices, len(column.dictionary)) for column in texts),
    ]
    for what, column, size in pointers:
        values = column.to_numpy()
        if len(values) and not 0 <= values.min() <= values.max() < size:
            got = f"{values.min()}..{values.max()}"
            raise UnsoundFrameError(f"frame points outside of itself: got {what} {got}, want 0..{size - 1}")


@dataclass(frozen=True, slots=True)
class Rows:
    """What is stored of some frames; ``received_ms`` is the newest receive time, 0 without reports."""

    samples: pa.Table
    extras: pa.Table
    received_ms: int


def rows_of(frames: Sequence[Frame], names: Names) -> Rows:
    """The rows of ``frames``, in their order; new texts are added to ``names``."""
    parts = [_frame_rows(frame, names) for frame in frames]
    received = [frame.reports["received_ms"] for frame in frames if frame.reports.num_rows]
    return Rows(
        pa.Table.from_batches([p[0] for p in parts], ROWS).combine_chunks(),
        pa.Table.from_batches([p[1] for p in parts if p[1] is not None], EXTRA_ROWS),
        max((int(r.to_numpy().max()) for r in received), default=0),
    )


def _frame_rows(frame: Frame, names: Names) -> tuple[pa.RecordBatch, pa.RecordBatch | None]:
    reports, samples = frame.reports, frame.samples
    report = samples["report"].to_numpy()
    t_ms = samples["t_ms"].to_numpy()
    of_report = {
        "asset": _numbers(reports["asset"], names),
        "hash": _hash8(reports["hash"]),
        "device": _numbers(reports["device"], names),
        "seq": reports["seq"].to_numpy(),
        "received_ms": reports["received_ms"].to_numpy(),
    }
    columns: dict[str, Any] = {name: values[report] for name, values in of_report.items()}
    columns["hash"] = _apart(report, t_ms, columns["hash"])
    columns["flags"] = np.zeros(len(report), np.uint32)
    extras = None
    if frame.extras.num_rows:
        at = frame.extras["sample"].to_numpy()
        key = [columns["asset"][at], t_ms[at], columns["hash"][at], _numbers(frame.extras["name"], names)]
        arrays = [*(pa.array(k) for k in key), frame.extras["value"]]
        extras = pa.RecordBatch.from_arrays(arrays, schema=EXTRA_ROWS)
    arrays = [pa.array(columns[f.name]) if f.name in columns else samples[f.name] for f in ROWS]
    return pa.RecordBatch.from_arrays(arrays, schema=ROWS), extras


def _numbers(column: pa.DictionaryArray, names: Names) -> npt.NDArray[np.int32]:
    numbers = np.array([names.number(text) for text in column.dictionary.to_pylist()], np.int32)
    indices: npt.NDArray[np.int32] = column.indices.to_numpy()
    return numbers[indices]


def _hash8(column: pa.FixedSizeBinaryArray) -> npt.NDArray[np.int64]:
    bytes_ = np.frombuffer(column.buffers()[1] or b"", ">i8").reshape(-1, 4)
    return bytes_[column.offset : column.offset + len(column), 0].astype(np.int64)


def _apart(
    report: npt.NDArray[np.int32], t_ms: npt.NDArray[np.int64], hash8: npt.NDArray[np.int64]
) -> npt.NDArray[np.int64]:
    """``hash8``, one more for each earlier sample of the same report and instant, so that all are kept."""
    if not bool(np.any((np.diff(t_ms) <= 0) & (np.diff(report) == 0))):
        return hash8
    order = np.lexsort((t_ms, report))
    start = np.ones(len(order), bool)
    start[1:] = (np.diff(t_ms[order]) != 0) | (np.diff(report[order]) != 0)
    rank = np.arange(len(order))
    nth = np.empty(len(order), np.int64)
    nth[order] = rank - np.maximum.accumulate(np.where(start, rank, 0))
    with np.errstate(over="ignore"):
        return hash8 + nth
