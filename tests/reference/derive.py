"""All rules in their order: from the samples of one asset to the content of its objects."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from geofences.zone import Gate, Zone, ZoneKind
from streams.engine.settings import Rules
from streams.events import Kind
from tests.reference.belief import believed
from tests.reference.countries import countries, country_visits
from tests.reference.crossings import crossings
from tests.reference.follower import Crossing
from tests.reference.places import Places
from tests.reference.trips import runs, stops, trips
from tests.reference.values import Bracket, Object, Sample, Visit
from tests.reference.visits import visits

STAGES = ("approach", "exit_port", "exit_port_left", "line", "entry_port", "leave")
DWELLS = {
    "approach": ("approach", "exit_port"),
    "exit_port": ("exit_port", "exit_port_left"),
    "between": ("exit_port_left", "entry_port"),
    "entry_port": ("entry_port", "leave"),
}


def reference(
    samples: Iterable[Sample], zones: Sequence[Zone], gates: Sequence[Gate], rules: Rules
) -> list[Object]:
    """The objects of one asset's samples, in no particular order."""
    return derive(samples, Places(zones, gates), rules)


def derive(samples: Iterable[Sample], places: Places, rules: Rules) -> list[Object]:
    """As ``reference``, for zones that are indexed already."""
    fixes = believed(samples, rules)
    around = places.around(fixes)
    cuts = places.cuts(fixes)
    country = [places.country(zones) for zones in around]

    way = countries(places, fixes, country, rules)
    touched = sorted({zone for zones in [*around, *cuts] for zone in zones})
    areas = [zone for zone in touched if places.zones[zone].kind is not ZoneKind.COUNTRY]
    stays = [visit for zone in areas for visit in visits(places, zone, fixes, around, cuts, rules)]

    passed = crossings(places, fixes, way, stays, rules)

    moved = runs(fixes, rules)
    codes = [places.code(one) for one in country]
    return [
        *(Object(Kind.VISIT, visit_data(places, visit)) for visit in stays if visit.counts is not None),
        *(Object(Kind.VISIT, visit_data(places, visit)) for visit in country_visits(fixes, way)),
        *(Object(Kind.CROSSING, crossing_data(crossing)) for crossing in passed),
        *(Object(Kind.TRIP, data) for data in trips(fixes, codes, moved, rules)),
        *(Object(Kind.STOP, data) for data in stops(fixes, moved, rules)),
    ]


def visit_data(places: Places, visit: Visit) -> dict[str, Any]:
    """The content of a visit."""
    zone = places.zones[visit.zone]
    return {
        "zone": zone.id,
        "zone_name": zone.name,
        "zone_kind": str(zone.kind),
        "zone_version": zone.version,
        "gate": zone.gate,
        "country": zone.country or zone.side,
        "state": "open" if visit.leave is None else "closed",
        "how": visit.how,
        "confidence_permille": visit.confidence,
        "enter": visit.enter.data(),
        "leave": None if visit.leave is None else visit.leave.data(),
        "dwell_ms": _between(visit.enter, visit.leave),
    }


def crossing_data(crossing: Crossing) -> dict[str, Any]:
    """The content of a crossing."""
    stages, completed = crossing.stages, crossing.state == "completed"
    dwell = {name: _between(stages.get(a), stages.get(b)) for name, (a, b) in DWELLS.items()}
    if not completed:
        dwell["entry_port"] = None
    begin = stages.get("exit_port") or stages.get("line")
    return {
        "gate": crossing.gate and crossing.gate.id,
        "gate_name": crossing.gate and crossing.gate.name,
        "direction": f"{crossing.origin}>{crossing.other}",
        "from": crossing.origin,
        "to": crossing.other,
        "state": crossing.state,
        "stages": {name: stages[name].data() if name in stages else None for name in STAGES},
        "dwell_ms": dwell,
        "confidence_permille": min((visit.confidence for visit in crossing.visits), default=1000),
        "duration_ms": _between(begin, stages.get("leave")) if completed else None,
    }


def _between(begin: Bracket | None, end: Bracket | None) -> int | None:
    return None if begin is None or end is None else end.estimate - begin.estimate
