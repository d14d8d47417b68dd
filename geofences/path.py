"""Where a way between two fixes meets a fence.

The way is the geodesic, drawn as straight pieces in degrees that leave it by no more than a decimetre
below latitude 75; a segment of up to 2 km is one piece. Fractions are of the length.
"""

from __future__ import annotations

import math
from typing import TypeAlias

import numpy as np
import shapely
from numpy.typing import NDArray
from shapely import MultiPolygon, Polygon

from geofences import geodesy
from geofences.border import SAME, Border
from geofences.passing import ONE_PIECE_DEG

Floats: TypeAlias = NDArray[np.float64]

PIECE_MM = 2_000_000
MAX_PIECES = 2_000


def lines(
    lon0: Floats, lat0: Floats, lon1: Floats, lat1: Floats
) -> tuple[NDArray[np.object_], NDArray[np.int64]]:
    """The ways as shapely lines, and which segment each line belongs to.

    A way over the antimeridian gives two lines, one on each side of the world's seam.
    """
    points, segment = _drawn(lon0, lat0, lon1, lat1)
    ways = shapely.linestrings(points, indices=segment)
    by = _over(lon0, lon1)
    over = np.nonzero(by)[0]
    if not len(over):
        return ways, np.arange(len(lon0))
    shifted = [shapely.LineString(points[segment == at] + [by[at], 0.0]) for at in over.tolist()]
    return np.concatenate([ways, shifted]), np.concatenate([np.arange(len(lon0)), over])


def pieces(lon0: Floats, lat0: Floats, lon1: Floats, lat1: Floats) -> tuple[Floats, NDArray[np.int64]]:
    """The ways as straight pieces (m, 4) from point to point, and which segment each belongs to."""
    points, segment = _drawn(lon0, lat0, lon1, lat1)
    linked = np.nonzero(segment[1:] == segment[:-1])[0]
    return np.concatenate([points[linked], points[linked + 1]], axis=1), segment[linked]


def _drawn(lon0: Floats, lat0: Floats, lon1: Floats, lat1: Floats) -> tuple[Floats, NDArray[np.int64]]:
    """The points (m, 2) of the ways, one after the other, and the segment of each."""
    segment, fraction = _stations(lon0, lat0, lon1, lat1)
    end = _end(lon0, lon1)
    start, last = lon0[segment], fraction == 1
    lon, lat = np.where(last, end[segment], start), np.where(last, lat1[segment], lat0[segment])
    inner = np.nonzero((fraction > 0) & ~last)[0]
    if len(inner):
        way = segment[inner]
        lon[inner], lat[inner] = geodesy.interpolate(
            lon0[way], lat0[way], end[way], lat1[way], fraction[inner]
        )
        lon[inner] = start[inner] + geodesy.wrap_deg(lon[inner] - start[inner])
    return np.stack([lon, lat], axis=1), segment


def _one_piece(lon0: float, lat0: float, lon1: float, lat1: float) -> bool:
    """Whether the way is drawn as one piece on one side of the seam."""
    short = abs(lon1 - lon0) < ONE_PIECE_DEG and abs(lat1 - lat0) < ONE_PIECE_DEG
    return short and abs(lon1) <= 180


def _ways(lon0: float, lat0: float, lon1: float, lat1: float) -> list[Floats]:
    """The points (m, 2) of one way, and again on the other side of the seam if it goes over it."""
    if _one_piece(lon0, lat0, lon1, lat1):
        return [np.array([[lon0, lat0], [lon1, lat1]])]  # what `_drawn` gives, sooner
    ends = [np.array([value]) for value in (lon0, lat0, lon1, lat1)]
    way, _ = _drawn(*ends)
    by = float(_over(ends[0], ends[2])[0])
    return [way, way + np.array([by, 0.0])] if by else [way]


def _end(lon0: Floats, lon1: Floats) -> Floats:
    """The longitude of a way's end, beyond 180 when the short way there leads over the antimeridian."""
    return np.where(np.abs(lon1 - lon0) <= 180, lon1, lon0 + geodesy.wrap_deg(lon1 - lon0))


def _over(lon0: Floats, lon1: Floats) -> Floats:
    """What brings a way that leaves the world's map back onto it on the other side: degrees, 0 if none."""
    end = _end(lon0, lon1)
    return np.where(end > 180, -360.0, np.where(end < -180, 360.0, 0.0))


def meets(border: Border, lon0: float, lat0: float, lon1: float, lat1: float) -> list[float]:
    """Ascending fractions 0..1 of the way's length where it meets the polygon's border.

    At least one when one end lies in the polygon and the other does not. A stretch along the border gives
    its two ends.
    """
    if _one_piece(lon0, lat0, lon1, lat1):
        crossed = border.crossed(lon0, lat0, lon1, lat1)  # as below, sooner
        if crossed:
            return _distinct(crossed)
    ways = _ways(lon0, lat0, lon1, lat1)
    found: set[float] = set()
    for points in ways:
        start, end = border.near(points)
        if not len(start):
            continue
        pieces = len(points) - 1
        for piece in range(pieces):
            here = _crossings(points[piece], points[piece + 1], start, end)
            low, high = _stretch(points[piece], points[piece + 1], start, end)
            here += [t for t in low if t > 0 or piece == 0]  # a joint of two pieces is no end of a stretch
            here += [t for t in high if t < 1 or piece == pieces - 1]
            found.update((piece + t) / pieces for t in here)
    geometry = border.geometry
    result = _distinct(sorted(found))
    if not result and _holds(geometry, lon0, lat0) != _holds(geometry, lon1, lat1):
        result = [_bisected(geometry, shapely.LineString(ways[0]))]
    return result


