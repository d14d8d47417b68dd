"""Grades of signals: made tracks that are good, lost, forged or carried, and what must be said of each."""

from __future__ import annotations

from dataclasses import replace
from random import Random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from geofences.datum import wgs84_to_gcj02
from geofences.datum_suspicion import Road
from streams.engine.grades import NOBODY, Neighbours, grade
from streams.engine.rows import joined
from streams.engine.units import DEGREE
from tests.unit.streams.engine.grade_tracks import (
    T0,
    Track,
    drive,
    graded,
    judged,
    measured,
    moved,
    stand,
    then,
)


@pytest.mark.parametrize("cadence", [1, 5, 10, 30, 60])
@pytest.mark.parametrize("kmh", [5, 30, 90])
@pytest.mark.parametrize("known", [(), ("wheel",), ("odometer",)])
def test_a_clean_drive_has_nothing(cadence: float, kmh: float, known: tuple[str, ...]) -> None:
    found = graded(drive(40, cadence=cadence, kmh=kmh).without(*known))
    assert (found.jamming.grade, found.spoofing.grade, found.frozen.grade, found.clock.grade) == ("none",) * 4
    assert not found.jamming.spans
    assert not found.spoofing.spans
    assert found.believed == found.samples
    assert (found.datum.grade, found.datum.why) == ("unknown", "no road known here")


def test_a_tunnel_is_no_jamming() -> None:
    found = graded(drive(40).lost(900, 1140), drive(40, seed=2))
    (span,) = found.jamming.spans
    assert (found.jamming.grade, span.grade, span.why) == ("none", "none", "tunnel")
    assert span.loss.lost_ms == 235_000
    assert span.loss.fits is True
    assert found.spoofing.grade == "none"


def test_others_in_tunnels_are_no_jamming() -> None:
    found = graded(
        drive(40).lost(900, 1140), drive(40, seed=2).lost(600, 800), drive(40, seed=3).lost(930, 1170)
    )
    assert found.jamming.grade == "none"


def test_a_long_loss_among_others_with_fixes_may_be_jamming_of_this_one() -> None:
    found = graded(drive(60).lost(900, 2100), drive(60, seed=2), drive(60, seed=3))
    (span,) = found.jamming.spans
    assert (span.grade, span.why) == ("possible", "only_this_one")
    assert (span.neighbours_with_fix, span.neighbours_without) == (2, 0)
    assert span.loss.turning_ms == span.loss.lost_ms == 1_195_000
    assert span.loss.wheels_mm == pytest.approx(1195 * 70 / 3.6 * 1000, rel=0.1)


def test_what_the_neighbours_lost_too_is_likely_jammed() -> None:
    others = drive(60, seed=2).lost(1000, 1900), drive(60, seed=3), drive(60, seed=4).lost(800, 2300)
    found = graded(drive(60).lost(900, 2100), *others)
    (span,) = found.jamming.spans
    assert (found.jamming.grade, span.why) == ("likely", "neighbours_lost")
    assert (span.neighbours_with_fix, span.neighbours_without) == (1, 2)


def test_neighbours_far_off_or_at_another_time_say_nothing() -> None:
    far = drive(60, seed=2)
    far = replace(far, y=far.y + 60_000)
    later = drive(60, seed=3, begin=7_200)
    found = graded(drive(60).lost(900, 2100), far, far.lost(900, 2100), later, later.lost(8_000, 9_000))
    (span,) = found.jamming.spans
    assert (span.grade, span.why, span.neighbours_with_fix) == ("possible", "no_neighbour", 0)


@pytest.mark.parametrize(("start", "end"), [(0, 250), (2200, 1e9)])
def test_a_short_loss_at_an_end_of_the_period_is_open(start: float, end: float) -> None:
    found = graded(drive(40).lost(start, end))
    (span,) = found.jamming.spans
    assert (span.grade, span.why) == ("none", "cut_off")


