"""The edges of one polygon, kept so that those near a way are found without looking at all of them.

Edges that follow each other lie near each other: a box around each run of them rules most of a country's
100,000 edges out at once.
"""

from __future__ import annotations

import math
from typing import TypeAlias

import numpy as np
import shapely
from numpy.typing import NDArray
from shapely import MultiPolygon, Polygon

from geofences.compiled import compiled
from geofences.geodesy import metres_per_degree
from geofences.piece import edges
from geofences.walk import CERTAIN

Floats: TypeAlias = NDArray[np.float64]

SAME = 1e-12  # fractions of a way that are no further apart are one
_RUN = 64  # edges behind one box
_MOST = 64  # meetings of a short way


class Border:
    """The border of ``geometry``."""

    def __init__(self, geometry: Polygon | MultiPolygon) -> None:
        self.geometry = geometry
        self._start, self._end, _owner = edges(np.array([geometry], dtype=object))
        self._low, self._high = np.minimum(self._start, self._end), np.maximum(self._start, self._end)
        self._first = np.arange(0, len(self._start), _RUN)
        self._edges = np.concatenate([self._start, self._end], axis=1)
        self._run_low = np.minimum.reduceat(self._low, self._first)
        self._run_high = np.maximum.reduceat(self._high, self._first)
        self._boxes = np.concatenate([self._run_low, self._run_high], axis=1)
        parts = shapely.get_parts(geometry)
        self._shell = None if len(parts) > 1 else shapely.get_coordinates(shapely.get_exterior_ring(parts[0]))

    def near(self, points: Floats) -> tuple[Floats, Floats]:
        """Edges whose box meets the box of the points (n, 2): starts (m, 2) and ends (m, 2)."""
        low, high = points.min(axis=0), points.max(axis=0)
        runs = self._first[((self._run_low <= high) & (self._run_high >= low)).all(axis=1)]
        at = (runs[:, None] + np.arange(_RUN)).ravel()
        at = at[at < len(self._start)]
        at = at[((self._low[at] <= high) & (self._high[at] >= low)).all(axis=1)]
        return self._start[at], self._end[at]

    def crossed(self, lon0: float, lat0: float, lon1: float, lat1: float) -> list[float] | None:
        """Ascending fractions of a straight way where it meets edges of another direction.

        None when it runs along an edge, or when it meets very many.
        """
        out = np.empty(_MOST)
        count = _crossed(lon0, lat0, lon1, lat1, self._edges, self._boxes, out)
        return None if count < 0 else sorted(out[:count].tolist())

    def beside(self, lon0: float, lat0: float, lon1: float, lat1: float) -> tuple[float, float] | None:
        """How far the polygon reaches to the left and to the right of a straight way: metres, below 0 when it
        does not. See `path.reach`.

        None when it has several parts, or when it is not certain that the way crosses its border.
        """
        if self._shell is None:
            return None
        left, right = _beside(lon0, lat0, lon1, lat1, self._edges, self._boxes, self._shell)
        return None if math.isnan(left) else (left, right)


@compiled
def _beside(
    ax: float, ay: float, bx: float, by: float, edges: Floats, boxes: Floats, shell: Floats
) -> tuple[float, float]:
    if not _crosses(ax, ay, bx, by, edges, boxes):
        return np.nan, np.nan
    east, north = metres_per_degree((ay + by) / 2)
    x, y = _wrapped(bx - ax) * east, (by - ay) * north
    length = math.sqrt(x * x + y * y)
    most, least = -np.inf, np.inf
    for n in range(len(shell)):
        left = (x * (shell[n, 1] - ay) * north - y * _wrapped(shell[n, 0] - ax) * east) / length
        most, least = max(most, left), min(least, left)
    return most, -least


@compiled
def _wrapped(lon: float) -> float:
    return float(lon - 360.0 * np.rint(lon / 360.0))


@compiled
def _crosses(ax: float, ay: float, bx: float, by: float, edges: Floats, boxes: Floats) -> bool:
    """Whether a straight way crosses an edge beyond any rounding."""
    west, east, south, north = min(ax, bx), max(ax, bx), min(ay, by), max(ay, by)
    for run in range(len(boxes)):
        if boxes[run, 0] > east or boxes[run, 2] < west or boxes[run, 1] > north or boxes[run, 3] < south:
            continue
        for n in range(run * _RUN, min((run + 1) * _RUN, len(edges))):
            cx, cy, dx, dy = edges[n, 0], edges[n, 1], edges[n, 2], edges[n, 3]
            if _side(ax, ay, bx, by, cx, cy) * _side(ax, ay, bx, by, dx, dy) >= 0:
                continue
            if _side(cx, cy, dx, dy, ax, ay) * _side(cx, cy, dx, dy, bx, by) < 0:
                return True
    return False


@compiled
def _side(ax: float, ay: float, bx: float, by: float, x: float, y: float) -> int:
    """On which side of a line a point lies: 1, -1, or 0 when rounding could decide."""
    left, right = (ax - x) * (by - y), (ay - y) * (bx - x)
    if abs(left - right) <= CERTAIN * (abs(left) + abs(right)):
        return 0
    return 1 if left > right else -1


@compiled
def _crossed(ax: float, ay: float, bx: float, by: float, edges: Floats, boxes: Floats, out: Floats) -> int:
    west, east, south, north = min(ax, bx), max(ax, bx), min(ay, by), max(ay, by)
    x, y = bx - ax, by - ay
    count = 0
    for run in range(len(boxes)):
        if boxes[run, 0] > east or boxes[run, 2] < west or boxes[run, 1] > north or boxes[run, 3] < south:
            continue
        for n in range(run * _RUN, min((run + 1) * _RUN, len(edges))):
            cx, cy, dx, dy = edges[n, 0], edges[n, 1], edges[n, 2], edges[n, 3]
            if min(cx, dx) > east or max(cx, dx) < west or min(cy, dy) > north or max(cy, dy) < south:
                continue
            u, v, gx, gy = dx - cx, dy - cy, cx - ax, cy - ay
            cross = x * v - y * u
            if x * v == y * u and gx * y == gy * x:
                return -1
            if cross == 0:
                continue
            t, w = (gx * v - gy * u) / cross, (gx * y - gy * x) / cross
            if -SAME <= t <= 1 + SAME and -SAME <= w <= 1 + SAME:
                if count == len(out):
                    return -1
                out[count] = min(max(t, 0.0), 1.0)
                count += 1
    return count
