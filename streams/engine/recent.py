"""The samples of late: an arena of small blocks, chained by asset, newest first.

Appending is one pass over a frame; asking for one asset walks its chain. Two generations are held: ``turn``
makes the younger one the elder and drops what was elder, so that memory is bounded and the last hours are
always at hand. What the arena does not reach back to is asked of the past.
"""

from __future__ import annotations

from mmap import MAP_ANONYMOUS, MAP_PRIVATE, mmap
from typing import Any, Final

import numpy as np

from geofences.compiled import compiled
from streams.engine.columns import Array
from streams.engine.rows import EMPTY, NAMES, Rows
from streams.engine.units import NEVER, NONE

BLOCK: Final = 16
_ROOM: Final = 1 << 18  # blocks that a generation is made for
_SPREAD: Final = 0x9E3779B97F4A7C15 >> 24  # of no pattern, so that rows in line lie apart
_NARROW: Final = -(1 << 31)  # NONE in four bytes
_SAMPLE: Final = np.dtype(
    [
        ("t", "<i8"),
        ("received", "<i8"),
        ("odometer", "<i8"),
        ("position", "<i8"),
        ("lon", "<i4"),
        ("lat", "<i4"),
        ("speed", "<i4"),
        ("heading", "<i4"),
        ("hdop", "<i4"),
        ("sats", "<i4"),
        ("fix", "<i4"),
        ("wheel", "<i4"),
    ]
)
SAMPLE_BYTES: Final = _SAMPLE.itemsize


@compiled
def _append(
    rows: tuple[Array, ...],
    newest: Array,
    data: Array,
    used: Array,
    before: Array,
    spans: Array,
    keys: Array,
    last: Array,
    base: Array,
    count: int,
) -> tuple[int, int]:
    """Put the samples into blocks; returns the blocks in use, and how many assets are new.

    ``keys``: a table of assets, -1 where free; ``last``: the newest block of each; ``newest``: of each
    sample's asset the newest t before these samples.
    """
    new = 0
    asset, t, lon, lat, speed, heading, hdop, sats, fix, odometer, wheel, received, position = rows
    for i in range(len(t)):
        row = _find(keys, asset[i])
        if keys[row] < 0:
            keys[row], last[row], base[row] = asset[i], -1, newest[i]
            new += 1
        block = last[row]
        if block < 0 or used[block] == BLOCK:
            before[count] = block
            used[count] = 0
            spans[count, 0] = spans[count, 1] = t[i]
            last[row] = block = count
            count += 1
        spans[block, 0] = min(spans[block, 0], t[i])
        spans[block, 1] = max(spans[block, 1], t[i])
        sample = data[block * BLOCK + used[block]]
        used[block] += 1
        sample.t = t[i]
        sample.received = received[i]
        sample.odometer = odometer[i]
        sample.position = position[i]
        sample.lon, sample.lat = lon[i], lat[i]
        sample.speed = max(speed[i], _NARROW)
        sample.heading = max(heading[i], _NARROW)
        sample.hdop = max(hdop[i], _NARROW)
        sample.sats = max(sats[i], _NARROW)
        sample.fix = max(fix[i], _NARROW)
        sample.wheel = max(wheel[i], _NARROW)
    return count, new


@compiled
def _find(keys: Array, asset: int) -> int:
    """The place of an asset in a table, or the free one where it belongs."""
    mask = len(keys) - 1
    place = (asset * _SPREAD >> 20) & mask
    while keys[place] >= 0 and keys[place] != asset:
        place = (place + 1) & mask
    return place


@compiled
def _spread(keys: Array, last: Array, base: Array, old: tuple[Array, Array, Array]) -> None:
    """Put the assets of a table into a larger one."""
    for i in range(len(old[0])):
        if old[0][i] >= 0:
            place = _find(keys, old[0][i])
            keys[place], last[place], base[place] = old[0][i], old[1][i], old[2][i]


@compiled
def _count(used: Array, before: Array, spans: Array, block: int, after: int) -> int:
    """Samples of the chain's blocks that hold any with t > after."""
    n = 0
    while block >= 0:
        if spans[block, 1] > after:
            n += used[block]
        block = before[block]
    return n


@compiled
def _gather(data: Array, used: Array, before: Array, spans: Array, block: int, after: int, out: Array) -> Any:
    """The chain's samples with t > after, as the last columns (see `Rows`) in the order in which they came,
    which is nearly that of time; returns the first one's place."""
    n = out.shape[1]
    while block >= 0:
        if spans[block, 1] > after:
            for k in range(block * BLOCK + used[block] - 1, block * BLOCK - 1, -1):
                if data[k].t > after:
                    n -= 1
                    _wide(data[k], out, n)
        block = before[block]
    return n


