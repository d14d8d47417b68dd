"""How a frame, a command and an event become bytes, and back.

A frame is read as Arrow batches, or by those who need some columns as NumPy arrays without them. Frames of
the first layout are still read. JSON is canonical (sorted keys, UTF-8, no spaces), so equal values are equal
bytes.
"""

from __future__ import annotations

from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt
import orjson
import pyarrow as pa

from geofences.compiled import compiled
from streams import first_layout, layout
from streams.layout import CodecError, Sheet
from streams.records import EXTRAS, REPORTS, SAMPLES, Frame
from streams.texts import Texts

__all__ = ["CodecError", "FrameView", "decode_frame", "dump_json", "encode_frame", "load_json", "open_frame"]
Array: TypeAlias = npt.NDArray[Any]


def encode_frame(frame: Frame) -> bytes:
    """The bytes of a frame; column buffers are copied once and not compressed. Raises CodecError."""
    return layout.write(frame)


def decode_frame(body: bytes) -> Frame:
    """The frame in ``body``; columns are views on it. Raises CodecError."""
    if body[:4] == first_layout.MAGIC:
        return first_layout.read(body)
    sheet, buffer = Sheet(body), pa.py_buffer(body)
    batches = []
    for schema, rows, table in zip((REPORTS, SAMPLES, EXTRAS), sheet.rows, sheet.plan.tables, strict=True):
        empty = {type_: pa.nulls(rows, type_) for type_ in table if not isinstance(type_, layout.Place)}
        columns = [_column(sheet, buffer, p) if isinstance(p, layout.Place) else empty[p] for p in table]
        batches.append(pa.RecordBatch.from_arrays(columns, schema=schema))
    return Frame(*batches)


def _column(sheet: Sheet, buffer: pa.Buffer, place: layout.Place) -> pa.Array:
    """The column at ``place`` as Arrow's. Raises CodecError."""
    code, rows, at = place.code, sheet.rows[place.batch], place.first + place.nulls
    starts, lengths = sheet.starts, sheet.lengths
    valid = None
    if place.nulls:
        sheet.check(place.first, (rows + 7) // 8)
        valid = buffer.slice(starts[place.first], lengths[place.first])
    parts = [valid, buffer.slice(starts[at], lengths[at])]
    if code in layout.WIDTHS:
        sheet.check(at, rows * layout.WIDTHS[code])
        return pa.Array.from_buffers(layout.TYPES[code], rows, parts)
    parts.append(buffer.slice(starts[at + 1], lengths[at + 1]))
    if code == "name":
        count = len(sheet.codes(place)[1].ends) - 1
        words = [None, parts.pop(), buffer.slice(starts[at + 2], lengths[at + 2])]
        dictionary = pa.Array.from_buffers(pa.string(), count, words)
        return pa.DictionaryArray.from_buffers(layout.TYPES[code], rows, parts, dictionary)
    count = len(sheet.ends(at)) - 1
    if count != rows:
        raise CodecError(f"frame not readable: got {count} strings, want {rows}")
    return pa.Array.from_buffers(layout.TYPES[code], rows, parts)


class FrameView:
    """Columns of an encoded frame as NumPy arrays, each made when it is asked for.

    ``reports``, ``samples``: numbers of rows. Columns have the names of ``streams.records``.
    """

    def __init__(self, body: bytes) -> None:
        """Raises CodecError."""
        if body[:4] == first_layout.MAGIC:
            body = encode_frame(first_layout.read(body))
        self._sheet = Sheet(body)
        self.reports, self.samples, _ = self._sheet.rows

    def has(self, name: str) -> bool:
        """Whether any row of the column is not null."""
        return name in self._sheet.plan.places

    def numbers(self, name: str, null: int) -> Array:
        """A column of whole numbers, ``null`` where it is null: int64[n], the caller's own."""
        place = self._sheet.plan.places.get(name)
        if place is None:
            return np.full(self._sheet.rows[layout.BATCH[name]], null, np.int64)
        rows, at = self._sheet.rows[place.batch], place.first + place.nulls
        values: Array = self._sheet.buffer(at, place.code, rows).astype(np.int64)
        if place.nulls:
            _blank(values, self._sheet.buffer(place.first, "u1", (rows + 7) // 8), null)
        return values

    def names(self, name: str) -> tuple[Array, Texts]:
        """A column of names: int32[n] numbers of the texts."""
        return self._sheet.codes(self._sheet.plan.places[name])

    def texts(self, name: str) -> tuple[Array, list[str]]:
        """The rows of a column of texts that are not null, ascending, and their texts."""
        place = self._sheet.plan.places.get(name)
        if place is None:
            return np.empty(0, np.int64), []
        rows, at = self._sheet.rows[place.batch], place.first + place.nulls
        ends = self._sheet.ends(at)
        if len(ends) - 1 != rows:
            raise CodecError(f"frame not readable: got {len(ends) - 1} strings, want {rows}")
        held = np.flatnonzero(np.diff(ends))
        data = self._sheet.buffer(at + 1, "u1", int(ends[-1]))
        try:
            return held, [data[ends[n] : ends[n + 1]].tobytes().decode() for n in held.tolist()]
        except UnicodeDecodeError as error:
            raise CodecError(f"frame not readable: {name}: {error}") from error

    def digests(self) -> Array:
        """The first 8 bytes of each report's hash: uint64[n], the caller's own."""
        place = self._sheet.plan.places["hash"]
        words = self._sheet.buffer(place.first + place.nulls, "<u8", 4 * self.reports)
        first: Array = words[::4].copy()
        return first


def open_frame(body: bytes) -> FrameView:
    """The columns of the frame in ``body``. Raises CodecError."""
    return FrameView(body)


@compiled
def _blank(values: Any, valid: Any, null: Any) -> None:
    for i in range(len(values)):
        if not valid[i >> 3] >> (i & 7) & 1:
            values[i] = null


def dump_json(value: Any) -> bytes:
    """Canonical JSON of plain values. Raises CodecError."""
    try:
        return orjson.dumps(value, option=orjson.OPT_SORT_KEYS)
    except TypeError as error:
        raise CodecError(f"not JSON: {error}") from error


def load_json(body: bytes) -> Any:
    """The value in ``body``. Raises CodecError."""
    try:
        return orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise CodecError(f"not JSON: {error}") from error
