"""The read model: every event and the newest revision of every object, in one SQLite file.

One process writes, in transactions that carry the log position they cover, so a crash loses or doubles
nothing; any number of threads and processes read (WAL) and never wait for the writer. It can be rebuilt
from the log at any time. What an event means is the engine's; how it is shown is the API's.
"""

from __future__ import annotations

import heapq
import sqlite3
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from operator import attrgetter
from pathlib import Path
from typing import Any, Final

from feeds import readbatches, readsql, readwindow
from feeds.cursor import Vector
from feeds.readfile import ReadFile, ReadModelAwayError, ReadModelError, meta, snapshot, transaction
from feeds.readreach import AT_GATES, AtGates, OfAuthority, OfConsumer, Reach, of_objects
from feeds.readsql import StoredObject
from feeds.readwindow import passed
from streams.events import Event, Kind, object_id
from streams.signing.keys import DeviceKey, device_keys
from streams.sink import ReplayDiffersError

__all__ = [
    "EventsTrimmedError",
    "Fitting",
    "ObjectFilter",
    "ReadModel",
    "ReadModelAwayError",
    "ReadModelError",
    "StoredObject",
]

_AT_ONCE: Final = 500
_ALL: Final = 10_000
_RECORDED = attrgetter("recorded_ms")
_EQUAL: Final = (
    *("asset", "gate", "zone", "state", "fleet", "device", "vin", "exporter", "batch", "reference"),
    "authority",
)


class DifferentReplayError(ReadModelError, ReplayDiffersError):
    """An event came again with other content than is kept under its number."""


class EventsTrimmedError(ReadModelError):
    """Events after the given cursor were deleted by retention: a reader must start again."""


@dataclass(frozen=True, slots=True)
class ObjectFilter:
    """Which objects of a kind to list; None does not filter. ``start_ms``/``end_ms`` keep what overlaps
    [start, end), ``lasting`` what has not ended, ``ended`` what has,
    ``begun_ms`` what began then or later."""

    asset: str | None = None
    gate: str | None = None
    zone: str | None = None
    state: str | None = None
    fleet: str | None = None
    device: str | None = None
    start_ms: int | None = None
    end_ms: int | None = None
    lasting: bool = False
    ended: bool = False
    begun_ms: int | None = None
    vin: str | None = None
    exporter: str | None = None
    batch: str | None = None
    reference: str | None = None
    authority: str | None = None


@dataclass(frozen=True, slots=True)
class Fitting:
    """One device and the asset it is fitted to; ``to_ms`` is set once it was taken off.

    ``datum`` is that of the positions of its reports that declare none; ``keys``: all that were enrolled.
    """

    device: str
    tenant: str
    asset: str
    from_ms: int
    to_ms: int | None
    revision: int
    datum: str = "wgs84"
    keys: tuple[DeviceKey, ...] = ()


