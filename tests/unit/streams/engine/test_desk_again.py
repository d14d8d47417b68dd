"""A release asked for again, under the next number: after a refusal that an officer lifted, never before."""

from __future__ import annotations

import pytest

from streams.events import Kind, object_id
from tests.unit.streams.engine.desk_world import VINS, Office, asset_of, case_of
from tests.unit.streams.engine.test_desk import crossed, decision, filed

VIN = VINS[0]


def releases(desk: Office) -> list[tuple[int, str]]:
    """Number and state of each release."""
    held = [event.data for event in desk.latest(Kind.RELEASE).values()]
    return sorted((data["n"], data["state"]) for data in held)


def officer(desk: Office, what: str) -> None:
    """An officer decides."""
    about = {"asset": asset_of(VIN), "case": case_of("R1"), "decision": what, "reason": "seen", "at_ms": None}
    desk.ok("case.decide", about)


def asked() -> Office:
    """A vehicle in the port of entry whose release was asked for."""
    desk = filed()
    crossed(desk, upto=-0.008)
    assert releases(desk) == [(1, "requested")]
    return desk


@pytest.mark.parametrize(("refusal", "state"), [("inspect", "inspect"), ("detain", "detained")])
def test_a_refusal_that_an_officer_lifts_is_asked_again(refusal: str, state: str) -> None:
    desk = asked()
    desk.ok("authority.decide", decision("m1", refusal))
    assert releases(desk) == [(1, state)]
    assert desk.case("R1")["state"] == "held"
    officer(desk, "wait")
    assert releases(desk) == [(1, "waiting"), (2, "requested")]
    case = desk.case("R1")
    assert (case["state"], case["release"]) == ("arrived_entry", object_id(Kind.RELEASE, case_of("R1"), 2))
    desk.ok("authority.decide", decision("m2", request=case["release"]))
    assert releases(desk) == [(1, "waiting"), (2, "granted")]
    assert desk.case("R1")["state"] == "released"


def test_each_refusal_is_lifted_for_itself() -> None:
    desk = asked()
    desk.ok("authority.decide", decision("m1", "inspect"))
    officer(desk, "wait")
    desk.ok("authority.decide", decision("m2", "detain"))
    assert releases(desk) == [(1, "waiting"), (2, "detained")], "nothing is asked while a refusal stands"
    officer(desk, "wait")
    officer(desk, "wait")
    assert releases(desk) == [(1, "waiting"), (2, "waiting"), (3, "waiting")], "once for each refusal"


def test_a_release_that_was_withdrawn_is_asked_again_once_an_officer_lifts_that() -> None:
    desk = asked()
    desk.ok("authority.decide", decision("m1"))
    desk.ok("authority.decide", decision("m2", "withdraw"))
    assert releases(desk) == [(1, "withdrawn")]
    officer(desk, "wait")
    assert releases(desk) == [(1, "withdrawn"), (2, "requested")]


def test_who_is_told_to_wait_does_not_ask_again() -> None:
    desk = asked()
    desk.ok("authority.decide", decision("m1", "wait"))
    officer(desk, "wait")
    assert releases(desk) == [(1, "waiting")]


def test_an_officers_own_refusal_holds_until_he_takes_it_back() -> None:
    desk = asked()
    officer(desk, "inspect")
    assert releases(desk) == [(1, "inspect")]
    assert desk.case("R1")["state"] == "held"
    officer(desk, "wait")
    assert desk.case("R1")["state"] == "arrived_entry"
    assert releases(desk) == [(1, "waiting")], "the authority was asked, and has not refused"
    desk.ok("authority.decide", decision("m1"))
    assert releases(desk) == [(1, "granted")]
    assert desk.case("R1")["state"] == "released"
