"""Ways that meet fences, compiled: first what can't, by a map of one bit a cell, then edge by edge.

What rounding could decide is handed back for GEOS; everything else is certain.
"""

from __future__ import annotations

import math
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from geofences.compiled import compiled
from geofences.walk import BIT, CERTAIN, X0, X1, Y0, Y1

Floats: TypeAlias = NDArray[np.float64]
Int32s: TypeAlias = NDArray[np.int32]
Int64s: TypeAlias = NDArray[np.int64]
Bytes: TypeAlias = NDArray[np.uint8]

PER_DEG = 64  # cells of the map
COLUMNS, ROWS = 360 * PER_DEG, 180 * PER_DEG
SPLIT = 16  # a patch has SPLIT x SPLIT cells, and is a cell of the map
ONE_PIECE_DEG = 0.012  # each way: at most 1.9 km together
_ONE_PIECE_KM, _KM_PER_DEG = 1.995, 111.7  # a little less than `path.PIECE_MM`; no degree is longer
# a geodesic of half a degree leaves the box of its ends by 0.0003 degree below latitude 75: far less than a
# cell
_MOST_DEG, _MOST_LAT = 0.5, 75.0
_NEARLY = 1e-6  # of a cell of a patch: a nanodegree, far above the rounding of cell arithmetic
CUT, DOUBT = range(2)


@compiled
def near(
    lon0: Floats,
    lat0: Floats,
    lon1: Floats,
    lat1: Floats,
    cells0: Int64s,
    cells1: Int64s,
    marks: Bytes,
    straight: Int64s,
    bent: Int64s,
) -> tuple[int, int]:
    """Which ways may meet a fence: numbers of short ones, straight in degrees, and of others, and how many.

    A bit of ``marks`` is set when a fence runs in its cell or in one of the eight around it. ``cells0`` and
    ``cells1`` are empty when not known.
    """
    n_straight, n_bent = 0, 0
    for n in range(len(lon0)):
        if len(cells0) and cells0[n] == cells1[n] and cells0[n] >= 0:
            continue
        dlon, dlat = abs(lon1[n] - lon0[n]), abs(lat1[n] - lat0[n])
        if (dlon == 0 and dlat == 0) or not np.isfinite(dlon + dlat):
            continue
        known = abs(lon0[n]) < 180 and abs(lon1[n]) < 180 and abs(lat0[n]) < 90 and abs(lat1[n]) < 90
        if known and dlon < ONE_PIECE_DEG and dlat < ONE_PIECE_DEG:
            # both sums are positive: cutting off the fraction is rounding down
            cell = int((lat0[n] + 90.0) * PER_DEG) * COLUMNS + int((lon0[n] + 180.0) * PER_DEG)
            if marks[cell >> 3] >> (cell & 7) & 1:
                straight[n_straight] = n
                n_straight += 1
            continue
        flat = abs(lat0[n]) < _MOST_LAT and abs(lat1[n]) < _MOST_LAT
        hit = not (known and flat and dlon <= _MOST_DEG and dlat <= _MOST_DEG)
        if not hit:
            west, south = min(lon0[n], lon1[n]) + 180.0, min(lat0[n], lat1[n]) + 90.0
            for row in range(int(south * PER_DEG), int((south + dlat) * PER_DEG) + 1):
                for column in range(int(west * PER_DEG), int((west + dlon) * PER_DEG) + 1):
                    cell = row * COLUMNS + column
                    hit |= marks[cell >> 3] >> (cell & 7) & 1 != 0
        if hit and known and flat and _short(dlon, dlat, min(abs(lat0[n]), abs(lat1[n]))):
            straight[n_straight] = n
            n_straight += 1
        elif hit:
            bent[n_bent] = n
            n_bent += 1
    return n_straight, n_bent


