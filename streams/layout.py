"""The bytes of a frame: Arrow's buffers one after another behind their lengths and a description.

The description names each column and its type, so a frame tells what is in it; readers keep a plan for each
description that they met. A column that is null in every row is left out. Buffers begin at multiples of 8.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from itertools import accumulate
from typing import Any, Final, TypeAlias

import numpy as np
import pyarrow as pa

from geofences.compiled import compiled
from streams.records import EXTRAS, REPORTS, SAMPLES, Frame
from streams.texts import Texts

MAGIC: Final = b"CFR2"
_HEAD: Final = struct.Struct("<4sIIII")  # magic, length of the description, rows of the three batches
_SCHEMAS: Final = (REPORTS, SAMPLES, EXTRAS)
_PLANS: Final[dict[bytes, Plan]] = {}
_NUMBERS: Final = {
    pa.int8(): "i1",
    pa.int16(): "i2",
    pa.int32(): "i4",
    pa.int64(): "i8",
    pa.uint8(): "u1",
    pa.float64(): "f8",
    pa.binary(32): "V32",
}
_OTHERS: Final = {pa.string(): "text", pa.binary(): "bytes", pa.dictionary(pa.int32(), pa.string()): "name"}
_CODES: Final = {**_NUMBERS, **_OTHERS}
TYPES: Final = {code: type_ for type_, code in _CODES.items()}
"""Arrow's type of each code."""
WIDTHS: Final = {code: np.dtype(code).itemsize for code in _NUMBERS.values()}
"""Bytes of a value."""
BATCH: Final = {field.name: n for n, schema in enumerate(_SCHEMAS) for field in schema}
"""The table of each column: 0 reports, 1 samples, 2 extras. No two have a column of one name."""
_BUFFERS: Final = {"text": 2, "bytes": 2, "name": 3}
_NO_PAD: Final = [b"", *(bytes(8 - n) for n in range(1, 8))]
_FIELDS: Final = [[(f.name, _CODES.get(f.type), f.nullable) for f in schema] for schema in _SCHEMAS]
_INT: Final = struct.Struct("<i")
Buffer: TypeAlias = Any  # bytes or Arrow's


class CodecError(ValueError):
    """Bytes that are not what they should be; the message names what was got and wanted."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where a column lies: number of its first buffer, its type's code, whether a validity bitmap is first,
    and the number of its table (see ``BATCH``)."""

    first: int
    code: str
    nulls: bool
    batch: int


@dataclass(frozen=True, slots=True)
class Plan:
    """The columns that a description names, and how many buffers they have.

    ``tables``: for each field of each schema its place, or its type when the column was left out.
    """

    places: dict[str, Place]
    buffers: int
    tables: tuple[tuple[Place | pa.DataType, ...], ...]


