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
RUN = 64
"""Edges behind one box."""
_MOST = 64  # meetings of a short way


class Border:
    """The border of ``geometry``.

    ``edges``: float64[n, 4], from x, y to x, y; ``boxes``: float64[m, 4], west, south, east, north of each
    `RUN` of them.
    """

    def __init__(self, geometry: Polygon | MultiPolygon) -> None:
        self.geometry = geometry
        self._shell: Floats | None = None
        if isinstance(geometry, Polygon):
            self._shell = shapely.get_coordinates(shapely.get_exterior_ring(geometry))
        if self._shell is not None and not shapely.get_num_interior_rings(geometry):
            start, end = self._shell[:-1], self._shell[1:]
        else:
            start, end, _owner = edges(np.array([geometry], dtype=object))
        self.edges = np.concatenate([start, end], axis=1)
        if len(start) <= RUN:
            self.boxes = np.concatenate([start.min(axis=0), start.max(axis=0)])[None, :]
        else:
            first = np.arange(0, len(start), RUN)
            low = np.minimum.reduceat(np.minimum(start, end), first)
            high = np.maximum.reduceat(np.maximum(start, end), first)
            self.boxes = np.concatenate([low, high], axis=1)

    def near(self, points: Floats) -> tuple[Floats, Floats]:
        """Edges whose box meets the box of the points (n, 2): starts (m, 2) and ends (m, 2)."""
        low, high = points.min(axis=0), points.max(axis=0)
        runs = np.nonzero(((self.boxes[:, :2] <= high) & (self.boxes[:, 2:] >= low)).all(axis=1))[0]
        at = (runs[:, None] * RUN + np.arange(RUN)).ravel()
        at = at[at < len(self.edges)]
        start, end = self.edges[at, :2], self.edges[at, 2:]
        here = ((np.minimum(start, end) <= high) & (np.maximum(start, end) >= low)).all(axis=1)
        return start[here], end[here]

    def crossed(self, lon0: float, lat0: float, lon1: float, lat1: float) -> list[float] | None:
        """Ascending fractions of a straight way where it meets edges of another direction.

        None when it runs along an edge, or when it meets very many.
        """
        out = np.empty(_MOST)
        count = _crossed(lon0, lat0, lon1, lat1, self.edges, self.boxes, out)
        return None if count < 0 else sorted(out[:count].tolist())

    def beside(self, lon0: float, lat0: float, lon1: float, lat1: float) -> tuple[float, float] | None:
        """How far the polygon reaches to the left and to the right of a straight way: metres, below 0 when it
        does not. See `path.reach`.

        None when it has several parts, or when it is not certain that the way crosses its border.
        """
        if self._shell is None:
            return None
        left, right = _beside(lon0, lat0, lon1, lat1, self.edges, self.boxes, self._shell)
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
        for n in range(run * RUN, min((run + 1) * RUN, len(edges))):
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
        for n in range(run * RUN, min((run + 1) * RUN, len(edges))):
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
