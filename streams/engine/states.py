"""The hot state of all assets: a row of ``kernel.STATE`` for those heard of late, some bytes for the others.

Nine of ten assets rest. Of one at rest its state and its packed open objects are numbers (see ``ints``), in
one blob. The first sample that comes wakes it: it is given a place among the rows that the kernel works on.
Both forms say the same to the bit, so nothing but memory depends on who rests.
"""

from __future__ import annotations

from typing import Any, Final

import numpy as np

from geofences.compiled import compiled
from streams.engine import kernel
from streams.engine.blobs import HEAD, Blobs, head, kind, length
from streams.engine.columns import Array, roomier
from streams.engine.ints import WORST, memory, read, write
from streams.engine.units import NONE

_STATE: Final = 1  # bits of a blob's kind: the state comes first; the rest of it is bytes as they were given
_RAW: Final = 2
_NUMBERS: Final = 28  # of a state
_MOST: Final = 1_000  # numbers of an asset's objects; more are kept as bytes
_KNOWN: Final = 5  # numbers that are remembered at a blob's beginning
_SPARE: Final = HEAD + WORST * (_NUMBERS + _MOST)


class States:
    """Hot state and packed objects by row. Rows are added, never removed."""

    def __init__(self) -> None:
        self.size = 0
        self.hot = np.repeat(kernel.NEW, 64)
        self.cell = np.full(64, -1, np.int64)
        self.owner = np.full(64, -1, np.int32)
        self.used = 0
        self.blobs = Blobs()
        self._slot = np.full(64, -1, np.int32)
        self._t = np.full(64, NONE, np.int64)  # of those at rest: the newest sample
        self._numbers = np.empty(_NUMBERS + _MOST, np.int64)

    def add(self, count: int) -> None:
        """Add rows of assets that were not heard of."""
        self.size += count
        held = len(self._slot)
        if self.size > held:
            self._slot, self._t = roomier(self._slot, self.size), roomier(self._t, self.size)
            self._slot[held:], self._t[held:] = -1, NONE
            self.blobs.rows(self.size)

    def places(self, rows: Array) -> Array:
        """Where the states of some rows are in ``hot`` and ``cell``; those at rest are woken, ``set`` -1.

        Earlier places stay good; ``hot`` and ``cell`` may be other arrays after this.
        """
        places: Array = self._slot[rows]
        if (places < 0).any():
            self._wake(np.unique(rows[places < 0]))
            places = self._slot[rows]
        return places.astype(np.int64)

    def places_of_awake(self, rows: Array) -> Array:
        """Where the states of those of some rows are that don't rest."""
        places = self._slot[rows]
        return places[places >= 0].astype(np.int64)

    def place(self, row: int) -> int:
        """Where the state of a row is, -1 when it rests."""
        return int(self._slot[row])

    def resting(self, rows: Array) -> Array:
        """Which of some rows rest: bool[n]."""
        found: Array = self._slot[rows] < 0
        return found

    def look(self, rows: Array) -> Array:
        """The states of some rows, ``set`` being -1 for those at rest; nobody is woken."""
        found = np.repeat(kernel.NEW, len(rows))
        places = self._slot[rows]
        awake = places >= 0
        found[awake] = self.hot[places[awake]]
        if not awake.all():
            there = np.flatnonzero(~awake)
            _states(rows[there], there, found, self.blobs.data, self.blobs.at, self._t, self._numbers)
        return found

    def newest(self) -> Array:
        """The time of each asset's newest sample, NONE where there was none: int64[size]."""
        newest = self._t[: self.size].copy()
        newest[self.owner[: self.used]] = self.hot["t"][: self.used]
        return newest

    def _wake(self, rows: Array) -> None:
        first, self.used = self.used, self.used + len(rows)
        held = len(self.hot)
        if self.used > held:
            self.hot, self.cell = roomier(self.hot, self.used), roomier(self.cell, self.used)
            self.owner = roomier(self.owner, self.used)
            self.hot[held:], self.cell[held:], self.owner[held:] = kernel.NEW, -1, -1
        places = np.arange(first, self.used)
        self._slot[rows], self.owner[places] = places, rows
        _states(rows, places, self.hot, self.blobs.data, self.blobs.at, self._t, self._numbers)

    def rest(self, rows: Array) -> None:
        """Let some rows rest that are awake, each given once; the places of all others change."""
        places, done = self._slot[rows].astype(np.int64), 0
        while done < len(rows):
            self.blobs.room(_SPARE)
            held = self.blobs.data, self.blobs.at, self.blobs.ends
            more = _rest(rows[done:], places[done:], self.hot, *held, self._t, self._numbers)
            if not more:  # one has so long a content that there is too little room
                self.blobs.room(_SPARE + length(self.blobs.data, int(self.blobs.at[rows[done]])))
            done += more
        self._slot[rows] = -1
        self.owner[places] = -1
        stay = np.flatnonzero(self.owner[: self.used] >= 0)
        room = max(64, len(stay) + len(stay) // 8)
        hot, cell = np.repeat(kernel.NEW, room), np.full(room, -1, np.int64)
        owner = np.full(room, -1, np.int32)
        self.used = len(stay)
        hot[: self.used], cell[: self.used] = self.hot[stay], self.cell[stay]
        owner[: self.used] = self.owner[stay]
        self.hot, self.cell, self.owner = hot, cell, owner
        self._slot[owner[: self.used]] = np.arange(self.used)

    def keep(self, row: int, content: list[int] | bytes) -> None:
        """Keep the packed objects of a row that is awake."""
        if isinstance(content, bytes):
            self.blobs.put(row, _RAW, np.frombuffer(content, np.uint8))
            return
        count = len(content)
        self.blobs.room(_SPARE)
        self._numbers[:count] = content
        _keep(row, count, self.blobs.data, self.blobs.at, self.blobs.ends, self._numbers)

    def take(self, row: int) -> list[int] | bytes | None:
        """The packed objects of a row that is awake, which are kept no more; None when there are none."""
        content = self.peek(row)
        self.blobs.drop(row)
        return content

    def peek(self, row: int) -> list[int] | bytes | None:
        """The packed objects of a row; None when there are none."""
        at = int(self.blobs.at[row])
        if not at:
            return None
        data = self.blobs.data
        begin, count = _objects(data, at, self._t[row], self._numbers)
        if kind(data, at) & _RAW:
            return data[begin : at + HEAD + length(data, at)].tobytes()
        return self._numbers[:count].tolist() if count else None

    def nbytes(self) -> dict[str, int]:
        """Bytes in memory, by part."""
        return {
            "hot rows": self.hot.nbytes + self.cell.nbytes + self.owner.nbytes,
            "places and times": self._slot.nbytes + self._t.nbytes,
            "at rest and open objects": self.blobs.nbytes(),
        }

    def dump(self) -> list[bytes]:
        """The bytes of a snapshot, see ``load``."""
        n = self.size
        awake = [self.owner[: self.used].tobytes(), self.hot[: self.used].tobytes()]
        return [*awake, self._t[:n].tobytes(), *self.blobs.dump(n)]

    def load(self, size: int, parts: list[memoryview]) -> None:
        """Become what was dumped, with ``size`` rows. ``hot`` has the sets of the process that dumped."""
        owner, hot, t, at, data = parts
        self.__init__()  # type: ignore[misc]
        self.add(size)
        rows = np.frombuffer(owner, np.int32)
        self._wake(rows.astype(np.int64))
        self.hot[: self.used] = np.frombuffer(hot, kernel.STATE)
        self._t[:size] = np.frombuffer(t, np.int64)
        self.blobs.load(len(self._slot), at, data)


def fits(count: int) -> bool:
    """Whether so many numbers can be kept as such."""
    return count <= _MOST


@compiled
def _put(s: Any, out: Any) -> None:
    """The state as numbers: those that are alike one after another."""
    out[0], out[1], out[2], out[3], out[4] = s.bt, s.still_t, s.doubt, s.kt, s.wake
    out[5], out[6], out[7], out[8], out[9] = s.bpos, s.cum, s.still_cum, s.trip_cum, s.odo_cum
    out[10], out[11], out[12], out[13], out[14] = s.odo, s.still_odo, s.blon, s.still_lon, s.rest_lon
    out[15], out[16], out[17], out[18], out[19] = s.klon, s.blat, s.still_lat, s.rest_lat, s.klat
    out[20], out[21], out[22], out[23], out[24] = s.bspeed, s.heading, s.since, s.kn, s.phase
    out[25], out[26], out[27] = s.resting, s.metered, s.told


@compiled
def _get(s: Any, n: Any) -> None:
    s.bt, s.still_t, s.doubt, s.kt, s.wake = n[0], n[1], n[2], n[3], n[4]
    s.bpos, s.cum, s.still_cum, s.trip_cum, s.odo_cum = n[5], n[6], n[7], n[8], n[9]
    s.odo, s.still_odo, s.blon, s.still_lon, s.rest_lon = n[10], n[11], n[12], n[13], n[14]
    s.klon, s.blat, s.still_lat, s.rest_lat, s.klat = n[15], n[16], n[17], n[18], n[19]
    s.bspeed, s.heading, s.since, s.kn, s.phase = n[20], n[21], n[22], n[23], n[24]
    s.resting, s.metered, s.told = n[25], n[26], n[27]
    s.set = -1


@compiled
def _states(rows: Any, places: Any, states: Any, data: Any, at: Any, t: Any, numbers: Any) -> None:
    """Read the states of rows at rest into ``places`` of ``states``; new ones stay as they are."""
    for i in range(len(rows)):
        begin = np.int64(at[rows[i]])
        if begin and kind(data, begin) & _STATE:
            held = memory(t[rows[i]])
            read(data, begin + HEAD, begin + HEAD + length(data, begin), numbers, _NUMBERS, held, _KNOWN)
            _get(states[places[i]], numbers)
        states[places[i]].t = t[rows[i]]


@compiled
def _objects(data: Any, at: Any, t: Any, numbers: Any) -> Any:
    """Where the packed objects of a blob begin, and how many numbers they are: they lie in ``numbers``."""
    begin, end = at + HEAD, at + HEAD + length(data, at)
    with_state = kind(data, at) & _STATE != 0
    held, known = memory(t if with_state else 0), _KNOWN
    if with_state:
        _, begin, known = read(data, begin, end, numbers, _NUMBERS, held, known)
    count = 0
    if not kind(data, at) & _RAW:
        count, _, _ = read(data, begin, end, numbers, len(numbers), held, known)
    return begin, count


@compiled
def _keep(row: Any, count: Any, data: Any, at: Any, ends: Any, numbers: Any) -> None:
    old, begin = np.int64(at[row]), ends[0]
    end, _ = write(numbers, count, data, begin + HEAD, memory(0), _KNOWN)
    head(data, begin, row, 0, end - begin - HEAD)
    if old:
        ends[1] += HEAD + length(data, old)
    at[row], ends[0] = begin, end


@compiled
def _rest(rows: Any, places: Any, hot: Any, data: Any, at: Any, ends: Any, t: Any, numbers: Any) -> int:
    """Write the rows' states before their objects; returns how many there was room for."""
    for i in range(len(rows)):
        row, begin = rows[i], ends[0]
        old, objects, count, raw, more = np.int64(at[row]), 0, 0, 0, 0
        if old:
            raw = kind(data, old) & _RAW
            more = length(data, old)
        if begin + _SPARE + more * (raw != 0) > len(data):
            return i
        state = hot[places[i]]
        if old:
            objects, count = _objects(data, old, t[row], numbers[_NUMBERS:])
        _put(state, numbers)
        t[row] = state.t
        end, _ = write(numbers, _NUMBERS + count, data, begin + HEAD, memory(t[row]), _KNOWN)
        if raw:
            for k in range(objects, old + HEAD + more):
                data[end] = data[k]
                end += 1
        head(data, begin, row, _STATE | raw, end - begin - HEAD)
        if old:
            ends[1] += HEAD + more
        at[row], ends[0] = begin, end
    return len(rows)
