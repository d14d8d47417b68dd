"""Distances, bearings and points along the ellipsoid, by whole columns.

Degrees WGS84 in, lon before lat; distances out as whole millimetres. Up to one degree of latitude or
longitude-times-cosine (some 110 km) `distance_mm` uses the Gauss mid-latitude series with the ellipsoid's
own radii of curvature. It uses only ``+ - * / sqrt``, which IEEE 754 rounds the same way everywhere, so
every machine and every batching gives the same millimetres. Longer distances use Lambert's formula. The
errors against Karney's exact solution stand beside each function. All inputs must be finite.
"""

from __future__ import annotations

import math
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from geofences.compiled import compiled

Floats: TypeAlias = NDArray[np.float64]

A_M = 6378137.0
F = 1 / 298.257223563
E2 = F * (2 - F)
EP2 = E2 / (1 - E2)
MEAN_RADIUS_M = A_M * (1 - F / 3)
RAD = np.pi / 180
_NEAR_DEG = 1.0
# Taylor coefficients of cos(x) in x^2: below 1e-17 for |x| <= pi/2
_COS = tuple((-1.0) ** n / math.factorial(2 * n) for n in range(10, -1, -1))


def wrap_deg(lon: Floats) -> Floats:
    """Differences of longitude brought into -180..180."""
    return np.asarray(lon - 360.0 * np.rint(lon / 360.0))


def distance_mm(lon0: Floats, lat0: Floats, lon1: Floats, lat1: Floats) -> NDArray[np.int64]:
    """Length of the geodesic between points, in millimetres; arguments broadcast.

    Error against the ellipsoid's exact geodesic: below 0.6 mm (half of it rounding) up to 100 km below
    latitude 72; beyond, 0.8 m at 500 km, 7 m at 5,000 km, and some 2e-5 of the length near the antipode.
    """
    ends = [np.asarray(values, dtype=np.float64) for values in (lon0, lat0, lon1, lat1)]
    if not ends[0].shape == ends[1].shape == ends[2].shape == ends[3].shape:
        ends = list(np.broadcast_arrays(*ends))
    out = np.empty(ends[0].shape, dtype=np.int64)
    flat = [np.ascontiguousarray(values).reshape(-1) for values in ends]
    _distances(flat[0], flat[1], flat[2], flat[3], out.reshape(-1))
    return out


@compiled
def distance_mm_e7(lon0: int, lat0: int, lon1: int, lat1: int) -> int:
    """As `distance_mm`, to the same millimetre, of two points in whole 1e-7 degrees. For kernels too."""
    return _distance_mm(lon0 * 1e-7, lat0 * 1e-7, lon1 * 1e-7, lat1 * 1e-7)


def bearing_deg(lon0: Floats, lat0: Floats, lon1: Floats, lat1: Floats) -> Floats:
    """Initial course from the first point to the second, 0..360 clockwise from north.

    Good to 0.01 degree up to 100 km below latitude 72; beyond 110 km the great circle's, some 0.2 degree off.
    """
    p0, p1 = np.asarray(lat0) * RAD, np.asarray(lat1) * RAD
    dlon = wrap_deg(np.asarray(lon1 - lon0, dtype=np.float64)) * RAD
    mid = (p0 + p1) / 2
    north, east = _radii_m(np.cos(mid))
    course = np.arctan2(east * dlon * np.cos(mid), north * (p1 - p0) * np.cos(dlon / 2))
    near = course - dlon * np.sin(mid) / 2
    y = np.sin(dlon) * np.cos(p1)
    far = np.arctan2(y, np.cos(p0) * np.sin(p1) - np.sin(p0) * np.cos(p1) * np.cos(dlon))
    short = (np.abs(p1 - p0) <= RAD) & (np.abs(dlon) * np.cos(mid) <= RAD)
    return np.asarray(np.where(short, near, far) / RAD % 360.0)


def destination(lon: Floats, lat: Floats, bearing_deg: Floats, distance_m: Floats) -> tuple[Floats, Floats]:
    """The points at ``distance_m`` from (lon, lat) in direction ``bearing_deg``: (lon, lat).

    For distances up to 100 km below latitude 72: off by up to 12 m there, 8 cm at 20 km, 2 mm at 5 km.
    """
    p0 = np.asarray(lat, dtype=np.float64) * RAD
    course = np.asarray(bearing_deg, dtype=np.float64) * RAD
    p1, dlon = p0, np.zeros_like(p0)
    for _ in range(6):
        mid = (p0 + p1) / 2
        north, east = _radii_m(np.cos(mid))
        middle = course + dlon * np.sin(mid) / 2
        p1 = p0 + distance_m * np.cos(middle) / north
        dlon = distance_m * np.sin(middle) / (east * np.cos(mid))
    return wrap_deg(lon + dlon / RAD), p1 / RAD


