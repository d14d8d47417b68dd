"""Webhooks: the events of a read model as items of lanes, and what is posted of them."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import Any, Final

import orjson

from api.render import event_line
from api.times import format_instant
from corridor.lanes import Lanes
from corridor.settings import Settings, SettingsError
from feeds import cursor
from feeds.outbound.asks import AskNotes
from feeds.outbound.filenotes import FileNotes
from feeds.outbound.lane import Rule, Send
from feeds.readmodel import ReadModel
from feeds.webhooks.endpoints import Endpoint, EndpointsError, load
from feeds.webhooks.post import Poster
from streams.events import Event, Kind

_SOURCE: Final = "urn:corridor"


class Kept:
    """Events of a read model by their numbers (``Items`` of ``feeds.outbound.lane``)."""

    def __init__(self, read: ReadModel) -> None:
        self._read = read

    def newest(self, partition: int) -> int:
        """See Items.newest."""
        return self._read.last_number(partition)

    def after(self, partition: int, number: int, endpoint: Endpoint, limit: int) -> Sequence[Event]:
        """See Items.after."""
        kinds = sorted(endpoint.kinds or {kind for kind in Kind if kind is not Kind.COMMAND})
        return self._read.partition_after(partition, number, endpoint.tenant, kinds, limit)

    def one(self, partition: int, number: int, endpoint: Endpoint) -> Event | None:
        """See Items.one."""
        return self._read.event(partition, number)


RULE: Final = Rule[Event](
    row=lambda event: event.asset or event.id,
    what=lambda event: f"{event.kind.value}.{event.change.value}",
)
Deliveries = Lanes[Endpoint, Event]


def deliveries_of(
    endpoints: Sequence[Endpoint], read: ReadModel, notes: AskNotes, send: Send[Endpoint, Event]
) -> Deliveries:
    """Lanes for these endpoints over the events of ``read``."""
    return Lanes(endpoints, Kept(read), notes, send, RULE)


@contextlib.asynccontextmanager
async def delivering(settings: Settings, path: Path, read: ReadModel) -> AsyncIterator[Deliveries]:
    """Deliver every partition of ``read`` while the block lasts; how far it got is in the file ``path``.

    Raises SettingsError when the file of webhooks can't be used.
    """
    endpoints = endpoints_of(settings)
    notes, poster = FileNotes(path), Poster(body_of(read.partitions))
    deliveries = deliveries_of(endpoints, read, notes, poster.send)
    try:
        for partition in range(read.partitions):
            await deliveries.take(partition)
        yield deliveries
    finally:
        await deliveries.close()
        await poster.close()
        notes.close()


def endpoints_of(settings: Settings) -> list[Endpoint]:
    """The endpoints that the settings name; none without a file. Raises SettingsError."""
    if settings.webhooks_file is None:
        return []
    try:
        return load(settings.webhooks_file)
    except EndpointsError as error:
        raise SettingsError(str(error)) from None


def body_of(partitions: int) -> Any:
    """What makes an event a CloudEvent (JSON); ``cursor`` is that of its partition after it."""

    def body(event: Event) -> bytes:
        at = cursor.encode(cursor.advance(cursor.start(partitions), event.partition, event.number))
        line = orjson.loads(event_line(event, at))
        told = {
            "specversion": "1.0",
            "id": f"{event.id}-r{event.revision}",
            "source": f"{_SOURCE}:{event.tenant}",
            "type": f"corridor.{event.kind.value}.{event.change.value}.v1",
            "subject": event.asset or event.id,
            "time": format_instant(event.t_ms),
            "recordedtime": format_instant(event.recorded_ms),
            "partitionkey": event.asset or event.id,
            "sequence": f"{event.number:016d}",
            "datacontenttype": "application/json",
            "data": line,
        }
        return orjson.dumps(told)

    return body
