"""The past in plain lists: the reference of its contract, for tests. Nothing survives the process."""

from __future__ import annotations

from threading import RLock

import numpy as np

from streams.engine.columns import Array
from streams.engine.rows import EMPTY, Rows, joined
from streams.past import Chunk, Horizon, KeptObject, KeptState, Voided, unwritten


class MemoryPast:
    """See Past. Threads may share it."""

    def __init__(self) -> None:
        self._end = 0
        self._rows: Rows = EMPTY
        self._states: list[KeptState] = []
        self._voided: list[Voided] = []
        self._objects: list[KeptObject] = []
        self._lock = RLock()

    @property
    def end(self) -> int:
        """See Past.end."""
        return self._end

    def write(self, chunk: Chunk) -> None:
        """See Past.write."""
        with self._lock:
            fresh = unwritten(chunk, self._end)
            if fresh is None:
                return
            self._rows = joined([self._rows, fresh.rows])
            self._states += fresh.states
            self._voided += fresh.voided
            self._objects += fresh.objects
            self._end = fresh.last

    def rows(self, asset: int, after: int, position: int) -> Rows:
        """See Past.rows."""
        rows = self._rows
        found = rows.take((rows.asset == asset) & (rows.t > after) & (rows.position <= position))
        return found.take(np.lexsort((found.position, found.t)))

    def state(self, asset: int, before: int, position: int) -> KeptState | None:
        """See Past.state."""
        best: KeptState | None = None
        with self._lock:
            for one in self._states:
                if one.asset != asset or one.t >= before or one.position > position:
                    continue
                newer = best is None or (one.t, one.position) >= (best.t, best.position)
                if newer and self._holds(one, position):
                    best = one
        return best

    def objects(self, asset: int, since: int, position: int) -> list[KeptObject]:
        """See Past.objects."""
        newest: dict[str, KeptObject] = {}
        with self._lock:
            for one in self._objects:
                if one.asset == asset and one.position <= position:
                    held = newest.get(one.id)
                    if held is None or one.position >= held.position:
                        newest[one.id] = one
        found = [one for one in newest.values() if one.until >= since]
        return sorted(found, key=lambda one: (one.position, one.id))

    def trim(self, before: int | Array, position: int | None = None) -> None:
        """See Past.trim."""
        with self._lock:
            upto = self._end if position is None else min(position, self._end)
            horizon = Horizon.made(before)

            def since(asset: int) -> int:
                return int(horizon.of(np.array([asset]))[0])

            anchors: dict[int, KeptState] = {}
            for one in self._states:
                if one.t < since(one.asset) and one.position <= upto and self._holds(one, self._end):
                    held = anchors.setdefault(one.asset, one)
                    if (one.t, -one.position) > (held.t, -held.position):
                        anchors[one.asset] = one
            self._states = [
                one for one in self._states if one.asset not in anchors or one.t >= anchors[one.asset].t
            ]
            rows = self._rows
            for asset, anchor in anchors.items():
                rows = rows.take((rows.asset != asset) | (rows.t > anchor.t))
            self._rows = rows
            lasting = {one.id for one in self._objects if not _old(one, anchors.get(one.asset))}
            self._objects = [one for one in self._objects if one.id in lasting]

    def _holds(self, state: KeptState, position: int) -> bool:
        return not any(
            one.asset == state.asset and one.after < state.t and state.position < one.position <= position
            for one in self._voided
        )


def _old(one: KeptObject, anchor: KeptState | None) -> bool:
    return anchor is not None and one.until < anchor.t and one.position < anchor.position