def interpolate(
    lon0: Floats, lat0: Floats, lon1: Floats, lat1: Floats, fraction: Floats
) -> tuple[Floats, Floats]:
    """Points at ``fraction`` (0..1) of the way along the geodesic: (lon, lat); arguments broadcast.

    The great circle through both points, on latitudes as they are: 2 m from the ellipsoid's geodesic at
    100 km, 8 cm at 20 km, 5 mm at 5 km; 50 m at 500 km. The ends are exact.
    """
    p0, p1 = np.asarray(lat0) * RAD, np.asarray(lat1) * RAD
    dlon = wrap_deg(np.asarray(lon1 - lon0, dtype=np.float64)) * RAD
    half = np.sin((p1 - p0) / 2) ** 2 + np.cos(p0) * np.cos(p1) * np.sin(dlon / 2) ** 2
    angle = 2 * np.arcsin(np.sqrt(np.minimum(half, 1.0)))
    f = np.asarray(fraction, dtype=np.float64)
    safe = np.where(angle > 1e-9, np.sin(angle), 1.0)
    a = np.where(angle > 1e-9, np.sin((1 - f) * angle) / safe, 1 - f)
    b = np.where(angle > 1e-9, np.sin(f * angle) / safe, f)
    x = a * np.cos(p0) + b * np.cos(p1) * np.cos(dlon)
    y = b * np.cos(p1) * np.sin(dlon)
    z = a * np.sin(p0) + b * np.sin(p1)
    lon = wrap_deg(lon0 + np.arctan2(y, x) / RAD)
    lat = np.arctan2(z, np.hypot(x, y)) / RAD
    lon = np.where(f == 0, lon0, np.where(f == 1, lon1, lon))
    return np.asarray(lon), np.asarray(np.where(f == 0, lat0, np.where(f == 1, lat1, lat)))


def _radii_m(cos: Floats) -> tuple[Floats, Floats]:
    """Radii of curvature where the latitude has this cosine: (meridional, prime vertical), metres."""
    w2 = 1 - E2 * (1 - cos * cos)
    east = A_M / np.sqrt(w2)
    return east * (1 - E2) / w2, east


@compiled
def metres_per_degree(lat: float) -> tuple[float, float]:
    """Length of a degree of longitude and of one of latitude, by the ellipsoid's radii of curvature."""
    cos = _cos(lat * RAD)
    w2 = 1 - E2 * (1 - cos * cos)
    east = A_M / math.sqrt(w2)
    return east * cos * RAD, east * (1 - E2) / w2 * RAD


@compiled
def _distances(lon0: Floats, lat0: Floats, lon1: Floats, lat1: Floats, out: NDArray[np.int64]) -> None:
    for n in range(len(out)):
        out[n] = _distance_mm(lon0[n], lat0[n], lon1[n], lat1[n])


@compiled
def _distance_mm(lon0: float, lat0: float, lon1: float, lat1: float) -> int:
    if lon0 == lon1 and lat0 == lat1:
        return 0
    dlat, dlon = lat1 - lat0, lon1 - lon0
    if abs(dlon) > 180.0:
        dlon -= 360.0 * np.rint(dlon / 360.0)
    cos = _cos((lat0 + lat1) * (0.5 * RAD))
    if abs(dlat) > _NEAR_DEG or abs(dlon * cos) > _NEAR_DEG:
        return int(np.rint(_lambert_m(lat0, dlon, lat1) * 1000.0))
    return int(np.rint(_gauss_m(dlat * RAD, dlon * RAD, cos) * 1000.0))


@compiled
def _cos(x: float) -> float:
    """cos(x) for |x| <= pi/2 by additions and multiplications alone."""
    square = x * x
    total = square * _COS[0]
    for term in _COS[1:-1]:
        total = (total + term) * square
    return total + 1.0


@compiled
def _gauss_m(dlat: float, dlon: float, cos: float) -> float:
    """The Gauss mid-latitude formula with terms of third order (Rapp, Geometric Geodesy I), radians in."""
    c2 = cos * cos
    s2 = 1 - c2
    w2 = 1 - E2 * s2
    east = A_M / math.sqrt(w2)
    north = east * (1 - E2) / w2
    eta2 = EP2 * c2
    v4 = (1 + eta2) * (1 + eta2)
    dlat2, dlon2 = dlat * dlat, dlon * dlon
    x = 1 - dlon2 * s2 / 24 + (1 + eta2 - 9 * EP2 * s2) * dlat2 / (24 * v4)
    y = 1 + (1 - 2 * eta2) * dlon2 * c2 / 24 + EP2 * (c2 - s2) * dlat2 / (8 * v4)
    x *= east * cos * dlon
    y *= north * dlat * (1 - dlon2 / 8)
    return math.sqrt(x * x + y * y)


@compiled
def _lambert_m(lat0: float, dlon: float, lat1: float) -> float:
    """Lambert's formula for long lines: great circle on reduced latitudes, corrected for the flattening."""
    b0 = math.atan((1 - F) * math.tan(lat0 * RAD))
    b1 = math.atan((1 - F) * math.tan(lat1 * RAD))
    half = math.sin((b1 - b0) / 2) ** 2
    half += math.cos(b0) * math.cos(b1) * math.sin(dlon * RAD / 2) ** 2
    # antipodes have no single shortest way; kept a little away so that no term is infinite
    angle = 2 * math.asin(math.sqrt(min(half, 1 - 1e-9)))
    p, q = (b0 + b1) / 2, (b1 - b0) / 2
    x = (angle - math.sin(angle)) * (math.sin(p) * math.cos(q) / math.cos(angle / 2)) ** 2
    y = (angle + math.sin(angle)) * (math.cos(p) * math.sin(q) / math.sin(angle / 2)) ** 2
    return A_M * (angle - F / 2 * (x + y))
