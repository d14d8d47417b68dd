"""The present for the API: latest positions copied from the engine, and events as they are committed.

The engine's thread publishes; readers on the event loop take. Each reader has a mask of rows that
changed since it last looked, so a slow one gets merged positions and never holds the engine up.
"""

from __future__ import annotations

import asyncio
import threading
import time
import weakref
from collections import deque
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import fields
from itertools import chain
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from api.ports import LiveBatch, PositionTable
from geofences.zone import ZoneKind
from streams.engine import Engine, World
from streams.engine.columns import Columns
from streams.engine.units import NONE
from streams.events import Event

_EVENTS: Final = 2_000  # waiting for one reader; above it the reader is told to catch up by cursor
_SILENT_MS: Final = 600_000
_MOVING_CKMH: Final = 500
_COLUMNS: Final = {
    "t": ("<i8", NONE),
    "lon": ("<i4", 0),
    "lat": ("<i4", 0),
    "speed": ("<i4", -1),
    "heading": ("<i4", -1),
    "set": ("<i4", -1),
    "country": ("<i4", -1),
    "seen": ("<i8", 0),
    "device": ("<i4", -1),
    "trip_mm": ("<i8", -1),
}

Rows = npt.NDArray[np.int64]


class LiveView:
    """A ``Live`` (see ``api.ports``) over the engines of this process, one a partition.

    Readers know row r of partition p out of n as r * n + p.
    """

    def __init__(self, world: World, loop: asyncio.AbstractEventLoop, partitions: int = 1) -> None:
        self._loop = loop
        self._parts = [_Part(world) for _ in range(partitions)]
        self._readers = Readers(self.table)

    def publish(self, engine: Engine, rows: Rows, events: Sequence[Event]) -> None:
        """Take over the state of ``rows`` and hand ``events`` on; called by the engine's thread."""
        several = len(self._parts)
        place = engine.partition if several > 1 else 0
        self._parts[place].take(engine, rows)
        self._loop.call_soon_threadsafe(self._readers.tell, rows * several + place, list(events))

    def snapshot(self, tenant: str | None) -> PositionTable:
        """See Live.snapshot."""
        return joined([part.snapshot(tenant) for part in self._parts])

    def table(self, rows: Rows) -> PositionTable:
        """Latest positions of some rows, without those that never had one."""
        several = len(self._parts)
        return joined(
            [part.table(rows[rows % several == p] // several) for p, part in enumerate(self._parts)]
        )

    def subscribe(self) -> AsyncIterator[LiveBatch]:
        """See Live.subscribe."""
        return self._readers.subscribe()

    def close(self) -> None:
        """End every subscription."""
        self._readers.close()


def joined(tables: Sequence[PositionTable]) -> PositionTable:
    """One table of the rows of several, in their order."""
    if len(tables) == 1:
        return tables[0]
    columns: dict[str, Any] = {}
    for column in fields(PositionTable):
        parts = [getattr(table, column.name) for table in tables]
        some = isinstance(parts[0], np.ndarray)
        columns[column.name] = np.concatenate(parts) if some else list(chain.from_iterable(parts))
    return PositionTable(**columns)


class _Part:
    """The present of one partition. One thread writes, any may read."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._lock = threading.Lock()
        self._names: list[str] = []
        self._tenants: list[str] = []
        self._devices: list[str] = []
        self._held = Columns(_COLUMNS)
        self._at_gate: dict[int, bool] = {}

    def take(self, engine: Engine, rows: Rows) -> None:
        """Take over the state of ``rows``."""
        with self._lock:
            self._world = engine.world  # another one after zones were published
            self._names.extend(engine.names[len(self._names) :])
            self._tenants.extend(engine.tenants[len(self._tenants) :])
            if len(self._devices) < len(engine.sequences.rows):
                self._devices = list(engine.sequences.rows)
            self._held.add(len(self._names) - self._held.size)
            latest = engine.latest(rows)
            for name in _COLUMNS:
                self._held[name][rows] = latest[name]
            for set_ in np.unique(latest["set"]).tolist():
                self._learn(set_)

    def _learn(self, set_: int) -> None:
        if set_ not in self._at_gate:
            zones = self._world.areas(set_)
            self._at_gate[set_] = any(self._world.zones[z].kind is ZoneKind.PORT for z in zones)

    def snapshot(self, tenant: str | None) -> PositionTable:
        """Of a tenant's assets, or of all, those that have a position."""
        with self._lock:
            known = np.flatnonzero(self._held["t"][: self._held.size] != NONE)
            if tenant is not None:
                mine = np.array([self._tenants[row] == tenant for row in known.tolist()], bool)
                known = known[mine] if len(known) else known
            return self._table(known)

    def table(self, rows: Rows) -> PositionTable:
        """Latest positions of some rows, without those that never had one."""
        with self._lock:
            return self._table(rows[self._held["t"][rows] != NONE])

    def _table(self, rows: Rows) -> PositionTable:
        held = {name: self._held[name][rows] for name in _COLUMNS}
        at_gate = np.array([self._at_gate.get(s, False) for s in held["set"].tolist()], bool)
        countries = [self._world.zones[c].country or "" if c >= 0 else "" for c in held["country"].tolist()]
        numbers = rows.tolist()
        return PositionTable(
            asset=[self._names[row] for row in numbers],
            tenant=[self._tenants[row] for row in numbers],
            device=[self._devices[d] if d >= 0 else "" for d in held["device"].tolist()],
            t_ms=held["t"],
            lon_e7=held["lon"],
            lat_e7=held["lat"],
            speed_ckmh=held["speed"],
            heading_cdeg=held["heading"],
            country=countries,
            state=states(held["seen"], held["speed"], at_gate),
            trip_mm=held["trip_mm"],
        )


def states(seen_ms: Rows, speed_ckmh: Rows, at_gate: npt.NDArray[np.bool_]) -> list[str]:
    """What each asset is at: moving, stopped, at_gate, or silent when nothing was heard for ten minutes."""
    silent_before = int(time.time() * 1000) - _SILENT_MS
    found: list[str] = np.select(
        [seen_ms < silent_before, speed_ckmh >= _MOVING_CKMH, at_gate],
        ["silent", "moving", "at_gate"],
        "stopped",
    ).tolist()
    return found


class Readers:
    """All subscriptions of one view, for the loop only; ``table`` makes a table of their rows."""

    def __init__(self, table: Callable[[Rows], PositionTable]) -> None:
        self.table = table
        self._readers: weakref.WeakSet[_Reader] = weakref.WeakSet()  # one that nobody holds any more is gone

    def subscribe(self) -> AsyncIterator[LiveBatch]:
        """See Live.subscribe."""
        reader = _Reader(self)
        self._readers.add(reader)
        return reader

    def tell(self, rows: Rows, events: list[Event]) -> None:
        """Rows that changed and new events, to everyone."""
        for reader in self._readers:
            reader.push(rows, events)

    def drop(self, reader: _Reader) -> None:
        """Forget a reader that went away."""
        self._readers.discard(reader)

    def close(self) -> None:
        """End every subscription."""
        for reader in list(self._readers):
            reader.end()


class _Reader(AsyncIterator[LiveBatch]):
    """One subscription: rows and events that wait for it."""

    def __init__(self, all_: Readers) -> None:
        self._all = all_
        self._rows: set[int] = set()
        self._events: deque[Event] = deque()
        self._missed = False
        self._ended = False
        self._ready = asyncio.Event()

    def push(self, rows: Rows, events: list[Event]) -> None:
        """Rows that changed and new events; called on the loop."""
        self._rows.update(rows.tolist())
        if len(self._events) + len(events) > _EVENTS:
            self._events.clear()
            self._missed = True
        else:
            self._events.extend(events)
        self._ready.set()

    def end(self) -> None:
        """No more batches."""
        self._ended = True
        self._ready.set()

    async def __anext__(self) -> LiveBatch:
        await self._ready.wait()
        if self._ended:
            raise StopAsyncIteration
        self._ready.clear()
        rows = np.array(sorted(self._rows), np.int64)
        self._rows.clear()
        events = tuple(self._events)
        self._events.clear()
        missed, self._missed = self._missed, False
        table = self._all.table(rows) if len(rows) else None
        return LiveBatch(table, events, missed)

    async def aclose(self) -> None:
        """Stop listening."""
        self._all.drop(self)
