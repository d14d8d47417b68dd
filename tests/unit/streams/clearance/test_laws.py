"""What holds for every case: no stage skipped in silence, no order that matters, no release too many."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from streams.clearance.chart import BY_TARGET, CHART
from streams.clearance.derive import derive
from streams.clearance.inputs import CaseInputs, Passing
from streams.clearance.regime import parse
from streams.clearance.words import RANK, STAGES
from streams.regimes import shipped
from tests.unit.streams.clearance.cases import (
    HOUR,
    MIN,
    T0,
    conflict,
    decision,
    filing,
    inputs,
    passing,
    permit,
    release,
)

REGIMES = {regime.id: regime for regime in map(parse, shipped())}
TIMES = st.integers(0, 40).map(lambda k: T0 + k * 30 * MIN)
MAYBE = st.none() | TIMES


@st.composite
def passings(draw: st.DrawFn) -> Passing:
    """A crossing, a visit or a turning back with any stages, in the order of time."""
    begin = draw(TIMES)
    seen = [draw(st.booleans()) for _ in range(6)]
    state = draw(st.sampled_from(["at_exit_port", "between", "at_entry_port", "completed", "turned_back"]))
    by = draw(st.sampled_from([None, {"asset": "a", "coupling": "c"}]))
    times = [begin + k * 20 * MIN if one else None for k, one in enumerate(seen)]
    return passing(*times, id=f"crossing_{draw(st.integers(0, 9))}", state=state, by=by)


OFFICERS = st.tuples(
    st.just("officer"), st.sampled_from(["release", "inspect", "detain", "wait", "withdraw", "close"])
)
AUTHORITIES = st.tuples(
    st.sampled_from(["boten-customs", "mohan-customs", "hk-customs", "stranger"]),
    st.sampled_from(["release", "inspect", "detain", "wait", "withdraw"]),
)
STATES = ["requested", "granted", "inspect", "detained", "waiting", "timeout", "withdrawn", "corrected"]
DOCUMENTS = st.lists(
    st.builds(
        lambda kind, number, expires: {"kind": kind, "number": number, "expires_ms": expires},
        st.sampled_from(["export_declaration", "customs_cargo_reference_number", "invoice"]),
        st.sampled_from([None, "1", "2"]),
        MAYBE,
    ),
    max_size=4,
)


@st.composite
def cases(draw: st.DrawFn) -> CaseInputs:
    """Any case."""
    begin, end = sorted([draw(TIMES), draw(TIMES)])
    form = filing(
        window_from_ms=draw(st.sampled_from([None, begin])),
        window_until_ms=draw(st.sampled_from([None, end])),
        state=draw(st.sampled_from(["lodged", "lodged", "withdrawn"])),
        documents=draw(DOCUMENTS),
    )
    decided = sorted(
        draw(st.lists(st.tuples(TIMES, OFFICERS | AUTHORITIES), max_size=4)), key=lambda one: one[0]
    )
    found = draw(st.lists(passings(), max_size=3, unique_by=lambda one: one.id))
    permits = [
        permit(number=f"P-{k}", valid_until_ms=until, state=state)
        for k, (until, state) in enumerate(
            draw(st.lists(st.tuples(MAYBE, st.sampled_from(["granted", "revoked"])), max_size=3))
        )
    ]
    states = draw(st.lists(st.sampled_from(STATES), max_size=2))
    bound = draw(st.sampled_from(["bound", "bound", "claimed", "conflict"]))
    seals = draw(st.lists(st.tuples(st.sampled_from(["locked", "broken", "open"]), TIMES), max_size=2))
    return inputs(
        filing=form,
        passings=found,
        permits=permits,
        departed_ms=draw(MAYBE),
        eta_ms=draw(MAYBE),
        conflicts=[conflict()] if bound == "conflict" else [],
        binding=inputs().binding | {"state": bound},
        seals=[{"seal": f"S-{k}", "state": state, "t_ms": t} for k, (state, t) in enumerate(seals)],
        decisions=[
            decision(what, t, source=source, position=k, release="release_1" if states else None)
            for k, (t, (source, what)) in enumerate(decided)
        ],
        releases=[
            release(n, state, T0 + n * HOUR, decision="release" if state == "granted" else None)
            for n, state in enumerate(states, 1)
        ],
    )


REGIME = st.sampled_from(["mohan-boten-cn-la", "hk-rocars"])


@settings(max_examples=80, deadline=None)
@given(cases(), REGIME, TIMES)
def test_no_stage_is_skipped_in_silence(case: CaseInputs, regime: str, now_ms: int) -> None:
    data = derive(case, REGIMES[regime], now_ms).data
    steps = data["steps"]
    assert [step["stage"] for step in steps] == list(STAGES[: len(steps)])
    assert data["stage"] == steps[-1]["stage"]
    assert not steps[-1]["inferred"]
    for step in steps:
        row = BY_TARGET[step["stage"]]
        assert step["inferred"] == (step["t_ms"] is None)
        assert step["rule"] == (row.passed if step["inferred"] else row.rule)
        assert step["rule"]
        assert step["cause"]["id"]
    assert data["state"] in (*STAGES, "withdrawn", "closed", "expired", "manual_verification", "held")
    assert data["state"] in (data["stage"], "withdrawn", "closed", "expired", "manual_verification", "held")
    if data["state"] in ("manual_verification", "held"):
        assert data["reasons"]


@settings(max_examples=80, deadline=None)
@given(cases(), REGIME, TIMES, st.randoms(use_true_random=False))
def test_the_order_of_lists_that_do_not_matter_does_not(
    case: CaseInputs, regime: str, now_ms: int, random: Any
) -> None:
    def mixed(held: list[Any]) -> list[Any]:
        found = list(held)
        random.shuffle(found)
        return found

    other = replace(case, passings=mixed(case.passings), permits=mixed(case.permits), seals=mixed(case.seals))
    kinds = [one["kind"] for one in case.filing["documents"]]
    if len(set(kinds)) == len(kinds):
        other.filing = case.filing | {"documents": mixed(case.filing["documents"])}
    one, two = derive(case, REGIMES[regime], now_ms), derive(other, REGIMES[regime], now_ms)
    assert one == two


@settings(max_examples=80, deadline=None)
@given(cases(), REGIME, TIMES)
def test_a_withdrawn_filing_never_releases(case: CaseInputs, regime: str, now_ms: int) -> None:
    case.filing = case.filing | {"state": "withdrawn"}
    made = derive(case, REGIMES[regime], now_ms)
    assert made.data["state"] == "withdrawn"
    assert RANK[made.data["stage"]] < RANK["released"]
    assert not made.request
    assert made.data["release_rule"] is None


@settings(max_examples=80, deadline=None)
@given(cases(), REGIME, TIMES)
def test_a_release_is_asked_for_only_when_clean_and_never_twice(
    case: CaseInputs, regime: str, now_ms: int
) -> None:
    made = derive(case, REGIMES[regime], now_ms)
    if not made.request:
        return
    data = made.data
    assert data["stage"] == "arrived_entry"
    assert data["state"] in ("arrived_entry", "held")  # held: it left without waiting
    assert not data["steps"][1]["inferred"]
    assert not data["conflicts"]
    assert case.filing["state"] == "lodged"
    last = case.releases[-1]["state"] if case.releases else None
    if last in ("requested", "granted", "timeout"):
        raise AssertionError(f"asked twice: {last}")
    asked = [*case.releases, release(len(case.releases) + 1, "requested", now_ms)]
    again = derive(replace(case, releases=asked), REGIMES[regime], now_ms)
    assert not again.request
    assert not again.correct


@settings(max_examples=80, deadline=None)
@given(cases(), REGIME, TIMES)
def test_a_correction_goes_out_once(case: CaseInputs, regime: str, now_ms: int) -> None:
    made = derive(case, REGIMES[regime], now_ms)
    if made.correct:
        told = [*case.releases[:-1], case.releases[-1] | {"state": "corrected"}]
        assert not derive(replace(case, releases=told), REGIMES[regime], now_ms).correct


@settings(max_examples=80, deadline=None)
@given(cases(), REGIME, TIMES)
def test_nothing_changes_by_time_alone_before_the_case_wakes(
    case: CaseInputs, regime: str, now_ms: int
) -> None:
    made = derive(case, REGIMES[regime], now_ms)
    until = now_ms + 24 * HOUR if made.wake_ms is None else min(made.wake_ms - 1, now_ms + 24 * HOUR)
    assert made.wake_ms is None or made.wake_ms > now_ms
    then = derive(case, REGIMES[regime], until)
    assert (then.data["state"], then.request, then.correct) == (
        made.data["state"],
        made.request,
        made.correct,
    )
    assert [one["state"] for one in then.data["deadlines"]] == [
        one["state"] for one in made.data["deadlines"]
    ]


def test_the_chart_is_a_chain_of_the_stages() -> None:
    assert [row.target for row in CHART] == list(STAGES)
    assert [row.source for row in CHART[1:]] == list(STAGES[:-1])
    assert not CHART[-1].passed
    assert not CHART[-2].passed