@pytest.mark.parametrize("fix", [None, 0, 1])
def test_a_loss_is_one_however_it_is_told(fix: int | None) -> None:
    rows = drive(60).lost(900, 2100).rows(fix_when_lost=fix)
    held = drive(60).rows()
    if fix is not None:  # the unit repeats the last place
        lost = rows.fix == fix
        last = int(np.flatnonzero(lost)[0]) - 1
        rows = replace(
            rows, lon=np.where(lost, held.lon[last], rows.lon), lat=np.where(lost, held.lat[last], rows.lat)
        )
    (span,) = graded(rows).jamming.spans
    assert span.loss.lost_ms == 1_195_000


def test_no_fix_while_standing_is_no_loss() -> None:
    assert not graded(then(drive(10), stand(60).lost(0, 3000))).jamming.spans


def test_rows_of_the_bus_between_rare_fixes_are_no_loss() -> None:
    bus = drive(120)
    rare = (bus.t % 120) < 5
    track = replace(
        bus, **{n: np.where(rare, getattr(bus, n), np.nan) for n in ("x", "y", "speed", "heading")}
    )
    found = graded(track)
    assert not found.jamming.spans
    assert found.spoofing.grade == "none"


def test_without_any_fix_nothing_is_known() -> None:
    found = graded(drive(20).lost(0, 1e9))
    assert (found.jamming.grade, found.jamming.why) == ("unknown", "no believed fix")
    assert found.spoofing.grade == "unknown"


def test_without_wheels_nothing_is_known() -> None:
    found = graded(drive(20).without("wheel", "odometer"))
    assert (found.jamming.grade, found.spoofing.grade) == ("unknown", "unknown")


@pytest.mark.parametrize("cadence", [1, 5, 10])
@pytest.mark.parametrize("radius", [150, 400, 2000])
def test_a_circle_while_the_wheels_stand_is_spoofed(cadence: float, radius: float) -> None:
    angle = np.arange(0, 40 * 60 + 1.0) * 12 / radius
    circle = moved(40, radius * np.sin(angle), radius * (1 - np.cos(angle)), cadence=cadence)
    found = graded(then(drive(20, cadence=cadence), circle))
    assert found.spoofing.grade == "likely"
    (span,) = found.spoofing.spans
    assert span.off["too_far"] >= 30
    assert span.wheels_mm < 1_000_000 < span.path_mm
    assert abs(span.start_ms - (T0 + 1_200_000)) <= 120_000


def test_a_drive_that_is_replayed_while_the_truck_stands_is_spoofed() -> None:
    away = drive(25, seed=5)
    replayed = replace(away, x=away.x + 40_000, y=away.y - 9_000, wheel=0 * away.t, odometer=0 * away.t)
    found = graded(then(drive(20), stand(5), replayed, replace(stand(30), x=stand(30).x - 60_000)))
    assert found.spoofing.grade == "likely"


def test_a_position_that_wanders_off_while_the_wheels_roll_on_is_spoofed() -> None:
    # the truck drives east by its own compass, its position drifts north more and more
    fine = np.arange(0, 2401.0)
    kmh, zero = np.full(len(fine), 80.0), np.zeros(len(fine))
    way = np.cumsum(kmh / 3.6)
    drift = np.cumsum(np.clip((fine - 900) / 300, 0, 1) * 15)
    found = graded(measured(fine, way, drift, kmh, zero + 90, kmh, way))
    assert found.spoofing.grade == "likely"
    (span,) = found.spoofing.spans
    assert span.off["heading"] >= 10
    assert span.turn_deg == pytest.approx(-34, abs=3)
    assert span.start_ms > T0 + 900_000


def test_a_position_that_runs_ahead_of_the_wheels_is_spoofed() -> None:
    track = drive(40)
    ahead = np.clip(track.t - 1200, 0, 600) * 20
    found = graded(replace(track, x=track.x + ahead))
    assert found.spoofing.grade == "likely"
    assert any(span.off.get("too_far", 0) >= 8 for span in found.spoofing.spans)


