"""Incidents of covered vehicles: harsh driving as its report shows it, suspected crashes with evidence."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from streams.cover import crash
from streams.cover.driving import CRASH
from streams.cover.exposure import zones_at
from streams.cover.inputs import Stay
from streams.cover.policy import holds
from streams.engine.coverears import Find
from streams.engine.folder import Folder
from streams.engine.units import NONE
from streams.events import Kind, object_id

if TYPE_CHECKING:
    from streams.engine.covers import Covers

_MOST: Final = 64


def found(covers: Covers, find: Find) -> None:
    """Tell what a report shows, if a cover holds then; look out for the stand after a crash."""
    book = covers.books.get(find.asset)
    if book is None or not any(holds(cover, find.t_ms) for cover in book.found.values()):
        return
    id_ = object_id(Kind.INCIDENT, find.asset, find.sort, find.device, find.boot, find.seq)
    data = _data(book, find.sort, find)
    covers.tell(book, Kind.INCIDENT, id_, find.t_ms, data, _cause(find))
    if not _zoned(book, find.t_ms):
        del book.objects(Kind.INCIDENT.value)[id_]  # a report is heard once: nothing amends it
    if find.sort == "harsh_braking" and find.peak >= CRASH:
        held = book.bus.setdefault("crashes", [])
        held.append(list(find[1:]))
        held.sort(key=lambda one: one[2])
        del held[:-_MOST]
        covers.crashes.set(find.asset, max(one[2] for one in held) + crash.AFTER_MS, covers.host.rows)
        covers.shaken.add(find.asset)


def placed(covers: Covers, book: Folder, cause: dict[str, Any]) -> None:
    """Tell anew of incidents of which later samples say that they were in other deductible zones."""
    for id_, (_, data, retracted) in list(book.objects(Kind.INCIDENT.value).items()):
        zones = _zones(book, data["at_ms"])
        if not retracted and zones != data.get("deductible_zones", []):
            told = data | {"deductible_zones": zones}
            covers.tell(book, Kind.INCIDENT, id_, data["at_ms"], told, cause)


def judged(covers: Covers, asset: str) -> None:
    """Judge the suspected crashes of an asset by the samples around them as they are now."""
    book = covers.books.get(asset)
    if book is None:
        return
    for one in book.bus.get("crashes", ()):
        find = Find(asset, *one)
        id_ = object_id(Kind.INCIDENT, asset, "crash_suspected", find.device, find.boot, find.seq)
        rows = covers.host.samples(asset, find.t_ms - crash.BEFORE_MS, find.t_ms + crash.AFTER_MS)
        around = [
            crash.Moment(t, lon, lat, _speed(wheel, speed), position)
            for t, lon, lat, wheel, speed, position in zip(
                *(column.tolist() for column in (rows.t, rows.lon, rows.lat, rows.wheel, rows.speed)),
                rows.position.tolist(),
                strict=True,
            )
        ]
        if crash.suspected(find.t_ms, find.before, around):
            data = _data(book, "crash_suspected", find) | {"evidence": {"samples": crash.evidence(around)}}
            covers.tell(book, Kind.INCIDENT, id_, find.t_ms, data, _cause(find))
        elif id_ in book.objects(Kind.INCIDENT.value):
            covers.retract(book, Kind.INCIDENT, id_, _cause(find))


def _speed(wheel: int, speed: int) -> int:
    return wheel if wheel != NONE else speed if speed != NONE else -1


def _cause(find: Find) -> dict[str, Any]:
    return {"kind": "report", "device": find.device, "boot": find.boot, "seq": find.seq}


def _zoned(book: Folder, t_ms: int) -> bool:
    return any(holds(cover, t_ms) and cover["deductible_zones"] for cover in book.found.values())


def _zones(book: Folder, t_ms: int) -> list[str]:
    stays = (Stay(id_, *one) for id_, one in book.bus.get("stays", {}).items())
    return zones_at(book.found.values(), stays, t_ms)


def _data(book: Folder, what: str, find: Find) -> dict[str, Any]:
    return {
        "what": what,
        "state": "told",
        "at_ms": find.t_ms,
        "lon_e7": find.lon if find.lon != NONE else None,
        "lat_e7": find.lat if find.lat != NONE else None,
        "peak_mm_s2": find.peak,
        "before_ckmh": find.before,
        "after_ckmh": find.after,
        "source": find.source,
        "report": {"device": find.device, "boot": find.boot, "seq": find.seq},
        "deductible_zones": _zones(book, find.t_ms),
        "covers": [id_ for id_, cover in sorted(book.found.items()) if holds(cover, find.t_ms)],
    }