@compiled
def _short(dlon: float, dlat: float, lat: float) -> bool:
    """Whether a way is certainly drawn as one piece."""
    east = dlon * math.cos(lat * (math.pi / 180))
    return bool(dlon < 1 and east * east + dlat * dlat < (_ONE_PIECE_KM / _KM_PER_DEG) ** 2)


@compiled
def through(
    pieces: Floats,
    owner: Int64s,
    ends: Int32s,
    starts_of_sets: Int64s,
    members: Int32s,
    marks: Bytes,
    patches: Int64s,
    starts: Int32s,
    edges: Floats,
    zones: Int64s,
    missing: Int64s,
    pairs: Int64s,
) -> tuple[int, int]:
    """Rows (owner, zone, `CUT` or `DOUBT`) of ``pairs`` for zones that ``pieces`` meet and that hold neither
    end of the owner's way; how many, or -1 when they do not find room, and how many cells of the map have no
    patch: they stand in ``missing``.

    ``pieces`` (m, 4) are straight in degrees, those of one ``owner`` follow each other; ``ends`` (m, 2) are
    the sets of zones at both ends of the owner's way, ``members`` those of all sets one after the other.
    """
    n_pairs, n_missing, begin = 0, 0, 0
    for n in range(len(pieces)):
        if n and owner[n] != owner[n - 1]:
            begin = n_pairs
        ax, ay, bx, by = pieces[n, 0], pieces[n, 1], pieces[n, 2], pieces[n, 3]
        last_row = min(int((max(ay, by) + 90.0) * PER_DEG), ROWS - 1)
        last_column = min(int((max(ax, bx) + 180.0) * PER_DEG), COLUMNS - 1)
        for cell_row in range(int((min(ay, by) + 90.0) * PER_DEG), last_row + 1):
            for cell_column in range(int((min(ax, bx) + 180.0) * PER_DEG), last_column + 1):
                cell = cell_row * COLUMNS + cell_column
                if not marks[cell >> 3] >> (cell & 7) & 1:
                    continue
                at = find(patches, cell)
                if at < 0:
                    if n_missing < len(missing):
                        missing[n_missing] = cell
                        n_missing += 1
                    continue
                patch = patches[at, 1]
                west, south = cell_column / PER_DEG - 180.0, cell_row / PER_DEG - 90.0
                cx, cy, dx, dy = _parts(ax, ay, bx, by, west, south)
                low, high = _covered(cy, dy)
                for row in range(low, high + 1):
                    left, right = _columns(cx, cy, dx, dy, row)
                    first, last = starts[patch, row * SPLIT + left], starts[patch, row * SPLIT + right + 1]
                    for edge in range(first, last):
                        x0, y0, x1, y1 = edges[edge, X0], edges[edge, Y0], edges[edge, X1], edges[edge, Y1]
                        met = _meet(ax, ay, bx, by, x0, y0, x1, y1)
                        if met == 0:
                            continue
                        zone = zones[edge, BIT]
                        if _holds(members, starts_of_sets, ends[n, 0], zone):
                            continue
                        if _holds(members, starts_of_sets, ends[n, 1], zone):
                            continue
                        known = begin
                        while known < n_pairs and pairs[known, 1] != zone:
                            known += 1
                        if known == len(pairs):
                            return -1, n_missing
                        if known == n_pairs:
                            pairs[known, 0], pairs[known, 1], pairs[known, 2] = owner[n], zone, DOUBT
                            n_pairs += 1
                        if met > 0:
                            pairs[known, 2] = CUT
    return n_pairs, n_missing


