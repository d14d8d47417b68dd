"""The present for an API that has no engine: latest positions as the workers publish them, and events.

One thread feeds it; readers on the event loop take, as from ``corridor.live.LiveView``.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Sequence
from typing import Final

import numpy as np
import numpy.typing as npt

from api.ports import LiveBatch, PositionTable
from corridor.live import Readers, states
from streams.engine.columns import Columns
from streams.events import Event
from streams.kafka.positions import Positions

_COLUMNS: Final = {
    "t": ("<i8", 0),
    "seen": ("<i8", 0),
    "lon": ("<i4", 0),
    "lat": ("<i4", 0),
    "speed": ("<i4", -1),
    "heading": ("<i4", -1),
    "at_gate": ("?", 0),
    "trip_mm": ("<i8", -1),
}
Rows = npt.NDArray[np.int64]


class RemoteLive:
    """A ``Live`` (see ``api.ports``) over what the workers publish."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop, self._lock = loop, threading.Lock()
        self._rows: dict[str, int] = {}
        self._assets: list[str] = []
        self._tenants: list[str] = []
        self._devices: list[str] = []
        self._countries: list[str] = []
        self._held = Columns(_COLUMNS | {"position": ("<i8", -1)})
        self._readers = Readers(self.table)

    def __len__(self) -> int:
        return len(self._assets)

    def moved(self, table: Positions) -> None:
        """Take over rows that moved; of an asset the row of the highest log position counts.

        Called by the thread that follows the topic.
        """
        with self._lock:
            rows = np.array([self._row(table, i) for i in range(len(table))], np.int64)
            newer = np.flatnonzero(table.position >= self._held["position"][rows])
            rows = rows[newer]
            self._held["position"][rows] = table.position
            for name in _COLUMNS:
                self._held[name][rows] = getattr(table, name)[newer]
            for row, i in zip(rows.tolist(), newer.tolist(), strict=True):
                self._devices[row], self._countries[row] = table.device[i], table.country[i]
        if len(rows):
            self._loop.call_soon_threadsafe(self._readers.tell, rows, [])

    def happened(self, events: Sequence[Event]) -> None:
        """Hand on events that the read model has committed; called by the thread that follows them."""
        if events:
            self._loop.call_soon_threadsafe(self._readers.tell, np.empty(0, np.int64), list(events))

    def snapshot(self, tenant: str | None) -> PositionTable:
        """See Live.snapshot."""
        with self._lock:
            rows = [i for i, one in enumerate(self._tenants) if tenant is None or one == tenant]
            return self._table(np.array(rows, np.int64))

    def table(self, rows: Rows) -> PositionTable:
        """Latest positions of some rows."""
        with self._lock:
            return self._table(rows)

    def subscribe(self) -> AsyncIterator[LiveBatch]:
        """See Live.subscribe."""
        return self._readers.subscribe()

    def close(self) -> None:
        """End every subscription."""
        self._readers.close()

    def _row(self, table: Positions, i: int) -> int:
        asset = table.asset[i]
        row = self._rows.get(asset)
        if row is None:
            row = self._rows[asset] = len(self._assets)
            self._assets.append(asset)
            self._tenants.append(table.tenant[i])
            self._devices.append("")
            self._countries.append("")
            self._held.add(1)
        return row

    def _table(self, rows: Rows) -> PositionTable:
        held = {name: self._held[name][rows] for name in _COLUMNS}
        numbers = rows.tolist()
        return PositionTable(
            asset=[self._assets[row] for row in numbers],
            tenant=[self._tenants[row] for row in numbers],
            device=[self._devices[row] for row in numbers],
            t_ms=held["t"],
            lon_e7=held["lon"],
            lat_e7=held["lat"],
            speed_ckmh=held["speed"],
            heading_cdeg=held["heading"],
            country=[self._countries[row] for row in numbers],
            state=states(held["seen"], held["speed"], held["at_gate"]),
            trip_mm=held["trip_mm"],
        )
