"""Tracks that are hard to follow, in a small world that is hard to follow them in.

Three gates lie on the line between LA (west of longitude 0) and CN (east of it): one with everything at
latitude 0, one with ports alone that touch the line at 0.3, and one at 0.5 where the outlines of the two
countries leave a gap. At -0.5 the outlines overlap; VN lies south of -1. A track is a list of legs, so
that a failing one shrinks to few.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from hypothesis import strategies as st
from shapely import LineString, box

from geofences.zone import Gate, Zone, ZoneKind
from streams.engine import World
from tests.reference import Sample
from tests.unit.streams.engine import small_world

T0 = small_world.T0
HOUR_MS = 3_600_000
WEEK_MS = 168 * HOUR_MS


def _zone(id_: str, kind: ZoneKind, bounds: tuple[float, float, float, float], **more: object) -> Zone:
    return Zone(id_, kind, id_, box(*bounds), **more)  # type: ignore[arg-type]


def zones() -> list[Zone]:
    """The small world's zones, with a gap, an overlap, a third country, two more gates and a kiosk to cut."""
    plain = [zone for zone in small_world.zones() if zone.id != "cn"]
    cn = box(0, -1, 1, 1).difference(box(0, 0.4, 0.003, 0.6)).union(box(-0.003, -0.6, 0, -0.4))
    la, east = {"side": "LA"}, {"side": "CN"}
    bare = {"gate": "bare", "min_dwell_s": 10}
    gap = {"gate": "gap", "grace_s": 120, "min_dwell_s": 10}
    return [
        *plain,
        Zone("cn", ZoneKind.COUNTRY, "China", cn, country="CN"),
        _zone("vn", ZoneKind.COUNTRY, (-1, -2, 1, -1), country="VN"),
        _zone("bare-la", ZoneKind.PORT, (-0.006, 0.29, 0, 0.31), **bare, **la),
        _zone("bare-cn", ZoneKind.PORT, (0, 0.29, 0.006, 0.31), **bare, **east),
        _zone("gap-ap-la", ZoneKind.APPROACH, (-0.03, 0.45, 0, 0.55), **gap, **la),
        _zone("gap-ap-cn", ZoneKind.APPROACH, (0.003, 0.45, 0.03, 0.55), **gap, **east),
        _zone("gap-port-la", ZoneKind.PORT, (-0.01, 0.49, -0.004, 0.51), **gap, **la),
        _zone("gap-port-cn", ZoneKind.PORT, (0.006, 0.49, 0.012, 0.51), **gap, **east),
        _zone("kiosk", ZoneKind.CUSTOM, (-0.0305, -0.0005, -0.03, 0.0005)),
    ]


def gates() -> list[Gate]:
    """Gate g of the small world, one without approaches, and one where the countries leave a gap."""
    line = LineString([(0, -1), (0, 1)])
    return [
        *small_world.world().gates.values(),
        Gate("bare", "Bare", "LA", "CN", ("bare-la",), ("bare-cn",), (), (), line, 0, 0.3),
        Gate(
            "gap",
            "Gap",
            "LA",
            "CN",
            ("gap-port-la",),
            ("gap-port-cn",),
            ("gap-ap-la",),
            ("gap-ap-cn",),
            line,
            0,
            0.5,
        ),
    ]


def world() -> World:
    """The engine's view of it."""
    return World(zones(), gates())


LONS = (0.0, -0.45, -0.1, -0.06, -0.031, -0.012, -0.01, -0.006, -0.001, -0.0005, 0.0005, 0.001, 0.002)
LONS_E7 = tuple(round(lon * 1e7) for lon in (*LONS, 0.003, 0.006, 0.012, 0.06, 0.1))
LATS_E7 = (1_000, 3_000_000, 5_000_000, 2_000_000, -5_000_000, -10_003_000)
EVERY_MS = (10_000, 1_000, 29_999, 30_000, 60_000, 120_000, 300_000, 700_000)
KMH = (40, 4, 90, 130, 0)


@dataclass(frozen=True)
class Leg:
    """From where the asset is to ``lon`` (and ``lat``), 1e-7 degree, in ``count`` fixes. See ``_LEGS``."""

    kind: str
    lon: int
    lat: int
    count: int
    every_ms: int
    kmh: int


@dataclass(frozen=True)
class Item:
    """A sample and when it was really taken, which its clock may not know."""

    sample: Sample
    real_ms: int


Place = tuple[int, int]


def _drive(leg: Leg, here: Place) -> list[Place]:
    gone = [(n + 1) / leg.count for n in range(leg.count)]
    return [
        (here[0] + round(s * (leg.lon - here[0])), here[1] + round(s * (leg.lat - here[1]))) for s in gone
    ]


def _stand(leg: Leg, here: Place) -> list[Place]:
    return [here] * leg.count


def _jitter(leg: Leg, here: Place) -> list[Place]:
    return [(here[0] + (2_000 if n % 2 else -2_000), here[1]) for n in range(leg.count)]


def _wobble(leg: Leg, here: Place) -> list[Place]:
    return [(leg.lon + (3_000 if n % 2 else -3_000), leg.lat) for n in range(leg.count)]


