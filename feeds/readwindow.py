"""Events of all tenants that concern some gates: read in windows, so that a rare event costs no long scan."""

from __future__ import annotations

import heapq
import sqlite3
from collections.abc import Sequence
from operator import attrgetter
from typing import Final

from feeds import cursor as cursors
from feeds import readsql
from feeds.cursor import Vector
from feeds.readreach import AtGates, of_events
from streams.events import Event, Kind

_WINDOW: Final = 20_000
_RECORDED = attrgetter("recorded_ms")


def events_at_gates(
    db: sqlite3.Connection,
    cursor: Vector,
    reach: AtGates,
    kinds: Sequence[Kind],
    limit: int,
    asset: str | None,
) -> tuple[list[Event], Vector]:
    """At most ``limit`` events in reach after ``cursor``, and the cursor after all that was looked at."""
    heads = dict(db.execute("SELECT partition, number FROM positions").fetchall())
    ends = [min(after + _WINDOW, max(heads.get(p, 0), after)) for p, after in enumerate(cursor)]
    streams = [
        _of(db, partition, after, end, reach, kinds, limit, asset)
        for partition, (after, end) in enumerate(zip(cursor, ends, strict=True))
    ]
    found = [e for e, _ in zip(heapq.merge(*streams, key=_RECORDED), range(limit), strict=False)]
    given = {(event.partition, event.number) for event in found}
    at = []
    for partition, (events, end) in enumerate(zip(streams, ends, strict=True)):
        left = [event.number for event in events if (partition, event.number) not in given]
        if left:
            at.append(left[0] - 1)
        else:
            at.append(events[-1].number if len(events) == limit else end)
    return found, tuple(at)


def passed(cursor: Vector, events: Sequence[Event]) -> Vector:
    """The cursor after ``events``."""
    for event in events:
        cursor = cursors.advance(cursor, event.partition, event.number)
    return cursor


def _of(
    db: sqlite3.Connection,
    partition: int,
    after: int,
    end: int,
    reach: AtGates,
    kinds: Sequence[Kind],
    limit: int,
    asset: str | None,
) -> list[Event]:
    if not kinds or end <= after:
        return []
    seen, of = of_events(reach)
    own = "" if asset is None else "AND asset = ? "
    rows = db.execute(
        f"SELECT {readsql.EVENT_COLUMNS} FROM events WHERE partition = ? AND number > ? AND number <= ? "
        f"AND kind IN ({','.join('?' * len(kinds))}) {own}AND {seen} ORDER BY number LIMIT ?",
        (
            partition,
            after,
            end,
            *(kind.value for kind in kinds),
            *([] if asset is None else [asset]),
            *of,
            limit,
        ),
    )
    return [readsql.event_of(row) for row in rows]
