"""What must happen to the result when the input is moved, turned round in time, or thinned out.

No second opinion is needed here: the engine is compared with itself.
"""

from __future__ import annotations

import os
from dataclasses import replace
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from shapely.affinity import translate

from geofences.zone import Gate, Zone
from streams.engine import Engine, World
from streams.events import Change, Event, Kind
from tests.property import nasty
from tests.property.delivery import Delivery, Report
from tests.reference import Sample

NIGHTLY = os.environ.get("HYPOTHESIS_PROFILE") == "nightly"
LAW = settings(
    max_examples=1_000 if NIGHTLY else 60, deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
SHIFT_DEG = 100
SHIFT_E7 = SHIFT_DEG * 10_000_000
HERE = nasty.world()


def moved_zone(zone: Zone) -> Zone:
    """The zone, as many whole degrees to the east."""
    return replace(zone, geometry=translate(zone.geometry, SHIFT_DEG))


def moved_gate(gate: Gate) -> Gate:
    """The gate, as many whole degrees to the east."""
    return replace(gate, line=translate(gate.line, SHIFT_DEG), lon=gate.lon + SHIFT_DEG)


THERE = World([moved_zone(zone) for zone in nasty.zones()], [moved_gate(gate) for gate in nasty.gates()])


def derived(samples: list[Sample], world: World) -> list[Event]:
    """The newest revisions of what the engine derives from one asset's samples, by time."""
    report = Report("a0", 0, tuple(samples), max(sample.t for sample in samples))
    engine = Engine(0, world)
    events = [event for record in Delivery(((report,),)).records() for event in engine.fold(record).events]
    newest = {event.id: event for event in events}
    kept = [event for event in newest.values() if event.change is not Change.RETRACTED]
    return sorted(kept, key=lambda event: (event.kind, event.t_ms, event.data.get("zone", ""), event.id))


def flat(value: Any, name: str = "") -> list[tuple[str, Any]]:
    """The leaves of nested content, with their names."""
    if isinstance(value, dict):
        return [leaf for key in sorted(value) for leaf in flat(value[key], f"{name}.{key}")]
    return [(name, value)]


def same(one: dict[str, Any], other: dict[str, Any]) -> bool:
    """Equal but for the last digit of what was computed; longitudes moved; ``why`` and versions left out."""
    left, right = (
        flat({key: value for key, value in data.items() if key not in ("why", "zone_version")})
        for data in (one, other)
    )
    if [name for name, _ in left] != [name for name, _ in right]:
        return False
    for (name, a), (_, b) in zip(left, right, strict=True):
        if not isinstance(a, int) or not isinstance(b, int):
            if a != b:
                return False
            continue
        shift = SHIFT_E7 if name.endswith("lon_e7") else 0
        slack = 50 if name.endswith("mm") else 1
        if abs(a + shift - b) > slack:
            return False
    return True


@given(nasty.tracks())
@LAW
def test_a_world_moved_by_whole_degrees_gives_the_same_moved(items: list[nasty.Item]) -> None:
    """No fix lies on a fence: there the last digit of a coordinate decides."""
    here = [replace(item.sample, lon=item.sample.lon + 137) for item in items]
    there = [replace(sample, lon=sample.lon + SHIFT_E7) for sample in here]
    before, after = derived(here, HERE), derived(there, THERE)
    assert [(event.kind, event.change) for event in before] == [(event.kind, event.change) for event in after]
    left = list(after)
    for event in before:
        twin = next((one for one in left if one.kind is event.kind and same(event.data, one.data)), None)
        assert twin is not None, event.data
        left.remove(twin)


@st.composite
def passages(draw: st.DrawFn) -> list[Sample]:
    """A drive through the gate from far west to far east, with stops on the way and no known speeds."""
    steps = draw(st.lists(st.integers(2_000, 60_000), min_size=1, max_size=8))
    stands = draw(st.lists(st.sampled_from([0, 0, 0, 1, 3]), min_size=1, max_size=9))
    t, lon = nasty.T0, -2_000_000 + draw(st.integers(0, 99))
    samples: list[Sample] = []
    while lon < 2_000_000:
        n = len(samples)
        for _ in range(1 + stands[n % len(stands)]):
            samples.append(Sample(t, lon, 1_000, fix=3, hdop=100))
            t += 20_000
        lon += steps[n % len(steps)]
        t += max(1_000, steps[n % len(steps)] // 2)  # 80 km/h and less
    return [*samples, *(Sample(t + n * 60_000, lon + n, 1_000, fix=3, hdop=100) for n in range(1, 4))]


def crossing(samples: list[Sample]) -> dict[str, Any]:
    """The only crossing."""
    (event,) = [event for event in derived(samples, HERE) if event.kind is Kind.CROSSING]
    return event.data


def reversed_in_time(samples: list[Sample]) -> list[Sample]:
    """The same way backwards."""
    last = samples[-1].t
    return [replace(sample, t=nasty.T0 + last - sample.t) for sample in reversed(samples)]


def mirrored(bracket: dict[str, Any], last: int) -> dict[str, Any]:
    """A bracket as the way backwards must have it."""
    t = {
        "earliest_ms": nasty.T0 + last - bracket["latest_ms"],
        "latest_ms": nasty.T0 + last - bracket["earliest_ms"],
        "estimate_ms": nasty.T0 + last - bracket["estimate_ms"],
    }
    return bracket | t


TURNED = {
    "exit_port": "leave",
    "exit_port_left": "entry_port",
    "line": "line",
    "entry_port": "exit_port_left",
    "leave": "exit_port",
}
"""What a stage is on the way back."""


@given(passages())
@LAW
def test_the_way_back_in_time_is_a_crossing_in_the_other_direction_with_its_stages_mirrored(
    samples: list[Sample],
) -> None:
    there, back = crossing(samples), crossing(reversed_in_time(samples))
    assert (there["direction"], back["direction"]) == ("LA>CN", "CN>LA")
    assert there["state"] == back["state"] == "completed"
    assert there["confidence_permille"] == back["confidence_permille"]
    for name, other in TURNED.items():
        want, got = mirrored(there["stages"][name], samples[-1].t), back["stages"][other]
        assert (got["earliest_ms"], got["latest_ms"]) == (want["earliest_ms"], want["latest_ms"])
        for key in ("estimate_ms", "lon_e7", "lat_e7"):
            assert abs(got[key] - want[key]) <= 1, (name, key)


@given(passages(), st.integers(2, 12), st.integers(0, 11))
@LAW
def test_a_thinned_out_track_has_brackets_that_hold_what_the_full_one_estimates(
    samples: list[Sample], every: int, first: int
) -> None:
    thin = [*samples[:1], *samples[1 + first % every : -3 : every], *samples[-3:]]
    full_stages, thin_stages = crossing(samples)["stages"], crossing(thin)["stages"]
    for name, bracket in thin_stages.items():
        if bracket is not None:
            fine = full_stages[name]
            assert bracket["earliest_ms"] <= fine["earliest_ms"] <= fine["estimate_ms"], name
            assert fine["estimate_ms"] <= fine["latest_ms"] <= bracket["latest_ms"], name
    full_visits, thin_visits = ends(samples), ends(thin)
    assert full_visits.keys() == thin_visits.keys()
    for key, (earliest, _, latest) in thin_visits.items():
        assert earliest <= full_visits[key][1] <= latest, key


def ends(samples: list[Sample]) -> dict[tuple[str, str], tuple[float, int, float]]:
    """Earliest, estimate and latest of each end of each visit of a port or an approach."""
    found = {}
    for event in derived(samples, HERE):
        if event.kind is Kind.VISIT and event.data["gate"] is not None:
            for name in ("enter", "leave"):
                bracket = event.data[name]
                assert bracket is not None
                bounds = bracket["earliest_ms"], bracket["estimate_ms"], bracket["latest_ms"]
                assert (event.data["zone"], name) not in found, "one visit a zone"
                found[event.data["zone"], name] = bounds
    return found