class ReadModel:
    """The read model in the file ``path``.

    A writer makes the file, for ``partitions`` partitions (needed then, checked later). With ``read_only``
    nothing is written, and a file that is not there yet raises ReadModelAwayError at the first query, not
    here. Raises ReadModelError when the file is of another version or partition count.
    """

    def __init__(self, path: Path | str, partitions: int | None = None, *, read_only: bool = False) -> None:
        self._file = ReadFile(Path(path), partitions, read_only)

    def close(self) -> None:
        """Close all connections; the object can't be used afterwards."""
        self._file.close()

    def __enter__(self) -> ReadModel:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def partitions(self) -> int:
        """How many partitions the file was made for."""
        return self._file.partitions

    # Writing

    def apply(self, partition: int, position: int, events: Sequence[Event]) -> None:
        """Store ``events`` of ``partition`` and that the log is covered up to ``position``, all or nothing.

        Events that are stored already are skipped, so repeating after a crash is safe; positions never go
        back. With events the commit survives the loss of power; a position alone may be lost with it
        (and is told again). Raises DifferentReplayError when a stored number comes with other
        content, ReadModelError when numbers have a hole.
        """
        with self._file.writing() as db:
            db.execute(f"PRAGMA synchronous = {'FULL' if events else 'NORMAL'}")
            with transaction(db):
                covered, last = _covered(db, partition)
                fresh = _fresh(db, partition, last, events)
                if fresh:
                    _insert(db, fresh)
                    last = fresh[-1].number
                db.execute(
                    "INSERT OR REPLACE INTO positions VALUES (?, ?, ?)",
                    (partition, max(position, covered), last),
                )

    def trim_events(self, before_ms: int) -> int:
        """Delete events recorded before ``before_ms``; objects stay. Returns how many went."""
        with self._file.writing() as db, transaction(db):
            db.execute(
                "INSERT OR REPLACE INTO trimmed SELECT tenant, partition, max(number) FROM events "
                "WHERE recorded_ms < ? GROUP BY tenant, partition",
                (before_ms,),
            )
            return db.execute("DELETE FROM events WHERE recorded_ms < ?", (before_ms,)).rowcount

    # Reading

    def position(self, partition: int) -> int:
        """The log position that is covered, 0 at first."""
        with self._file.reading() as db:
            return _covered(db, partition)[0]

    def last_number(self, partition: int) -> int:
        """The number of the newest event of ``partition``, 0 when there is none."""
        with self._file.reading() as db:
            return _covered(db, partition)[1]

    def head(self) -> Vector:
        """The cursor after the newest event of every partition."""
        with self._file.reading() as db:
            numbers = dict(db.execute("SELECT partition, number FROM positions").fetchall())
        return tuple(numbers.get(p, 0) for p in range(self.partitions))

    def events_after(
        self,
        cursor: Vector,
        tenant: str,
        kinds: Sequence[Kind] = (),
        limit: int = 1000,
        asset: str | None = None,
    ) -> list[Event]:
        """At most ``limit`` events of ``tenant`` after ``cursor``; empty ``kinds`` means all.

        Events of one partition come in order, partitions are merged by recorded time. Advance the cursor by
        each event (``feeds.cursor.advance``). Raises EventsTrimmedError.
        """
        with self._file.reading() as db, snapshot(db):
            self._refuse_trimmed(db, cursor, tenant)
            streams = [_events(db, p, after, tenant, kinds, asset, limit) for p, after in enumerate(cursor)]
            merged = heapq.merge(*streams, key=_RECORDED)
            return [event for event, _ in zip(merged, range(limit), strict=False)]

    def window_after(
        self,
        cursor: Vector,
        reach: Reach,
        kinds: Sequence[Kind] = (),
        limit: int = 1000,
        asset: str | None = None,
    ) -> tuple[list[Event], Vector]:
        """As ``events_after``, and the cursor after all that was looked at.

        Of what is not one tenant's only some thousand events a partition are looked at: there may be none
        found and yet more to come, as long as the cursor moves. Raises EventsTrimmedError.
        """
        if isinstance(reach, OfAuthority | OfConsumer):
            return [], cursor
        if isinstance(reach, str):
            found = self.events_after(cursor, reach, kinds, limit, asset)
            return found, passed(cursor, found)
        wanted = [kind for kind in AT_GATES if not kinds or kind in kinds]
        with self._file.reading() as db, snapshot(db):
            self._refuse_trimmed(db, cursor, None)
            events, end = readwindow.events_at_gates(db, cursor, reach, wanted, limit, asset)
            return readbatches.within(db, reach, events), end

    def partition_after(
        self, partition: int, number: int, tenant: str | None, kinds: Sequence[Kind] = (), limit: int = 100
    ) -> list[Event]:
        """At most ``limit`` events of ``tenant`` (None: all) in one partition above ``number``, in order."""
        with self._file.reading() as db:
            return list(_events(db, partition, number, tenant, kinds, None, limit))

    def event(self, partition: int, number: int) -> Event | None:
        """One event, None when there is none or retention has deleted it."""
        with self._file.reading() as db:
            row = db.execute(
                f"SELECT {readsql.EVENT_COLUMNS} FROM events WHERE partition = ? AND number = ?",
                (partition, number),
            ).fetchone()
        return readsql.event_of(row) if row else None

    def objects(
        self,
        kind: Kind,
        reach: Reach,
        where: ObjectFilter | None = None,
        after: tuple[int, str] | None = None,
        limit: int = 100,
    ) -> list[StoredObject]:
        """At most ``limit`` objects of ``kind``, newest start first; retracted ones are left out.

        ``after`` is (start_ms, id) of the last object of the page before.
        """
        terms, values = _terms(where or ObjectFilter())
        if after is not None:
            terms.append("(start_ms, id) < (?, ?)")
            values.extend(after)
        seen, of = of_objects(kind, reach)
        # the kind's name in the text, not as a parameter: else indices of one kind are not used
        text = " AND ".join((f"kind = '{kind.value}'", seen, "change <> 'retracted'", *terms))
        with self._file.reading() as db, snapshot(db):
            rows = db.execute(
                f"SELECT {readsql.OBJECT_COLUMNS} FROM objects WHERE {text} "
                "ORDER BY start_ms DESC, id DESC LIMIT ?",
                (*of, *values, limit),
            ).fetchall()
            return readbatches.within(db, reach, [readsql.object_of(row) for row in rows])

    def object(self, kind: Kind, reach: Reach, id_: str) -> StoredObject | None:
        """One object, also when retracted; None when there is none."""
        seen, of = of_objects(kind, reach)
        with self._file.reading() as db, snapshot(db):
            row = db.execute(
                f"SELECT {readsql.OBJECT_COLUMNS} FROM objects WHERE kind = ? AND id = ? AND {seen}",
                (kind.value, id_, *of),
            ).fetchone()
            found = readbatches.within(db, reach, [readsql.object_of(row)] if row else [])
        return found[0] if found else None

    def objects_by_id(self, kind: Kind, reach: Reach, ids: Sequence[str]) -> dict[str, StoredObject]:
        """Those objects of ``ids`` that are there, also when retracted, by id."""
        seen, of = of_objects(kind, reach)
        found: dict[str, StoredObject] = {}
        with self._file.reading() as db, snapshot(db):
            for start in range(0, len(ids), _AT_ONCE):
                some = ids[start : start + _AT_ONCE]
                rows = db.execute(
                    f"SELECT {readsql.OBJECT_COLUMNS} FROM objects "
                    f"WHERE kind = ? AND id IN ({','.join('?' * len(some))}) AND {seen}",
                    (kind.value, *some, *of),
                )
                found.update((row[1], readsql.object_of(row)) for row in rows)
        return found

    def case_places(self) -> list[tuple[str, str, str, bool]]:
        """Of every case of all tenants: id, asset, gate, whether it is open."""
        with self._file.reading() as db:
            rows = db.execute(
                "SELECT id, asset, gate, end_ms IS NULL FROM objects "
                "WHERE kind = 'case' AND change <> 'retracted'"
            ).fetchall()
        return [(id_, asset, gate or "", bool(open_)) for id_, asset, gate, open_ in rows]

    def open_assets(self, reach: AtGates) -> set[str]:
        """The assets of all tenants that have an open case within ``reach``."""
        seen, of = of_objects(Kind.CASE, reach)
        with self._file.reading() as db:
            rows = db.execute(
                "SELECT DISTINCT asset FROM objects "
                f"WHERE kind = 'case' AND end_ms IS NULL AND change <> 'retracted' AND {seen}",
                of,
            ).fetchall()
        return {asset for (asset,) in rows}

    def filed(self, vins: Sequence[str]) -> dict[str, tuple[str, str]]:
        """Of those of ``vins`` that have an open case, of whatever tenant: that tenant and the case's id."""
        found: dict[str, tuple[str, str]] = {}
        with self._file.reading() as db, snapshot(db):
            for start in range(0, len(vins), _AT_ONCE):
                some = vins[start : start + _AT_ONCE]
                rows = db.execute(
                    "SELECT vin, tenant, id FROM objects WHERE kind = 'case' AND end_ms IS NULL "
                    f"AND change <> 'retracted' AND vin IN ({','.join('?' * len(some))})",
                    some,
                )
                found.update((vin, (tenant, id_)) for vin, tenant, id_ in rows)
        return found

    def revisions(
        self, kind: Kind, reach: Reach, id_: str, before: int | None = None, limit: int = 100
    ) -> list[Event]:
        """At most ``limit`` revisions of one object, the newest first, below revision ``before``.

        Those that retention deleted are missing at the end.
        """
        with self._file.reading() as db, snapshot(db):
            found = readsql.revisions(db, kind, reach, id_, before, limit)
            return readbatches.within(db, reach, found)

    def revisions_of(self, kind: Kind, objects: Sequence[StoredObject]) -> dict[str, list[Event]]:
        """All kept revisions of these objects of ``kind``, each the newest first, by id.

        They are objects that this gave, so that no more is seen by them.
        """
        with self._file.reading() as db, snapshot(db):
            return {one.id: readsql.revisions(db, kind, one.tenant, one.id, None, _ALL) for one in objects}

    def retracted(self, tenant: str, asset: str, limit: int = 100) -> list[StoredObject]:
        """At most ``limit`` derived objects of an asset that were retracted, the latest retracted first."""
        with self._file.reading() as db:
            return readsql.retracted(db, tenant, asset, limit)

    def asset_by_vin(self, tenant: str, vin: str) -> StoredObject | None:
        """The asset of ``tenant`` with this (normalised) VIN."""
        return self.object(Kind.ASSET, tenant, object_id(Kind.ASSET, tenant, vin))

    def assets_by_vin(self, reach: Reach, vin: str) -> list[StoredObject]:
        """The assets with this (normalised) VIN, the first registered first; of one tenant at most one."""
        return self.objects(Kind.ASSET, reach, ObjectFilter(vin=vin))[::-1]

    def touched(self) -> int:
        """A counter that grows with every object written: unchanged means that no object changed."""
        with self._file.reading() as db:
            return meta(db, "touched")

    def changed(self, kind: Kind, since: int = 0) -> tuple[list[StoredObject], int]:
        """Objects of ``kind`` of all tenants written since ``since``, and the next ``since``.

        From 0 it gives all. A changed file (rebuilt from the log) restarts the count: when the answer is
        below ``since``, ask again from 0.
        """
        with self._file.reading() as db, snapshot(db):
            change = meta(db, "touched")
            rows = db.execute(
                f"SELECT {readsql.OBJECT_COLUMNS} FROM objects "
                "WHERE kind = ? AND touched > ? ORDER BY touched",
                (kind.value, since),
            ).fetchall()
        return [readsql.object_of(row) for row in rows], change

    def devices_changed(self, since: int = 0) -> tuple[list[Fitting], int]:
        """Devices of all tenants fitted, moved or taken off; ``since`` as in ``changed``."""
        rows, change = self.changed(Kind.DEVICE, since)
        return [_fitting(row) for row in rows], change

    def _refuse_trimmed(self, db: sqlite3.Connection, cursor: Vector, tenant: str | None) -> None:
        rows = db.execute(
            "SELECT partition, number FROM trimmed WHERE ? IS NULL OR tenant = ?", (tenant, tenant)
        ).fetchall()
        if any(cursor) and any(cursor[partition] < number for partition, number in rows):
            raise EventsTrimmedError(
                "events after this cursor were deleted by retention: start again without a cursor"
            )


