"""Frames of plain reports, and one frame of plain and other reports in the order in which they came."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from gateway.arrived import Arrived
from gateway.frame import NO_EXTRAS, names
from gateway.plain import Plain
from streams.records import REPORTS, SAMPLES, Form, Frame


def plain_frame(arrived: Sequence[Arrived], digests: Sequence[bytes], plain: Plain) -> Frame:
    """The frame of the reports that ``plain`` took, ``arrived`` and their SHA-256 in that order."""
    count = len(arrived)
    fitted = [found.fitted for found in arrived]
    columns = [
        names([found.device for found in arrived]),
        names([found.asset for found in fitted]),
        names([found.tenant for found in fitted]),
        names(plain.boot),
        pa.array(plain.boot_n.astype(np.int32), mask=plain.boot_n < 0),
        pa.array(plain.seq),
        pa.array(digests, pa.binary(32)),
        pa.array(plain.prev, pa.binary(32)),
        pa.array([found.received_ms for found in arrived], pa.int64()),
        pa.array([Form.CBOR if found.signed is None else Form.COSE for found in arrived], pa.uint8()),
        pa.array(plain.counts),
        pa.array(np.zeros(count, np.int32)),
        pa.nulls(count, pa.string()),
        *_signed(arrived, plain.raw),
    ]
    return Frame(pa.RecordBatch.from_arrays(columns, schema=REPORTS), plain.samples, NO_EXTRAS)


def _signed(arrived: Sequence[Arrived], raw: pa.Array) -> tuple[pa.Array, pa.Array, pa.Array]:
    """Bytes as they were published, what was found of their signatures, and whose these are."""
    count = len(arrived)
    if all(found.signed is None for found in arrived):
        return raw, pa.nulls(count, pa.uint8()), pa.nulls(count, pa.string())
    return (
        pa.array([found.payload for found in arrived], pa.binary()),
        pa.array([found.signed and found.signed.signature for found in arrived], pa.uint8()),
        pa.array([found.signed and found.signed.key for found in arrived], pa.string()),
    )


def interleaved(others: Frame, plain: Frame, places: npt.NDArray[np.int64]) -> Frame:
    """One frame of two. ``places`` int64[reports]: where each report belongs, first those of ``others``."""
    order = np.argsort(places)
    reports = pa.Table.from_batches([others.reports, plain.reports]).unify_dictionaries()
    counts = np.concatenate([found.reports.column("samples").to_numpy() for found in (others, plain)])
    wanted = counts[order].astype(np.int64)
    begins = (np.cumsum(counts, dtype=np.int64) - counts)[order]
    rows = np.repeat(begins - (np.cumsum(wanted) - wanted), wanted) + np.arange(wanted.sum())
    samples = pa.Table.from_batches([others.samples, plain.samples]).take(pa.array(rows))
    number = pa.array(np.repeat(np.arange(len(order), dtype=np.int32), wanted))
    moved = np.empty(len(rows), np.int32)
    moved[rows] = np.arange(len(rows), dtype=np.int32)
    sample = pa.array(moved[others.extras.column("sample").to_numpy()])
    return Frame(
        _batch(reports.take(pa.array(order))),
        _batch(samples.set_column(0, SAMPLES.field(0), number)),
        others.extras.set_column(0, others.extras.schema.field(0), sample),
    )


def _batch(table: Any) -> pa.RecordBatch:
    (batch,) = table.combine_chunks().to_batches() or [pa.RecordBatch.from_pylist([], table.schema)]
    return batch
