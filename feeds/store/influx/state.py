"""What the store keeps of itself in its bucket: covered positions, and before which instant all is dropped.

Each is a point at a time after the year 2200, which no retention reaches, and further on the larger it is:
the newest point is the largest value, so none ever goes back, whoever writes last.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from threading import Lock
from typing import Final

import pyarrow as pa

from feeds.store.influx.client import Client
from feeds.store.influx.queries import COVERED, COVERED_TEXT, FLOOR, FLOOR_TEXT, STATE_NS

_TIDY: Final = 2_000  # positions that are written before the old ones are deleted
_FRESH_S: Final = 10.0
_FLOOR_ZERO: Final = 10**14
_MOST_MS: Final = 9_223_372_036_854


@dataclass(slots=True)
class _Known:
    value: int | None
    asked: float


class State:
    """Positions and floor by ``client``. Another process may change them: they are asked for again
    after some seconds, and when this one has not written meanwhile. Threads may share it."""

    def __init__(self, client: Client, clock: Callable[[], float] = time.monotonic) -> None:
        self._client = client
        self._clock = clock
        self._lock = Lock()
        self._positions: dict[int, _Known] = {}
        self._floor: _Known | None = None
        self._written: Counter[int] = Counter()

    def position(self, partition: int) -> int:
        """The position that is covered, 0 at first. Raises StoreAwayError, StoreError."""
        with self._lock:
            known = self._positions.get(partition)
            if known is None or self._clock() - known.asked > _FRESH_S:
                value = self._asked(COVERED_TEXT, "position", {"partition": str(partition)})
                known = self._positions[partition] = _Known(value, self._clock())
            return known.value or 0

    def cover(self, partition: int, position: int) -> None:
        """Make ``position`` durable; one below what is covered changes nothing. Raises as ``position``."""
        if position <= self.position(partition):
            return
        line = f"{COVERED},partition={partition} position={position}i {STATE_NS + position}"
        self._client.write(line.encode())
        with self._lock:
            self._positions[partition] = _Known(position, self._clock())
            self._written[partition] += 1
            tidy = self._written[partition] % _TIDY == 0
        if tidy:
            self._client.delete(COVERED, STATE_NS, STATE_NS + position - 1, partition=str(partition))

    def floor_ms(self) -> int | None:
        """Nothing before it is to be served. Raises as ``position``."""
        with self._lock:
            if self._floor is None or self._clock() - self._floor.asked > _FRESH_S:
                self._floor = _Known(self._asked(FLOOR_TEXT, "t_ms", {}), self._clock())
            return self._floor.value

    def set_floor(self, t_ms: int) -> bool:
        """Make ``t_ms`` the floor, durably; False when it is not above the one that is."""
        held = self.floor_ms()
        if held is not None and t_ms <= held:
            return False
        at = STATE_NS + _FLOOR_ZERO + min(max(t_ms, -_MOST_MS), _MOST_MS)
        self._client.write(f"{FLOOR} t_ms={t_ms}i {at}".encode())
        with self._lock:
            self._floor = _Known(t_ms, self._clock())
        return True

    def _asked(self, text: str, column: str, parameters: dict[str, str]) -> int | None:
        for series in self._client.query(text, {"state": STATE_NS, **parameters}):
            found: int = series.table({"time": pa.int64(), column: pa.int64()})[column][0].as_py()
            return found
        return None
