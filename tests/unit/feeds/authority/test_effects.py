"""What an event means to authorities: told once, in the regime's words, taken back when it was not so."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from feeds.authority.effects import PARTS, STAGES, Effect, effects
from feeds.authority.port import Purpose
from feeds.authority.routes import routes_of
from streams.clearance.regime import parse
from streams.events import Event, Kind
from tests.unit.feeds.authority.world import (
    CASE,
    ENTRY,
    EXIT,
    FILING,
    PILOT,
    PILOT_TEXT,
    RELEASE,
    T0,
    case_data,
    event,
    filing_data,
    release_data,
    step,
    story,
)

ROUTES = routes_of(PILOT)


def told(events: list[Event]) -> list[Effect]:
    """The effects of events, each with the revision before it."""
    before: dict[str, dict[str, Any]] = {}
    found: list[Effect] = []
    for one in events:
        found += effects(one, before.get(one.id), ROUTES)
        before[one.id] = one.data
    return found


def plain(found: list[Effect]) -> list[tuple[str, str, str | None]]:
    return [(one.authority, one.purpose.value, one.code) for one in found]


def test_a_truck_that_crosses_is_told_to_both_sides_in_order() -> None:
    found = told(story())
    lodged = {(name, "lodge", None) for name in (ENTRY, EXIT)}
    amended = {(name, "amend", None) for name in (ENTRY, EXIT)}
    assert set(plain(found)[:2]) == lodged
    assert set(plain(found)[2:4]) == amended
    assert plain(found)[4:] == [
        (ENTRY, "notify_arrival", "524"),
        (EXIT, "notify_arrival", "1"),
        (EXIT, "notify_departure", "525"),
        (ENTRY, "notify_arrival", "524"),
        (ENTRY, "ask_release", None),
    ]
    assert {one.case for one in found} == {CASE}
    assert [one.number for one in found] == sorted({one.number for one in found})


def test_a_release_is_asked_under_its_own_id_and_once() -> None:
    (asked,) = told([event(Kind.RELEASE, RELEASE, 1, release_data(), 1)])
    assert (asked.id, asked.purpose) == (RELEASE, Purpose.ASK_RELEASE)
    later = [
        event(Kind.RELEASE, RELEASE, n, release_data(state), n)
        for n, state in enumerate(("requested", "timeout", "requested", "granted", "withdrawn"), 1)
    ]
    assert [one.id for one in told(later)] == [RELEASE]


def test_what_is_no_longer_so_is_corrected() -> None:
    found = told(
        [
            event(Kind.RELEASE, RELEASE, 1, release_data(), 1),
            event(Kind.RELEASE, RELEASE, 2, release_data("corrected"), 2),
            event(Kind.RELEASE, RELEASE, 3, release_data("corrected"), 3),
        ]
    )
    assert [one.purpose for one in found] == [Purpose.ASK_RELEASE, Purpose.CORRECT]
    assert found[1].id != RELEASE


def test_an_automatic_release_is_asked_of_nobody() -> None:
    assert told([event(Kind.RELEASE, RELEASE, 1, release_data("granted", authority=None), 1)]) == []


def test_a_retracted_arrival_is_taken_back_and_told_anew_under_another_id() -> None:
    arrived = step("arrived", T0 + 2_000)
    found = told(
        [
            event(Kind.CASE, CASE, 1, case_data(), 1),
            event(Kind.CASE, CASE, 2, case_data(arrived), 2),
            event(Kind.CASE, CASE, 3, case_data(), 3),
            event(Kind.CASE, CASE, 4, case_data(arrived), 4),
        ]
    )
    assert [(one.what, one.cancels) for one in found] == [
        ("arrived", False),
        ("arrived", True),
        ("arrived", False),
    ]
    assert len({one.id for one in found}) == 3


def test_what_nobody_saw_is_not_told() -> None:
    inferred = step("arrived", T0 + 2_000, inferred=True)
    late = step("approaching", T0 + 1_000)
    crossed = step("crossed", T0 + 3_000)
    found = told([event(Kind.CASE, CASE, 1, case_data(late, inferred, crossed), 1)])
    assert plain(found) == [(EXIT, "notify_departure", "525")]


def test_a_filing_is_withdrawn_once_and_a_finding_changes_nothing() -> None:
    found = told(
        [
            event(Kind.FILING, FILING, 1, filing_data(), 1),
            event(Kind.FILING, FILING, 2, filing_data(findings=[{"code": "x"}]), 2),
            event(Kind.FILING, FILING, 3, filing_data(state="withdrawn"), 3),
            event(Kind.FILING, FILING, 4, filing_data(state="withdrawn"), 4),
        ]
    )
    assert [one.purpose for one in found if one.authority == ENTRY] == [Purpose.LODGE, Purpose.WITHDRAW]


def test_a_case_whose_past_retention_deleted_tells_nothing_twice() -> None:
    late = event(Kind.CASE, CASE, 9, case_data(step("arrived", T0)), 9)
    assert effects(late, None, ROUTES) == []


def test_without_a_regime_only_the_release_is_asked() -> None:
    found = [one for each in story() for one in effects(each, None, ())]
    assert [one.purpose for one in found] == [Purpose.ASK_RELEASE]


def test_a_regime_says_who_is_told_by_data_alone() -> None:
    regime = parse(
        PILOT_TEXT.replace('authority = "mohan-customs"', 'authority = "kunming-customs"')
        .replace(
            'event = "crossed"\nsystem = "UNTDID 1001"', 'event = "crossed"\nsystem = "China road manifest"'
        )
        .replace('code = "525"', 'code = "MT4402"')
    )
    crossed = event(Kind.CASE, CASE, 1, case_data(step("crossed", T0)), 1)
    found = effects(crossed, None, routes_of(regime))
    assert plain(found) == [("kunming-customs", "notify_departure", "MT4402")]


def test_nobody_is_told_of_a_release_that_it_gave() -> None:
    released = event(Kind.CASE, CASE, 1, case_data(step("released", T0)), 1)
    assert [one for one in effects(released, None, ROUTES) if one.authority == ENTRY] == []


_STEPS = st.lists(st.sets(st.sampled_from(STAGES)), max_size=8)


@given(history=_STEPS)
def test_after_any_history_what_is_told_is_what_is_so(history: list[set[str]]) -> None:
    """Told and not taken back: the stages of the last revision; ids differ; a replay says the same."""
    events = [
        event(Kind.CASE, CASE, n, case_data(*(step(name, T0) for name in STAGES if name in stages)), n)
        for n, stages in enumerate(history, 1)
    ]
    found = told(events)
    assert found == told(events)
    assert len({(one.authority, one.id) for one in found}) == len(found)
    assert all(one.number // PARTS == one.revision for one in found)
    open_: set[tuple[str, str]] = set()
    for one in found:
        key = one.what, one.authority
        if one.cancels:
            assert key in open_ or one.what == "approaching"
            open_.discard(key)
        else:
            assert key not in open_ or one.what == "approaching"
            open_.add(key)
    last = history[-1] if history else set()
    routed = {(one.event, one.authority) for one in ROUTES if one.event in last - {"approaching"}}
    assert {key for key in open_ if key[0] != "approaching"} == routed
