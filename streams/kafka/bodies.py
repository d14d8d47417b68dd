"""What a message of topic ``events`` holds: events of one partition and the log position that they cover."""

from __future__ import annotations

import struct
from collections.abc import Iterator, Sequence
from typing import Any, Final, NamedTuple

import orjson

from streams.codec import CodecError, dump_json, load_json
from streams.events import Change, Event, Kind
from streams.kafka.wire import HEADER, Headers

_FORMAT: Final = 1
_MARKS: Final = struct.Struct(">qq")
MAX_BYTES: Final = 900_000
"""Where a message ends and another begins, unless one event alone is larger."""

_KINDS: Final = {kind.value: kind for kind in Kind}
_CHANGES: Final = {change.value: change for change in Change}


class Body(NamedTuple):
    """One message: the log is covered up to ``position``, and ``number`` is the newest event's until then."""

    position: int
    number: int
    events: list[Event]


def bodies(position: int, number: int, events: Sequence[Event]) -> Iterator[tuple[int, int, bytes]]:
    """Messages for ``events`` that cover the log up to ``position``, each with its position and number.

    ``number``: of the newest event before these. What is cut off covers the log only up to before the
    record that caused the next event. Raises CodecError.
    """
    rows = [dump_json(_row(event)) for event in events]
    start = size = 0
    for at, row in enumerate(rows):
        if at > start and size + len(row) > MAX_BYTES:
            covered, last = min(position, events[at].position - 1), events[at - 1].number
            yield covered, last, _joined(covered, last, rows[start:at])
            start, size = at, 0
        size += len(row) + 1
    number = events[-1].number if events else number
    yield position, number, _joined(position, number, rows[start:])


def read_body(partition: int, body: bytes) -> Body:
    """The message's content. Raises CodecError."""
    held = load_json(body)
    try:
        if held["v"] != _FORMAT:
            raise CodecError(f"events not readable: got format {held['v']}, want {_FORMAT}")
        events = [_event(partition, row) for row in held["events"]]
        return Body(held["position"], held["number"], events)
    except (KeyError, TypeError, ValueError) as error:
        raise CodecError(f"events not readable: {error!r}") from None


def marks_header(position: int, number: int) -> list[tuple[str, bytes | str | None]]:
    """The headers of a message: its marks, so that the end of a topic is known without reading events."""
    return [(HEADER, _MARKS.pack(position, number))]


def read_marks(headers: Headers | None) -> tuple[int, int]:
    """Position and number of a message. Raises CodecError."""
    head = dict(headers or ()).get(HEADER)
    if head is None or len(head) != _MARKS.size:
        raise CodecError(f"events not readable: got header {head!r}, want {_MARKS.size} bytes")
    position, number = _MARKS.unpack(head)
    return position, number


def _row(event: Event) -> list[Any]:
    return [
        event.number,
        event.position,
        event.kind.value,
        event.id,
        event.revision,
        event.change.value,
        event.tenant,
        event.asset,
        event.t_ms,
        event.recorded_ms,
        event.data,
    ]


def _event(partition: int, row: list[Any]) -> Event:
    number, position, kind, id_, revision, change, tenant, asset, t_ms, recorded_ms, data = row
    return Event(
        partition,
        number,
        position,
        _KINDS[kind],
        id_,
        revision,
        _CHANGES[change],
        tenant,
        asset,
        t_ms,
        recorded_ms,
        data,
    )


def _joined(position: int, number: int, rows: Sequence[bytes]) -> bytes:
    head = {
        "v": _FORMAT,
        "position": position,
        "number": number,
        "events": [orjson.Fragment(r) for r in rows],
    }
    return orjson.dumps(head)
