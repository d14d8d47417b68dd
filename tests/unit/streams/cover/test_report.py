"""The monthly report: its figures by hand, and the minimum of proof below which there are none."""

from __future__ import annotations

from typing import Any

import pytest

from streams.cover.report import FORMULA, Told, report

T0 = 1_793_577_600_000  # 2026-11-02T00:00Z
HOUR = 3_600_000
MONTH = "2026-11"


def exposure(id_: str = "e1", km: int = 200, hours: int = 4, night: int = 1, **more: Any) -> Told:
    """A stay of a day with so much driving, three quarters of it seen."""
    part = {
        "month": MONTH,
        "driven": {"mm": km * 1_000_000, "ms": hours * HOUR, "trips": 1},
        "night": {"ms": night * HOUR},
    }
    data = {
        "cover": "c",
        "number": "C-1",
        "insurer": "First",
        "country": "LA",
        "from_ms": T0,
        "until_ms": T0 + 24 * HOUR,
        "visit": "v1",
        "months": [part],
        "seen": {"ms": hours * HOUR * 3 // 4, "samples": 1},
        "assurance": {"counts": {"signed": 9, "attributed": 1, "suspect": 0}},
    }
    return Told(id_, 3, data | more)


def incident(what: str, n: int, at_ms: int = T0 + HOUR) -> Told:
    """An incident."""
    return Told(f"i{n}", 1, {"what": what, "at_ms": at_ms})


def gap(minutes: int, what: str = "proof") -> Told:
    """A gap in the stay."""
    data = {"what": what, "from_ms": T0 + HOUR, "until_ms": T0 + HOUR + minutes * 60_000}
    return Told("g1", 1, data)


def test_the_index_is_a_hundred_less_its_terms() -> None:
    incidents = [incident("harsh_braking", 1), incident("harsh_braking", 2), incident("harsh_cornering", 3)]
    made = report(MONTH, [exposure()], incidents, [], [], [])
    assert made["formula"] == FORMULA
    driving = made["driving"]
    assert driving["judged"] == {"mm": 150_000_000, "ms": 3 * HOUR}
    terms = {term["what"]: term for term in driving["terms"]}
    assert terms["harsh_braking"]["per_100_km_permille"] == 1_333  # 2 on 150 km
    assert terms["harsh_braking"]["points_permille"] == 5_332
    assert terms["harsh_cornering"]["points_permille"] == 666 * 3
    assert terms["night"]["points_permille"] == 250 * 20
    assert driving["index_permille"] == 100_000 - 5_332 - 1_998 - 5_000
    assert made["inputs"] == [
        {"id": one, "revision": r} for one, r in (("e1", 3), ("i1", 1), ("i2", 1), ("i3", 1))
    ]


def test_two_covers_of_one_stay_count_its_driving_once() -> None:
    made = report(MONTH, [exposure(), exposure("e2", 120, 2)], [], [], [], [])
    assert len(made["exposures"]) == 2
    assert made["driving"]["judged"]["mm"] == 150_000_000


@pytest.mark.parametrize(
    ("given", "gaps", "says"),
    [
        (exposure(hours=4), [gap(60)], "too little is proven: got 80 %"),
        (exposure(hours=0), [], "no driving"),
        (
            exposure(assurance={"counts": {"signed": 0, "attributed": 1, "suspect": 1}}),
            [],
            "1 reports are signed",
        ),
    ],
)
def test_without_enough_proof_there_is_no_figure_at_all(given: Told, gaps: list[Told], says: str) -> None:
    made = report(MONTH, [given], [], gaps, [], [])
    assert (made["exposures"], made["driving"]) == (None, None)
    assert says in made["quality"]["reasons"][0]


def test_explained_silences_count_as_gaps_and_are_told_apart() -> None:
    gaps = [
        Told(f"g{share}", 1, {**gap(60).data} | {"explained": {"ms": 0, "share_permille": share}})
        for share in (899, 900, 1000)
    ]
    quality = report(MONTH, [exposure()], [], [*gaps, gap(60)], [], [])["quality"]
    assert (quality["gaps_of_proof"], quality["gaps_explained"]) == (4, 2)
    bare = report(MONTH, [exposure()], [], [gap(60)] * 4, [], [])["quality"]
    assert quality["proven_permille"] == bare["proven_permille"]


@pytest.mark.parametrize(
    ("given", "says"),
    [
        (exposure(km=99), "too short a way to judge driving: got 99 km"),
        (exposure(seen={"ms": HOUR, "samples": 1}), "samples too far apart: got 25 %"),
    ],
)
def test_without_enough_samples_there_is_exposure_but_no_driving(given: Told, says: str) -> None:
    made = report(MONTH, [given], [], [gap(300, "cover")], [], [])
    assert made["exposures"] is not None
    assert made["driving"] is None
    assert says in made["driving_missing"][0]


def test_an_hour_before_the_local_month_is_of_the_other() -> None:
    before = exposure(from_ms=T0 - 72 * HOUR)
    late = incident("harsh_braking", 1, T0 - 24 * HOUR - 6 * HOUR)  # 1 November, 01:00 in Laos
    early = incident("harsh_braking", 2, T0 - 24 * HOUR - 8 * HOUR)  # 31 October, 23:00
    made = report(MONTH, [before], [late, early], [], [], [])
    assert made["incidents"] == {"harsh_braking": 1}


def test_automatic_releases_are_counted_apart() -> None:
    passed = [
        Told(f"h{n}", 1, {"at_ms": T0 + HOUR, "automatic_release": automatic})
        for n, automatic in enumerate((True, False, True))
    ]
    made = report(MONTH, [exposure()], [], [], passed, [])
    assert made["crossings"] == {"handovers": 3, "automatic_release": 2}
