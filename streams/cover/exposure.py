"""Exposure of a cover, a stay in a country at a time: km, hours, night, and how well it is proven.

A stay begins and ends at a crossing of the line, or where the cover itself does. Way and driving time are
those of closed trips: the way as the trip has it by country, shared by time where the cover begins or ends
on the way. Integers throughout.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

from streams.cover import heard
from streams.cover.inputs import Drive, Found, Inputs, Stay
from streams.cover.localtime import NIGHT, month, offset_ms, overlap, within
from streams.cover.policy import holds
from streams.events import Kind, object_id

NEVER: Final = 1 << 62
NEAR_MS: Final = 3_600_000
"""So near to a stay's end the line was passed that it is of."""


def found(inputs: Inputs, now_ms: int) -> list[Found]:
    """The exposures of all covers, of each one a stay."""
    out = []
    for id_, cover in inputs.covers.items():
        for stay in inputs.countries():
            part = period(cover, stay)
            if stay.country not in cover["countries"] or part is None:
                continue
            if part[0] <= now_ms or part[0] == stay.enter_ms:
                out.append(_exposure(inputs, id_, cover, stay, part, now_ms))
    return out


def period(cover: dict[str, Any], stay: Stay) -> tuple[int, int] | None:
    """The part of a stay in which a cover holds; its end is NEVER while the stay lasts and no end is near."""
    begin = max(stay.enter_ms, cover["from_ms"])
    end = min(NEVER if stay.leave_ms is None else stay.leave_ms, cover["until_ms"])
    return (begin, end) if begin < end else None


def part_of(
    drive: Drive, country: str, part: tuple[int, int], stays: list[Stay], cover: dict[str, Any]
) -> tuple[str, list[int]] | None:
    """What a trip adds to an exposure: its local month, and mm, ms, ms by night, 1; None: nothing."""
    begin, end = max(drive.begin, part[0]), min(drive.end, part[1])
    if begin >= end:
        return None
    ends = ((s.enter_ms, NEVER if s.leave_ms is None else s.leave_ms) for s in stays if s.country == country)
    whole = sum(overlap(drive.begin, drive.end, *one) for one in ends)
    ahead = offset_ms(country, cover["conditions"]["utc_offset_min"])
    mm = drive.mm.get(country, 0) * (end - begin) // whole if whole else 0
    return month(begin, ahead), [mm, end - begin, within(begin, end, NIGHT, ahead), 1]