def test_a_position_that_is_held_back_while_the_wheels_roll_is_spoofed() -> None:
    fine = np.arange(0, 2401.0)
    kmh = np.full(len(fine), 70.0)
    way = np.cumsum(kmh / 3.6)
    pinned = np.where(fine < 1200, way, way[1200] + 30 * np.sin(fine / 40))
    found = graded(measured(fine, pinned, 0 * fine, kmh, 90 + 0 * fine, kmh, way))
    assert found.spoofing.grade == "likely"
    assert any(span.off.get("too_short", 0) >= 10 for span in found.spoofing.spans)


def test_a_jump_away_and_back_is_spoofed() -> None:
    track = drive(40)
    away = (track.t > 900) & (track.t < 1500)
    found = graded(replace(track, y=track.y + np.where(away, 5_000, 0)))
    assert found.spoofing.grade == "likely"
    assert sum(span.off.get("jump", 0) for span in found.spoofing.spans) == 2


@pytest.mark.parametrize("cadence", [1, 5, 30])
@pytest.mark.parametrize("kmh", [25, 80])
@pytest.mark.parametrize("known", [(), ("wheel",), ("odometer",)])
def test_a_ferry_or_a_low_loader_carries(cadence: float, kmh: float, known: tuple[str, ...]) -> None:
    fine = np.arange(0, 3601.0)
    way = np.cumsum(np.clip(fine / 120, 0, 1) * np.clip((3600 - fine) / 120, 0, 1) * kmh / 3.6)
    turn = 0.6 * np.sin(fine / 800)
    x, y = (
        np.cumsum(np.diff(way, prepend=0) * np.cos(turn)),
        np.cumsum(np.diff(way, prepend=0) * np.sin(turn)),
    )
    parts = drive(20, cadence=cadence), stand(10, cadence=cadence), moved(60, x, y, cadence=cadence)
    track = then(*parts, stand(10, cadence=cadence), drive(20, cadence=cadence))
    found = graded(track.without(*known))
    assert found.spoofing.grade == "carried"
    (span,) = found.spoofing.spans
    assert span.wheels_mm <= 100_000
    assert span.beeline_mm == pytest.approx(1e3 * np.hypot(x[-1], y[-1]), rel=0.1)
    assert found.jamming.grade == "none"


def test_a_ferry_with_the_unit_asleep_carries() -> None:
    there = replace(stand(20), x=stand(20).x + 30_000, t=stand(20).t + 3_600)
    assert graded(then(drive(20), stand(5), there)).spoofing.grade == "carried"


@pytest.mark.parametrize("noise", [2, 8, 15])
@pytest.mark.parametrize("cadence", [1, 10, 60])
def test_noise_of_a_parked_truck_is_nothing(noise: float, cadence: float) -> None:
    found = graded(stand(600, cadence=cadence, noise=noise))
    assert (found.spoofing.grade, found.spoofing.spans, found.jamming.grade) == ("none", (), "none")


@pytest.mark.parametrize("cadence", [5, 10, 30])
@pytest.mark.parametrize("known", [(), ("wheel",), ("odometer",)])
def test_a_queue_is_nothing(cadence: float, known: tuple[str, ...]) -> None:
    fine = np.arange(0, 3 * 3600 + 1.0)
    v = np.where(fine % 150 < 12, 2.0, 0.0)  # 24 m, then stand
    way, zero = np.cumsum(v), np.zeros(len(fine))
    queue = measured(fine, way, zero, v * 3.6, zero + 90, v * 3.6, way, cadence)
    assert graded(queue.without(*known)).spoofing.grade == "none"


def test_what_moves_between_the_samples_only_is_nothing() -> None:
    fine = np.arange(0, 3600 + 1.0)
    v = np.where((fine % 30 > 5) & (fine % 30 < 25), 4.0, 0.0)  # each sample finds the wheels at rest
    way, zero = np.cumsum(v), np.zeros(len(fine))
    queue = measured(fine, way, zero, v * 3.6, zero + 90, v * 3.6, way, 30)
    assert set(queue.wheel) == {0.0}
    assert graded(queue.without("odometer")).spoofing.grade == "none"


def test_wheels_in_another_unit_are_not_believed() -> None:
    track = drive(60, kmh=60)
    found = graded(replace(track.without("odometer"), wheel=track.wheel / 1.609))
    assert (found.spoofing.grade, found.spoofing.why) == ("unknown", "wheels count in another unit")


