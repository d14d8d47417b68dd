"""A covered vehicle's book: what it holds of the vehicle's way, how that grows, and when it is forgotten.

``found``: covers by id. ``bus``: stays, drives, hours, runs, sums that are settled, suspected crashes.
``crossings``: id -> data. ``told``: kind -> id -> [revision, data, retracted].
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from streams.cover import exposure, heard
from streams.cover.derive import derive
from streams.cover.inputs import Drive, Inputs, Stay
from streams.engine import coverincidents
from streams.engine.folder import Folder
from streams.events import Change, Event, Kind

if TYPE_CHECKING:
    from streams.engine.covers import Covers

KINDS: Final = frozenset({Kind.VISIT, Kind.TRIP, Kind.CROSSING, Kind.CASE})
KEPT_MS: Final = 10 * 86_400_000
"""How long what has ended can still be amended: later than any late sample."""
_PLACES: Final = ("country", "approach")


def hear(book: Folder, event: Event) -> bool:
    """Take an event; whether it matters to covers."""
    if event.change is Change.RETRACTED:
        gone = [part.pop(event.id, None) for part in (_part(book, "stays"), _part(book, "drives"))]
        return any(one is not None for one in (*gone, book.crossings.pop(event.id, None)))
    return take(book, event.kind, event.id, event.data)


def take(book: Folder, kind: Kind, id_: str, data: dict[str, Any]) -> bool:
    """Take an object as it is now; whether it matters to covers."""
    if kind is Kind.VISIT:
        if data["zone_kind"] not in _PLACES and data["zone"] not in _zones(book):
            return False
        enter, leave = data["enter"], data["leave"]
        _part(book, "stays")[id_] = [
            *(data["zone"], data["zone_kind"], data["country"] or "", data["gate"]),
            *(enter["estimate_ms"], enter["earliest_ms"], enter["latest_ms"]),
            None if leave is None else leave["estimate_ms"],
        ]
    elif kind is Kind.TRIP:
        if data["end_ms"] is None:
            return _part(book, "drives").pop(id_, None) is not None
        mm = {country: part["mm"] for country, part in (data["countries"] or {}).items()}
        _part(book, "drives")[id_] = [data["start_ms"], data["end_ms"], mm]
    elif kind is Kind.CROSSING:
        names = ("gate", "from", "to", "state", "confidence_permille", "stages", "by")
        book.crossings[id_] = [{name: data.get(name) for name in names}]
    elif kind is Kind.CASE:
        if data.get("crossing") is None:
            return False
        held = {"case": id_, "release": data.get("release"), "rule": data.get("release_rule")}
        if _part(book, "cases").get(data["crossing"]) == held:
            return False
        _part(book, "cases")[data["crossing"]] = held
    else:
        return False
    return True


def _zones(book: Folder) -> set[str]:
    """The zones that covers of the vehicle name."""
    routes = {cover["conditions"]["route"] for cover in book.found.values()}
    return routes.union(*(cover["deductible_zones"] for cover in book.found.values()))


def told(book: Folder, pieces: list[tuple[heard.Run, int, heard.Sums]]) -> None:
    """Add what reports told."""
    for _, hour, sums in pieces:
        heard.counted(_part(book, "hours"), hour, sums)
    if pieces:
        book.bus["runs"] = heard.united(book.bus.get("runs", []), [run for run, _, _ in pieces])


def inputs(covers: Covers, book: Folder) -> Inputs:
    """What the rules read."""
    stays = [Stay(id_, *one) for id_, one in _part(book, "stays").items()]
    drives = [Drive(id_, *one) for id_, one in _part(book, "drives").items()]
    gates = {one[0]["gate"] for one in book.crossings.values()} & set(covers.host.gates)
    return Inputs(
        asset=book.asset,
        covers=dict(sorted(book.found.items())),
        stays=sorted(stays, key=lambda one: (one.enter_ms, one.id)),
        drives=sorted(drives, key=lambda one: (one.begin, one.id)),
        crossings={id_: one[0] for id_, one in sorted(book.crossings.items())},
        cases=_part(book, "cases"),
        hours=_part(book, "hours"),
        runs=book.bus.get("runs", []),
        said=book.bus.get("said", []),
        settled=_part(book, "settled"),
        offices={
            gate: [
                {"country": one.country, "scheme": one.scheme, "code": one.code}
                for one in covers.host.gates[gate].offices
            ]
            for gate in sorted(gates)
        },
    )


def derived(covers: Covers, book: Folder, cause: dict[str, Any]) -> None:
    """Go through the rules, tell what differs from what was told, and forget what is over for good."""
    now = covers.host.now_ms
    for id_, cover in sorted(book.found.items()):
        covers.tell(book, Kind.COVER, id_, *_cover(cover, now), cause)
    gates = {id_: (gate.a_country, gate.b_country) for id_, gate in covers.host.gates.items()}
    before = now - KEPT_MS
    for kind, some in derive(inputs(covers, book), gates, now).items():
        said = set()
        for one in some:
            said.add(one.id)
            if one.end_ms is None or one.end_ms >= before:
                covers.tell(book, kind, one.id, one.t_ms, one.data, cause)
        for id_, held in list(book.objects(kind.value).items()):
            end = _end(kind, held[1])
            if end is not None and end < before:
                del book.objects(kind.value)[id_]
            elif id_ not in said:
                covers.retract(book, kind, id_, cause)
    coverincidents.placed(covers, book, cause)
    _forget(book, before)
    bounds = [t for cover in book.found.values() for t in (cover["from_ms"], cover["until_ms"])]
    bounds += [cover["until_ms"] + KEPT_MS + 1 for cover in book.found.values()]
    covers.wakes.set(book.asset, min((t for t in bounds if t > now), default=None))


def _cover(cover: dict[str, Any], now: int) -> tuple[int, dict[str, Any]]:
    if now < cover["from_ms"]:
        return now, cover | {"state": "written"}
    if now < cover["until_ms"]:
        return cover["from_ms"], cover | {"state": "running"}
    return cover["until_ms"], cover | {"state": "ended"}


def _end(kind: Kind, data: dict[str, Any]) -> int | None:
    end = data["at_ms"] if kind is Kind.HANDOVER else data["until_ms"]
    return None if end is None else int(end)


def _forget(book: Folder, before: int) -> None:
    """Settle the sums of what ended before a time, and forget it."""
    whole = Inputs(
        asset=book.asset,
        covers=book.found,
        stays=sorted(
            (Stay(id_, *one) for id_, one in _part(book, "stays").items()), key=lambda s: s.enter_ms
        ),
        drives=[Drive(id_, *one) for id_, one in _part(book, "drives").items() if one[1] < before],
        crossings={},
        hours={h: s for h, s in _part(book, "hours").items() if (int(h) + 1) * heard.HOUR_MS < before},
    )
    if whole.drives or whole.hours:
        for id_, cover in book.found.items():
            for stay in whole.countries():
                _settle(book, whole, id_, cover, stay)
        for drive in whole.drives:
            del _part(book, "drives")[drive.id]
        for hour in whole.hours:
            del _part(book, "hours")[hour]
    runs = book.bus.get("runs", [])
    if runs and runs[0][3] < before:
        book.bus["runs"] = [run for run in runs[:-1] if run[3] >= before] + runs[-1:]
    begins = min((one[0] for one in _part(book, "drives").values()), default=before)
    if "said" in book.bus:
        book.bus["said"] = [span for span in book.bus["said"] if span[1] >= before]
    for id_, one in list(_part(book, "stays").items()):
        if one[-1] is not None and one[-1] < (before if one[1] in _PLACES else min(before, begins)):
            del _part(book, "stays")[id_]
            for of in book.found:
                _part(book, "settled").pop(exposure.exposure_id(of, id_), None)
    for id_, (data,) in list(book.crossings.items()):
        if max(stage["latest_ms"] for stage in data["stages"].values() if stage is not None) < before:
            del book.crossings[id_]
            _part(book, "cases").pop(id_, None)
    for id_, cover in list(book.found.items()):
        if cover["until_ms"] < before:
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
    part = exposure.period(cover, stay)
    if part is None or stay.country not in cover["countries"]:
        return
    stays = whole.countries()
    more = [exposure.part_of(drive, stay.country, part, stays, cover) for drive in whole.drives]
    sums = heard.within(whole.hours, *part)
    if not any(sums) and not any(more):
        return
    held = _part(book, "settled").setdefault(
        exposure.exposure_id(id_, stay.id), {"months": {}, "hours": [0, 0, 0, 0, 0]}
    )
    held["hours"] = [a + b for a, b in zip(held["hours"], sums, strict=True)]
    for drive, one in zip(whole.drives, more, strict=True):
        if one is not None:
            exposure.added(held["months"], {one[0]: one[1]})
            in_zones = exposure.zones_of(drive, part, one, whole.stays, cover)
            exposure.added(held.setdefault("zones", {}), in_zones)


def _part(book: Folder, name: str) -> dict[str, Any]:
    held: dict[str, Any] = book.bus.setdefault(name, {})
    return held