@compiled
def sift(edges: Floats, west: float, south: float, starts: Int32s, sifted: Floats) -> int:
    """The edges of a patch by its cells, into ``sifted`` (where ``starts`` tells, one number more than
    cells) while there is room; how many places they need."""
    for place in range(len(starts)):
        starts[place] = 0
    for fill in (False, True):
        for n in range(len(edges)):
            ax, ay, bx, by = _parts(edges[n, X0], edges[n, Y0], edges[n, X1], edges[n, Y1], west, south)
            low, high = _covered(ay, by)
            for row in range(low, high + 1):
                left, right = _columns(ax, ay, bx, by, row)
                for place in range(row * SPLIT + left, row * SPLIT + right + 1):
                    if fill:
                        for part in range(BIT + 1):
                            sifted[starts[place], part] = edges[n, part]
                    starts[place] += 1
        if not fill:
            total = 0
            for place in range(len(starts)):
                total, starts[place] = total + starts[place], total
            if total > len(sifted):
                return total
    for place in range(len(starts) - 1, 0, -1):
        starts[place] = starts[place - 1]
    starts[0] = 0
    return total


@compiled
def _parts(
    ax: float, ay: float, bx: float, by: float, west: float, south: float
) -> tuple[float, float, float, float]:
    """A line in cells of a patch, from its south-western corner."""
    fine = PER_DEG * SPLIT
    return (ax - west) * fine, (ay - south) * fine, (bx - west) * fine, (by - south) * fine


@compiled
def _covered(a: float, b: float) -> tuple[int, int]:
    """The first and the last of a patch's rows or columns that a to b covers or nearly so."""
    low, high = min(a, b) - _NEARLY, max(a, b) + _NEARLY + 1.0
    return int(min(max(low, 0.0), float(SPLIT))), int(min(max(high, 0.0), float(SPLIT))) - 1


@compiled
def _columns(ax: float, ay: float, bx: float, by: float, row: int) -> tuple[int, int]:
    """The first and the last column of the cells of a patch's row that a line meets or nearly so."""
    if abs(by - ay) * 1000 > abs(bx - ax):  # a flatter one would not be within `_NEARLY`, and has few rows
        slope = (bx - ax) / (by - ay)
        first = ax + (max(min(ay, by), float(row)) - ay) * slope
        last = ax + (min(max(ay, by), float(row + 1)) - ay) * slope
        low, high = max(min(ax, bx), min(first, last)), min(max(ax, bx), max(first, last))
        return _covered(low, high)
    return _covered(ax, bx)


@compiled
def _holds(members: Int32s, starts: Int64s, number: int, zone: int) -> bool:
    """Whether a zone is in a set."""
    n, end = starts[number], starts[number + 1]
    while n < end and members[n] != zone:
        n += 1
    return bool(n < end)


@compiled
def find(table: Int64s, cell: int) -> int:
    """The row of a cell in a hash table; when it has none, -1 less the row where it belongs."""
    most = len(table) - 1
    at = (cell * 0x9E3779B97F4A7C1) >> 24 & most
    while table[at, 0] != cell:
        if table[at, 0] < 0:
            return -1 - at
        at = at + 1 & most
    return at


@compiled
def _meet(ax: float, ay: float, bx: float, by: float, cx: float, cy: float, dx: float, dy: float) -> int:
    """Whether a to b and c to d have a point in common: 1 yes, 0 no, -1 not certain."""
    if max(ax, bx) < min(cx, dx) or max(cx, dx) < min(ax, bx):
        return 0
    if max(ay, by) < min(cy, dy) or max(cy, dy) < min(ay, by):
        return 0
    first = _side(ax, ay, bx, by, cx, cy) * _side(ax, ay, bx, by, dx, dy)
    if first > 0:
        return 0
    second = _side(cx, cy, dx, dy, ax, ay) * _side(cx, cy, dx, dy, bx, by)
    if second > 0:
        return 0
    return 1 if first < 0 and second < 0 else -1


@compiled
def _side(ax: float, ay: float, bx: float, by: float, cx: float, cy: float) -> int:
    """On which side of a to b the point c lies: 1 left, -1 right, 0 not certain."""
    left, right = (ax - cx) * (by - cy), (ay - cy) * (bx - cx)
    if abs(left - right) <= CERTAIN * (abs(left) + abs(right)):
        return 0
    return 1 if left > right else -1
