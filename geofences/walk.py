"""The way of each point through the grid, compiled: down the cells, the rays in its leaf, the known outcome.

A point for which something has to be made first, or that rounding could decide, is handed back.
"""

from __future__ import annotations

from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from geofences.compiled import compiled

Floats: TypeAlias = NDArray[np.float64]
Int32s: TypeAlias = NDArray[np.int32]
Int64s: TypeAlias = NDArray[np.int64]

FINE_PER_DEG = 16384
LEVELS = 4
BITS = 4  # a block has 2**BITS rows and columns
ROOT_BITS = BITS * (LEVELS - 1)
ROOT_COLUMNS, ROOT_ROWS = 360 * FINE_PER_DEG >> ROOT_BITS, 180 * FINE_PER_DEG >> ROOT_BITS
UNKNOWN = -1  # codes of cells, see `grid`
LEAVES = -2
BLOCKS = -(2**30)
FIRST, COUNT, BASE, WORK, MASK, SET, OLD_MASK, OLD_SET = range(8)  # columns of the leaves, see `Leaves`
X0, Y0, X1, Y1, BIT = range(5)  # columns of the edges
GEOS = -1  # as COUNT: no rays here
_ASKING, _BY_GEOS = 8, 4096  # what a visit to a leaf costs, in edge tests
# Shewchuk 1997, ccwerrboundA: the sign of the determinant is certain beyond this share of its terms
CERTAIN = (3 + 16 * 2.0**-53) * 2.0**-53


@compiled
def walk(
    lon: Floats,
    lat: Floats,
    cells: Int32s,
    leaves: Int64s,
    edges: Floats,
    bits: Int64s,
    outcomes: Int64s,
    hot: int,
    sets: Int32s,
    slots: Int64s,
    todo: Int64s,
) -> tuple[int, bool]:
    """Fill ``sets`` and ``slots`` (-1: a border in the cell); how many points are to do, and whether any
    leaf has cost more than ``hot``.

    The points to do stand in ``todo``. Their set is their cell's code; their slot is that of the cell when
    its code is `UNKNOWN`, else the mask of the zones that hold the point, or -1 when that is not certain.
    """
    left, over = 0, False
    for n in range(len(lon)):
        x, y = (lon[n] + 180.0) * FINE_PER_DEG, (lat[n] + 90.0) * FINE_PER_DEG
        if not (0 <= x <= 360 * FINE_PER_DEG and 0 <= y <= 180 * FINE_PER_DEG):
            sets[n], slots[n] = 0, -1
            continue
        column = min(int(x), 360 * FINE_PER_DEG - 1)
        row = min(int(y), 180 * FINE_PER_DEG - 1)
        slot = (row >> ROOT_BITS) * ROOT_COLUMNS + (column >> ROOT_BITS)
        code = int(cells[slot])
        shift = ROOT_BITS
        while code <= BLOCKS:
            shift -= BITS
            place = ((row >> shift & (1 << BITS) - 1) << BITS) | (column >> shift & (1 << BITS) - 1)
            slot = ((BLOCKS - code) << 2 * BITS) + place + ROOT_COLUMNS * ROOT_ROWS
            code = int(cells[slot])
        if code <= LEAVES:
            leaf = LEAVES - code
            count = leaves[leaf, COUNT]
            mask = rays(lon[n], lat[n], leaves[leaf, FIRST], count, edges, bits)
            leaves[leaf, WORK] += _ASKING + (_BY_GEOS if count == GEOS else count)
            over |= leaves[leaf, WORK] > hot
            if mask >= 0:
                mask ^= int(leaves[leaf, BASE])
                found = _recalled(leaves, leaf, mask, outcomes)
                code = code if found < 0 else found
            slot = -1 if code >= 0 else mask
        sets[n], slots[n] = code, slot
        if code < 0:
            todo[left] = n
            left += 1
    return left, over


@compiled
def rays(x: float, y: float, first: int, count: int, edges: Floats, bits: Int64s) -> int:
    """The zones whose borders a ray to the east crosses oddly often, -1 when that is not certain."""
    if count == GEOS:
        return -1
    mask = 0
    for n in range(first, first + count):
        y0, y1 = edges[n, Y0], edges[n, Y1]
        up = y1 > y
        if (y0 > y) != up:
            x0, x1 = edges[n, X0], edges[n, X1]
            left, right = (x1 - x0) * (y - y0), (x - x0) * (y1 - y0)
            if abs(left - right) <= CERTAIN * (abs(left) + abs(right)):
                return -1
            if (left > right) == up:
                mask ^= int(bits[n, BIT])
        elif (y0 == y or y1 == y) and min(edges[n, X0], edges[n, X1]) <= x <= max(edges[n, X0], edges[n, X1]):
            return -1  # maybe on a corner or on a level edge
    return mask


@compiled
def _recalled(leaves: Int64s, leaf: int, mask: int, outcomes: Int64s) -> int:
    """As `outcome`, the last two of each leaf at hand."""
    if leaves[leaf, MASK] == mask:
        return int(leaves[leaf, SET])
    if leaves[leaf, OLD_MASK] == mask:
        return int(leaves[leaf, OLD_SET])
    found = outcome(outcomes, leaf, mask)
    if found >= 0:
        leaves[leaf, OLD_MASK], leaves[leaf, OLD_SET] = leaves[leaf, MASK], leaves[leaf, SET]
        leaves[leaf, MASK], leaves[leaf, SET] = mask, found
    return found


@compiled
def outcome(table: Int64s, leaf: int, mask: int) -> int:
    """The set that a mask stands for in a leaf; when not known, -1 less the row where it belongs."""
    most = len(table) - 1
    at = (leaf * 0x9E3779B97F4A7C1 + mask * 0x3C6EF372FE94F82B) >> 24 & most
    while table[at, 0] != leaf or table[at, 1] != mask:
        if table[at, 0] < 0:
            return -1 - at
        at = at + 1 & most
    return int(table[at, 2])
