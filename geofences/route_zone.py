"""The surroundings of a route: all that lies within half a width of a line, as a polygon.

The line is cut into short pieces, each drawn on a plane of its own where metres are metres, and the pieces
are joined. The distance from the line is right to 1 % below latitude 85.
"""

from __future__ import annotations

from typing import Final, TypeAlias

import numpy as np
import shapely
from numpy.typing import NDArray
from shapely import MultiPolygon, Polygon

from geofences import geodesy
from geofences.errors import GeometryRefusedError
from geofences.seam import areas, joined, split, unwrapped

Floats: TypeAlias = NDArray[np.float64]

MAX_WIDTH_M: Final = 50_000.0
MAX_POSITIONS: Final = 100_000
_STEP_M: Final = 2_000.0
_CHORD: Final = 0.002  # of half the width: how far a geodesic may leave its chord on the plane
_PIECE_M: Final = 20_000.0
_NORTHMOST: Final = 85.0
_QUARTER: Final = 16  # sides of a quarter circle: short by 0.12 % of the radius


def route_zone(lon: Floats, lat: Floats, width_m: float) -> Polygon | MultiPolygon:
    """The corridor of ``width_m`` in all, half of it on each side, round at both ends.

    ``lon``, ``lat``: degrees WGS84 of the line's n positions, in order; a geodesic runs between two. A
    corridor over the antimeridian gives parts. Raises GeometryRefusedError.
    """
    points = _line(np.asarray(lon, dtype=np.float64), np.asarray(lat, dtype=np.float64))
    if not 1 <= width_m <= MAX_WIDTH_M:
        raise GeometryRefusedError(f"route: width: got {width_m} m, want 1 to {MAX_WIDTH_M:.0f} m")
    stations = _stations(points, width_m / 2)
    pieces = [_piece(piece, width_m / 2) for piece in _pieces(stations)]
    whole = shapely.union_all(pieces)
    south = float(np.abs(stations[:, 1]).max())
    whole = shapely.simplify(whole, width_m * 0.001 * np.cos(south * geodesy.RAD) / 111_320)
    return split(joined(areas(whole)))


def _line(lon: Floats, lat: Floats) -> Floats:
    if lon.ndim != 1 or lon.shape != lat.shape or not 2 <= len(lon) <= MAX_POSITIONS:
        raise GeometryRefusedError(
            f"route: got {lon.size} longitudes and {lat.size} latitudes, want 2 to {MAX_POSITIONS} of each"
        )
    points = np.stack([lon, lat], axis=1)
    bad = ~(np.isfinite(points).all(axis=1) & (np.abs(points) <= [180.0, _NORTHMOST]).all(axis=1))
    if bad.any():
        at = int(np.nonzero(bad)[0][0])
        raise GeometryRefusedError(
            f"route, position {at} is out of range: got {lon[at]} {lat[at]}, "
            f"want lon -180..180 lat -{_NORTHMOST:.0f}..{_NORTHMOST:.0f}"
        )
    points = points[np.concatenate([[True], (np.diff(points, axis=0) != 0).any(axis=1)])]
    if len(points) < 2:
        raise GeometryRefusedError(f"route has no length: got one position, {lon[0]} {lat[0]}, want two")
    return np.asarray(points)


def _stations(points: Floats, radius_m: float) -> Floats:
    """The line with positions so near each other that straight ways between them do; no jumps of longitude.

    A geodesic of length d leaves its chord on the plane by d^2 tan(lat) / 8R.
    """
    lon0, lat0, lon1, lat1 = points[:-1, 0], points[:-1, 1], points[1:, 0], points[1:, 1]
    slope = np.tan(np.maximum(np.abs(lat0), np.abs(lat1)) * geodesy.RAD) + 1e-3
    step_m = np.minimum(_STEP_M, np.sqrt(_CHORD * radius_m * 8 * geodesy.MEAN_RADIUS_M / slope))
    count = np.maximum(1, np.ceil(geodesy.distance_mm(lon0, lat0, lon1, lat1) / (step_m * 1000)))
    count = count.astype(np.int64)
    leg = np.repeat(np.arange(len(count)), count)
    part = np.arange(len(leg)) - np.repeat(np.cumsum(count) - count, count)
    lon, lat = geodesy.interpolate(lon0[leg], lat0[leg], lon1[leg], lat1[leg], part / count[leg])
    lon, lat = np.append(lon, points[-1, 0]), np.append(lat, points[-1, 1])
    return np.stack([unwrapped(lon), lat], axis=1)


def _pieces(stations: Floats) -> list[Floats]:
    """Runs of stations, each beginning where the one before ends, short enough for a plane."""
    step = geodesy.distance_mm(stations[:-1, 0], stations[:-1, 1], stations[1:, 0], stations[1:, 1]) / 1000
    slope = np.maximum(1.0, np.abs(np.tan(stations[:-1, 1] * geodesy.RAD)))
    used = np.floor(np.cumsum(step * slope) / _PIECE_M)
    cuts = np.nonzero(np.diff(used))[0] + 1
    starts, ends = [0, *cuts.tolist()], [*cuts.tolist(), len(stations) - 1]
    return [stations[start : end + 1] for start, end in zip(starts, ends, strict=True)]


def _piece(stations: Floats, radius_m: float) -> Polygon:
    """What lies within ``radius_m`` of a piece, drawn on the plane that touches at its middle."""
    middle = (stations.min(axis=0) + stations.max(axis=0)) / 2
    cos = np.cos(middle[1] * geodesy.RAD)
    w2 = 1 - geodesy.E2 * (1 - cos * cos)
    east = geodesy.A_M / np.sqrt(w2)
    north = east * (1 - geodesy.E2) / w2
    scale = np.array([east * cos, north]) * geodesy.RAD
    area = shapely.buffer(shapely.linestrings((stations - middle) * scale), radius_m, quad_segs=_QUARTER)
    return shapely.transform(area, lambda at: at / scale + middle)
