"""How a frame, a command and an event become bytes, and back.

A frame is a 4-byte magic, then three Arrow IPC streams, each behind its length; a column that is null in
every row is left out. JSON is canonical (sorted keys, UTF-8, no spaces), so equal values are equal bytes.
"""

from __future__ import annotations

import struct
from functools import lru_cache
from typing import Any, Final

import orjson
import pyarrow as pa

from streams.records import EXTRAS, REPORTS, SAMPLES, Frame

_MAGIC: Final = b"CFR1"
_LENGTHS: Final = struct.Struct("<4sIII")


class CodecError(ValueError):
    """Bytes that are not what they should be; the message names what was got and wanted."""


def encode_frame(frame: Frame) -> bytes:
    """The bytes of a frame; column buffers are copied once and not compressed."""
    parts = [_stream(frame.reports), _stream(frame.samples), _stream(frame.extras)]
    return b"".join((_LENGTHS.pack(_MAGIC, *(len(p) for p in parts)), *parts))


def decode_frame(body: bytes) -> Frame:
    """The frame in ``body``; columns are views on it. Raises CodecError."""
    if len(body) < _LENGTHS.size or body[:4] != _MAGIC:
        raise CodecError(f"frame not readable: got {body[:4]!r}, want {_MAGIC!r}")
    _, *lengths = _LENGTHS.unpack_from(body)
    if _LENGTHS.size + sum(lengths) != len(body):
        want = _LENGTHS.size + sum(lengths)
        raise CodecError(f"frame has the wrong length: got {len(body)} bytes, want {want}")
    buffer, at, batches = pa.py_buffer(body), _LENGTHS.size, []
    for length, schema in zip(lengths, (REPORTS, SAMPLES, EXTRAS), strict=True):
        try:
            with pa.ipc.open_stream(buffer.slice(at, length)) as reader:
                batches.append(_completed(reader.read_next_batch(), schema))
        except (pa.ArrowInvalid, StopIteration, OSError) as error:
            raise CodecError(f"frame not readable: {error}") from error
        at += length
    return Frame(*batches)


def _completed(batch: pa.RecordBatch, schema: pa.Schema) -> pa.RecordBatch:
    """The batch with the columns that were left out because all of them was null."""
    places = _places(batch.schema, schema)
    held, rows = batch.columns, batch.num_rows
    nulls: dict[pa.DataType, pa.Array] = {}
    columns = []
    for place, type_ in zip(places, schema.types, strict=True):
        if place >= 0:
            columns.append(held[place])
            continue
        if type_ not in nulls:
            nulls[type_] = pa.nulls(rows, type_)
        columns.append(nulls[type_])
    return pa.RecordBatch.from_arrays(columns, schema=schema)


@lru_cache(maxsize=256)
def _places(got: pa.Schema, schema: pa.Schema) -> tuple[int, ...]:
    """For each field of ``schema`` its place in ``got``, -1 where it was left out. Raises CodecError."""
    held = {field.name: i for i, field in enumerate(got)}
    places = []
    for field in schema:
        place = held.pop(field.name, -1)
        if place >= 0 and not got.field(place).equals(field):
            raise CodecError(f"frame of another schema: got {got.field(place)}, want {field}")
        if place < 0 and not field.nullable:
            raise CodecError(f"frame of another schema: got no column {field.name}")
        places.append(place)
    if held:
        raise CodecError(f"frame of another schema: got columns {', '.join(held)}, want none such")
    return tuple(places)


def _stream(batch: pa.RecordBatch) -> pa.Buffer:
    rows = batch.num_rows
    batch = batch.select(
        [f.name for i, f in enumerate(batch.schema) if not f.nullable or batch.column(i).null_count < rows]
    )
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, batch.schema) as writer:
        writer.write_batch(batch)
    return sink.getvalue()


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
