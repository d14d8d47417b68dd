"""Laws: clean lists have no findings; each planted fault is found, as what it is, and nothing else is."""

from __future__ import annotations

import random
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from feeds.reconcile import Finding, Kind, Result, Side
from streams.identity.vin import CHECK_PLACE
from tests.unit.feeds.reconcile.fleets import Pair, compared, slipped, vehicles

SEEDS = st.integers(0, 2**32)
SCHEMES = st.sampled_from(["OEM", "VIN", "VIS8"])
Planted = tuple[set[Kind], set[str]]
"""What it may be told as, and the VINs that have to be in it."""


def swap(filed: list[Pair], at: int, rng: random.Random) -> Planted:
    one, other = filed[at], filed[at + 1]
    one[1], other[1] = other[1], one[1]
    return {Kind.SWAPPED_PAIR}, {one[0], other[0]}


def take_over(filed: list[Pair], at: int, rng: random.Random) -> Planted:
    filed[at][1] = filed[at + 1][1]
    return {Kind.FOREIGN_CHASSIS}, {filed[at][0]}


def slip_in_vin(filed: list[Pair], at: int, rng: random.Random) -> Planted:
    was = filed[at][0]
    filed[at][0] = slipped(was, rng)
    return {Kind.VIN_SLIP}, {was, filed[at][0]}


def slip_in_chassis(filed: list[Pair], at: int, rng: random.Random) -> Planted:
    filed[at][1] = slipped(filed[at][1], rng)
    return {Kind.CHASSIS_SLIP}, {filed[at][0]}


def another_vin(filed: list[Pair], at: int, rng: random.Random) -> Planted:
    was = filed[at][0]
    filed[at][0] = "2UNLM4Y22KF0E2219"
    return {Kind.VIN_MISMATCH}, {was, filed[at][0]}


def another_chassis(filed: list[Pair], at: int, rng: random.Random) -> Planted:
    filed[at][1] = "QQQQ777777"
    return {Kind.CHASSIS_MISMATCH}, {filed[at][0]}


def double(filed: list[Pair], at: int, rng: random.Random) -> Planted:
    filed.append(list(filed[at]))
    return {Kind.DOUBLED_VIN}, {filed[at][0]}


def leave_out(filed: list[Pair], at: int, rng: random.Random) -> Planted:
    was = filed[at][0]
    del filed[at]
    return {Kind.NOT_FILED}, {was}


def make_up(filed: list[Pair], at: int, rng: random.Random) -> Planted:
    filed.append(["2UNLM4Y22KF0E2219", "QQQQ777777"])
    return {Kind.NOT_PRODUCED}, {"2UNLM4Y22KF0E2219"}


def forget_chassis(filed: list[Pair], at: int, rng: random.Random) -> Planted:
    filed[at][1] = ""
    return {Kind.NO_CHASSIS}, {filed[at][0]}


def float_chassis(filed: list[Pair], at: int, rng: random.Random) -> Planted:
    filed[at][1] = "1.23E+16"
    return {Kind.UNREADABLE}, {filed[at][0]}


def end_of_vin_as_chassis(filed: list[Pair], at: int, rng: random.Random) -> Planted:
    filed[at][1] = filed[at][0][9:]
    return {Kind.SCHEME}, {filed[at][0]}


FAULTS = [
    *(swap, take_over, slip_in_vin, slip_in_chassis, another_vin, another_chassis, double, leave_out),
    *(make_up, forget_chassis, float_chassis, end_of_vin_as_chassis),
]


def vins(finding: Finding) -> set[str]:
    return {place.vin for place in finding.places}


@given(SEEDS, SCHEMES, st.integers(0, 40))
def test_clean_lists_have_no_findings(seed: int, scheme: str, count: int) -> None:
    made = vehicles(count, seed, scheme)
    filed = random.Random(seed).sample(made, len(made))
    result = compared(made, [[code.lower(), f" {number} "] for code, number in filed], made)
    assert result.findings == ()
    assert result.agreed == count