def write(frame: Frame) -> bytes:
    """The bytes of a frame. Raises CodecError."""
    words: list[str] = []
    buffers: list[Buffer] = []
    batches = (frame.reports, frame.samples, frame.extras)
    for batch, schema, fields in zip(batches, _SCHEMAS, _FIELDS, strict=True):
        words.append("")
        rows = batch.num_rows
        if not batch.schema.equals(schema):
            fields = [(f.name, _CODES.get(f.type), f.nullable) for f in batch.schema]
        for (name, code, nullable), column in zip(fields, batch.columns, strict=True):
            nulls = column.null_count
            if nulls == rows and nullable:
                continue
            if code is None:
                raise CodecError(f"no layout for a column: got {name} of {column.type}")
            words.append(f"{name} {code}?" if nulls else f"{name} {code}")
            validity, *held = _whole(column).buffers()
            if nulls:
                buffers.append(validity.slice(0, (rows + 7) // 8))
            if code == "name":
                buffers.append(_first(held[0], 4 * rows))
                words_held = _whole(column.dictionary)
                buffers += _strings(words_held.buffers()[1:], len(words_held))
            elif code in _BUFFERS:
                buffers += _strings(held, rows)
            else:
                buffers.append(_first(held[0], rows * WIDTHS[code]))
    described = "\n".join(words).encode()
    lengths = [len(buffer) for buffer in buffers]
    head = _HEAD.pack(MAGIC, len(described), *(batch.num_rows for batch in batches))
    table = struct.pack(f"<{len(lengths)}I", *lengths)
    parts: list[Buffer] = [head, described, table, _NO_PAD[(len(head) + len(described) + len(table)) % 8]]
    for buffer, length in zip(buffers, lengths, strict=True):
        parts.append(buffer)
        if length % 8:
            parts.append(_NO_PAD[length % 8])
    return b"".join(parts)


def _whole(column: pa.Array) -> pa.Array:
    """The column without an offset into its buffers."""
    return column.take(pa.array(np.arange(len(column)))) if column.offset else column


def _first(buffer: pa.Buffer | None, size: int) -> Buffer:
    if not size or buffer is None:
        return b""
    return buffer if buffer.size == size else buffer.slice(0, size)


def _strings(held: list[pa.Buffer | None], count: int) -> tuple[Buffer, Buffer]:
    """Ends from 0 and bytes of ``count`` strings."""
    if not count or held[0] is None:
        return bytes(4), b""
    begin, end = _INT.unpack_from(held[0])[0], _INT.unpack_from(held[0], 4 * count)[0]
    ends = _first(held[0], 4 * count + 4)
    if begin:
        ends = (np.frombuffer(ends, np.int32) - begin).tobytes()
    return ends, b"" if held[1] is None else held[1].slice(begin, end - begin)


_COUNTED: Final = ("seq", "t_ms", "sample")  # of each table a column that is never null


class Sheet:
    """The columns of an encoded frame as NumPy views, taken one by one as they are asked for."""

    def __init__(self, body: bytes) -> None:
        """Raises CodecError."""
        if len(body) < _HEAD.size or body[:4] != MAGIC:
            raise CodecError(f"frame not readable: got {body[:4]!r}, want {MAGIC!r}")
        _, described, *self.rows = _HEAD.unpack_from(body)
        table = _HEAD.size + described
        self.plan = plan(bytes(body[_HEAD.size : table]))
        begin = table + 4 * self.plan.buffers
        if begin > len(body):
            raise CodecError(f"frame has the wrong length: got {len(body)} bytes, want {begin} and more")
        self.body = body
        self.lengths = struct.unpack_from(f"<{self.plan.buffers}I", body, table)
        padded = ((length + 7) & ~7 for length in self.lengths)
        self.starts = list(accumulate(padded, initial=(begin + 7) & ~7))
        if self.starts[-1] != len(body):
            want = self.starts[-1]
            raise CodecError(f"frame has the wrong length: got {len(body)} bytes, want {want}")
        for name in _COUNTED:  # before anything of so many rows is made
            place = self.plan.places[name]
            self.check(place.first, self.rows[place.batch] * np.dtype(place.code).itemsize)

    def check(self, number: int, want: int) -> None:
        """Raises CodecError unless the buffer has ``want`` bytes."""
        if self.lengths[number] != want:
            raise CodecError(f"frame not readable: got a buffer of {self.lengths[number]} bytes, want {want}")

    def buffer(self, number: int, dtype: str, count: int) -> Any:
        """A buffer of ``count`` numbers. Raises CodecError when it has another length."""
        self.check(number, count * np.dtype(dtype).itemsize)
        return np.frombuffer(self.body, dtype, count, self.starts[number])

    def ends(self, number: int) -> Any:
        """The ends of the strings that lie in the next buffer: int32[n + 1]. Raises CodecError."""
        ends = self.buffer(number, "i4", self.lengths[number] // 4)
        size = self.lengths[number + 1]
        if not _fill(ends, size):
            raise CodecError(f"frame not readable: got strings that do not fill {size} bytes in order")
        return ends

    def codes(self, place: Place) -> tuple[Any, Texts]:
        """A column of names: int32[n] numbers of the texts, in their range. Raises CodecError."""
        at = place.first + place.nulls
        codes = self.buffer(at, "i4", self.rows[place.batch])
        ends = self.ends(at + 1)
        if not _within(codes, len(ends) - 1):
            raise CodecError(f"frame not readable: got a number beyond its {len(ends) - 1} names")
        return codes, Texts(ends, self.buffer(at + 2, "u1", self.lengths[at + 2]))


def plan(described: bytes) -> Plan:
    """The plan of a description, remembered. Raises CodecError."""
    known = _PLANS.get(described)
    if known is None:
        if len(_PLANS) >= 64:
            _PLANS.clear()
        known = _PLANS[described] = _new_plan(described)
    return known


def _new_plan(described: bytes) -> Plan:
    places: dict[str, Place] = {}
    batch, count = -1, 0
    try:
        lines = described.decode("ascii").split("\n")
    except UnicodeDecodeError as error:
        raise CodecError(f"frame not readable: {error}") from error
    for line in lines:
        name, _, code = line.partition(" ")
        batch += not line
        bare = code.removesuffix("?")
        if not line:
            continue
        if bare not in _CODES.values() or not 0 <= batch < 3 or name in places:
            raise CodecError(f"frame not readable: got a column {line!r}, want a name and its type")
        places[name] = Place(count, bare, bare != code, batch)
        count += _BUFFERS.get(bare, 1) + (bare != code)
    if batch != 2:
        raise CodecError(f"frame not readable: got {batch + 1} tables, want 3")
    _check(places)
    tables = tuple(tuple(places.get(field.name, field.type) for field in schema) for schema in _SCHEMAS)
    return Plan(places, count, tables)


def _check(places: dict[str, Place]) -> None:
    """Raises CodecError unless the columns are those of the schemas, but for some that may be null."""
    wanted = {field.name: (batch, field) for batch, schema in enumerate(_SCHEMAS) for field in schema}
    for name, (batch, field) in wanted.items():
        place = places.get(name)
        if place is None and not field.nullable:
            raise CodecError(f"frame of another schema: got no column {name}")
        if place is not None and (place.batch, place.code) != (batch, _CODES[field.type]):
            raise CodecError(f"frame of another schema: got {name} as {place.code}, want {field}")
    odd = [name for name in places if name not in wanted]
    if odd:
        raise CodecError(f"frame of another schema: got columns {', '.join(odd)}, want none such")


@compiled
def _fill(ends: Any, size: Any) -> bool:
    """Whether the strings follow each other from 0 to ``size``."""
    if len(ends) == 0 or ends[0] != 0 or ends[len(ends) - 1] != size:
        return False
    bad = 0
    for i in range(len(ends) - 1):
        bad += ends[i + 1] < ends[i]
    return bad == 0


@compiled
def _within(codes: Any, count: Any) -> bool:
    bad = 0
    for i in range(len(codes)):
        bad += codes[i] < 0 or codes[i] >= count
    return bad == 0
