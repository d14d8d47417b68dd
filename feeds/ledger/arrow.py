"""Columns of frames, which Arrow has, as NumPy arrays and Python's texts. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from feeds.ledger.reports import null_of
from feeds.ledger.sealing import Bytes, Places
from streams.records import Frame


def together(frames: Sequence[Frame]) -> Frame:
    """Some frames as one; what points to their samples and reports still counts from their own first."""
    if len(frames) == 1:
        return frames[0]
    return Frame(
        _joined([one.reports for one in frames]),
        _joined([one.samples for one in frames]),
        _joined([one.extras for one in frames]),
    )


def _joined(batches: list[pa.RecordBatch]) -> pa.RecordBatch:
    made = pa.Table.from_batches(batches).unify_dictionaries().combine_chunks().to_batches()
    return made[0] if made else batches[0]


def valid(column: pa.Array) -> npt.NDArray[np.bool_]:
    """Which values are there."""
    if not column.null_count:
        return np.ones(len(column), bool)
    return np.asarray(column.is_valid().to_numpy(zero_copy_only=False))


def hashes(column: pa.Array) -> tuple[Bytes, npt.NDArray[np.bool_]]:
    """Hashes as rows of bytes, and which of them are there."""
    buffer = column.buffers()[1]
    flat = np.zeros(32 * len(column), np.uint8)
    if buffer is not None:
        flat = np.frombuffer(buffer, np.uint8, 32 * len(column), 32 * column.offset)
    return flat.reshape(-1, 32), valid(column)


def binary(column: pa.Array) -> tuple[Bytes, Places, Places]:
    """All bytes of a binary column, and where each value begins and ends."""
    _, cuts, data = column.buffers()
    places = np.frombuffer(cuts, np.int32, len(column) + 1, 4 * column.offset).astype(np.int64)
    flat = np.empty(0, np.uint8) if data is None else np.frombuffer(data, np.uint8)
    return flat, places[:-1], places[1:]


def dictionary(column: pa.DictionaryArray) -> tuple[list[str], npt.NDArray[Any]]:
    """Its words, and of each value the number of its word."""
    return column.dictionary.to_pylist(), column.indices.to_numpy()


def words(column: pa.DictionaryArray) -> list[str]:
    """The word of each value."""
    own, codes = dictionary(column)
    return [own[code] for code in codes.tolist()]


def optional_texts(batch: pa.RecordBatch, name: str) -> tuple[list[str], npt.NDArray[Any]]:
    """A column of texts, -1 for none, as is all of a column that is not there."""
    if name not in batch.schema.names or batch[name].null_count == batch.num_rows:
        return [], np.full(batch.num_rows, -1)
    column = batch[name].dictionary_encode()
    return column.dictionary.to_pylist(), column.indices.fill_null(-1).to_numpy()


def or_zero(column: pa.Array) -> npt.NDArray[Any]:
    """The numbers, 0 for those that are not there."""
    if column.null_count == len(column):
        return np.zeros(len(column), np.int64)
    return np.asarray((column.fill_null(0) if column.null_count else column).to_numpy())


def filled(column: pa.Array, dtype: np.dtype[Any]) -> npt.NDArray[Any]:
    """The values, ``null_of`` for those that are not there."""
    if not column.null_count:
        return np.asarray(column.to_numpy())
    return np.asarray(column.fill_null(pa.scalar(null_of(dtype), column.type)).to_numpy())


def table(batch: pa.RecordBatch, dtype: np.dtype[Any]) -> npt.NDArray[Any]:
    """Some columns as rows of ``dtype``."""
    rows = np.empty(batch.num_rows, dtype)
    for name in dtype.names or ():
        column, null = batch[name], null_of(dtype[name])
        rows[name] = null if column.null_count == len(column) else filled(column, dtype[name])
    return rows
