"""What speaks against a cover: driven where or when it does not allow, or without proof.

A breach is a finding with its figures, not a judgement: what it means is the policy's and the insurer's.
"""

from __future__ import annotations

from typing import Any, Final

from streams.cover import heard
from streams.cover.border import cited
from streams.cover.exposure import period
from streams.cover.inputs import Drive, Found, Inputs, Stay
from streams.cover.localtime import offset_ms, overlap, within
from streams.cover.policy import holds
from streams.events import Kind, object_id

NEVER: Final = 1 << 62
LEAST_MS: Final = 10 * 60_000
"""Less driving than that in an excluded hour or off the route is none."""
AFTER_MS: Final = 8 * 86_400_000
"""For how long after its end a cover is looked at for driving without cover."""


def found(inputs: Inputs, now_ms: int) -> list[Found]:
    """All breaches of all covers of the asset."""
    out: list[Found] = []
    for id_, cover in sorted(inputs.covers.items()):
        out += _outside(inputs, id_, cover, now_ms)
        out += _expired(inputs, id_, cover)
        for drive in inputs.drives:
            out += _hours(inputs, id_, cover, drive)
            out += _off_route(inputs, id_, cover, drive)
    return out


def proof_gaps(inputs: Inputs) -> list[Found]:
    """Silences over which the vehicle went on, while a cover ran: nothing proves what happened in them.

    ``explained``: how much of it the device said that it had no coverage for.
    """
    out = []
    for before, after in zip(inputs.runs, inputs.runs[1:], strict=False):
        begin, end = before[3], after[0]
        moved = _apart(before, after)
        held = [id_ for id_, cover in sorted(inputs.covers.items()) if holds(cover, begin)]
        if moved <= heard.MOVED_MM or not held:
            continue
        explained = sum(overlap(begin, end, *span) for span in inputs.said)
        told = {
            "what": "proof",
            "state": "closed",
            "gate": None,
            "country": _country(inputs, begin),
            "from_ms": begin,
            "until_ms": end,
            "covers": held,
            "moved_mm": moved,
            "explained": {"ms": explained, "share_permille": explained * 1000 // (end - begin)},
        }
        out.append(Found(object_id(Kind.GAP, "proof", inputs.asset, begin), end, end, told))
    return out


def _outside(inputs: Inputs, id_: str, cover: dict[str, Any], now_ms: int) -> list[Found]:
    """Stays in countries that neither this cover nor any other names."""
    out = []
    for stay in inputs.countries():
        part = period(cover, stay)
        if stay.country in cover["countries"] or part is None:
            continue
        if part[0] > now_ms and part[0] != stay.enter_ms:
            continue
        if cited(inputs, stay.country, part[0]):
            continue
        later = [c["from_ms"] for c in inputs.covers.values() if stay.country in c["countries"]]
        end = min([part[1], *(b for b in later if b > part[0])])
        until = end if end <= now_ms or end == stay.leave_ms else None
        more = {"country": stay.country, "want": cover["countries"]}
        out.append(_breach(id_, cover, "outside_countries", stay.id, part[0], until, more))
    return out


def _expired(inputs: Inputs, id_: str, cover: dict[str, Any]) -> list[Found]:
    """Driving in the cover's countries after its end, with no other cover."""
    end = cover["until_ms"]
    bare = [
        (max(drive.begin, end), drive.end)
        for drive in inputs.drives
        if end < drive.end
        and drive.begin < end + AFTER_MS
        and (country := _country(inputs, max(drive.begin, end))) in cover["countries"]
        and not cited(inputs, country or "", max(drive.begin, end))
    ]
    if not bare:
        return []
    more = {"driven": {"ms": sum(b - a for a, b in bare), "trips": len(bare)}}
    return [_breach(id_, cover, "expired", "", bare[0][0], bare[-1][1], more)]


def _hours(inputs: Inputs, id_: str, cover: dict[str, Any], drive: Drive) -> list[Found]:
    hours = cover["conditions"]["excluded_hours"]
    if hours is None:
        return []
    span = hours["from_min"], hours["until_min"]
    gone = 0
    for stay in inputs.countries():
        part = period(cover, stay)
        if part is not None and stay.country in cover["countries"]:
            ahead = offset_ms(stay.country, cover["conditions"]["utc_offset_min"])
            gone += within(max(drive.begin, part[0]), min(drive.end, part[1]), span, ahead)
    if gone < LEAST_MS:
        return []
    more = {"trip": drive.id, "driven": {"ms": gone}, "want": hours}
    return [_breach(id_, cover, "excluded_hours", drive.id, drive.begin, drive.end, more)]


def _off_route(inputs: Inputs, id_: str, cover: dict[str, Any], drive: Drive) -> list[Found]:
    route = cover["conditions"]["route"]
    begin, end = max(drive.begin, cover["from_ms"]), min(drive.end, cover["until_ms"])
    if route is None or begin >= end:
        return []
    on = sum(overlap(begin, end, *_span(stay)) for stay in inputs.stays if stay.zone == route)
    off = end - begin - on
    if off < LEAST_MS:
        return []
    more = {"trip": drive.id, "driven": {"ms": off}, "want": route}
    return [_breach(id_, cover, "off_route", drive.id, begin, end, more)]


def _breach(
    cover: str, of: dict[str, Any], what: str, subject: str, begin: int, end: int | None, more: dict[str, Any]
) -> Found:
    data = {
        "what": what,
        "state": "open" if end is None else "closed",
        "cover": cover,
        "number": of["number"],
        "insurer": of["insurer"],
        "from_ms": begin,
        "until_ms": end,
        **more,
    }
    return Found(object_id(Kind.BREACH, cover, what, subject), begin if end is None else end, end, data)


def _span(stay: Stay) -> tuple[int, int]:
    return stay.enter_ms, NEVER if stay.leave_ms is None else stay.leave_ms


def _country(inputs: Inputs, t_ms: int) -> str | None:
    for stay in inputs.countries():
        begin, end = _span(stay)
        if begin <= t_ms < end:
            return stay.country
    return None


def _apart(before: list[int], after: list[int]) -> int:
    """About how far apart the ends of two runs are, in whole mm: 111 km a degree, flat."""
    north = abs(after[2] - before[5])
    east = abs(after[1] - before[4])
    return int(max(north, east) * 111_195 // 10_000)