@compiled
def _wide(sample: Any, out: Array, n: int) -> None:
    """Put a sample into column ``n``."""
    out[1, n] = sample.t
    out[2, n], out[3, n] = sample.lon, sample.lat
    out[4, n] = sample.speed if sample.speed != _NARROW else NONE
    out[5, n] = sample.heading if sample.heading != _NARROW else NONE
    out[6, n] = sample.hdop if sample.hdop != _NARROW else NONE
    out[7, n] = sample.sats if sample.sats != _NARROW else NONE
    out[8, n] = sample.fix if sample.fix != _NARROW else NONE
    out[9, n] = sample.odometer
    out[10, n] = sample.wheel if sample.wheel != _NARROW else NONE
    out[11, n], out[12, n] = sample.received, sample.position


@compiled
def _around(
    data: Array,
    used: Array,
    before: Array,
    spans: Array,
    keys: Array,
    last: Array,
    base: Array,
    assets: Array,
    low: Array,
    high: Array,
    near: Array,
    clear: Array,
    known: Array,
) -> None:
    """Narrow ``near`` (see `Recent.around`) down by one arena's samples."""
    for n in range(len(assets)):
        place = _find(keys, assets[n])
        if keys[place] < 0:
            continue
        known[n] = base[place]
        block = last[place]
        while block >= 0:
            if spans[block, 1] > near[n, 0, 0] and spans[block, 0] < near[n, 1, 0]:
                for k in range(block * BLOCK, block * BLOCK + used[block]):
                    t = data[k].t
                    if t < low[n]:
                        side = 0
                        if t <= near[n, 0, 0]:
                            continue
                    elif t > high[n]:
                        side = 1
                        if t >= near[n, 1, 0]:
                            continue
                    else:
                        clear[n] = False
                        continue
                    near[n, side, 0] = t
                    near[n, side, 1], near[n, side, 2] = data[k].lon, data[k].lat
                    near[n, side, 3], near[n, side, 4] = data[k].speed, data[k].wheel
                    near[n, side, 5] = data[k].odometer
            block = before[block]


