"""Events that are pushed to the reader of a feed: which they are, and where in the feed each is.

A push says only that a record is there: what it says and what proves it is read from the feed, by what its
grant shows. So it is sent once the record is under a signed head, and push and pull meet at the same place.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from feeds.grants import Ended, Grant
from feeds.grants.assets import assets_of, within
from feeds.ledger.book import EventKey
from feeds.ledger.reading import LedgerReader
from feeds.readmodel import ReadModel
from feeds.records import cursor
from feeds.records.page import heads_of
from streams.events import Event, Kind


@dataclass(frozen=True, slots=True)
class Spot:
    """Where a record is. Reading on from ``cursor`` gives what comes after it in its log."""

    log: int
    place: int
    cursor: str


class FeedPush:
    """What goes to readers of feeds, out of ``read`` and ``ledgers`` (by number). Threads may share it."""

    def __init__(self, read: ReadModel, ledgers: Sequence[LedgerReader], now_ms: Callable[[], int]) -> None:
        self._read, self._ledgers, self._now_ms = read, ledgers, now_ms

    def of(self, feed: str, tenant: str, events: Sequence[Event]) -> list[Event]:
        """Those of ``events`` that are in a feed of ``tenant``: none once it has ended, or if there is none.

        Raises ReadModelAwayError.
        """
        held = self._read.object(Kind.FEED, tenant, feed)
        if held is None or not events:
            return []
        grant = Grant.of(held.id, held.tenant, held.data)
        try:
            grant.check_open(self._now_ms())
        except Ended:
            return []
        wanted = [one for one in events if one.asset and grant.wants(one.kind.value, one.t_ms)]
        if not wanted or grant.assets == "tenant":
            return wanted
        assets = assets_of(self._read, grant)
        return [one for one in wanted if within(assets.get(one.asset, ()), one.t_ms)]

    def spot(self, feed: str, event: Event) -> Spot | None:
        """Where the record of an event is; None while no signed head holds it. Raises LedgerAwayError."""
        key, heads = EventKey(event.id, event.revision), heads_of(self._ledgers)
        for head, ledger in zip(heads, self._ledgers, strict=True):
            if not head.size:
                continue
            kept = ledger.find(key)
            if kept is not None:
                if kept.place >= head.size:
                    return None
                places = [0] * len(heads)
                places[head.log] = kept.place + 1
                return Spot(head.log, kept.place, cursor.encode(feed, places))
        return None
