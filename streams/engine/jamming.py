"""Spans in which the fix was lost while the wheels turned, judged by who else around had one. Pure.

The verdict of a span depends on which other assets report nearby; it comes with their numbers.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from geofences.geodesy import distance_mm
from streams.engine.columns import Array
from streams.engine.instants import Instants, Ways, runs
from streams.engine.units import DEGREE

LOST_MS: Final = 60_000
TUNNEL_MS: Final = 300_000
NEAR_MM: Final = 20_000_000
AROUND_MS: Final = 600_000
_TURN_MM_PER_MS: Final = 500 / 360  # 5 km/h
_SILENT_MS: Final = 300_000
_USUAL_GAPS: Final = 3
_SLACK_MM: Final = 200_000

Place = tuple[int, int]
"""Longitude and latitude, 1e-7 degree."""


@dataclass(frozen=True, slots=True)
class Loss:
    """No fix in any sample from ``start_ms`` to ``end_ms``, while the wheels turned at least 60 s.

    ``turning_ms``: time at 5 km/h and more; ``wheels_mm``: the wheels' way. ``before``, ``after``: the
    believed fixes around. ``fits``: the fix came back within the wheels' way; None: it did not, or the way
    is not known.
    """

    start_ms: int
    end_ms: int
    turning_ms: int
    wheels_mm: int
    before: Place | None
    after: Place | None
    fits: bool | None

    @property
    def lost_ms(self) -> int:
        """From the first to the last sample without a fix."""
        return self.end_ms - self.start_ms

    @property
    def like_tunnel(self) -> bool:
        """Short, and back where the wheels could have brought it."""
        return self.lost_ms <= TUNNEL_MS and self.fits is True


@dataclass(frozen=True, slots=True)
class JammedSpan:
    """A loss with its verdict: ``grade`` none, possible, likely; ``why`` tunnel, cut_off (short, and begun
    before or not over in the period), no_neighbour, only_this_one (others nearby have fixes),
    neighbours_lost."""

    grade: str
    why: str
    loss: Loss
    neighbours_with_fix: int
    neighbours_without: int


def losses(some: Instants, ways: Ways) -> list[Loss]:
    """The losses of one asset, by time.

    None are those shorter than three times the usual time between its fixes: then nothing was due.
    """
    fixes = np.flatnonzero(some.believed)
    if not len(some) or not some.lost.any():
        return []
    apart = np.append(True, np.diff(some.t) > _SILENT_MS)
    first, last = runs(some.lost, apart)
    usual = float(np.median(np.diff(some.t[fixes]))) if len(fixes) > 1 else 0.0
    long = some.t[last] - some.t[first] >= max(LOST_MS, _USUAL_GAPS * usual)
    found = [
        _loss(some, ways, fixes, a, b) for a, b in zip(first[long].tolist(), last[long].tolist(), strict=True)
    ]
    return [loss for loss in found if loss.turning_ms >= LOST_MS]


def _loss(some: Instants, ways: Ways, fixes: Array, a: int, b: int) -> Loss:
    t = some.t[a : b + 1]
    steps, _, _ = ways.between(t[:-1], t[1:])
    dt = np.diff(t)
    turning = dt[np.nan_to_num(steps) >= _TURN_MM_PER_MS * dt].sum()
    k = int(np.searchsorted(fixes, a))
    before = int(fixes[k - 1]) if k > 0 else None
    after = int(fixes[k]) if k < len(fixes) else None
    fits = None
    if before is not None and after is not None:
        _, _, most = ways.between(some.t[[before]], some.t[[after]])
        if not np.isnan(most[0]):
            beeline = _mm(some.lon[[before]], some.lat[[before]], _place(some, after))[0]
            fits = bool(beeline <= 1.2 * most[0] + _SLACK_MM)
    return Loss(
        int(t[0]),
        int(t[-1]),
        int(turning),
        int(np.nansum(steps)),
        None if before is None else _place(some, before),
        None if after is None else _place(some, after),
        fits,
    )


def judge(own: list[Loss], others: Instants) -> list[JammedSpan]:
    """The verdict on each of ``own`` losses; ``others``: the instants of other assets around, any place.

    A neighbour is an asset with a believed fix within 20 km of where the loss began or ended, from 10
    minutes before it to 10 after. It counts as without fix when it lost it in that time too, wheels
    turning, unless as in a tunnel: in mountains trucks pass tunnels all the time.
    """
    if not own:
        return []
    theirs = _losses_by_asset(others)
    return [_judged(loss, others, theirs) for loss in own]


def _judged(loss: Loss, others: Instants, theirs: dict[int, list[Loss]]) -> JammedSpan:
    start, end = loss.start_ms - AROUND_MS, loss.end_ms + AROUND_MS
    places = [place for place in (loss.before, loss.after) if place is not None]
    held = others.believed & (others.t >= start) & (others.t <= end)
    seen = set(np.unique(others.asset[held][_near(others.lon[held], others.lat[held], places)]).tolist())
    without = {
        asset
        for asset, some in theirs.items()
        if any(
            one.start_ms <= end and one.end_ms >= start and not one.like_tunnel and _beside(one, places)
            for one in some
        )
    }
    grade, why = _verdict(loss, len(seen - without), len(without))
    return JammedSpan(grade, why, loss, len(seen - without), len(without))


def _verdict(loss: Loss, with_fix: int, without: int) -> tuple[str, str]:
    if without:
        return "likely", "neighbours_lost"
    if loss.like_tunnel:
        return "none", "tunnel"
    if (loss.before is None or loss.after is None) and loss.lost_ms <= TUNNEL_MS:
        return "none", "cut_off"
    return "possible", "only_this_one" if with_fix else "no_neighbour"


def _losses_by_asset(others: Instants) -> dict[int, list[Loss]]:
    found = {}
    for asset in np.unique(others.asset[others.lost]).tolist():
        one = others.take(others.asset == asset)
        found[asset] = losses(one, Ways(one))
    return found


def _beside(one: Loss, places: list[Place]) -> bool:
    theirs = [place for place in (one.before, one.after) if place is not None]
    lon, lat = (np.array([place[k] for place in theirs], np.int64) for k in (0, 1))
    return bool(_near(lon, lat, places).any())


def _near(lon: Array, lat: Array, places: list[Place]) -> Array:
    near = np.zeros(len(lon), bool)
    for place in places:
        near |= _mm(lon, lat, place) <= NEAR_MM
    return near


def _mm(lon: Array, lat: Array, to: Place) -> Array:
    x, y = (np.full(len(lon), value * DEGREE) for value in to)
    return distance_mm(lon * DEGREE, lat * DEGREE, x, y)


def _place(some: Instants, i: int) -> Place:
    return int(some.lon[i]), int(some.lat[i])
