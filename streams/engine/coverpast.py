"""What of a covered vehicle's past is kept, and when it is forgotten: once nothing that is told needs it.

What began longer ago than late data can come, and goes on or ended since, may follow from what is forgotten:
it is told from then on as it was told.
"""

from __future__ import annotations

from collections.abc import Mapping
from itertools import pairwise
from typing import Any, Final

from streams.cover import border, exposure, heard
from streams.cover.inputs import Drive, Inputs, Stay
from streams.engine.folder import Folder, Told
from streams.events import Kind

PLACES: Final = ("country", "approach")
"""Kinds of zones whose visits matter to every cover."""
_OF_THE_BEGINNING: Final = ("country", "covers", "explained")


def part(book: Folder, name: str) -> dict[str, Any]:
    """One of the book's tables."""
    held: dict[str, Any] = book.bus.setdefault(name, {})
    return held


def old(data: Mapping[str, Any], before: int) -> bool:
    """Whether a gap of proof or driving after a cover's end began so long ago that it can't be taken back."""
    return data.get("what") in ("proof", "expired") and bool(data["from_ms"] < before)


def sure(held: Told | None, found: dict[str, Any], before: int) -> dict[str, Any]:
    """What to tell of an object that was found again: of an old one what can't be found any more stays."""
    if held is None or held[2] or not old(held[1], before):
        return found
    told: dict[str, Any] = held[1]
    if told["what"] == "expired":
        return told
    return found | {name: told[name] for name in _OF_THE_BEGINNING if name in told}


def breached(book: Folder) -> dict[str, int]:
    """By cover the newest end of the driving that was told after it."""
    ends: dict[str, int] = {}
    for _, data, retracted in book.objects(Kind.BREACH.value).values():
        if data["what"] == "expired" and not retracted:
            ends[data["cover"]] = max(data["until_ms"], ends.get(data["cover"], 0))
    return ends


def forget(book: Folder, before: int) -> None:
    """Settle the sums of what ended before a time, and forget it."""
    whole = Inputs(
        asset=book.asset,
        covers=book.found,
        stays=sorted((Stay(id_, *one) for id_, one in part(book, "stays").items()), key=lambda s: s.enter_ms),
        drives=[Drive(id_, *one) for id_, one in part(book, "drives").items() if one[1] < before],
        crossings={},
        hours={h: s for h, s in part(book, "hours").items() if (int(h) + 1) * heard.HOUR_MS < before},
    )
    if whole.drives or whole.hours:
        for id_, cover in book.found.items():
            for stay in whole.countries():
                _settle(book, whole, id_, cover, stay)
        for drive in whole.drives:
            del part(book, "drives")[drive.id]
        for hour in whole.hours:
            del part(book, "hours")[hour]
    runs = book.bus.get("runs", [])
    if runs and runs[0][3] < before:  # the silence after a run counts, too
        book.bus["runs"] = [run for run, newer in pairwise(runs) if newer[0] >= before] + runs[-1:]
    if "said" in book.bus:
        silent = min(before, book.bus["runs"][0][3]) if runs else before
        book.bus["said"] = [span for span in book.bus["said"] if span[1] >= silent]
    _forget_ways(book, before)
    after = breached(book)
    for id_, cover in list(book.found.items()):
        if max(cover["until_ms"], after.get(id_, 0)) < before:
            del book.found[id_]
            book.objects(Kind.COVER.value).pop(id_, None)
    crashes = book.bus.get("crashes", [])
    if crashes and crashes[0][2] < before:
        book.bus["crashes"] = [one for one in crashes if one[2] >= before]
    held = book.objects(Kind.INCIDENT.value)
    for id_, (_, data, _) in list(held.items()):
        if data["at_ms"] < before:
            del held[id_]


def _settle(book: Folder, whole: Inputs, id_: str, cover: dict[str, Any], stay: Stay) -> None:
    span = exposure.period(cover, stay)
    if span is None or stay.country not in cover["countries"]:
        return
    stays = whole.countries()
    more = [exposure.part_of(drive, stay.country, span, stays, cover) for drive in whole.drives]
    sums = heard.within(whole.hours, *span)
    if not any(sums) and not any(more):
        return
    held = part(book, "settled").setdefault(
        exposure.exposure_id(id_, stay.id), {"months": {}, "hours": [0, 0, 0, 0, 0]}
    )
    held["hours"] = [a + b for a, b in zip(held["hours"], sums, strict=True)]
    for drive, one in zip(whole.drives, more, strict=True):
        if one is not None:
            exposure.added(held["months"], {one[0]: one[1]})
            in_zones = exposure.zones_of(drive, span, one, whole.stays, cover)
            exposure.added(held.setdefault("zones", {}), in_zones)


def _forget_ways(book: Folder, before: int) -> None:
    """Forget visits and crossings: not the crossing that a visit of a country began with, nor the approach
    that it came by."""
    every = sorted((Stay(id_, *one) for id_, one in part(book, "stays").items()), key=lambda s: s.enter_ms)
    begins = min((one[0] for one in part(book, "drives").values()), default=before)
    needed = {one.id for one in every if one.leave_ms is None or one.leave_ms >= before}
    needed |= {
        one.id
        for one in every
        if one.kind not in PLACES and one.leave_ms is not None and one.leave_ms >= begins
    }
    lasting = [one for one in every if one.kind == "country" and one.id in needed]
    for id_, (data,) in list(book.crossings.items()):
        line = data["stages"].get("line")
        at = None if line is None else line["estimate_ms"]
        if at is not None and any(
            one.country == data["to"] and abs(one.enter_ms - at) <= exposure.NEAR_MS for one in lasting
        ):
            ahead = border.approach(every, data, at)
            needed |= set() if ahead is None else {ahead.id}
        elif max(stage["latest_ms"] for stage in data["stages"].values() if stage is not None) < before:
            del book.crossings[id_]
            part(book, "cases").pop(id_, None)
    for one in every:
        if one.id not in needed:
            del part(book, "stays")[one.id]
            for of in book.found:
                part(book, "settled").pop(exposure.exposure_id(of, one.id), None)