def zones_of(
    drive: Drive,
    part: tuple[int, int],
    more: tuple[str, list[int]],
    stays: list[Stay],
    cover: dict[str, Any],
) -> dict[str, list[int]]:
    """Of what a trip adds to an exposure (``part_of``) the part in each deductible zone that it was in: mm
    and ms by month and zone ("2026-11/depot"). Zones may overlap."""
    begin, end = max(drive.begin, part[0]), min(drive.end, part[1])
    local, (mm, *_) = more
    found: dict[str, list[int]] = {}
    for stay in stays:
        if stay.zone not in cover["deductible_zones"]:
            continue
        ms = overlap(begin, end, stay.enter_ms, NEVER if stay.leave_ms is None else stay.leave_ms)
        if ms:
            added(found, {f"{local}/{stay.zone}": [mm * ms // (end - begin), ms]})
    return found


def zones_at(covers: Iterable[dict[str, Any]], stays: Iterable[Stay], t_ms: int) -> list[str]:
    """The deductible zones of the covers that hold at an instant in which the vehicle was then."""
    named = {zone for cover in covers if holds(cover, t_ms) for zone in cover["deductible_zones"]}
    ends = ((s.zone, s.enter_ms, NEVER if s.leave_ms is None else s.leave_ms) for s in stays)
    return sorted({zone for zone, enter, leave in ends if zone in named and enter <= t_ms < leave})


def added(sums: dict[str, list[int]], more: dict[str, list[int]]) -> None:
    """Add sums by name to others."""
    for name, one in more.items():
        sums[name] = [a + b for a, b in zip(sums.get(name, [0] * len(one)), one, strict=True)]


def exposure_id(cover: str, stay: str) -> str:
    """The id of the exposure of a cover by a stay."""
    return object_id(Kind.EXPOSURE, cover, stay)


def _exposure(
    inputs: Inputs, id_: str, cover: dict[str, Any], stay: Stay, part: tuple[int, int], now_ms: int
) -> Found:
    name = exposure_id(id_, stay.id)
    settled = inputs.settled.get(name, {})
    months: dict[str, list[int]] = {m: list(sums) for m, sums in settled.get("months", {}).items()}
    zones: dict[str, list[int]] = {z: list(sums) for z, sums in settled.get("zones", {}).items()}
    stays = inputs.countries()
    for drive in inputs.drives:
        more = part_of(drive, stay.country, part, stays, cover)
        if more is not None:
            added(months, {more[0]: more[1]})
            added(zones, zones_of(drive, part, more, inputs.stays, cover))
    sums = heard.within(inputs.hours, *part)
    if "hours" in settled:
        sums = [a + b for a, b in zip(sums, settled["hours"], strict=True)]
    mm, ms, night, trips = (sum(m[at] for m in months.values()) for at in range(4))
    over = part[1] <= now_ms or part[1] == stay.leave_ms
    data = {
        "state": "ended" if over else "running",
        "cover": id_,
        "number": cover["number"],
        "insurer": cover["insurer"],
        "use": cover["use"],
        "country": stay.country,
        "from_ms": part[0],
        "until_ms": part[1] if over else None,
        "began": _began(inputs, stay, part[0]),
        "ended": _ended(inputs, stay, part[1]) if over else None,
        "visit": stay.id,
        "driven": {"mm": mm, "ms": ms, "trips": trips},
        "night": {"ms": night, "share_permille": night * 1000 // ms if ms else None},
        "months": [
            {
                "month": m,
                "driven": {"mm": s[0], "ms": s[1], "trips": s[3]},
                "night": {"ms": s[2]},
                "deductible": _deductible(cover, zones, [m]),
            }
            for m, s in sorted(months.items())
        ],
        "deductible": _deductible(cover, zones, list(months)),
        "assurance": heard.shares(sums),
        "seen": {"ms": sums[3], "samples": sums[4]},
    }
    return Found(name, part[1] if over else part[0], part[1] if over else None, data)


def _deductible(
    cover: dict[str, Any], zones: dict[str, list[int]], months: list[str]
) -> list[dict[str, Any]]:
    out = []
    for zone in cover["deductible_zones"]:
        sums = [zones.get(f"{m}/{zone}", (0, 0)) for m in months]
        driven = {"mm": sum(mm for mm, _ in sums), "ms": sum(ms for _, ms in sums)}
        out.append({"zone": zone, "driven": driven})
    return out


def _began(inputs: Inputs, stay: Stay, begin: int) -> dict[str, Any]:
    if begin != stay.enter_ms:
        return {"by": "cover", "crossing": None}
    if stay.earliest_ms is None:
        return {"by": "first_fix", "crossing": None}
    return {"by": "line", "crossing": _crossing(inputs, "to", stay.country, begin)}


def _ended(inputs: Inputs, stay: Stay, end: int) -> dict[str, Any]:
    if end != stay.leave_ms:
        return {"by": "cover", "crossing": None}
    return {"by": "line", "crossing": _crossing(inputs, "from", stay.country, end)}


def _crossing(inputs: Inputs, way: str, country: str, t_ms: int) -> str | None:
    """The crossing to or from a country whose line was passed nearest to an instant."""
    near = [
        (abs(data["stages"]["line"]["estimate_ms"] - t_ms), id_)
        for id_, data in inputs.crossings.items()
        if data[way] == country and data["stages"].get("line") is not None
    ]
    least = min(near, default=None)
    return None if least is None or least[0] > NEAR_MS else least[1]
