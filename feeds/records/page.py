"""A page of a feed: its next records out of the ledgers, in their order, under signed heads only."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final, NamedTuple

import cbor2
import numpy as np
import numpy.typing as npt
import orjson

from feeds.cursor import Vector
from feeds.grants.assets import ALWAYS, Spans, within
from feeds.grants.grant import EVENTS, REPORT, Grant
from feeds.ledger.book import Kept, Row, kept
from feeds.ledger.entry import EntryKind, Opening
from feeds.ledger.errors import LedgerAwayError, LedgerError, LedgerStopError
from feeds.ledger.facts import tells_more
from feeds.ledger.groups import NAMES, Groups
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
_MORE: Final = 4
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


class Found(NamedTuple):
    """A record of a page as its log's book has it."""

    log: int
    kind: str
    row: Row


@dataclass(frozen=True)
class Page:
    """Records, and where to go on. ``more``: whether something was not looked at yet."""

    grant: Grant
    found: Sequence[Found]
    places: Vector
    more: bool
    heads: Sequence[Head]

    @property
    def feed(self) -> str:
        """The feed's id."""
        return self.grant.feed

    @cached_property
    def records(self) -> list[Record]:
        """The records one by one."""
        return [_record(*one, self.grant) for one in zip(self.found, self.facts.tolist(), strict=True)]

    @property
    def next(self) -> str:
        """The cursor after this page."""
        return cursor.encode(self.feed, self.places)

    @cached_property
    def gone(self) -> list[bool]:
        """Of each record whether it was redacted."""
        return [one.row[6] is None or one.row[7] is None for one in self.found]

    @cached_property
    def reports(self) -> npt.NDArray[np.bool_]:
        """Of each record whether it is a report."""
        return np.array([one.row[1] == EntryKind.REPORT for one in self.found], bool)

    @cached_property
    def groups(self) -> Groups:
        """The groups of all records by columns, none of those that were redacted. Raises FormatError."""
        salts, maps = [one.row[6] or b"" for one in self.found], [one.row[7] or b"" for one in self.found]
        for at in [at for at, gone in enumerate(self.gone) if gone]:
            salts[at] = maps[at] = b""
        return Groups(maps, salts)

    @cached_property
    def facts(self) -> npt.NDArray[np.bool_]:
        """Of each record whether its facts are shown, if its feed's fields are."""
        made = np.ones(len(self.found), bool)
        if not self.grant.driver:
            for at in np.flatnonzero(self.reports & self.groups.there[NAMES.index(FACTS)]).tolist():
                made[at] = not tells_more(cbor2.loads(self.found[at].row[7] or b"")[FACTS])
        return made

    @cached_property
    def shown(self) -> npt.NDArray[np.bool_]:
        """By groups.NAMES and record, whether it is shown; of what is there and not shown the commitment."""
        reports = self.reports
        made = np.empty((len(NAMES), len(reports)), bool)
        for at, name in enumerate(NAMES):
            made[at] = np.where(
                reports, self.grant.shows(EntryKind.REPORT, name), self.grant.shows(EntryKind.EVENT, name)
            )
        made[NAMES.index(FACTS)] &= self.facts
        return made & self.groups.there

    def sent(self) -> dict[str, int]:
        """How many records it has, by kind; ``redacted`` are among reports and events."""
        reports = sum(one.kind == REPORT for one in self.found)
        redacted = sum(self.gone)
        count = len(self.found)
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
    found: list[Found] = []
    at, looked, size, windows, want = list(places), 0, 0, 0, 0
    named = list(assets) if len(assets) <= _NAMED else None
    for head, ledger in zip(heads, ledgers, strict=True):
        log = head.log
        if not assets:
            at[log] = head.size
        while at[log] < head.size and len(found) < limit and looked < _LOOKED_AT and size < _MOST_BYTES:
            if (windows := windows + 1) > _WINDOWS:
                break
            end = min(head.size, at[log] + _WINDOW)
            want = min(_AT_ONCE, max(limit - len(found), _MORE * want))  # few were in the feed: more at once
            rows = ledger.rows(at[log], end, want, named, grant.only)
            looked += len(rows)
            size += sum(len(row[7] or b"") for row in rows)
            at[log] = rows[-1][0] + 1 if len(rows) == want else end
            found += _chosen(log, rows, grant, assets)
            if len(found) > limit:
                del found[limit:]
                at[log] = found[-1].row[0] + 1
    more = any(place < head.size for place, head in zip(at, heads, strict=True))
    return Page(grant, found, tuple(at), more, heads)


def _chosen(log: int, rows: Sequence[Row], grant: Grant, assets: Mapping[str, Spans]) -> Iterator[Found]:
    """Those of ``rows`` that are in the feed."""
    reports, every = REPORT in grant.kinds, grant.kinds.issuperset(EVENTS)
    for row in rows:
        _, number, asset, tenant, t_ms, _, _, groups, event = row
        if tenant != grant.tenant or number == EntryKind.END or not grant.during(t_ms):
            continue
        spans = assets.get(asset, ())
        if spans is not ALWAYS and not within(spans, t_ms):
            continue
        if number == EntryKind.REPORT:
            if reports:
                yield Found(log, REPORT, row)
            continue
        kind = (event or EVENT) if groups is None else orjson.loads(cbor2.loads(groups)["head"])["kind"]
        if every if kind == EVENT else kind in grant.kinds:
            yield Found(log, kind, row)


def _record(one: Found, facts: bool, grant: Grant) -> Record:
    held = kept(one.row)
    names = [name for name in held.groups or () if grant.shows(held.kind, name)]
    if FACTS in names and not facts:
        names.remove(FACTS)
    return Record(one.log, held, one.kind, opening_of(held, names))
