"""A page of a feed: its next records out of the ledgers, in their order, under signed heads only."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import orjson

from feeds.cursor import Vector
from feeds.grants.assets import Spans, within
from feeds.grants.grant import EVENTS, REPORT, Grant
from feeds.ledger.book import Kept
from feeds.ledger.entry import EntryKind, Opening
from feeds.ledger.errors import LedgerAwayError, LedgerError, LedgerStopError
from feeds.ledger.facts import tells_more
from feeds.ledger.opened import opening_of
from feeds.ledger.reading import LedgerReader
from feeds.ledger.reports import FACTS
from feeds.records import cursor

MOST: Final = 10_000
"""Records of a page."""
EVENT: Final = "event"
"""The kind of an event that was redacted before its kind was kept: only feeds of all kinds have it."""
_AT_ONCE: Final = 2_000
_NAMED: Final = 100  # assets that a query names; of more all rows are read
_WINDOW: Final = 20_000  # places of a query: it looks up each asset's before it can sort them
_WINDOWS: Final = 200
_LOOKED_AT: Final = 50_000  # rows a page: then it ends, with what was found
_MOST_BYTES: Final = 24 << 20  # contents a page: so does one that grows too large


@dataclass(frozen=True, slots=True)
class Head:
    """The signed head of one log that a page stands on; ``size`` 0 and no note: nothing is signed yet."""

    log: int
    origin: str
    size: int
    note: str

    def plain(self) -> dict[str, Any]:
        """As JSON values."""
        return {"log": self.log, "origin": self.origin, "size": self.size, "note": self.note}


@dataclass(frozen=True, slots=True)
class Record:
    """One record of a feed; ``opening`` None: redacted. ``kind``: ``report`` or that of the event."""

    log: int
    kept: Kept
    kind: str
    opening: Opening | None


@dataclass(frozen=True, slots=True)
class Page:
    """Records, and where to go on. ``more``: whether something was not looked at yet."""

    feed: str
    records: Sequence[Record]
    places: Vector
    more: bool
    heads: Sequence[Head]

    @property
    def next(self) -> str:
        """The cursor after this page."""
        return cursor.encode(self.feed, self.places)

    def sent(self) -> dict[str, int]:
        """How many records it has, by kind; ``redacted`` are among reports and events."""
        reports = sum(one.kept.kind is EntryKind.REPORT for one in self.records)
        redacted = sum(one.opening is None for one in self.records)
        count = len(self.records)
        return {"records": count, "reports": reports, "events": count - reports, "redacted": redacted}

    def plain(self) -> dict[str, Any]:
        """What is told of the page, as JSON values."""
        return {
            "sent": self.sent(),
            "next": self.next,
            "more": self.more,
            "checkpoints": [head.plain() for head in self.heads if head.note],
        }


def heads_of(ledgers: Sequence[LedgerReader]) -> list[Head]:
    """The signed head of each log. Raises LedgerAwayError when one can't be read now."""
    found = []
    for log, ledger in enumerate(ledgers):
        try:
            head, note = ledger.head()
        except (LedgerAwayError, LedgerStopError):
            raise
        except LedgerError:  # nothing was written yet
            found.append(Head(log, "", 0, ""))
        else:
            found.append(Head(log, head.origin, head.size, note))
    return found


def read_page(
    ledgers: Sequence[LedgerReader],
    heads: Sequence[Head],
    grant: Grant,
    assets: Mapping[str, Spans],
    places: Vector,
    limit: int,
) -> Page:
    """At most ``limit`` records from ``places`` on, of ``assets`` in their times and below ``heads``.

    A page may be empty and yet not the last: of a log with much else only some is looked at. Raises
    LedgerError.
    """
    found: list[Record] = []
    at, looked, size, windows = list(places), 0, 0, 0
    named = list(assets) if len(assets) <= _NAMED else None
    for head, ledger in zip(heads, ledgers, strict=True):
        log = head.log
        if not assets:
            at[log] = head.size
        while at[log] < head.size and len(found) < limit and looked < _LOOKED_AT and size < _MOST_BYTES:
            if (windows := windows + 1) > _WINDOWS:
                break
            want, end = min(_AT_ONCE, limit - len(found)), min(head.size, at[log] + _WINDOW)
            kept = ledger.records(at[log], end, want, named, grant.only)
            looked += len(kept)
            size += sum(len(content) for row in kept for content in (row.groups or {}).values())
            found += [one for row in kept if (one := _record(log, row, grant, assets)) is not None]
            at[log] = kept[-1].place + 1 if len(kept) == want else end
    more = any(place < head.size for place, head in zip(at, heads, strict=True))
    return Page(grant.feed, found, tuple(at), more, heads)


def _record(log: int, kept: Kept, grant: Grant, assets: Mapping[str, Spans]) -> Record | None:
    if kept.tenant != grant.tenant or kept.kind is EntryKind.END:
        return None
    if not within(assets.get(kept.asset, ()), kept.t_ms):
        return None
    if kept.kind is EntryKind.REPORT:
        kind = REPORT
    elif kept.groups is None:
        kind = kept.event or EVENT
    else:
        kind = orjson.loads(kept.groups["head"])["kind"]
    wanted = grant.kinds.issuperset(EVENTS) if kind == EVENT else kind in grant.kinds
    if not wanted or not grant.during(kept.t_ms):
        return None
    if kept.groups is None:
        return Record(log, kept, kind, None)
    names = [name for name in kept.groups if grant.shows(kept.kind, name)]
    if FACTS in names and not grant.driver and tells_more(kept.groups[FACTS]):
        names.remove(FACTS)  # sealed before these were parted
    return Record(log, kept, kind, opening_of(kept, names))
