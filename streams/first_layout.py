"""The first layout of a frame, only read: a magic and three Arrow IPC streams, each behind its length.

A column that is null in every row is left out.
"""

from __future__ import annotations

import struct
from collections import deque
from typing import Final, TypeAlias

import pyarrow as pa

from streams.layout import CodecError
from streams.records import EXTRAS, REPORTS, SAMPLES, Frame

MAGIC: Final = b"CFR1"
# for each field of a schema the place of the column, or the type of one that was left out; those types
_Plan: TypeAlias = tuple[tuple[int | pa.DataType, ...], set[pa.DataType]]
_PLANS: Final[deque[tuple[pa.Schema, pa.Schema, _Plan]]] = deque(maxlen=32)
_LENGTHS: Final = struct.Struct("<4sIII")


def read(body: bytes) -> Frame:
    """The frame in ``body``; columns are views on it. Raises CodecError."""
    if len(body) < _LENGTHS.size or body[:4] != MAGIC:
        raise CodecError(f"frame not readable: got {body[:4]!r}, want {MAGIC!r}")
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
    places, types = _plan(batch.schema, schema)
    held, rows = batch.columns, batch.num_rows
    nulls = {type_: pa.nulls(rows, type_) for type_ in types}
    columns = [held[p] if isinstance(p, int) else nulls[p] for p in places]
    return pa.RecordBatch.from_arrays(columns, schema=schema)


def _plan(got: pa.Schema, schema: pa.Schema) -> _Plan:
    """How to complete a batch, remembered for schemas met before: comparing is cheap, hashing is not."""
    for known, want, plan in tuple(_PLANS):
        if want is schema and known.equals(got):
            return plan
    plan = _new_plan(got, schema)
    _PLANS.append((got, schema, plan))
    return plan


def _new_plan(got: pa.Schema, schema: pa.Schema) -> _Plan:
    """The plan of bringing a batch of schema ``got`` to ``schema``. Raises CodecError."""
    held = {field.name: i for i, field in enumerate(got)}
    places: list[int | pa.DataType] = []
    for field in schema:
        place = held.pop(field.name, None)
        if place is not None and not got.field(place).equals(field):
            raise CodecError(f"frame of another schema: got {got.field(place)}, want {field}")
        if place is None and not field.nullable:
            raise CodecError(f"frame of another schema: got no column {field.name}")
        places.append(field.type if place is None else place)
    if held:
        raise CodecError(f"frame of another schema: got columns {', '.join(held)}, want none such")
    return tuple(places), {place for place in places if not isinstance(place, int)}
