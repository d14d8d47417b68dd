"""Rules 4 and 6: when and where a fence was met, and how sure it is that a zone was cut."""

from __future__ import annotations

from math import isqrt, sqrt

from streams.engine.settings import Rules
from tests.reference.places import Places, way_mm
from tests.reference.values import Bracket, Sample

SLOW_CKMH = 200


def unseen(x: Sample) -> Bracket:
    """Rule 4: a beginning that nobody saw: earliest unknown, latest = estimate = x."""
    return Bracket(None, x.t, x.t, x.lon, x.lat)


def bracket(p: Sample, x: Sample, share: float) -> Bracket:
    """Rule 4: between p and x; the place at ``share`` of the way, the time as the speeds say."""
    tau = time_share(share, p.speed, x.speed)
    return Bracket(
        earliest=p.t,
        latest=x.t,
        estimate=p.t + round(tau * (x.t - p.t)),
        lon=p.lon + round(share * (x.lon - p.lon)),
        lat=p.lat + round(share * (x.lat - p.lat)),
    )


def time_share(share: float, v0: int | None, v1: int | None) -> float:
    """Rule 4: tau in 0..1 that solves (v0 tau + (v1 - v0) tau^2 / 2) / ((v0 + v1) / 2) = share.

    When a speed is unknown or both are slow, tau = share.
    """
    if v0 is None or v1 is None or v0 + v1 < SLOW_CKMH or v0 == v1 or share == 0:
        return share
    return share * (v0 + v1) / (v0 + sqrt(v0 * v0 + (v1 * v1 - v0 * v0) * share))


def coming_in(places: Places, zone: int, p: Sample, x: Sample) -> Bracket:
    """Rule 4, World.enter: the last meeting with the fence before the fix inside."""
    return bracket(p, x, places.meetings(zone, p, x)[-1])


def going_out(places: Places, zone: int, p: Sample, x: Sample) -> Bracket:
    """Rule 4, World.leave: the first meeting with the fence after the fix inside."""
    return bracket(p, x, places.meetings(zone, p, x)[0])


def passing(places: Places, zone: int, p: Sample, x: Sample) -> tuple[Bracket, Bracket]:
    """Rule 5: enter and leave brackets of a cut: first and last meeting of the same step."""
    shares = places.meetings(zone, p, x)
    return bracket(p, x, shares[0]), bracket(p, x, shares[-1])


def cut_confidence(places: Places, zone: int, p: Sample, x: Sample, rules: Rules) -> int:
    """Rule 6: 1000 when the asset had no time to drive round the zone, else a share of that, permille.

    The places that can be reached on the way form an ellipse, with b the half of its minor axis; left and
    right: how far the zone reaches to both sides of the chord.
    """
    d = way_mm(p, x)
    r = rules.cut_max_mm_per_s * (x.t - p.t) // 1000
    b = isqrt(max(r * r - d * d, 0)) // 2
    m = min(places.reach_mm(zone, p, x))
    return 1000 if b <= m else m * 1000 // b
