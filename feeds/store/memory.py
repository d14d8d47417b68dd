"""The store in memory: for tests, and for runs that keep nothing. Slow and plain on purpose.

It passes the same contract suite as the durable stores, except that what it holds ends with it.
"""

from __future__ import annotations

import threading
from collections import defaultdict
from collections.abc import Sequence
from typing import Any

import pyarrow as pa

from feeds.store import quality, serve
from feeds.store.names import Names
from feeds.store.schema import JUDGED, LATEST, ROWS, WIRE, rows_of, signals_schema
from streams.records import Frame

_Key = tuple[int, int]  # t_ms, hash


class MemoryStore:
    """A Store whose samples are dictionaries."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._names = Names()
        self._positions: dict[int, int] = {}
        self._samples: defaultdict[int, dict[_Key, dict[str, Any]]] = defaultdict(dict)
        self._extras: defaultdict[int, dict[_Key, dict[int, float]]] = defaultdict(dict)
        self._floor_ms: int | None = None

    def write(self, partition: int, position: int, frames: Sequence[Frame]) -> None:
        """As the port says."""
        with self._lock:
            rows = rows_of(frames, self._names)
            self._names.keep()
            for row in rows.samples.to_pylist():
                held = self._samples[row["asset"]].setdefault((row["t_ms"], row["hash"]), row)
                held["received_ms"] = min(held["received_ms"], row["received_ms"])
            for row in rows.extras.to_pylist():
                values = self._extras[row["asset"]].setdefault((row["t_ms"], row["hash"]), {})
                values[row["name"]] = max(row["value"], values.get(row["name"], row["value"]))
            self._positions[partition] = max(position, self._positions.get(partition, 0))

    def position(self, partition: int) -> int:
        """As the port says."""
        return self._positions.get(partition, 0)

    def track(self, asset: str, start_ms: int, end_ms: int, limit: int) -> pa.Table:
        """As the port says."""
        columns = pa.schema([ROWS.field("t_ms"), ROWS.field("hash"), *list(JUDGED)[1:]])

        def read(start_ms: int, end_ms: int) -> pa.Table:
            rows = [row for _, row in self._between(asset, start_ms, end_ms) if _placed(row)]
            return pa.Table.from_pylist(rows, schema=columns)

        return serve.track(quality.judged(read, start_ms, end_ms), limit)

    def signals(self, asset: str, names: Sequence[str], start_ms: int, end_ms: int, limit: int) -> pa.Table:
        """As the port says."""
        names, rows = list(dict.fromkeys(names)), list[list[float | None]]()
        for key, row in self._between(asset, start_ms, end_ms):
            extras = self._extras.get(row["asset"], {}).get(key, {})
            values = [self._signal(name, row, extras) for name in names]
            if any(value is not None for value in values):
                rows.append([row["t_ms"], *values])
        schema = signals_schema(names)
        columns = [pa.array([row[k] for row in rows], field.type) for k, field in enumerate(schema)]
        return serve.signals(pa.Table.from_arrays(columns, schema=schema), limit)

    def latest(self, assets: Sequence[str]) -> pa.Table:
        """As the port says."""
        found = []
        for asset in dict.fromkeys(assets):
            placed = [row for _, row in self._between(asset, -(2**63), 2**63) if _placed(row)]
            if placed:
                found.append({**placed[-1], "asset": asset, "device": self._names.text(placed[-1]["device"])})
        return pa.Table.from_pylist(found, schema=LATEST)

    def drop_before(self, t_ms: int) -> None:
        """As the port says."""
        with self._lock:
            self._floor_ms = t_ms if self._floor_ms is None else max(t_ms, self._floor_ms)
            for asset in self._samples:
                gone = [key for key in self._samples[asset] if key[0] < self._floor_ms]
                for key in gone:
                    del self._samples[asset][key]
                    self._extras[asset].pop(key, None)

    def _between(self, asset: str, start_ms: int, end_ms: int) -> list[tuple[_Key, dict[str, Any]]]:
        with self._lock:
            number = self._names.get(asset)
            samples = {} if number is None else self._samples.get(number, {})
            if self._floor_ms is not None:
                start_ms = max(start_ms, self._floor_ms)
            return sorted(
                ((key, row) for key, row in samples.items() if start_ms <= key[0] < end_ms),
                key=lambda x: x[0],
            )

    def _signal(self, name: str, row: dict[str, Any], extras: dict[int, float]) -> float | None:
        if name in WIRE:
            column, divisor = WIRE[name]
            return None if row[column] is None else row[column] / divisor
        number = self._names.get(name)
        return None if number is None else extras.get(number)


def _placed(row: dict[str, Any]) -> bool:
    return row["lon_e7"] is not None and row["lat_e7"] is not None
