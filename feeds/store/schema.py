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
from streams.records import EXTRAS, REPORTS, SAMPLES, Frame

_FLAGS: Final = pa.field("flags", pa.uint32(), nullable=False)  # stored as 0; a track's are worked out
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

_OF_REPORT: Final = ["asset", "device", "hash", "seq", "received_ms"]
_PLACE: Final = (
    *("lon_e7", "lat_e7", "alt_mm", "speed_ckmh", "heading_cdeg", "hdop_c", "sats", "fix"),
    *("odometer_mm", "wheel_ckmh", "flags"),
)

TRACK: Final = pa.schema([ROWS.field(n) for n in ("t_ms", *_PLACE)])
"""What a track is served as; ``flags`` are bits of ``streams.engine.quality.Flag``."""

JUDGED: Final = pa.schema([f for f in (*TRACK, ROWS.field("received_ms")) if f.name != "flags"])
"""What the flags of a track are worked out from."""

LATEST: Final = pa.schema(
    [pa.field("asset", pa.string()), pa.field("device", pa.string()), *(ROWS.field(n) for n in TRACK.names)]
)
"""What the newest samples are served as. ``flags`` is 0: a sample is judged among its neighbours."""

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
    """What is stored of some frames; ``received_ms`` is the newest receive time, 0 without reports.

    ``extra_of`` is the row of ``samples`` that each row of ``extras`` belongs to.
    """

    samples: pa.Table
    extras: pa.Table
    received_ms: int
    extra_of: npt.NDArray[np.int64]


def rows_of(frames: Sequence[Frame], names: Names) -> Rows:
    """The rows of ``frames``, in their order; new texts are added to ``names``.

    All frames are taken as one table, so that many small ones cost little more than few large ones.
    """
    reports = (
        pa.Table.from_batches([f.reports for f in frames], REPORTS).select(_OF_REPORT).unify_dictionaries()
    )
    samples = pa.Table.from_batches([f.samples for f in frames], SAMPLES)
    report = samples["report"].to_numpy() + _offsets([f.reports for f in frames], [f.samples for f in frames])
    t_ms, received_ms = samples["t_ms"].to_numpy(), reports["received_ms"].to_numpy()
    columns: dict[str, Any] = {
        "asset": _numbers(reports["asset"], names)[report],
        "device": _numbers(reports["device"], names)[report],
        "hash": _apart(report, t_ms, _hash8(reports["hash"])[report]),
        "seq": reports["seq"].to_numpy()[report],
        "received_ms": received_ms[report],
        "flags": np.zeros(len(report), np.uint32),
    }
    stored = [pa.array(columns[f.name]) if f.name in columns else samples[f.name] for f in ROWS]
    extras = pa.Table.from_batches([f.extras for f in frames], EXTRAS).unify_dictionaries()
    at = extras["sample"].to_numpy() + _offsets([f.samples for f in frames], [f.extras for f in frames])
    key = [columns["asset"][at], t_ms[at], columns["hash"][at], _numbers(extras["name"], names)]
    return Rows(
        pa.table(stored, schema=ROWS).combine_chunks(),
        pa.table([*(pa.array(k) for k in key), extras["value"]], schema=EXTRA_ROWS),
        int(received_ms.max(initial=0)),
        at,
    )


def _offsets(of: Sequence[pa.RecordBatch], rows: Sequence[pa.RecordBatch]) -> npt.NDArray[np.int64]:
    """For each row of ``rows``, where the batch of ``of`` that it points into begins among all."""
    sizes = np.array([batch.num_rows for batch in of], np.int64)
    return np.repeat(np.cumsum(sizes) - sizes, [batch.num_rows for batch in rows])


def _numbers(column: pa.ChunkedArray, names: Names) -> npt.NDArray[np.int32]:
    joined = column.combine_chunks()
    numbers = np.array([names.number(text) for text in joined.dictionary.to_pylist()], np.int32)
    indices: npt.NDArray[np.int32] = joined.indices.to_numpy()
    return numbers[indices]


def _hash8(column: pa.ChunkedArray) -> npt.NDArray[np.int64]:
    joined = column.combine_chunks()
    bytes_ = np.frombuffer(joined.buffers()[1] or b"", ">i8").reshape(-1, 4)
    return bytes_[joined.offset : joined.offset + len(joined), 0].astype(np.int64)


def _apart(
    report: npt.NDArray[np.int64], t_ms: npt.NDArray[np.int64], hash8: npt.NDArray[np.int64]
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
