"""Tracks with GNSS and wheels, made to be good or bad in known ways; times in seconds since T0."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from streams.engine.derive import flags
from streams.engine.grades import NOBODY, Grades, Neighbours, grade
from streams.engine.rows import Rows, joined
from streams.engine.units import NONE

T0 = 1_795_330_800_000
F8 = npt.NDArray[np.float64]
_EAST_M, _NORTH_M = 103_970.0, 110_700.0  # a degree at 21 north


@dataclass(frozen=True)
class Track:
    """Columns a sample: s, metres from (101, 21), km/h, metres; NaN where nothing was measured."""

    t: F8
    x: F8
    y: F8
    speed: F8
    heading: F8
    wheel: F8
    odometer: F8

    def lost(self, start: float, end: float) -> Track:
        """No fix from ``start`` to ``end``."""
        gone = (self.t >= start) & (self.t < end)
        columns = {
            name: np.where(gone, np.nan, getattr(self, name)) for name in ("x", "y", "speed", "heading")
        }
        return replace(self, **columns)

    def without(self, *names: str) -> Track:
        return replace(self, **{name: np.full(len(self.t), np.nan) for name in names})

    def rows(self, asset: int = 0, fix_when_lost: int | None = None) -> Rows:
        n = len(self.t)
        lost = np.isnan(self.x)
        fix = np.where(lost, NONE if fix_when_lost is None else fix_when_lost, 3)
        t = T0 + np.rint(self.t * 1000).astype(np.int64)
        return Rows(
            asset=np.full(n, asset, np.int64),
            t=t,
            lon=_whole(101 + self.x / _EAST_M, 1e7),
            lat=_whole(21 + self.y / _NORTH_M, 1e7),
            speed=_whole(self.speed, 100),
            heading=_whole(self.heading % 360, 100),
            hdop=np.where(lost, NONE, 90),
            sats=np.where(lost, NONE, 11),
            fix=fix.astype(np.int64),
            odometer=_whole(self.odometer, 1000),
            wheel=_whole(self.wheel, 100),
            received=t + 1000,
            position=np.arange(n, dtype=np.int64),
        )


def _whole(values: F8, scale: float) -> npt.NDArray[np.int64]:
    known = np.nan_to_num(values)
    return np.where(np.isnan(values), NONE, np.rint(known * scale)).astype(np.int64)


def drive(
    minutes: float, *, cadence: float = 5, kmh: float = 70, noise: float = 2, seed: int = 1, begin: float = 0
) -> Track:
    """Along a winding road at changing speed, GNSS with noise."""
    fine = np.arange(0, minutes * 60 + 1.0)
    v = kmh / 3.6 * (1 + 0.2 * np.sin(fine / 97)) * np.clip(fine / 40, 0, 1)
    course = 90 + 50 * np.sin(fine / 211)
    x = np.append(0, np.cumsum(v * np.sin(np.radians(course))))[:-1]
    y = np.append(0, np.cumsum(v * np.cos(np.radians(course))))[:-1]
    way = np.append(0, np.cumsum(v))[:-1]
    return measured(fine, x, y, v * 3.6, course, v * 3.6, way, cadence, noise, seed, begin)


def measured(
    fine: F8,
    x: F8,
    y: F8,
    speed: F8,
    course: F8,
    wheel: F8,
    way: F8,
    cadence: float = 5,
    noise: float = 2,
    seed: int = 1,
    begin: float = 0,
) -> Track:
    """What a unit tells of the truth a second: each ``cadence`` s, with GNSS noise that wanders."""
    chance = np.random.default_rng(seed)
    at = np.arange(0, fine[-1], cadence)
    jitter = [chance.normal(0, noise / 2, len(at)) + _wander(chance, len(at), noise) for _ in range(2)]
    x, y, speed, course, wheel, way = (np.interp(at, fine, v) for v in (x, y, speed, course, wheel, way))
    seen = np.abs(speed + chance.normal(0, 0.3, len(at)))
    course = np.where(speed < 3, chance.uniform(0, 360, len(at)), course + chance.normal(0, 1, len(at)))
    return Track(at + begin, x + jitter[0], y + jitter[1], seen, course, wheel, 5e6 + way)


def stand(minutes: float, *, cadence: float = 5, noise: float = 2, seed: int = 1) -> Track:
    """Parked, with the wheels known."""
    fine = np.arange(0, minutes * 60 + 1.0)
    zero = np.zeros(len(fine))
    return measured(fine, zero, zero, zero, zero, zero, zero, cadence, noise, seed)


def moved(minutes: float, x: F8, y: F8, *, cadence: float = 5, noise: float = 2, seed: int = 1) -> Track:
    """Wheels stand, while the position goes through ``x``, ``y`` (a second each), as the receiver tells."""
    fine = np.arange(0, minutes * 60 + 1.0)
    east, north = np.gradient(x), np.gradient(y)
    zero = np.zeros(len(fine))
    speed, course = np.hypot(east, north) * 3.6, np.unwrap(np.arctan2(east, north))
    return measured(fine, x, y, speed, np.degrees(course), zero, zero, cadence, noise, seed)


def then(*parts: Track) -> Track:
    """One after the other, each going on where the one before ended."""
    done = parts[0]
    for part in parts[1:]:
        t = done.t[-1] + 5
        shifted = {
            "t": part.t + t,
            "x": part.x + done.x[-1],
            "y": part.y + done.y[-1],
            "odometer": part.odometer - part.odometer[0] + done.odometer[-1],
        }
        part = replace(part, **shifted)
        columns = {
            name: np.append(getattr(done, name), getattr(part, name)) for name in Track.__dataclass_fields__
        }
        done = Track(**columns)
    return done


def graded(track: Track | Rows, *others: Track) -> Grades:
    """The grades among ``others``."""
    rows = track if isinstance(track, Rows) else track.rows()
    around = NOBODY
    if others:
        all_rows = joined([other.rows(k) for k, other in enumerate(others, 1)])
        around = Neighbours(all_rows, judged(all_rows))
    return grade(rows, judged(rows), around)


def judged(rows: Rows) -> npt.NDArray[np.int64]:
    """The flags as a store gives them: of those with a position, judged among these."""
    out = np.zeros(len(rows), np.int64)
    placed = np.flatnonzero((rows.lon != NONE) & (rows.lat != NONE))
    out[placed] = flags(rows.take(placed))
    return out


def _wander(chance: np.random.Generator, n: int, size: float) -> F8:
    steps = chance.normal(0, size * 0.3, n)
    out = np.zeros(n)
    for i in range(1, n):
        out[i] = 0.95 * out[i - 1] + steps[i]
    return out
