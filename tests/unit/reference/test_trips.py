"""Rule 10: trips and stops."""

from __future__ import annotations

from typing import Any

import pytest

from streams.events import Kind
from tests.reference.values import Sample
from tests.unit.reference.tracks import T0, at, drive, objects, stand

STOP = Kind("stop")


def trips(samples: list[Sample]) -> list[dict[str, Any]]:
    return objects(samples, Kind.TRIP)


def spans(found: list[dict[str, Any]]) -> list[tuple[float, float | None]]:
    return [
        ((one["start_ms"] - T0) / 1000, None if one["end_ms"] is None else (one["end_ms"] - T0) / 1000)
        for one in found
    ]


def test_a_trip_lasts_from_the_first_to_the_last_moving_fix() -> None:
    move = drive(60, -0.3, -0.2)
    end = (move[-1].t - T0) / 1000
    samples = [*stand(0, 50, -0.3), *move, *stand(end + 10, end + 300, -0.2)]
    (trip,) = trips(samples)
    assert spans([trip]) == [(60, end)]
    assert trip["distance_mm"] == pytest.approx(0.1 * 111_319_491, rel=1e-5)
    assert trip["countries"] == {"LA": {"mm": trip["distance_mm"], "ms": trip["end_ms"] - trip["start_ms"]}}
    assert spans(objects(samples, STOP)) == [(end, None)]


def test_an_open_trip_has_no_sums() -> None:
    (trip,) = trips(drive(0, -0.3, -0.2))
    assert trip["state"] == "open"
    nulls = {name for name, value in trip.items() if value is None}
    assert nulls == {"end_ms", "distance_mm", "odometer_mm", "difference_mm", "countries", "end"}


def test_a_pause_shorter_than_the_gap_does_not_end_a_trip() -> None:
    first = drive(0, -0.3, -0.25)
    end = (first[-1].t - T0) / 1000
    assert len(trips([*first, *stand(end + 10, end + 290, -0.25), *drive(end + 299, -0.25, -0.2)])) == 1
    assert len(trips([*first, *stand(end + 10, end + 290, -0.25), *drive(end + 300, -0.25, -0.2)])) == 2


def test_less_than_a_kilometre_is_no_trip() -> None:
    assert trips([*drive(0, -0.3, -0.2911), *stand(200, 900, -0.2911)]) == []
    assert len(trips([*drive(0, -0.3, -0.2909), *stand(200, 900, -0.2909)])) == 1


def test_movement_without_speeds_is_seen_in_the_way_between_fixes() -> None:
    samples = [at(10 * i, -0.3 + i * 0.001) for i in range(60)]
    (trip,) = trips(samples)
    assert spans([trip]) == [(10, None)]


def test_a_long_gap_with_a_long_way_is_movement_and_no_pause() -> None:
    first = drive(0, -0.4, -0.3)
    end = (first[-1].t - T0) / 1000
    samples = [*first, *drive(end + 1_000, -0.2, -0.1)]
    assert len(trips(samples)) == 1
    assert objects(samples, STOP) == []


def test_a_trip_that_begins_within_a_gap_begins_with_the_fix_before_the_gap() -> None:
    samples = [*stand(0, 400, -0.4), at(1_400, -0.3, 0.0), *stand(1_410, 1_800, -0.3)]
    (trip,) = trips(samples)
    assert spans([trip]) == [(400, 1_400)]
    assert spans(objects(samples, STOP)) == [(0, 400), (1_400, None)]


def test_a_gap_without_way_is_a_pause() -> None:
    first = drive(0, -0.4, -0.3)
    end = (first[-1].t - T0) / 1000
    second = drive(end + 1_000, -0.3, -0.2)
    samples = [*first, *second]
    assert [start for start, _ in spans(trips(samples))] == [0, end + 1_000]
    assert spans(objects(samples, STOP)) == [(end, end + 1_000)]


def test_the_first_stop_has_an_open_beginning_and_its_first_fix_as_place() -> None:
    first, second = objects([*stand(0, 300, -0.3), *drive(310, -0.3, -0.2), *stand(1_500, 2_000, -0.2)], STOP)
    assert (first["open_beginning"], first["lon_e7"], first["duration_ms"]) == (True, -3_000_000, 310_000)
    assert (second["open_beginning"], second["state"], second["duration_ms"]) == (False, "open", None)


def test_odometers_at_both_ends_give_the_way_by_odometer_and_the_difference() -> None:
    move = drive(0, -0.3, -0.2)
    ends = {0: 5_000_000, len(move) - 1: 16_500_000}
    samples = [at((x.t - T0) / 1000, x.lon / 1e7, 40, odometer=ends.get(n)) for n, x in enumerate(move)]
    (trip,) = trips([*samples, *stand(2_000, 2_400, -0.2)])
    assert trip["odometer_mm"] == 11_500_000
    assert trip["difference_mm"] == 11_500_000 - trip["distance_mm"]


def test_the_way_is_told_by_country() -> None:
    (trip,) = trips([*drive(0, -0.1, 0.05), *stand(2_000, 2_400, 0.05)])
    la, cn = trip["countries"]["LA"], trip["countries"]["CN"]
    assert la["mm"] + cn["mm"] == trip["distance_mm"]
    assert la["mm"] == pytest.approx(2 * cn["mm"], rel=0.03)
    assert la["ms"] == pytest.approx(2 * cn["ms"], rel=0.03)
