"""The eight drives of crossings.md: each folded by the engine, with its objects as plain values."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from math import cos, sin
from typing import Any, Final

import numpy as np

from docs.pictures.drives import Fix, Truck, area, drive, metres, place
from geofences.zone import Zone, ZoneKind

PORTS_AND_ROAD: Final = [
    (0.0, -7_000.0),
    (366.0, -900.0),
    (420.0, -450.0),
    (1_500.0, -450.0),
    (1_560.0, -130.0),
    (1_660.0, 440.0),
    (1_760.0, 820.0),
    (3_000.0, 820.0),
    (3_060.0, 1_150.0),
    (3_420.0, 7_000.0),
]
"""Half an hour in each port: (seconds, metres behind the border)."""


def crossing() -> dict[str, Any]:
    """A fix each half minute, one of them thrown into the other country."""
    truck = Truck()
    fixes = drive(PORTS_AND_ROAD, 30)
    lon, lat = place(2_150, 240)
    thrown = next(i for i, fix in enumerate(fixes) if fix.t_s == 1_050)
    fixes[thrown] = replace(fixes[thrown], lon=lon, lat=lat)
    truck.each(fixes)
    return truck.picture()


def bracket() -> dict[str, Any]:
    """A truck slows down into the port: one step over its fence."""
    truck = Truck()
    before = drive([(-120, -3_000), (-10, -1_167)], 10, noise_m=0)
    step = [Fix(0, *place(-1_000), 60), Fix(20, *place(-806), 10)]
    truck.each([*before, *step, *(Fix(t, *place(-800), 0) for t in (30, 40))])
    return truck.picture()


def late() -> dict[str, Any]:
    """Hardly any coverage: a fix each ten minutes. The rest comes in one backlog."""
    truck, fixes = Truck(), drive(PORTS_AND_ROAD, 30)
    live = [fix for fix in fixes if fix.t_s % 600 == 0]
    truck.each(live)
    before = truck.picture()
    truck.sends([fix for fix in fixes if fix not in live], received_s=4_000)
    return {"before": before, "after": truck.picture()}


def cut() -> dict[str, Any]:
    """A plaza of 200 m by 500 m at 72 km/h, with fixes each 15, 60 and 180 s that never fall into it."""
    outline = area((2_900, 3_100), (-250, 250))
    plaza = Zone("plaza", ZoneKind.CUSTOM, "toll plaza", outline)
    out = {}
    for gap in (15, 60, 180):
        half = gap / 2 * 20
        truck = Truck([plaza])
        first = (2_400 - half) / 20
        begin = drive([(0, 600), (first, 3_000 - half)], first, noise_m=0)
        end = drive([(begin[-1].t_s + gap, 3_000 + half), (begin[-1].t_s + gap + 20, 3_400 + half)], 10, 0)
        truck.each([*begin, *end])
        out[f"{gap} s"] = truck.picture()
    return out


def jitter() -> dict[str, Any]:
    """Ten minutes in a queue at the port's fence, fixes 25 m off; then in, out for two turns, in again."""
    truck = Truck()
    queue = drive([(0, -1_400), (60, -903), (600, -897), (640, -700), (900, -700)], 10, noise_m=0)
    noisy = [
        replace(fix, lon=lon, lat=lat)
        for i, fix in enumerate(queue)
        for lon, lat in [
            place(metres(fix.lon, fix.lat)[0] + 13 * (sin(2.4 * i) + cos(1.3 * i * i)), 6 * sin(1.9 * i))
        ]
    ]
    turns = [(910, -700), (950, -880), (970, -960), (1_040, -960), (1_060, -860), (1_240, -700)]
    turns += [(1_280, -880), (1_300, -960), (1_500, -960), (1_520, -860), (1_700, -700)]
    truck.each([*noisy, *drive(turns, 10, noise_m=3)])
    return truck.picture()


def u_turn() -> dict[str, Any]:
    """Into the exit port, half an hour there, and back the way it came."""
    truck = Truck()
    way = [
        (0, -7_000),
        (366, -900),
        (420, -450),
        (2_220, -450),
        (2_290, -900),
        (2_660, -7_000),
        (2_840, -10_000),
    ]
    truck.each(drive([(float(t), float(m)) for t, m in way], 30))
    return truck.picture()


def no_mans_land() -> dict[str, Any]:
    """Twenty minutes between the outlines, which leave 363 m of the road to neither country."""
    truck = Truck()
    way = [(0, -600), (60, -300), (150, 180), (1_350, 180), (1_400, 470), (1_500, 820), (1_800, 820)]
    truck.each(drive([(float(t), float(m)) for t, m in way], 30))
    return truck.picture()


def off_gate() -> dict[str, Any]:
    """Eight kilometres from the gate: one truck drives over the border, another stands there and seems to."""
    begin, end = (101.7500, 21.1580), (101.7470, 21.1370)
    driver, standing = Truck(), Truck()
    for i, share in enumerate(np.linspace(0, 1, 41).tolist()):
        lon, lat = (a + share * (b - a) for a, b in zip(begin, end, strict=True))
        driver.sends([Fix(30 * i, lon + 0.0002 * sin(0.7 * i), lat, 7)])
    for i in range(41):
        north = (-60 if 20 <= i < 26 else 60) + 15 * sin(2.4 * i)
        lon, lat = 101.75 + 0.0002 * cos(1.7 * i), 21.146675 + north / 111_195
        standing.sends([Fix(30 * i, lon, lat, 0)])
    return {"over": driver.picture(), "noise": standing.picture()}


SCENES: Final[dict[str, Callable[[], dict[str, Any]]]] = {
    "crossing": crossing,
    "bracket": bracket,
    "late": late,
    "cut": cut,
    "jitter": jitter,
    "u_turn": u_turn,
    "no_mans_land": no_mans_land,
    "off_gate": off_gate,
}
