"""When and where something happened, with its bounds: between one fix and the next.

The estimate is where the way between the two fixes meets the fence, in time by the same share of the
way. All numbers are integers (ms, 1e-7 degree).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from streams.engine.fixes import NONE


@dataclass(frozen=True, slots=True)
class Fix:
    """One believed position of one asset: ms, 1e-7 degree, cumulated GNSS distance in mm."""

    t: int
    lon: int
    lat: int
    cum: int = 0


@dataclass(frozen=True, slots=True)
class Bracket:
    """Not before ``earliest`` (None: unknown), not after ``latest``; the estimate's time and place."""

    earliest: int | None
    latest: int
    estimate: int
    lon: int
    lat: int

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
    return Bracket(None, fix.t, fix.t, fix.lon, fix.lat)


def between(before: Fix, after: Fix, share: float) -> Bracket:
    """The bracket from ``before`` to ``after`` with the estimate at ``share`` (0..1) of the way."""
    return Bracket(
        before.t,
        after.t,
        before.t + round(share * (after.t - before.t)),
        before.lon + round(share * (after.lon - before.lon)),
        before.lat + round(share * (after.lat - before.lat)),
    )


def dump_fix(fix: Fix | None) -> list[int] | None:
    """JSON value of a fix for a snapshot."""
    return None if fix is None else [fix.t, fix.lon, fix.lat, fix.cum]


def load_fix(value: list[int] | None) -> Fix | None:
    """What ``dump_fix`` was given."""
    return None if value is None else Fix(*value)


def dump_bracket(bracket: Bracket | None) -> list[int] | None:
    """JSON value of a bracket for a snapshot."""
    if bracket is None:
        return None
    earliest = NONE if bracket.earliest is None else bracket.earliest
    return [earliest, bracket.latest, bracket.estimate, bracket.lon, bracket.lat]


def load_bracket(value: list[int] | None) -> Bracket | None:
    """What ``dump_bracket`` was given."""
    if value is None:
        return None
    earliest, *rest = value
    return Bracket(None if earliest == NONE else earliest, *rest)