def reach(border: Border, lon0: float, lat0: float, lon1: float, lat1: float) -> tuple[int, int]:
    """How far the polygon reaches to the left and to the right of the chord: millimetres, each 0 or more.

    On the plane through the chord's middle latitude, by the ellipsoid's radii there. Only parts count that
    the way meets; a chord without a length has no sides, and reaches 0.
    """
    if _one_piece(lon0, lat0, lon1, lat1):
        beside = border.beside(lon0, lat0, lon1, lat1)  # as below, sooner
        if beside is not None:
            return round(1000 * max(beside[0], 0.0)), round(1000 * max(beside[1], 0.0))
    geometry = border.geometry
    ends = [np.array([value]) for value in (lon0, lat0, lon1, lat1)]
    parts = shapely.get_parts(np.array([geometry], dtype=object))
    ways, _ = lines(*ends)
    met = parts[shapely.intersects(parts[:, None], ways).any(axis=1)]
    east, north = geodesy.metres_per_degree((lat0 + lat1) / 2)
    x, y = float(geodesy.wrap_deg(ends[2] - ends[0])[0]) * east, (lat1 - lat0) * north
    length = math.sqrt(x * x + y * y)
    if not len(met) or length == 0:
        return 0, 0
    lon, lat = shapely.get_coordinates(shapely.get_exterior_ring(met)).T
    left = (x * (lat - lat0) * north - y * geodesy.wrap_deg(lon - lon0) * east) / length
    return round(1000 * max(float(left.max()), 0.0)), round(1000 * max(-float(left.min()), 0.0))


def _stations(lon0: Floats, lat0: Floats, lon1: Floats, lat1: Floats) -> tuple[NDArray[np.int64], Floats]:
    """Segment and fraction of each point of the ways, ends included, evenly spaced."""
    if ((np.abs(lon1 - lon0) < ONE_PIECE_DEG) & (np.abs(lat1 - lat0) < ONE_PIECE_DEG)).all():
        return np.repeat(np.arange(len(lon0)), 2), np.tile([0.0, 1.0], len(lon0))
    pieces = np.clip(-(-geodesy.distance_mm(lon0, lat0, lon1, lat1) // PIECE_MM), 1, MAX_PIECES)
    count = pieces + 1
    segment = np.repeat(np.arange(len(pieces)), count)
    place = np.arange(len(segment)) - np.repeat(np.cumsum(count) - count, count)
    return segment, place / pieces[segment]


def _crossings(a: Floats, b: Floats, start: Floats, end: Floats) -> list[float]:
    """Fractions of a to b where it meets edges of another direction."""
    way, edge, gap = b - a, end - start, start - a
    cross = way[0] * edge[:, 1] - way[1] * edge[:, 0]
    with np.errstate(divide="ignore", invalid="ignore"):
        t = (gap[:, 0] * edge[:, 1] - gap[:, 1] * edge[:, 0]) / cross
        u = (gap[:, 0] * way[1] - gap[:, 1] * way[0]) / cross
    hit = (cross != 0) & (t >= -SAME) & (t <= 1 + SAME) & (u >= -SAME) & (u <= 1 + SAME)
    return list(t[hit].clip(0.0, 1.0).tolist())


def _stretch(a: Floats, b: Floats, start: Floats, end: Floats) -> tuple[list[float], list[float]]:
    """Fractions of a to b where it begins and ceases to run along edges."""
    way, edge, gap = b - a, end - start, start - a
    along = (way[0] * edge[:, 1] == way[1] * edge[:, 0]) & (gap[:, 0] * way[1] == gap[:, 1] * way[0])
    square = float(way @ way)
    if square == 0 or not along.any():
        return [], []
    first, last = ((x[along] - a) @ way / square for x in (start, end))
    low, high = np.minimum(first, last), np.maximum(first, last)
    met = (high >= 0) & (low <= 1)
    return list(low[met].clip(0.0, 1.0).tolist()), list(high[met].clip(0.0, 1.0).tolist())


def _distinct(fractions: list[float]) -> list[float]:
    out: list[float] = []
    for fraction in fractions:
        if not out or fraction - out[-1] > SAME:
            out.append(fraction)
    return out


def _holds(geometry: Polygon | MultiPolygon, lon: float, lat: float) -> bool:
    return bool(shapely.intersects_xy(geometry, lon, lat))


def _bisected(geometry: Polygon | MultiPolygon, way: shapely.LineString) -> float:
    """Where the verdict changes on the way, when rounding hid the crossing."""
    low, high = 0.0, 1.0
    first = way.interpolate(low, normalized=True)
    inside = _holds(geometry, first.x, first.y)
    for _ in range(50):
        middle = (low + high) / 2
        point = way.interpolate(middle, normalized=True)
        if _holds(geometry, point.x, point.y) == inside:
            low = middle
        else:
            high = middle
    return (low + high) / 2