@given(SEEDS)
def test_a_chassis_number_may_be_the_vin_in_one_list_and_its_end_in_the_other(seed: int) -> None:
    made = vehicles(30, seed, "VIN")
    result = compared(made, vehicles(30, seed, "VIS8"))
    assert result.agreed == 30
    (finding,) = result.findings
    assert finding.kind is Kind.SCHEME
    assert "(so in 30 rows)" in finding.text


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.__name__)
@given(seed=SEEDS)
def test_a_planted_fault_is_found_and_nothing_else(
    fault: Callable[[list[Pair], int, random.Random], Planted], seed: int
) -> None:
    rng = random.Random(seed)
    made = vehicles(20, seed)
    filed = [list(pair) for pair in made]
    rng.shuffle(filed)
    kinds, wanted = fault(filed, rng.randrange(19), rng)
    result = compared(made, filed)
    (finding,) = result.findings
    assert finding.kind in kinds
    assert wanted <= vins(finding)
    assert finding.text.endswith(".")
    assert finding.proposal


@given(SEEDS, st.sampled_from(["VIN", "VIS8"]))
def test_swaps_and_takeovers_are_found_where_chassis_numbers_come_out_of_vins(seed: int, scheme: str) -> None:
    rng = random.Random(seed)
    made = vehicles(20, seed, scheme)
    filed = [list(pair) for pair in made]
    rng.shuffle(filed)
    one = swap(filed, rng.randrange(0, 8), rng)
    other = take_over(filed, rng.randrange(10, 19), rng)
    found = compared(made, filed).findings
    assert [
        (finding.kind, wanted <= vins(finding))
        for finding, (_, wanted) in zip(found, (one, other), strict=True)
    ] == [
        (Kind.SWAPPED_PAIR, True),
        (Kind.FOREIGN_CHASSIS, True),
    ]


@given(SEEDS)
def test_many_faults_are_each_found(seed: int) -> None:
    rng = random.Random(seed)
    made = vehicles(60, seed)
    filed = [list(pair) for pair in made]
    rng.shuffle(filed)
    kinds = [swap, take_over, slip_in_vin, slip_in_chassis, another_chassis, forget_chassis, float_chassis]
    planted = [rng.choice(kinds)(filed, at, rng) for at in range(0, 57, 3)]
    result = compared(made, filed)
    assert len(result.findings) == len(planted)
    for told_as, wanted in planted:
        assert any(finding.kind in told_as and wanted <= vins(finding) for finding in result.findings)


@given(SEEDS)
def test_the_same_lists_in_another_order_have_the_same_findings(seed: int) -> None:
    rng = random.Random(seed)
    made = vehicles(20, seed)
    filed = [list(pair) for pair in made]
    for at, fault in zip(
        range(0, 18, 3), (swap, take_over, slip_in_vin, slip_in_chassis, swap, take_over), strict=True
    ):
        fault(filed, at, rng)

    def told(result: Result) -> list[tuple[Kind, list[str]]]:
        return sorted((finding.kind, sorted(vins(finding))) for finding in result.findings)

    before = told(compared(made, filed))
    assert told(compared(rng.sample(made, 20), rng.sample(filed, 20))) == before


@given(SEEDS)
def test_no_proposal_changes_position_9_alone(seed: int) -> None:
    rng = random.Random(seed)
    made = vehicles(20, seed)
    filed = [list(pair) for pair in made]
    code = filed[3][0]
    filed[3][0] = code[:CHECK_PLACE] + rng.choice([c for c in "0123456789XZ" if c != code[8]]) + code[9:]
    slip_in_vin(filed, 7, rng)
    for finding in compared(made, filed).findings:
        for change in finding.changes:
            assert change.got[:8] + change.got[9:] != change.want[:8] + change.want[9:]
        if {place.vin for place in finding.places} == {code, filed[3][0]}:
            assert (finding.kind, finding.position, finding.changes) == (Kind.VIN_SLIP, 9, ())
            assert "position 9 is the check digit" in finding.proposal


@given(SEEDS)
def test_nothing_is_changed_in_the_lists(seed: int) -> None:
    made = vehicles(10, seed)
    filed = [list(pair) for pair in made]
    slip_in_vin(filed, 2, random.Random(seed))
    (finding,) = compared(made, filed).findings
    assert finding.places[0].side is Side.FILINGS
    assert finding.places[0].vin == filed[2][0]
    assert finding.places[0].vin_at == "line 4, column 1"