def _turn(leg: Leg, here: Place) -> list[Place]:
    there = _drive(leg, here)
    return [*there, *reversed(there[:-1]), here]


def _blip(leg: Leg, here: Place) -> list[Place]:
    return [*([(leg.lon, leg.lat)] * (1 + leg.count % 4)), here]


def _gap(leg: Leg, here: Place) -> list[Place]:
    return [(leg.lon, leg.lat)]


_LEGS: dict[str, Callable[[Leg, Place], list[Place]]] = {
    "drive": _drive,
    "stand": _stand,
    "gap": _gap,
    "turn": _turn,
    "wobble": _wobble,
    "jitter": _jitter,
    "blip": _blip,
}
CALM = ("drive", "stand", "gap", "turn", "jitter")


def walk(start_ms: int, start: Place, legs: list[Leg], odometer: int) -> list[Item]:
    """The samples of a track without faults. ``odometer``: every how many fixes it is read (0: never)."""
    t, here = T0 + start_ms, start
    items: list[Item] = []
    for leg in legs:
        speed = {"stand": 0, "jitter": 0}.get(leg.kind, leg.kmh * 100)
        for place in _LEGS[leg.kind](leg, here):
            read = odometer and len(items) % odometer == 0
            items.append(
                Item(
                    Sample(
                        t,
                        *place,
                        speed=speed,
                        hdop=100,
                        fix=3,
                        odometer=len(items) * 500_000 if read else None,
                    ),
                    t,
                )
            )
            here = place
            t += leg.every_ms
    return items


def _fault(items: list[Item], at: int, name: str) -> list[Item]:
    """What stands in for item ``at`` when the fault has befallen it."""
    item = items[at]
    x, real = item.sample, item.real_ms
    before = items[at - 1].sample if at else x
    rival = replace(x, lon=x.lon - 40_000)
    ways: dict[str, list[Sample]] = {
        "no fix": [replace(x, fix=0)],
        "poor": [replace(x, hdop=2_500)],
        "coarse": [replace(x, hdop=1_900)],
        "no hdop": [replace(x, hdop=None, fix=None)],
        "null island": [replace(x, lon=0, lat=0)],
        "no speed": [replace(x, speed=None)],
        "speed lies": [replace(x, speed=0 if x.speed else 6_000)],
        "frozen": [replace(x, lon=before.lon, lat=before.lat, wheel=6_000)],
        "rival": [x, rival],
        "bad rival": [x, replace(rival, fix=1)],
        "ahead": [replace(x, t=x.t + HOUR_MS)],
        "far ahead": [replace(x, t=x.t + 60 * WEEK_MS)],
        "rolled over": [replace(x, t=x.t - 1024 * WEEK_MS)],
        "born again": [replace(x, t=x.t - T0)],
        "jump": [replace(x, lon=x.lon + 5_000_000)],
        "heading": [replace(x, heading=9_000, sats=7)],
    }
    return [Item(one, real) for one in ways[name]]


FAULTS = (
    "no speed",
    "no fix",
    "poor",
    "coarse",
    "no hdop",
    "null island",
    "speed lies",
    "frozen",
    "rival",
    "bad rival",
    "ahead",
    "far ahead",
    "rolled over",
    "born again",
    "jump",
    "heading",
)


def befall(items: list[Item], faults: list[tuple[int, str]]) -> list[Item]:
    """The track with faults at these places (counted round)."""
    struck = {at % len(items): name for at, name in faults} if items else {}
    return [
        one
        for at, item in enumerate(items)
        for one in (_fault(items, at, struck[at]) if at in struck else [item])
    ]


def legs(kinds: tuple[str, ...], lons: list[int]) -> st.SearchStrategy[Leg]:
    """One leg of one of these kinds, to one of these longitudes."""
    return st.builds(
        Leg,
        st.sampled_from(kinds),
        st.sampled_from(lons),
        st.sampled_from((*LATS_E7[:1] * 4, *LATS_E7)),
        st.integers(1, 12),
        st.sampled_from(EVERY_MS),
        st.sampled_from(KMH),
    )


@st.composite
def tracks(draw: st.DrawFn, most_legs: int = 6, calm: bool = False) -> list[Item]:
    """The samples of one asset in the order in which they were taken.

    ``calm``: so slow and so near to each other that whatever is missing, all others are believed.
    """
    lons = [lon for lon in LONS_E7 if not calm or abs(lon) <= 120_000]
    start = draw(st.sampled_from(lons)), draw(st.sampled_from(LATS_E7))
    way = draw(st.lists(legs(CALM if calm else tuple(_LEGS), lons), min_size=1, max_size=most_legs))
    if calm:
        way = [replace(leg, every_ms=max(leg.every_ms, 40_000), lat=start[1]) for leg in way]
    items = walk(draw(st.integers(0, 3)) * 500, start, way, draw(st.sampled_from([0, 1, 3])))
    if calm:
        return items
    faults = st.tuples(st.integers(0, 60), st.sampled_from(FAULTS))
    return befall(items, draw(st.lists(faults, max_size=5)))
