"""A log record as a Kafka message and back: position = offset + 1; kind and time are a header."""

from __future__ import annotations

import struct
from collections.abc import Iterable, Mapping
from typing import Final

from streams.log import LogCorruptError
from streams.records import LogRecord, NewRecord, RecordKind

HEADER: Final = "corridor"
OVERHEAD: Final = 128
"""At most so many bytes a message has beside key and body."""

_HEAD: Final = struct.Struct(">Bq")
Headers = Mapping[str, bytes] | Iterable[tuple[str, bytes]]


def headers_of(record: NewRecord) -> list[tuple[str, bytes | str | None]]:
    """The headers of its message; key and value are the record's key (UTF-8) and body."""
    return [(HEADER, _HEAD.pack(record.kind, record.received_ms))]


def record_of(
    partition: int, offset: int, key: bytes | None, body: bytes | None, headers: Headers | None
) -> LogRecord:
    """The record in a message. Raises LogCorruptError for a kind that this version does not know.

    What somebody else put into the topic, without our header, comes as a frame: the engine finds that it is
    none, counts it and goes on.
    """
    head = dict(headers or ()).get(HEADER)
    kind, received_ms = RecordKind.FRAME, 0
    if head is not None:
        try:
            number, received_ms = _HEAD.unpack(head)
            kind = RecordKind(number)
        except (struct.error, ValueError):
            want = ", ".join(str(int(kind)) for kind in RecordKind)
            raise LogCorruptError(
                f"record {partition}/{offset + 1}: got header {head.hex()}, want a kind of {want} and a time"
            ) from None
    text = (key or b"").decode("utf-8", "replace")
    return LogRecord(partition, offset + 1, kind, received_ms, text, body or b"")
