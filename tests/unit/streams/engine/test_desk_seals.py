"""Seals as units read them: since when one is as it is, told again at each boot, in any order."""

from __future__ import annotations

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from streams.events import Kind
from tests.unit.streams.engine.desk_world import (
    VINS,
    Office,
    asset_of,
    case_of,
    lodging,
    office,
    permitting,
)
from tests.unit.streams.engine.small_world import T0

VIN = VINS[0]


def filed() -> Office:
    desk = office()
    desk.ok("asset.register", {"vin": VIN, "chassis": VIN})
    desk.ok("filing.lodge", lodging(VIN, "R1"))
    desk.ok("permit.grant", permitting(VIN, "P1"))
    return desk


def seal(t: int, state: str, number: str = "S1") -> dict[str, Any]:
    return {"t": t, "kind": "seal", "seal": number, "state": state}


def told(desk: Office) -> tuple[str, int]:
    (held,) = desk.latest(Kind.SEAL).values()
    return held.data["state"], held.data["t_ms"]


def test_a_unit_that_boots_and_tells_its_broken_seal_again_is_no_news() -> None:
    desk = filed()
    desk.report(VIN, facts=[seal(T0 + 10, "broken")])
    assert desk.case("R1")["state"] == "held"
    desk.now_s = 60
    order = {"case": case_of("R1"), "decision": "release", "reason": "seen", "at_ms": T0 + 60_000}
    desk.ok("case.decide", {"asset": asset_of(VIN), **order})
    assert desk.case("R1")["state"] != "held"
    desk.now_s = 120
    assert desk.report(VIN, facts=[seal(T0 + 120_000, "broken")]) == []
    assert told(desk) == ("broken", T0 + 10)
    assert desk.case("R1")["state"] != "held", "the officer has seen it"
    desk.report(VIN, facts=[seal(T0 + 120_001, "broken", "S2")])
    assert desk.case("R1")["state"] == "held", "another seal is news"


@settings(max_examples=60, deadline=None)
@given(st.permutations([(10, "broken"), (20, "locked"), (30, "broken"), (40, "open"), (40, "broken")]))
def test_since_when_a_seal_is_as_it_is_depends_on_no_order(readings: list[tuple[int, str]]) -> None:
    desk = filed()
    for t, state in readings:
        desk.report(VIN, facts=[seal(T0 + t, state)])
    assert told(desk) == ("broken", T0 + 30)


def test_readings_of_a_seal_are_bounded_and_the_first_of_its_state_is_kept() -> None:
    desk = filed()
    desk.report(VIN, facts=[seal(T0, "locked")])
    for n in range(1, 60):
        desk.report(VIN, facts=[seal(T0 + n, "tampered")])
    assert told(desk) == ("tampered", T0 + 1)
    assert len(desk.engine.desk.folder(asset_of(VIN)).bus["seals"]["S1"]) == 16
