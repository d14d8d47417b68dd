"""When something is due without a cause of its own: log times by asset, the earliest first."""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Iterator
from typing import Final

MOST: Final = 512
"""So many are woken by one record; the others by the next ones."""


class Wakes:
    """One time an asset; setting it anew replaces it."""

    def __init__(self, times: Iterable[tuple[str, int]] = ()) -> None:
        self._at = dict(times)
        self._heap = sorted((t_ms, name) for name, t_ms in self._at.items())

    def set(self, name: str, t_ms: int | None) -> None:
        """Wake ``name`` at ``t_ms`` and not otherwise; None: never."""
        if t_ms is None:
            self._at.pop(name, None)
        elif self._at.get(name) != t_ms:
            self._at[name] = t_ms
            heapq.heappush(self._heap, (t_ms, name))

    def __contains__(self, name: str) -> bool:
        """Whether ``name`` is to be woken."""
        return name in self._at

    def due(self, now_ms: int) -> bool:
        """Whether anything may be due."""
        return bool(self._heap) and self._heap[0][0] <= now_ms

    def take(self, now_ms: int) -> Iterator[str]:
        """The names that are due, the earliest first; they are set no more."""
        taken = 0
        while self._heap and self._heap[0][0] <= now_ms and taken < MOST:
            t_ms, name = heapq.heappop(self._heap)
            if self._at.get(name) == t_ms:
                del self._at[name]
                taken += 1
                yield name

    def dump(self) -> list[tuple[str, int]]:
        """JSON values for a snapshot."""
        return sorted(self._at.items())