def _covered(db: sqlite3.Connection, partition: int) -> tuple[int, int]:
    row = db.execute("SELECT position, number FROM positions WHERE partition = ?", (partition,)).fetchone()
    return (row[0], row[1]) if row else (0, 0)


def _fresh(db: sqlite3.Connection, partition: int, last: int, events: Sequence[Event]) -> list[Event]:
    """The events after number ``last``; those before must equal what is stored (or was trimmed)."""
    fresh: list[Event] = []
    for event in events:
        if event.partition != partition:
            raise ReadModelError(f"event of another partition: got {event.partition}, want {partition}")
        if event.number <= last - len(fresh):
            _refuse_different(db, event)
            continue
        if event.number != last + 1:
            raise ReadModelError(
                f"events have a hole in partition {partition}: got number {event.number}, want {last + 1}"
            )
        fresh.append(event)
        last = event.number
    return fresh


def _refuse_different(db: sqlite3.Connection, event: Event) -> None:
    row = db.execute(
        f"SELECT {readsql.EVENT_COLUMNS} FROM events WHERE partition = ? AND number = ?",
        (event.partition, event.number),
    ).fetchone()
    if row is not None and row != readsql.event_row(event):
        stored = readsql.event_of(row)
        raise DifferentReplayError(
            f"replay differs at partition {event.partition} number {event.number}: "
            f"got {event.kind} {event.id} revision {event.revision} of log position {event.position}, "
            f"want {stored.kind} {stored.id} revision {stored.revision} of log position {stored.position}"
            " with the same content"
        )


