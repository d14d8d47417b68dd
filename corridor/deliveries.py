"""Webhooks: the events of a read model as items of lanes, and what is posted of them."""

from __future__ import annotations

import contextlib
import time
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import Final

import orjson

from api.render import event_line
from api.times import format_instant
from corridor.lanes import Lanes
from corridor.settings import Settings, SettingsError
from feeds import cursor
from feeds.ledger.reading import LedgerReader
from feeds.outbound.asks import AskNotes
from feeds.outbound.filenotes import FileNotes
from feeds.outbound.lane import Rule, Send
from feeds.readmodel import ReadModel
from feeds.webhooks.endpoints import Endpoint, EndpointsError, load
from feeds.webhooks.feedpush import FeedPush
from feeds.webhooks.post import Body, Poster
from streams.events import Event, Kind

_SOURCE: Final = "urn:corridor"


class Kept:
    """Events of a read model by their numbers (``Items`` of ``feeds.outbound.lane``)."""

    def __init__(self, read: ReadModel, push: FeedPush) -> None:
        self._read, self._push = read, push

    def newest(self, partition: int) -> int:
        """See Items.newest."""
        return self._read.last_number(partition)

    def after(self, partition: int, number: int, endpoint: Endpoint, limit: int) -> Sequence[Event]:
        """See Items.after."""
        kinds = sorted(endpoint.kinds or {kind for kind in Kind if kind is not Kind.COMMAND})
        if endpoint.feed is None:
            return self._read.partition_after(partition, number, endpoint.tenant, kinds, limit)
        found: list[Event] = []
        while len(found) < limit:
            some = self._read.partition_after(partition, number, endpoint.tenant, kinds, limit)
            found += self._push.of(endpoint.feed, endpoint.tenant, some)
            if len(some) < limit:
                break
            number = some[-1].number
        return found[:limit]

    def one(self, partition: int, number: int, endpoint: Endpoint) -> Event | None:
        """See Items.one."""
        event = self._read.event(partition, number)
        if event is None or endpoint.feed is None:
            return event
        return next(iter(self._push.of(endpoint.feed, endpoint.tenant, [event])), None)


RULE: Final = Rule[Event](
    row=lambda event: event.asset or event.id,
    what=lambda event: f"{event.kind.value}.{event.change.value}",
)
Deliveries = Lanes[Endpoint, Event]


def deliveries_of(
    endpoints: Sequence[Endpoint],
    read: ReadModel,
    notes: AskNotes,
    send: Send[Endpoint, Event],
    push: FeedPush,
) -> Deliveries:
    """Lanes for these endpoints over the events of ``read``."""
    return Lanes(endpoints, Kept(read, push), notes, send, RULE)


@contextlib.asynccontextmanager
async def delivering(
    settings: Settings, path: Path, read: ReadModel, ledgers: Sequence[LedgerReader] = ()
) -> AsyncIterator[Deliveries]:
    """Deliver every partition of ``read`` while the block lasts; how far it got is in the file ``path``.

    ``ledgers``: all logs by number, for the receivers of feeds.
    Raises SettingsError when the file of webhooks can't be used.
    """
    endpoints = endpoints_of(settings)
    push = push_of(read, ledgers, endpoints)
    notes, poster = FileNotes(path), Poster(body_of(read.partitions, push))
    deliveries = deliveries_of(endpoints, read, notes, poster.send, push)
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


def push_of(read: ReadModel, ledgers: Sequence[LedgerReader], endpoints: Sequence[Endpoint]) -> FeedPush:
    """What goes to receivers of feeds. Raises SettingsError when there are some and no ledger."""
    named = [one.name for one in endpoints if one.feed is not None]
    if named and not ledgers:
        raise SettingsError(f"webhook {named[0]}: feed: want the ledger on, feeds come out of it")
    return FeedPush(read, ledgers, lambda: int(time.time() * 1000))


def body_of(partitions: int, push: FeedPush) -> Body:
    """What makes an event a CloudEvent (JSON); ``cursor`` is that of its partition after it.

    For a receiver of a feed: where the record is in the feed and the feed's cursor after it, and nothing that
    it says.
    """

    def body(endpoint: Endpoint, event: Event) -> bytes | None:
        at = cursor.encode(cursor.advance(cursor.start(partitions), event.partition, event.number))
        line = orjson.loads(event_line(event, at))
        type_ = f"corridor.{event.kind.value}.{event.change.value}.v1"
        if endpoint.feed is not None:
            spot = push.spot(endpoint.feed, event)
            if spot is None:
                return None
            type_ = "corridor.feed.record.v1"
            del line["object"]
            line |= {"feed": endpoint.feed, "log": spot.log, "place": spot.place, "cursor": spot.cursor}
        told = {
            "specversion": "1.0",
            "id": f"{event.id}-r{event.revision}",
            "source": f"{_SOURCE}:{event.tenant}",
            "type": type_,
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
