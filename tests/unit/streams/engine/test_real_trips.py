"""The engine on drives that nobody here made, cut, shuffled and doubled; and along a border, never across."""

from __future__ import annotations

from functools import cache

import pytest

import geofences
from streams.engine import Engine, Rules, World
from streams.events import Event, Kind
from tests.property.delivery import Delivery
from tests.property.test_order_free import standing, text
from tests.reference import Object, Places, Sample, derive
from tests.unit.streams.engine.real_trips import disordered, in_order, tracks

RULES = Rules()


@cache
def world() -> World:
    return World(*geofences.world())


@cache
def places() -> Places:
    return Places(*geofences.world())


def fold(delivery: Delivery) -> list[Event]:
    """The newest revisions that are not retracted."""
    engine = Engine(0, world(), RULES)
    events = [event for record in delivery.records() for event in engine.fold(record).events]
    return list(standing(events).values())


def expected(delivery: Delivery) -> list[Object]:
    return derive(delivery.samples("a0"), places(), RULES)


def differences(delivery: Delivery) -> list[str]:
    """What only the engine (+) or only the reference (-) says."""
    ours = sorted(f"{event.kind} {text(event.data)}" for event in fold(delivery))
    theirs = sorted(f"{one.kind} {text(one.data)}" for one in expected(delivery))
    if ours == theirs:
        return []
    return [f"+ {x}" for x in ours if x not in theirs] + [f"- {x}" for x in theirs if x not in ours] + ["?"]


@pytest.mark.parametrize("name", tracks())
def test_a_real_trip_gives_what_the_reference_gives(name: str) -> None:
    assert differences(in_order(tracks()[name])) == []


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("name", tracks())
def test_a_real_trip_that_is_cut_shuffled_and_doubled_gives_what_the_reference_gives(
    name: str, seed: int
) -> None:
    assert differences(disordered(tracks()[name], seed)) == []


def test_the_tracks_hold_what_makes_them_worth_testing() -> None:
    """Else the tests above would compare nothing with nothing."""
    kinds = {name: {one.kind for one in expected(in_order(track))} for name, track in tracks().items()}
    assert Kind.CROSSING in kinds["vienna-airport-border"] or Kind.TRIP in kinds["vienna-airport-border"]
    assert {Kind.VISIT, Kind.TRIP, Kind.STOP} <= kinds["vehicle2-fix-times"]
    assert kinds["mojstrovka-of-1901"] == set()
    instants = [sample.t for sample in tracks()["uci-1"]]
    assert len(set(instants)) < len(instants) / 5


@pytest.mark.parametrize("name", ["vehicle2-fix-times", "vehicle2-device-times"])
@pytest.mark.parametrize("seed", [None, 1, 2])
def test_the_truck_along_the_border_near_muse_never_crosses_it(name: str, seed: int | None) -> None:
    track = tracks()[name]
    assert len(track) > 480
    objects = fold(in_order(track) if seed is None else disordered(track, seed))
    assert [one.data for one in objects if one.kind is Kind.CROSSING] == []
    countries = [
        one.data["country"]
        for one in objects
        if one.kind is Kind.VISIT and one.data["zone_kind"] == "country"
    ]
    assert countries == ["MM"]
    assert any(one.kind is Kind.TRIP for one in objects)


def without_history(events: list[Event]) -> list[tuple[str, str]]:
    return sorted((event.kind.value, text(event.data)) for event in events)


def test_stale_fixes_after_parking_move_nothing() -> None:
    """A parked truck repeats its last fix for hours, under the fix's own time or under new ones."""
    track = tracks()["vehicle2-fix-times"]
    end = max(track, key=lambda sample: sample.t)
    hours = range(3_600_000, 24 * 3_600_000, 3_600_000)
    seen = without_history(fold(in_order([*track, parked(end, end.t + 600_000)])))
    stale = [*track, parked(end, end.t + 600_000), *(repeated(end, end.t + n) for n in hours)]
    assert without_history(fold(in_order(stale))) == seen
    renewed = [*track, parked(end, end.t + 600_000), *(parked(end, end.t + n) for n in hours)]
    assert without_history(fold(in_order(renewed))) == seen


def repeated(fix: Sample, received: int) -> Sample:
    """The same fix once more, much later."""
    return Sample(fix.t, fix.lon, fix.lat, fix.speed, received=received)


def parked(fix: Sample, t: int) -> Sample:
    """The same place under a new time, standing."""
    return Sample(t, fix.lon, fix.lat, 0, received=t)
