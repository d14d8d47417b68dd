"""The pilot's report from cases, figure by figure."""

from __future__ import annotations

import random
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from feeds.clearance.report import BENCHMARK_S, distribution, lost, percentile, report, summary
from tests.unit.feeds.clearance.cases import HOUR, MIN, T0, cleared, data, history

UNTIL = T0 + 24 * HOUR


def made(*histories: Any, **more: Any) -> dict[str, Any]:
    return report(histories, gate="mohan-boten", until_ms=UNTIL, **more)


def test_clearance_times_against_the_benchmark() -> None:
    found = made(*(history(cleared(minutes), id_=f"case_{minutes}") for minutes in (60, 120, 168, 169, 600)))
    took = found["clearance"]
    assert (took["count"], took["within_permille"]) == (5, 600)
    assert [took[name] // 60 for name in ("mean_s", "p10_s", "p50_s", "p90_s", "max_s")] == [
        223,
        60,
        168,
        600,
        600,
    ]
    assert found["states"] == {"cleared": 5}
    assert found["benchmark_s"] == BENCHMARK_S == 2.8 * 3600


def test_open_cases_count_and_have_no_clearance_time() -> None:
    found = made(history(data()), history(cleared(100), id_="case_2"))
    assert (found["cases"], found["clearance"]["count"]) == (2, 1)
    assert found["rows"][0]["total_s"] is None


def test_a_report_of_nothing_is_whole() -> None:
    found = made()
    assert found["clearance"] == {"count": 0, **dict.fromkeys(
        ("mean_s", "p10_s", "p50_s", "p90_s", "p95_s", "max_s", "within_permille"))}  # fmt: skip
    assert found["manual_verification"] == {"cases": 0, "share_permille": None, "causes": []}
    assert sum(found["distribution"]["counts"]) == 0
    assert all(row["lost_s"] == 0 for row in found["lost"])


def test_groups_by_gate_day_exporter_kind_and_reason_of_delay() -> None:
    held = history(
        data(state="held", reasons=[{"code": "no_permit", "text": "no permit", "source": "permit"}]),
        cleared(300, exporter="B", asset_kind="semi_trailer"),
        id_="case_b",
    )
    by = made(history(cleared(60, exporter="A")), held)["by"]
    assert [(row["key"], row["cases"], row["p50_s"]) for row in by["exporter"]] == [
        ("A", 1, 3600),
        ("B", 1, 18_000),
    ]
    assert [row["key"] for row in by["kind"]] == ["semi_trailer", "tractor"]
    assert [(row["key"], row["cases"]) for row in by["delay"]] == [("held: no_permit", 1), ("none", 1)]
    assert [(row["key"], row["cases"]) for row in by["gate"]] == [("mohan-boten", 2)]
    assert [row["key"] for row in by["day"]] == ["2026-09-21"]


def test_days_are_those_of_china() -> None:
    late = T0 - T0 % 86_400_000 + 16 * HOUR  # midnight at UTC+8
    before, after = (history(data(lodged_ms=t, steps=[]), id_=f"c{t}") for t in (late - 1, late))
    days = [row["key"] for row in made(before, after)["by"]["day"]]
    assert days == ["2026-09-21", "2026-09-22"]


def test_manual_verification_counts_also_when_it_is_over_and_names_the_conflicts_cause() -> None:
    manual = data(
        state="manual_verification", conflicts=["conflict_1"], reasons=[{"code": "vin", "text": "t"}]
    )
    settled = history(data(), manual, cleared(200), id_="case_s")
    unknown = history({**manual, "conflicts": ["gone"]}, id_="case_u")
    conflicts = {"conflict_1": {"cause": "swapped_pair"}}
    found = made(settled, unknown, history(cleared(50)), history(cleared(51), id_="c4"), conflicts=conflicts)
    share = found["manual_verification"]
    assert (share["cases"], share["share_permille"]) == (2, 500)
    assert share["causes"] == [
        {"cause": "swapped_pair", "cases": 1, "share_permille": 250},
        {"cause": "vin", "cases": 1, "share_permille": 250},
    ]


