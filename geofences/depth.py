"""How far a position lies from an area: whether it is outside beyond doubt."""

from __future__ import annotations

from math import cos, radians

import shapely
from shapely import MultiPolygon, Polygon

from geofences.border import RUN, Border, Floats
from geofences.compiled import compiled

_MM_PER_DEG = 111_320_000.0  # of a great circle; a bound for doubts needs no more
_LEAST_DEG = 1e-6
_NARROWEST = 0.1
_NEARLY = 1e-6  # a share of the distance that is far above any rounding


def surely_beyond(border: Border, lon: float, lat: float, mm: int) -> bool | None:
    """As `beyond`, sooner; None where rounding could decide."""
    narrow, dlat = cos(radians(lat)), mm / _MM_PER_DEG
    if dlat < _LEAST_DEG or narrow < _NARROWEST:
        return None
    verdict = _verdict(lon, lat, narrow, dlat, border.edges, border.boxes)
    return None if verdict < 0 else bool(verdict)


@compiled
def _verdict(x: float, y: float, narrow: float, far: float, edges: Floats, boxes: Floats) -> int:
    """1 for beyond, 0 for not, -1 for doubt; ``far``: degrees of latitude."""
    square, wide, high = far * far, 2 * far / narrow, 2 * far
    for run in range(len(boxes)):
        if boxes[run, 0] > x + wide or boxes[run, 2] < x - wide:
            continue
        if boxes[run, 1] > y + high or boxes[run, 3] < y - high:
            continue
        for n in range(run * RUN, min((run + 1) * RUN, len(edges))):
            ax, ay = (edges[n, 0] - x) * narrow, edges[n, 1] - y
            u, v = (edges[n, 2] - x) * narrow - ax, edges[n, 3] - y - ay
            length = u * u + v * v
            share = min(max(-(ax * u + ay * v) / length, 0.0), 1.0) if length > 0 else 0.0
            near = (ax + share * u) ** 2 + (ay + share * v) ** 2
            if near <= square * (1 + _NEARLY):
                return 0 if near <= square * (1 - _NEARLY) else -1
    inside = False  # no border near: the verdict is that of any point around
    for run in range(len(boxes)):
        if boxes[run, 2] < x or boxes[run, 1] > y or boxes[run, 3] < y:
            continue
        for n in range(run * RUN, min((run + 1) * RUN, len(edges))):
            ay, by = edges[n, 1], edges[n, 3]
            if (ay > y) != (by > y):
                at = edges[n, 0] + (y - ay) * (edges[n, 2] - edges[n, 0]) / (by - ay)
                inside ^= at > x
    return 0 if inside else 1


def beyond(geometry: Polygon | MultiPolygon, lon: float, lat: float, mm: int) -> bool:
    """Whether the point (degrees) lies outside ``geometry`` and further than ``mm`` from all of it.

    On the local plane around the point: good to 1 % for distances up to 10 km below latitude 80.
    """
    narrow = cos(radians(lat))
    dlat = mm / _MM_PER_DEG
    dlon = dlat / narrow
    near = shapely.clip_by_rect(geometry, lon - dlon, lat - dlat, lon + dlon, lat + dlat)
    if near.is_empty:
        return not bool(shapely.intersects_xy(geometry, lon, lat))
    plane = shapely.transform(near, lambda xy: (xy - [lon, lat]) * [narrow, 1.0])
    return bool(shapely.distance(plane, shapely.Point(0.0, 0.0)) > dlat)
