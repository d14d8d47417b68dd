"""Crash suspicion: harder braking than brakes give, then a stand. The samples around it are the evidence.

Of samples alone, so that late ones confirm it or take it back.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final, NamedTuple

BEFORE_MS: Final = 30_000
AFTER_MS: Final = 60_000
_STOP_MS: Final = 10_000
_PROOF_MS: Final = 20_000
_STANDS_CKMH: Final = 300
_FAST_CKMH: Final = 2_000
_MOST: Final = 200


class Moment(NamedTuple):
    """A sample around the instant: ms, 1e-7 degree, 0.01 km/h (-1 unknown), log position."""

    t: int
    lon: int
    lat: int
    speed: int
    position: int


def suspected(t_ms: int, before_ckmh: int, around: Sequence[Moment]) -> bool:
    """Whether the vehicle was moving before ``t_ms``, stood within ten seconds after it, and still stands as
    far as a minute is known, at least 20 seconds of it. ``around``: by time."""
    if before_ckmh < _FAST_CKMH:
        return False
    after = [one for one in around if t_ms <= one.t <= t_ms + AFTER_MS and one.speed >= 0]
    stop = next((one.t for one in after if one.speed <= _STANDS_CKMH), None)
    if stop is None or stop > t_ms + _STOP_MS:
        return False
    rest = [one for one in after if one.t >= stop]
    return rest[-1].t >= t_ms + _PROOF_MS and all(one.speed <= _STANDS_CKMH for one in rest)


def evidence(around: Sequence[Moment]) -> list[dict[str, Any]]:
    """The samples as an event freezes them; of more than 200 the first ones."""
    return [
        {
            "t_ms": one.t,
            "lon_e7": one.lon,
            "lat_e7": one.lat,
            "speed_ckmh": None if one.speed < 0 else one.speed,
        }
        for one in around[:_MOST]
    ]
