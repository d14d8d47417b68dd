"""Minutes of a track: how far its positions, its wheels, its heading and its speed go together. Pure."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Final

import numpy as np

from geofences.geodesy import bearing_deg, distance_mm
from streams.engine.columns import Array
from streams.engine.instants import Instants, Ways
from streams.engine.settings import Rules
from streams.engine.units import DEGREE, NONE

FAR, SHORT, HEADING, SPEED, JUMP = 1, 2, 4, 8, 16
"""What is off in a window: positions went further than the wheels can have; not as far as they must have;
the course between fixes is not the heading told; the speed told is not that of the wheels; a jump of more
than 1 km that the wheels did not make."""

_MINUTE_MS: Final = 60_000
_SLACK_MM: Final = 100_000
_SLACK: Final = 1.25
_STAND_MM: Final = 20_000
_DENSE_MS: Final = 15_000  # fixes so close that their line is the way
_COURSE_MS: Final = 30_000
_COURSE_MM: Final = 300_000
_STRAIGHT: Final = 0.9
_OFF_DEG: Final = 20.0
_OFF_CKMH: Final = 1_500
_JUMP_MM: Final = 1_000_000
_RULES: Final = Rules()


@dataclass(frozen=True, slots=True)
class Windows:
    """Windows of a minute, by time, each beginning where the one before ended; a longer step is one alone.

    ``start``, ``end``: ms; ``first``, ``last``: index of the believed fixes at its ends. mm, float64:
    ``beeline`` between its ends, ``spread`` (a bound: the positions went at least so far), ``path`` from fix
    to fix, ``wheels`` with its bounds ``least`` and ``most`` (NaN: not known). ``turn_deg``: mean of course
    less heading, ``faster_ckmh``: mean of speed less wheel speed (NaN: not known). ``off``: bits.
    """

    start: Array
    end: Array
    first: Array
    last: Array
    beeline: Array
    spread: Array
    path: Array
    wheels: Array
    least: Array
    most: Array
    turn_deg: Array
    faster_ckmh: Array
    off: Array

    def __len__(self) -> int:
        return len(self.start)

    @property
    def known(self) -> Array:
        """Where the wheels' way is known."""
        return ~np.isnan(self.wheels)

    @property
    def standing(self) -> Array:
        """Where the wheels stood: 20 m in it at most."""
        return np.nan_to_num(self.wheels, nan=np.inf) <= _STAND_MM

    def take(self, index: Array | slice) -> Windows:
        """The windows at ``index``, in that order."""
        return Windows(*(getattr(self, field.name)[index] for field in fields(self)))


def windows(fixes: Instants, ways: Ways) -> Windows:
    """The windows of one asset's believed fixes."""
    steps = max(len(fixes) - 1, 0)
    if not steps:
        return Windows(*(np.empty(0, np.int64) for _ in fields(Windows)))
    dt = np.diff(fixes.t)
    long = dt > _MINUTE_MS
    new = (np.diff(fixes.t[1:] // _MINUTE_MS) != 0) | long[1:] | long[:-1]
    first = np.flatnonzero(np.append(True, new))
    last = np.append(first[1:], steps)
    lon, lat = fixes.lon * DEGREE, fixes.lat * DEGREE
    step = distance_mm(lon[:-1], lat[:-1], lon[1:], lat[1:]).astype(np.float64)
    path = np.add.reduceat(step, first)
    beeline = distance_mm(lon[first], lat[first], lon[last], lat[last]).astype(np.float64)
    spread = np.maximum(beeline, _spread(lon, lat, first))
    wheels, least, most = ways.between(fixes.t[first], fixes.t[last])
    longest = np.maximum.reduceat(dt, first)
    turn = _turn(fixes, lon, lat, step, first)
    turn[(longest > _COURSE_MS) | (path < _COURSE_MM) | (beeline < _STRAIGHT * path)] = np.nan
    faster, wheel = _faster(fixes, first)
    impossible = (step > _RULES.jump_slack_mm + dt * _RULES.jump_mm_per_s // 1000) & (step > _JUMP_MM)
    impossible &= dt < _RULES.jump_believed_ms
    far = spread > _SLACK * most + _SLACK_MM
    off = np.where(far, FAR, 0)
    off |= np.where((least > _SLACK * path + _SLACK_MM) & (longest <= _DENSE_MS), SHORT, 0)
    off |= np.where(np.abs(turn) > _OFF_DEG, HEADING, 0)
    off |= np.where(np.abs(faster) > _OFF_CKMH + 0.1 * wheel, SPEED, 0)
    off |= np.where(far & np.logical_or.reduceat(impossible, first), JUMP, 0)
    return Windows(
        fixes.t[first],
        fixes.t[last],
        first,
        last,
        beeline,
        spread,
        path,
        wheels,
        least,
        most,
        turn,
        faster,
        off,
    )


def _spread(lon: Array, lat: Array, first: Array) -> Array:
    """The diagonal of each window's box: whoever touches its four sides goes at least so far."""
    west = np.minimum.reduceat(np.minimum(lon[:-1], lon[1:]), first)
    east = np.maximum.reduceat(np.maximum(lon[:-1], lon[1:]), first)
    south = np.minimum.reduceat(np.minimum(lat[:-1], lat[1:]), first)
    north = np.maximum.reduceat(np.maximum(lat[:-1], lat[1:]), first)
    widest = np.maximum(np.abs(south), np.abs(north))  # where a degree of longitude is shortest
    return np.hypot(distance_mm(west, widest, east, widest), distance_mm(west, south, west, north))


def _turn(fixes: Instants, lon: Array, lat: Array, step: Array, first: Array) -> Array:
    """Mean of course less mean heading of both ends, weighted by way: -180..180, NaN if not known."""
    known = (fixes.heading[:-1] != NONE) & (fixes.heading[1:] != NONE)
    heading = np.where(fixes.heading == NONE, 0, fixes.heading) / 100
    half = (np.diff(heading) + 180) % 360 - 180
    middle = heading[:-1] + half / 2
    angle = np.radians(bearing_deg(lon[:-1], lat[:-1], lon[1:], lat[1:]) - middle)
    weight = np.where(known, step, 0.0)
    x, y = (np.add.reduceat(weight * part, first) for part in (np.cos(angle), np.sin(angle)))
    enough = np.add.reduceat(weight, first) >= 0.5 * np.add.reduceat(step, first)
    return np.where(enough & ((x != 0) | (y != 0)), np.degrees(np.arctan2(y, x)), np.nan)


def _faster(fixes: Instants, first: Array) -> tuple[Array, Array]:
    """Mean of speed less wheel speed where three samples have both, else NaN; mean wheel speed there."""
    speed, wheel = fixes.speed[1:], fixes.wheel[1:]
    both = (speed != NONE) & (wheel != NONE)
    count = np.add.reduceat(both.astype(np.int64), first)
    most = np.maximum(count, 1)
    less = np.add.reduceat(np.where(both, speed - wheel, 0), first) / most
    mean = np.add.reduceat(np.where(both, wheel, 0), first) / most
    return np.where(count >= 3, less, np.nan), mean
