"""Cases that are over: what comes later changes nothing, and their crossing is no later filing's."""

from __future__ import annotations

from typing import Any

from streams.clearance.derive import derive
from streams.clearance.inputs import Derived
from streams.clearance.regime import parse
from streams.regimes import shipped
from tests.unit.streams.clearance.cases import (
    CHASSIS,
    HOUR,
    MIN,
    T0,
    VIN,
    conflict,
    decision,
    filing,
    inputs,
    permit,
    whole,
)
from tests.unit.streams.engine import test_desk
from tests.unit.streams.engine.desk_world import lodging, through
from tests.unit.streams.engine.small_world import T0 as T0_DESK

PILOT = next(parse(text) for text in shipped() if 'id = "mohan-boten-cn-la"' in text)
END = T0 + 10 * HOUR


def claim(source: str, known_ms: int, to_ms: int | None = None, chassis: str = CHASSIS) -> dict[str, Any]:
    """A claim as the BINDING object holds it."""
    said = {"source": source, "vin": VIN, "chassis": chassis, "scheme": None}
    return said | {"from_ms": T0, "to_ms": to_ms, "known_ms": known_ms, "by": "", "evidence": ""}


def after(state: str = "claimed", **more: Any) -> Derived:
    """A cleared case after its filing's word has ended."""
    claims = [claim("registration", T0), claim("filing:F-1", T0), claim("filing:F-1", END, END)]
    binding = {"state": state, "agreed": ["registration"], "claims": claims, "settled": None}
    held = {"passings": [whole()], "decisions": [decision("release", T0 + 9 * HOUR)]}
    return derive(inputs(**(held | {"binding": binding} | more)), PILOT, END + HOUR)


def test_the_end_of_the_filings_word_does_not_unbind_its_case() -> None:
    one = after()
    assert one.data["state"] == "cleared"
    assert one.data["reasons"] == []
    assert not one.data["steps"][1]["inferred"]


def test_a_conflict_that_came_after_the_end_is_another_cases() -> None:
    late = after("conflict", conflicts=[conflict(first_ms=END + MIN)])
    assert late.data["conflicts"] == []
    assert not late.data["steps"][1]["inferred"]
    early = after("conflict", conflicts=[conflict(first_ms=END - MIN)])
    assert len(early.data["conflicts"]) == 1
    assert early.data["steps"][1]["inferred"]
    assert early.data["state"] == "cleared"


def test_what_was_never_bound_is_not_said_to_have_been() -> None:
    claims = [claim("filing:F-1", T0), claim("filing:F-1", END, END), claim("registration", END + MIN)]
    one = after(binding={"state": "claimed", "agreed": [], "claims": claims, "settled": None})
    assert one.data["steps"][1]["inferred"]
    assert [reason["code"] for reason in one.data["reasons"]] == ["not_bound"]


def test_a_filing_that_was_amended_is_bound_since_the_amendment() -> None:
    claims = [claim("registration", T0), claim("filing:F-1", T0, chassis="OTHER 1")]
    claims += [claim("maker", T0 - MIN), claim("filing:F-1", T0 + HOUR)]
    binding = {"state": "bound", "agreed": ["filing", "maker", "registration"], "settled": None}

    def since(*more: dict[str, Any]) -> Any:
        made = derive(inputs(binding=binding | {"claims": [*claims, *more]}), PILOT, T0 + 2 * HOUR)
        return made.data["steps"][1]["t_ms"]

    assert since() == T0 + HOUR
    assert since(claim("filing:F-1", T0 + 90 * MIN, chassis=f" {CHASSIS.lower()} ")) == T0 + HOUR, "the same"
    later = [
        claim("filing:F-1", END, END),
        claim("filing:F-2", END, chassis="X1"),
        claim("filing:F-2", END + 1),
    ]
    assert since(*later) == T0 + HOUR, "another filing's words are not this one's"


def test_what_is_found_out_later_holds_no_case_that_left_released() -> None:
    seal = {"seal": "S", "state": "broken", "t_ms": END + MIN}
    one = after(seals=[seal], permits=[permit(state="revoked")])
    assert one.data["state"] == "cleared"
    assert one.data["reasons"] == []
    assert not one.correct


def test_what_is_older_than_the_journey_holds_nothing() -> None:
    old = T0 - PILOT.tolerance_ms
    axle = {"t_ms": old - 1, "kg": 12_000, "limit_kg": 10_000}
    seal = {"seal": "S", "state": "broken", "t_ms": old - 1}
    assert derive(inputs(axle=axle, seals=[seal]), PILOT, T0).data["state"] == "bound"
    now = derive(inputs(axle=axle | {"t_ms": old}, seals=[seal | {"t_ms": old}]), PILOT, T0)
    assert {reason["code"] for reason in now.data["reasons"]} == {"axle_overload", "seal_broken"}


def test_a_crossing_before_a_filing_without_a_window_is_not_its_own() -> None:
    one = derive(inputs(filing=filing(window_from_ms=None), passings=[whole(T0 - 4 * HOUR)]), PILOT, T0)
    assert one.data["crossing"] is None


def test_the_crossing_of_a_cleared_case_is_not_the_next_filings() -> None:
    desk = test_desk.filed()
    test_desk.crossed(desk, upto=-0.008)
    desk.ok("authority.decide", test_desk.decision("m1"))
    end = desk.now_s
    desk.drive([one for one in through(test_desk.VIN, end + 60 - 1200, -0.2) if one.t_s > end], test_desk.VIN)
    first = desk.case("R1")
    assert first["state"] == "cleared"
    window = {"window_from_ms": T0_DESK, "window_until_ms": T0_DESK + 24 * HOUR}
    desk.ok("filing.lodge", lodging(test_desk.VIN, "R2", **window))
    assert first["crossing"] is not None
    assert desk.case("R2")["crossing"] != first["crossing"]
    assert desk.case("R2")["state"] != "cleared"
    assert desk.case("R1") == first
