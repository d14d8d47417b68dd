"""A covered vehicle's book: what it holds of the vehicle's way, how that grows, and when it is forgotten.

``found``: covers by id. ``bus``: stays, drives, hours, runs, sums that are settled, suspected crashes.
``crossings``: id -> data. ``told``: kind -> id -> [revision, data, retracted].
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from streams.cover import heard
from streams.cover.derive import derive
from streams.cover.inputs import Drive, Inputs, Stay
from streams.engine import coverincidents, coverpast
from streams.engine.coverpast import PLACES, part
from streams.engine.folder import Folder
from streams.events import Change, Event, Kind

if TYPE_CHECKING:
    from streams.engine.covers import Covers

KINDS: Final = frozenset({Kind.VISIT, Kind.TRIP, Kind.CROSSING, Kind.CASE})
KEPT_MS: Final = 10 * 86_400_000
"""How long what has ended can still be amended: later than any late sample."""


def hear(book: Folder, event: Event) -> bool:
    """Take an event; whether it matters to covers."""
    if event.change is Change.RETRACTED:
        gone = [part.pop(event.id, None) for part in (part(book, "stays"), part(book, "drives"))]
        return any(one is not None for one in (*gone, book.crossings.pop(event.id, None)))
    return take(book, event.kind, event.id, event.data)


def take(book: Folder, kind: Kind, id_: str, data: dict[str, Any]) -> bool:
    """Take an object as it is now; whether it matters to covers."""
    if kind is Kind.VISIT:
        if data["zone_kind"] not in PLACES and data["zone"] not in _zones(book):
            return False
        enter, leave = data["enter"], data["leave"]
        part(book, "stays")[id_] = [
            *(data["zone"], data["zone_kind"], data["country"] or "", data["gate"]),
            *(enter["estimate_ms"], enter["earliest_ms"], enter["latest_ms"]),
            None if leave is None else leave["estimate_ms"],
        ]
    elif kind is Kind.TRIP:
        if data["end_ms"] is None:
            return part(book, "drives").pop(id_, None) is not None
        mm = {country: part["mm"] for country, part in (data["countries"] or {}).items()}
        part(book, "drives")[id_] = [data["start_ms"], data["end_ms"], mm]
    elif kind is Kind.CROSSING:
        names = ("gate", "from", "to", "state", "confidence_permille", "stages", "by")
        book.crossings[id_] = [{name: data.get(name) for name in names}]
    elif kind is Kind.CASE:
        if data.get("crossing") is None:
            return False
        held = {"case": id_, "release": data.get("release"), "rule": data.get("release_rule")}
        if part(book, "cases").get(data["crossing"]) == held:
            return False
        part(book, "cases")[data["crossing"]] = held
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
        heard.counted(part(book, "hours"), hour, sums)
    if pieces:
        book.bus["runs"] = heard.united(book.bus.get("runs", []), [run for run, _, _ in pieces])


def inputs(covers: Covers, book: Folder) -> Inputs:
    """What the rules read."""
    stays = [Stay(id_, *one) for id_, one in part(book, "stays").items()]
    drives = [Drive(id_, *one) for id_, one in part(book, "drives").items()]
    gates = {one[0]["gate"] for one in book.crossings.values()} & set(covers.host.gates)
    return Inputs(
        asset=book.asset,
        covers=dict(sorted(book.found.items())),
        stays=sorted(stays, key=lambda one: (one.enter_ms, one.id)),
        drives=sorted(drives, key=lambda one: (one.begin, one.id)),
        crossings={id_: one[0] for id_, one in sorted(book.crossings.items())},
        cases=part(book, "cases"),
        hours=part(book, "hours"),
        runs=book.bus.get("runs", []),
        said=book.bus.get("said", []),
        settled=part(book, "settled"),
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
                data = coverpast.sure(book.objects(kind.value).get(one.id), one.data, before)
                covers.tell(book, kind, one.id, one.t_ms, data, cause)
        for id_, held in list(book.objects(kind.value).items()):
            end = _end(kind, held[1])
            if end is not None and end < before:
                del book.objects(kind.value)[id_]
            elif id_ not in said and not coverpast.old(held[1], before):
                covers.retract(book, kind, id_, cause)
    coverincidents.placed(covers, book, cause)
    coverpast.forget(book, before)
    bounds = [t for cover in book.found.values() for t in (cover["from_ms"], cover["until_ms"])]
    ends = [*coverpast.breached(book).values(), *(cover["until_ms"] for cover in book.found.values())]
    bounds += [end + KEPT_MS + 1 for end in ends]
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
