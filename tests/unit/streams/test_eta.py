"""When an asset reaches and leaves a gate: which gate, how far, how fast, and sums of the queue's stages."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import shapely
from hypothesis import given
from hypothesis import strategies as st

from geofences.geodesy import distance_mm
from geofences.zone import Gate
from streams.engine.queues import STAGES
from streams.eta import HOUR_MS, ROAD_FACTOR, SILENT_MS, AtGate, Eta, Instant, Way, at_gate, foretell

T0 = 1_795_330_800_000
MINUTE = 60_000
DEG_KM = 111.3195  # of longitude on the equator


def gate(id_: str, lon: float, lat: float = 0.0, countries: tuple[str, str] = ("CN", "LA")) -> Gate:
    sides = ((f"{id_}-port-a",), (f"{id_}-port-b",), (f"{id_}-ap-a",), (f"{id_}-ap-b",))
    line = shapely.LineString([(lon, lat - 1), (lon, lat + 1)])
    return Gate(id_, id_, *countries, *sides, line, lon, lat)


EAST = gate("east", 2.0)
WEST = gate("west", -1.0)
AREAS = {"east-ap-a": shapely.box(1.9, -0.1, 2.0, 0.1), "west-ap-a": shapely.box(-1, -0.1, -0.9, 0.1)}


def queue(**stages: tuple[int, int, int]) -> dict[str, Any]:
    """(median, p90) in minutes, and count, by stage."""
    held = dict.fromkeys(STAGES, (0, 0, 0)) | stages
    return {
        "stages": {
            name: {"median_ms": m * MINUTE if n else None, "p90_ms": p * MINUTE if n else None, "count": n}
            for name, (m, p, n) in held.items()
        }
    }


FIGURES = queue(approach=(30, 60, 9), exit_port=(60, 90, 9), between=(10, 15, 9), entry_port=(120, 240, 9))
QUEUES = {("east", "CN>LA"): FIGURES}


def way(*legs: tuple[float, float, float]) -> Way:
    """Legs of (minutes, from lon, to lon) along the equator, a fix a minute, the last one at T0."""
    lons = [legs[0][1]]
    for minutes, begin, end in legs:
        lons += [begin + (end - begin) * i / minutes for i in range(1, int(minutes) + 1)]
    n = len(lons)
    t = T0 - np.arange(n)[::-1].astype(np.int64) * MINUTE
    return Way(t, np.array(lons), np.zeros(n))


def at_60_kmh(minutes: int, begin: float, sign: int = 1) -> tuple[float, float, float]:
    return minutes, begin, begin + sign * minutes / DEG_KM


def ask(some: Way, country: str = "CN", now: int = T0, queues: Any = QUEUES) -> Eta:
    return foretell(some, country, [EAST, WEST], AREAS, queues, now)


def test_the_gate_ahead_its_distance_by_road_and_the_stages_one_after_the_other() -> None:
    eta = ask(way(at_60_kmh(90, 0.0)))
    here = 90 / DEG_KM
    assert (eta.gate, eta.direction, eta.stage, eta.unknown) == (EAST, "CN>LA", "ahead", {})
    assert eta.distance_mm is not None
    assert eta.distance_mm == pytest.approx(ROAD_FACTOR * (1.9 - here) * DEG_KM * 1e6, rel=1e-4)
    assert eta.speed_mm_per_s == pytest.approx(60e6 / 3600, rel=1e-4)
    assert eta.arrival_ms is not None
    assert eta.arrival_ms == pytest.approx(T0 + eta.distance_mm / 60e6 * HOUR_MS, abs=5_000)
    arrival = eta.arrival_ms
    assert eta.entry == Instant(arrival + 100 * MINUTE, arrival + 165 * MINUTE)
    assert eta.leave == Instant(arrival + 220 * MINUTE, arrival + 405 * MINUTE)


def test_the_speed_is_of_the_last_hour_with_its_short_stops() -> None:
    lon = 30 / DEG_KM
    eta = ask(way((60, -0.5, 0.0), at_60_kmh(30, 0.0), (4, lon, lon), at_60_kmh(26, lon)))
    assert eta.speed_mm_per_s == pytest.approx(60e6 / 3600 * 56 / 60, rel=1e-3)


def test_the_other_direction_is_the_other_sides() -> None:
    eta = ask(way(at_60_kmh(60, 0.0)), "LA")
    assert (eta.gate, eta.direction) == (EAST, "LA>CN")
    assert eta.unknown == {"entry": "no_figures_exit_port", "leave": "no_figures_exit_port"}
    assert eta.arrival_ms is not None
    # no area of that side is known: the way goes to the gate itself
    assert eta.distance_mm == pytest.approx(ROAD_FACTOR * (2.0 - 60 / DEG_KM) * DEG_KM * 1e6, rel=1e-4)


def test_who_turned_round_goes_to_the_other_gate() -> None:
    turned = way(at_60_kmh(40, 0.0), at_60_kmh(20, 40 / DEG_KM, -1))
    assert ask(turned).gate == WEST


def test_who_drives_past_has_no_gate_ahead() -> None:
    lat = np.arange(61) / DEG_KM
    some = Way(T0 - np.arange(61)[::-1].astype(np.int64) * MINUTE, np.full(61, 0.5), lat)
    eta = ask(some)
    assert eta.gate is None
    assert eta.unknown == dict.fromkeys(("gate", "arrival", "entry", "leave"), "no_gate_ahead")


def test_a_gate_further_than_500_km_is_not_ahead() -> None:
    far = gate("far", 6.0)
    assert foretell(way(at_60_kmh(60, 0.0)), "CN", [far], {}, {}, T0).gate is None
    assert foretell(way(at_60_kmh(60, 1.0)), "CN", [far], {}, {}, T0).gate == far


def test_of_two_gates_ahead_it_is_the_nearer_and_of_ones_own_country() -> None:
    near = gate("near", 1.5, countries=("VN", "LA"))
    some = way(at_60_kmh(60, 0.0))
    assert foretell(some, "LA", [EAST, near], {}, {}, T0).gate == near
    assert foretell(some, "CN", [EAST, near], {}, {}, T0).gate == EAST


@pytest.mark.parametrize(
    ("some", "country", "now", "reason"),
    [
        (way(at_60_kmh(60, 0.0)), "CN", T0 + SILENT_MS + 1, "silent"),
        (way(at_60_kmh(60, 0.0)), "", T0, "country_unknown"),
        (way(at_60_kmh(4, 0.0)), "CN", T0, "too_little_way"),
        (way((30, 0.0, 0.005)), "CN", T0, "too_little_way"),
        (way(at_60_kmh(60, 0.0)), "TH", T0, "no_gate_ahead"),
    ],
)
def test_what_can_not_be_known_is_null_with_a_reason(some: Way, country: str, now: int, reason: str) -> None:
    eta = ask(some, country, now)
    assert (eta.gate, eta.arrival_ms, eta.entry, eta.leave) == (None, None, None, None)
    assert eta.unknown == dict.fromkeys(("gate", "arrival", "entry", "leave"), reason)


def test_a_stage_without_figures_leaves_what_follows_it_unknown() -> None:
    eta = ask(way(at_60_kmh(60, 0.0)), queues={("east", "CN>LA"): FIGURES | queue(approach=(1, 1, 1))})
    assert eta.arrival_ms is not None
    assert (eta.entry, eta.leave) == (None, None)
    held = queue(approach=(1, 2, 1), exit_port=(1, 2, 1), between=(1, 2, 1))
    eta = ask(way(at_60_kmh(60, 0.0)), queues={("east", "CN>LA"): held})
    assert eta.entry is not None
    assert eta.unknown == {"leave": "no_figures_entry_port"}


def test_an_old_fix_does_not_give_an_arrival_in_the_past() -> None:
    some = way(at_60_kmh(60, 1.9 - 62 / DEG_KM))
    eta = ask(some, now=T0 + 30 * MINUTE)
    assert eta.arrival_ms == T0 + 30 * MINUTE


def test_at_the_gate_the_rest_of_the_stage_counts() -> None:
    eta = at_gate(AtGate(EAST, "CN>LA", "exit_port", T0 - 20 * MINUTE), QUEUES, T0)
    assert eta.entry == Instant(T0 + 50 * MINUTE, T0 + 85 * MINUTE)
    assert eta.leave == Instant(T0 + 170 * MINUTE, T0 + 325 * MINUTE)
    assert eta.unknown == {"arrival": "reached"}


def test_who_waits_longer_than_nine_of_ten_may_go_on_at_any_moment() -> None:
    eta = at_gate(AtGate(EAST, "CN>LA", "exit_port", T0 - 600 * MINUTE), QUEUES, T0)
    assert eta.entry == Instant(T0 + 10 * MINUTE, T0 + 15 * MINUTE)


def test_in_the_last_stage_only_leaving_is_left() -> None:
    eta = at_gate(AtGate(EAST, "CN>LA", "entry_port", T0), QUEUES, T0)
    assert (eta.entry, eta.leave) == (None, Instant(T0 + 120 * MINUTE, T0 + 240 * MINUTE))
    assert eta.unknown == {"arrival": "reached", "entry": "reached"}
    eta = at_gate(AtGate(EAST, "CN>LA", "entry_port", T0), {}, T0)
    assert eta.unknown == {"arrival": "reached", "entry": "reached", "leave": "no_figures_entry_port"}


@given(
    st.sampled_from(STAGES),
    st.integers(0, 500),
    st.lists(st.tuples(st.integers(0, 300), st.integers(0, 300), st.integers(0, 2)), min_size=4, max_size=4),
)
def test_estimates_are_in_order_and_null_just_when_a_reason_is_given(
    stage: str, since: int, numbers: list[tuple[int, int, int]]
) -> None:
    held = queue(**{name: (min(m, p), max(m, p), n) for name, (m, p, n) in zip(STAGES, numbers, strict=True)})
    eta = at_gate(AtGate(EAST, "CN>LA", stage, T0 - since * MINUTE), {("east", "CN>LA"): held}, T0)
    for name in ("entry", "leave"):
        one = getattr(eta, name)
        assert (one is None) == (name in eta.unknown)
        assert one is None or T0 <= one.estimate_ms <= one.p90_ms
    if eta.entry is not None and eta.leave is not None:
        assert eta.entry.estimate_ms <= eta.leave.estimate_ms
        assert eta.entry.p90_ms <= eta.leave.p90_ms


@given(st.floats(99, 103), st.floats(18, 24), st.integers(0, 359))
def test_the_way_to_an_area_is_no_longer_than_to_any_of_its_corners(
    lon: float, lat: float, course: int
) -> None:
    """And not shorter than to the nearest of many points of its edge, by more than the squeeze's error."""
    area = shapely.box(101.6, 21.1, 101.7, 21.3)
    far = gate("far", 101.65, 21.2)
    n = np.arange(61)[::-1] / DEG_KM
    to = np.radians(course)
    some = Way(T0 - np.arange(61)[::-1].astype(np.int64) * MINUTE, lon - n * np.sin(to), lat - n * np.cos(to))
    eta = foretell(some, "CN", [far], {"far-ap-a": area}, {}, T0)
    if eta.gate is None or eta.distance_mm is None:
        return
    edge = shapely.get_coordinates(shapely.segmentize(area.exterior, 0.001))
    nearest = int(distance_mm(np.array(lon), np.array(lat), edge[:, 0], edge[:, 1]).min())
    if shapely.intersects(area, shapely.Point(lon, lat)):
        assert eta.distance_mm == 0
    else:
        assert eta.distance_mm == pytest.approx(ROAD_FACTOR * nearest, rel=0.01, abs=200_000)