class _Generation:
    """One arena, from the log position ``first`` on.

    Its arrays are as long as it is meant to become: pages that nobody wrote to take no memory. ``worn``: a
    generation that is needed no more, whose memory is used again.
    """

    def __init__(self, first: int, worn: _Generation | None = None) -> None:
        self.first = first
        self.blocks = 0
        if worn is None:
            self.data = np.frombuffer(_memory(_ROOM * BLOCK * _SAMPLE.itemsize), _SAMPLE)
            self.used, self.before = np.empty((2, _ROOM), np.int32)
            self.spans = np.empty((_ROOM, 2), np.int64)  # of each block: its lowest and highest t
        else:
            self.data, self.used, self.before, self.spans = worn.data, worn.used, worn.before, worn.spans
        self.assets = 0
        self.table = _table(1 << 10)

    def held(self) -> tuple[Array, Array, Array, Array, Array, Array, Array]:
        """What the kernels need."""
        return self.data, self.used, self.before, self.spans, *self.table

    def room(self, blocks: int, assets: int) -> None:
        """Make room for so many blocks and so many assets more."""
        need = self.blocks + blocks
        if need > len(self.used):
            size = max(need, len(self.used) + len(self.used) // 2)
            self.data = _longer(self.data, size * BLOCK, self.blocks * BLOCK)
            self.before = _longer(self.before, size, self.blocks)
            self.used = _longer(self.used, size, self.blocks)
            spans = np.empty((size, 2), np.int64)
            spans[: self.blocks] = self.spans[: self.blocks]
            self.spans = spans
        assets += self.assets
        if 4 * assets > 3 * len(self.table[0]):
            table = _table(1 << (2 * assets - 1).bit_length())
            _spread(*table, self.table)
            self.table = table


def _table(places: int) -> tuple[Array, Array, Array]:
    """An empty table of assets: the asset, its newest block, its newest t before its first sample here."""
    return np.full(places, -1, np.int32), np.empty(places, np.int32), np.empty(places, np.int64)


def _memory(size: int) -> mmap:
    """Memory whose pages come one by one: a large array's come by the 2 MB, each a pause of milliseconds."""
    return mmap(-1, size, flags=MAP_PRIVATE | MAP_ANONYMOUS)


def _longer(array: Array, size: int, used: int) -> Array:
    grown = np.empty(size, array.dtype)
    grown[:used] = array[:used]
    return grown


class Recent:
    """The arena of all assets of a partition."""

    def __init__(self, first: int = 0) -> None:
        """Begin with what the log brings after position ``first``."""
        self._young = _Generation(first)
        self._old: _Generation | None = None

    @property
    def samples(self) -> int:
        """How many samples there is room for in the blocks that are in use."""
        old = self._old.blocks if self._old is not None else 0
        return (self._young.blocks + old) * BLOCK

    @property
    def young(self) -> int:
        """The samples of the younger generation, as ``samples`` counts them."""
        return self._young.blocks * BLOCK

    @property
    def first(self) -> int:
        """The log position after which everything is here."""
        return self._young.first if self._old is None else self._old.first

    def add(self, rows: Rows, newest: Array) -> None:
        """Append samples, those of an asset together; ``newest``: of each one's asset the newest t before."""
        g = self._young
        assets = int((rows.asset[1:] != rows.asset[:-1]).sum()) + 1
        g.room(assets + len(rows) // BLOCK + 1, assets)
        columns = tuple(getattr(rows, name) for name in NAMES)
        g.blocks, new = _append(columns, newest, *g.held(), g.blocks)
        g.assets += new

    def rows(self, asset: int, after: int) -> tuple[list[Rows], bool]:
        """The asset's samples with t > ``after``, unsorted; and whether that is all that ever came."""
        parts = []
        complete = self.first == 0
        for g in (self._old, self._young):
            if g is None:
                continue
            keys, last, base = g.table
            place = _find(keys, asset)
            if keys[place] >= 0:
                parts.append(self._of(g, asset, int(last[place]), after))
                complete = complete or base[place] <= after
        return parts, complete

    def around(self, assets: Array, low: Array, high: Array) -> tuple[Array, Array, Array]:
        """The samples next to a time from ``low`` to ``high`` (ms) of each asset.

        Returns int64[n, 2, 6]: of the last one before and the first one after that time t, lon, lat, speed,
        wheel and odometer, t being NONE and NEVER where there is none; bool[n]: whether there is none
        between; int64[n]: of what is not here nothing is newer than this time.
        """
        near = np.full((len(assets), 2, 6), NONE, np.int64)
        near[:, 1, 0] = NEVER
        clear = np.ones(len(assets), np.bool_)
        known = np.full(len(assets), NONE if self.first == 0 else NEVER, np.int64)
        for g in (self._young, self._old):
            if g is not None:
                _around(*g.held(), assets, low, high, near, clear, known)
        if self.first == 0:
            known[:] = NONE
        measured = near[:, :, 3:5]
        measured[measured == _NARROW] = NONE
        return near, clear, known

    def _of(self, g: _Generation, asset: int, block: int, after: int) -> Rows:
        out = np.empty((13, _count(g.used, g.before, g.spans, block, after)), np.int64)
        first = _gather(g.data, g.used, g.before, g.spans, block, after, out)
        out[0] = asset
        return Rows(*out[:, first:])

    def since(self, position: int) -> Rows:
        """Every sample that came after the log position (not before ``young``'s first), in no order."""
        g = self._young
        n = g.blocks
        if not n:
            return EMPTY
        owner = np.full(n, -1, np.int64)
        keys, last, _ = g.table
        owner[last[keys >= 0]] = keys[keys >= 0]
        _own(owner, g.before)
        place = np.arange(n * BLOCK).reshape(n, BLOCK)
        index = place[np.arange(BLOCK)[None, :] < g.used[:n, None]]
        asset = np.repeat(owner, g.used[:n])
        found = g.data[index]
        new = found["position"] > position
        return _rows(asset[new], found[new])

    def turn(self, position: int) -> None:
        """Begin a new generation after ``position``; the elder one goes."""
        self._old, self._young = self._young, _Generation(position, self._old)


@compiled
def _own(owner: Array, before: Array) -> None:
    """Give each block the owner of the one that came after it in its chain."""
    for block in range(len(owner) - 1, -1, -1):
        if before[block] >= 0:
            owner[before[block]] = owner[block]


def _rows(asset: Array, found: Array) -> Rows:
    def wide(name: str) -> Array:
        values = found[name].astype(np.int64)
        values[values == _NARROW] = NONE
        return values

    return Rows(
        asset,
        found["t"].copy(),
        found["lon"].astype(np.int64),
        found["lat"].astype(np.int64),
        wide("speed"),
        wide("heading"),
        wide("hdop"),
        wide("sats"),
        wide("fix"),
        found["odometer"].copy(),
        wide("wheel"),
        found["received"].copy(),
        found["position"].copy(),
    )