def test_the_reason_of_delay_is_the_one_that_lasted_longest() -> None:
    permit, seal = (
        data(state="held", reasons=[{"code": c, "text": c}]) for c in ("permit_missing", "seal_broken")
    )
    rows = made(history(permit, data(), seal, seal, cleared(300)), history(permit, seal, id_="open"))["rows"]
    assert {row["case"]: row["delay"] for row in rows} == dict.fromkeys(
        ("case_1", "open"), "held: seal_broken"
    )


def test_time_in_manual_verification_is_that_between_the_revisions() -> None:
    manual = data(state="manual_verification")
    rows = made(history(data(), manual, manual, data(), every_min=10), history(manual, id_="open"))["rows"]
    assert {row["case"]: row["manual_s"] for row in rows} == {"case_1": 1_200, "open": 24 * 3600}


def test_hours_lost_are_those_beyond_the_fastest_tenth() -> None:
    found = {row["span"]: row for row in made(history(cleared(60)), history(cleared(150), id_="b"))["lost"]}
    assert (found["exit_port"]["fast_s"], found["exit_port"]["lost_s"]) == (1_200, 1_800)
    assert (found["to_release"]["lost_s"], found["line"]["lost_s"]) == (1_800, 540)
    entry = found["entry_port"]  # without the wait for the release
    assert (entry["fast_s"], entry["worst_s"]) == (840, 2_100)
    assert (found["held"]["cases"], found["held"]["lost_s"]) == (0, 0)


def test_the_period_takes_what_was_lodged_in_it() -> None:
    early, late = history(data(lodged_ms=T0 - 1)), history(data(lodged_ms=T0), id_="case_2")
    assert [row["case"] for row in made(early, late, from_ms=T0)["rows"]] == ["case_2"]
    assert made(history(data(lodged_ms=UNTIL)))["cases"] == 0


def test_a_carried_vehicle_names_its_carrier() -> None:
    row = made(history(data(by={"asset": "asset_tractor", "coupling": "coupling_1"})))["rows"][0]
    assert row["by"] == "asset_tractor"


def test_the_order_of_cases_changes_nothing() -> None:
    cases = [history(cleared(40 + 7 * n, exporter=f"E{n % 3}"), id_=f"case_{n:02}") for n in range(20)]
    mixed = cases[:]
    random.Random(1).shuffle(mixed)
    assert made(*mixed) == made(*cases)


durations = st.lists(st.integers(0, 400_000), max_size=60)


@given(durations)
def test_percentiles_are_values_that_were_measured_and_grow(values: list[int]) -> None:
    found = summary(values)
    if not values:
        assert found["count"] == 0
        return
    marks = [found[name] for name in ("p10_s", "p50_s", "p90_s", "p95_s", "max_s")]
    assert marks == sorted(marks)
    assert set(marks) <= set(values)
    ordered = sorted(values)
    for percent in (10, 50, 90):
        below = sum(value <= percentile(ordered, percent) for value in ordered)
        assert 100 * below >= percent * len(ordered)


@given(durations)
def test_every_case_is_in_one_bar(values: list[int]) -> None:
    found = distribution(values)
    assert sum(found["counts"]) == len(values)
    assert found["more"] == any(value >= found["width_s"] * len(found["counts"]) for value in values)
    assert found["width_s"] * len(found["counts"]) >= BENCHMARK_S


@given(st.lists(st.integers(0, 100_000), min_size=1, max_size=30))
def test_nothing_is_lost_by_the_fastest_and_never_less_than_nothing(values: list[int]) -> None:
    rows = [{"exit_port_s": value, "line_s": None, "to_release_s": None, "entry_port_s": None,
             "manual_s": 0, "held_s": 0} for value in values]  # fmt: skip
    span = lost(rows)[0]
    assert 0 <= span["lost_s"] <= sum(values) - min(values) * len(values)


def test_uptime_is_taken_over() -> None:
    assert made(uptime={"up_permille": 999})["uptime"] == {"up_permille": 999}
    assert made()["uptime"] is None


def test_a_case_lodged_ten_minutes_before_midnight_is_of_the_day_of_its_arrival() -> None:
    late = T0 - T0 % 86_400_000 + 16 * HOUR
    shifted = data(lodged_ms=late - 10 * MIN, steps=[{"stage": "arrived", "t_ms": late + MIN}])
    assert made(history(shifted))["rows"][0]["day"] == "2026-09-22"