def _insert(db: sqlite3.Connection, events: Sequence[Event]) -> None:
    told = [readsql.event_row(event) for event in events]
    db.executemany(readsql.INSERT_EVENT, told)
    objects = [(e, row[-1]) for e, row in zip(events, told, strict=True) if e.kind is not Kind.COMMAND]
    touched = meta(db, "touched")
    rows = [readsql.object_row(event, touched + i, blob) for i, (event, blob) in enumerate(objects, 1)]
    db.executemany(readsql.PUT_OBJECT, rows)
    db.execute("UPDATE meta SET value = ? WHERE name = 'touched'", (touched + len(rows),))


def _events(
    db: sqlite3.Connection,
    partition: int,
    after: int,
    tenant: str | None,
    kinds: Sequence[Kind],
    asset: str | None,
    limit: int,
) -> Iterator[Event]:
    terms = ["partition = ?", "number > ?"]
    values: list[Any] = [partition, after]
    if tenant is not None:
        terms.append("tenant = ?")
        values.append(tenant)
    if kinds:
        terms.append(f"kind IN ({','.join('?' * len(kinds))})")
        values.extend(kind.value for kind in kinds)
    if asset is not None:
        terms.append("asset = ? AND asset <> ''")
        values.append(asset)
    rows = db.execute(
        f"SELECT {readsql.EVENT_COLUMNS} FROM events WHERE {' AND '.join(terms)} ORDER BY number LIMIT ?",
        (*values, limit),
    )
    return map(readsql.event_of, rows)


def _terms(where: ObjectFilter) -> tuple[list[str], list[Any]]:
    terms, values = [], []
    for name in _EQUAL:
        value = getattr(where, name)
        if value is not None:
            terms.append(f"{name} = ?")
            values.append(value)
    if where.lasting:
        terms.append("end_ms IS NULL")
    if where.ended:
        terms.append("end_ms IS NOT NULL")
    if where.begun_ms is not None:
        terms.append("start_ms >= ?")
        values.append(where.begun_ms)
    if where.end_ms is not None:
        terms.append("start_ms < ?")
        values.append(where.end_ms)
    if where.start_ms is not None:
        terms.append("(end_ms IS NULL OR end_ms >= ?)")
        values.append(where.start_ms)
    return terms, values


def _fitting(row: StoredObject) -> Fitting:
    data = row.data
    return Fitting(
        data["device"],
        row.tenant,
        row.asset,
        data["from_ms"],
        data.get("to_ms"),
        row.revision,
        data.get("datum", "wgs84"),
        device_keys(data.get("keys", ())),
    )
