"""When and where something happened, with its bounds: between one fix and the next.

The estimate's place is where the way between the two fixes meets the fence. Its time follows from the speeds
at both ends when they are known (speed linear in time), else from the share of the way. All numbers are
integers (ms, 1e-7 degree).
"""

from __future__ import annotations

from math import sqrt
from typing import Any, Final, NamedTuple

from streams.engine.units import NONE

_SLOW: Final = 200  # 0.01 km/h: below that in sum, speeds say nothing about the time


class Fix(NamedTuple):
    """One believed position of one asset: ms, 1e-7 degree, cumulated GNSS distance in mm.

    ``speed``: 0.01 km/h or NONE; ``position``: the log record that brought it (evidence, not content).
    """

    t: int
    lon: int
    lat: int
    cum: int = 0
    speed: int = NONE
    position: int = 0


class Bracket(NamedTuple):
    """Not before ``earliest`` (None: unknown), not after ``latest``; the estimate's time and place.

    ``evidence``: the log positions of the two fixes.
    """

    earliest: int | None
    latest: int
    estimate: int
    lon: int
    lat: int
    evidence: tuple[int, int] = (0, 0)

    def data(self) -> dict[str, Any]:
        """The JSON form of events."""
        return {
            "earliest_ms": self.earliest,
            "latest_ms": self.latest,
            "estimate_ms": self.estimate,
            "lon_e7": self.lon,
            "lat_e7": self.lat,
        }


def at(fix: Fix) -> Bracket:
    """The bracket of a beginning that nobody saw: at the latest at ``fix``."""
    return Bracket(None, fix.t, fix.t, fix.lon, fix.lat, (fix.position, fix.position))


def between(before: Fix, after: Fix, share: float) -> Bracket:
    """The bracket from ``before`` to ``after`` with the estimate at ``share`` (0..1) of the way."""
    time = _time_share(share, before.speed, after.speed)
    return Bracket(
        before.t,
        after.t,
        before.t + round(time * (after.t - before.t)),
        before.lon + round(share * (after.lon - before.lon)),
        before.lat + round(share * (after.lat - before.lat)),
        (before.position, after.position),
    )


def _time_share(share: float, v0: int, v1: int) -> float:
    """The share of the time after which ``share`` of the way is done, at a speed that changes evenly."""
    if v0 < 0 or v1 < 0 or v0 + v1 < _SLOW or v0 == v1 or share == 0:
        return share
    return share * (v0 + v1) / (v0 + sqrt(v0 * v0 + (v1 * v1 - v0 * v0) * share))


def dump_fix(fix: Fix | None) -> list[int] | None:
    """Plain value of a fix for a snapshot."""
    return None if fix is None else list(fix)


def load_fix(value: list[int] | None) -> Fix | None:
    """What ``dump_fix`` was given."""
    return None if value is None else Fix(*value)


def dump_bracket(bracket: Bracket | None) -> list[int | None] | None:
    """Plain value of a bracket for a snapshot."""
    if bracket is None:
        return None
    return [bracket.earliest, bracket.latest, bracket.estimate, bracket.lon, bracket.lat, *bracket.evidence]


def load_bracket(value: list[Any] | None) -> Bracket | None:
    """What ``dump_bracket`` was given."""
    if value is None:
        return None
    earliest, latest, estimate, lon, lat, first, second = value
    return Bracket(earliest, latest, estimate, lon, lat, (first, second))