def test_a_heading_that_never_fits_is_the_devices() -> None:
    track = drive(60)
    found = graded(replace(track, heading=0 * track.t))
    assert (found.spoofing.grade, found.spoofing.not_used) == ("none", ("heading",))


def test_frozen() -> None:
    track = drive(30)
    stuck = (track.t > 900) & (track.t < 1200)
    at = int(np.flatnonzero(stuck)[0])
    found = graded(
        replace(track, **{n: np.where(stuck, getattr(track, n)[at], getattr(track, n)) for n in "xy"})
    )
    assert found.frozen.grade == "likely"
    assert found.frozen.samples == found.flags["FROZEN"] > 50
    assert found.frozen.longest_ms > 250_000


def test_clock() -> None:
    rows = drive(30).rows()
    ahead = np.arange(len(rows)) < 30
    found = graded(replace(rows, received=rows.received - np.where(ahead, 3_600_000, 0)))
    assert (found.clock.grade, found.clock.ahead, found.clock.behind) == ("ahead", 30, 0)
    assert found.believed == found.samples - 30


def test_datum_by_a_road() -> None:
    rows = drive(60).rows()
    lon, lat = rows.lon * DEGREE + 3, rows.lat * DEGREE + 4  # in China
    road = Road(lon, lat)
    x, y = wgs84_to_gcj02(lon, lat)
    right, wrong = (
        replace(rows, lon=np.rint(a * 1e7).astype(np.int64), lat=np.rint(b * 1e7).astype(np.int64))
        for a, b in ((lon, lat), (x, y))
    )
    assert grade(right, judged(right), NOBODY, road).datum.grade == "none"
    found = grade(wrong, judged(wrong), NOBODY, road).datum
    assert found.grade == "likely"
    assert found.suspicion is not None
    assert found.suspicion.datum == "gcj02"


_CASES = (
    drive(60).lost(900, 2100),
    then(drive(20), stand(10), moved(30, np.arange(0, 1801.0) * 9, np.zeros(1801)), drive(5)),
    replace(drive(40), y=drive(40).y + np.where(drive(40).t > 1200, 7_000, 0)),
)


@settings(max_examples=30, deadline=None)
@given(st.sampled_from(_CASES), st.integers(0, 1 << 32), st.integers(0, 100))
def test_grades_are_free_of_order_and_doubling(track: Track, seed: int, doubled: int) -> None:
    chance = Random(seed)
    rows = track.rows()
    flags = judged(rows)
    order = np.array(chance.sample(range(len(rows)), len(rows)))
    want, got = grade(rows, flags), grade(rows.take(order), flags[order])
    assert want == got
    twice = np.append(order, order[:doubled])
    again = grade(rows.take(twice), flags[twice])
    assert (want.jamming, want.spoofing) == (again.jamming, again.spoofing)


@settings(max_examples=10, deadline=None)
@given(st.integers(0, 1 << 32))
def test_the_order_of_neighbours_changes_nothing(seed: int) -> None:
    chance = Random(seed)
    rows = drive(60).lost(900, 2100).rows()
    some = drive(60, seed=2).lost(1000, 2000).rows(7), drive(60, seed=3).rows(3), drive(60, seed=4).rows(5)
    others = joined(list(some))
    order = np.array(chance.sample(range(len(others)), len(others)))
    want, got = (
        grade(rows, judged(rows), Neighbours(one, judged(others)[index]))
        for one, index in ((others, slice(None)), (others.take(order), order))
    )
    assert want == got
    assert (want.jamming.grade, want.jamming.spans[0].neighbours_with_fix) == ("likely", 2)


def test_a_wheel_sensor_that_never_turns_is_told() -> None:
    track = drive(40)
    found = graded(replace(track.without("odometer"), wheel=0 * track.t))
    assert found.spoofing.why == "the wheels never turned"


def test_nothing_gives_nothing() -> None:
    found = graded(drive(1).rows().take(np.empty(0, np.int64)))
    assert (found.samples, found.jamming.grade, found.spoofing.grade) == (0, "unknown", "unknown")
