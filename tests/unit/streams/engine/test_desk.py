"""The desk's case from filing to clearance, and each thing that stops it."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise
from typing import Any

import pytest

from streams.codec import dump_json
from streams.engine import restore, snapshot
from streams.engine.bus import Seen
from streams.events import Kind, object_id
from streams.memory_past import MemoryPast
from streams.records import RecordKind
from tests.unit.streams.engine.desk_world import (
    AUTOMATIC,
    DAY,
    REGIME,
    VINS,
    Office,
    asset_of,
    body,
    case_of,
    filing_of,
    lodging,
    office,
    permitting,
    through,
)
from tests.unit.streams.engine.small_world import T0, world

VIN, OTHER, THIRD = VINS[:3]
START = 7_200.0


def filed(regime: str = REGIME, chassis: str = VIN) -> Office:
    """A vehicle that is registered, filed and permitted, two hours before it departs."""
    desk = office(regime)
    desk.ok("asset.register", {"vin": VIN, "chassis": chassis})
    desk.ok("filing.lodge", lodging(VIN, "R1"))
    desk.ok("permit.grant", permitting(VIN, "P1"))
    return desk


def crossed(desk: Office, vin: str = VIN, start_s: float = START, upto: float = -0.08) -> None:
    """Drive through the gate and stay till the rules have settled."""
    desk.drive(through(vin, start_s, upto), vin)


def released(desk: Office) -> dict[str, Any]:
    """The one release."""
    (release,) = desk.latest(Kind.RELEASE).values()
    return release.data


def decision(message: str, what: str = "release", **more: Any) -> dict[str, Any]:
    """The data of authority.decide."""
    given = {"asset": asset_of(VIN), "case": case_of("R1"), "authority": "g-customs", "message": message}
    return given | {"request": None, "decision": what, "reason": "", "at_ms": None} | more


def test_a_clean_case_from_filing_to_clearance() -> None:
    desk = filed()
    assert desk.case("R1")["stage"] == "bound"
    crossed(desk, upto=-0.008)  # stands in the port of entry
    assert desk.case("R1")["stage"] == "arrived_entry"
    assert released(desk)["state"] == "requested"
    desk.ok("authority.decide", decision("m1"))
    assert released(desk)["state"] == "granted"
    assert desk.case("R1")["state"] == "released"
    desk.drive(through(VIN, desk.now_s + 30)[-20:], VIN)
    end = desk.now_s
    desk.drive([one for one in through(VIN, end + 60 - 1200, -0.2) if one.t_s > end], VIN)
    case = desk.case("R1")
    assert case["state"] == "cleared", case["steps"]
    assert [step["stage"] for step in case["steps"]] == [
        *("filed", "bound", "departing", "approaching", "arrived", "crossed", "arrived_entry", "released"),
        "cleared",
    ]
    assert case["ended_ms"] is not None
    assert case["clocks_ms"]["total"] > 0


def test_every_event_of_a_case_has_its_cause_and_counts_up() -> None:
    desk = filed()
    crossed(desk, upto=-0.008)
    desk.ok("authority.decide", decision("m1"))
    told = [event for event in desk.events if event.kind is Kind.CASE]
    assert [event.revision for event in told] == list(range(1, len(told) + 1))
    causes = [event.data["why"]["cause"]["kind"] for event in told]
    assert set(causes) >= {"command", "crossing", "visit", "trip"}
    for before, after in pairwise(told):
        same = {name for name in before.data if before.data[name] == after.data.get(name)}
        assert not same & set(after.data["why"]["changed"]), "what is told as changed did change"
        assert after.data["why"]["changed"], "a revision without a change"


def test_a_conflict_on_the_bus_sends_the_case_to_verification_in_the_same_step() -> None:
    desk = filed()
    wrong = [{"t": T0, "kind": "identity", "vin": OTHER, "source": 0}]
    events = desk.report(VIN, facts=wrong)
    conflict = next(event for event in events if event.kind is Kind.CONFLICT)
    assert (conflict.data["got"], conflict.data["want"], conflict.data["state"]) == (OTHER, VIN, "open")
    assert conflict.data["seen"] == [[f"d-{asset_of(VIN)}", "b1", 0]]
    case = next(event for event in events if event.kind is Kind.CASE)
    assert case.data["state"] == "manual_verification"
    assert desk.latest(Kind.BINDING)[object_id(Kind.BINDING, asset_of(VIN))].data["state"] == "conflict"
    assert desk.report(VIN, facts=wrong) == [], "what was told is not told again"
    desk.ok(
        "binding.settle", {"asset": asset_of(VIN), "case": None, "vin": VIN, "chassis": VIN, "reason": "seen"}
    )
    assert desk.case("R1")["state"] != "manual_verification"
    assert [one.data["state"] for one in desk.latest(Kind.CONFLICT).values()] == ["settled"]
    assert desk.report(VIN, facts=wrong) == []


def test_a_unit_of_another_known_vehicle_is_a_swapped_one() -> None:
    desk = filed()
    desk.report(VIN, facts=[{"t": T0, "kind": "identity", "vin": OTHER, "source": 0}])
    (conflict,) = desk.latest(Kind.CONFLICT).values()
    assert conflict.data["other"] is None
    desk.ok("asset.register", {"vin": OTHER, "chassis": OTHER})  # known later only
    (conflict,) = desk.latest(Kind.CONFLICT).values()
    assert (conflict.data["cause"], conflict.data["other"]) == ("swapped_unit", asset_of(OTHER))


def test_the_right_vin_on_the_bus_is_a_witness() -> None:
    desk = filed()
    desk.report(VIN, facts=[{"t": T0, "kind": "identity", "vin": VIN, "source": 0}])
    (binding,) = desk.latest(Kind.BINDING).values()
    assert binding.data["state"] == "bound"
    assert "can" in binding.data["confirmed"]
    assert not desk.latest(Kind.CONFLICT)


def test_swapped_chassis_numbers_name_the_other_vehicle() -> None:
    desk = office()
    for vin, chassis in ((VIN, "OEM 111111"), (OTHER, "OEM 222222")):
        desk.ok("asset.register", {"vin": vin, "chassis": chassis, "chassis_scheme": "OEM"})
    desk.ok("permit.grant", permitting(VIN, "P1", chassis="OEM 111111"))
    desk.ok("filing.lodge", lodging(VIN, "R1", chassis="OEM 222222"))
    desk.ok("filing.lodge", lodging(OTHER, "R2", chassis="OEM 111111"))
    found = {event.asset: event.data for event in desk.latest(Kind.CONFLICT).values()}
    assert {asset: (one["cause"], one["other"]) for asset, one in found.items()} == {
        asset_of(VIN): ("swapped_pair", asset_of(OTHER)),
        asset_of(OTHER): ("swapped_pair", asset_of(VIN)),
    }
    assert desk.case("R1")["state"] == desk.case("R2")["state"] == "manual_verification"
    desk.ok(
        "filing.amend",
        {"asset": asset_of(VIN), "filing": filing_of("R1"), "changes": {"chassis": "OEM 111111"}},
    )
    assert desk.case("R1")["state"] == "bound"
    assert desk.case("R2")["state"] == "manual_verification"


def test_a_missing_permit_holds_and_a_granted_one_frees() -> None:
    desk = office()
    desk.ok("asset.register", {"vin": VIN, "chassis": VIN})
    desk.ok("filing.lodge", lodging(VIN, "R1"))
    assert desk.case("R1")["state"] == "held"
    permit = desk.ok("permit.grant", permitting(VIN, "P1"))
    assert desk.case("R1")["state"] == "bound"
    assert desk.case("R1")["permit"] == permit
    desk.ok("permit.revoke", {"asset": asset_of(VIN), "permit": permit, "reason": "wrong"})
    assert desk.case("R1")["state"] == "held"


def test_an_axle_load_above_the_limit_holds() -> None:
    desk = filed()
    permit = permitting(VIN, "P2", axle_limit_kg=10_000)
    desk.ok("permit.grant", permit)
    way = through(VIN, START)
    desk.report(VIN, way[:5], kg=9_999.0)
    assert desk.case("R1")["state"] not in ("held", "manual_verification")
    desk.report(VIN, way[5:10], kg=12_000.0)
    case = desk.case("R1")
    assert case["state"] == "held"
    assert any("axle" in one["code"] for one in case["reasons"])


def test_a_broken_seal_holds_and_old_news_of_it_does_not_free() -> None:
    desk = filed()
    desk.report(VIN, facts=[{"t": T0 + 10, "kind": "seal", "seal": "S1", "state": "broken"}])
    assert desk.case("R1")["state"] == "held"
    assert desk.report(VIN, facts=[{"t": T0 + 5, "kind": "seal", "seal": "S1", "state": "locked"}]) == []
    (seal,) = desk.latest(Kind.SEAL).values()
    assert seal.data == {"seal": "S1", "state": "broken", "t_ms": T0 + 10, "why": seal.data["why"]}


@pytest.mark.parametrize("odd", [7, {}, [1], [{"kind": "identity"}], [{"t": "x", "kind": "identity"}]])
def test_odd_facts_change_nothing(odd: Any) -> None:
    desk = filed()
    assert desk.report(VIN, facts=odd) == []


@pytest.mark.parametrize(
    "fact",
    [
        {"kind": "identity", "vin": 7},
        {"kind": "identity", "vin": ["A"], "source": {"x": 1}},
        {"kind": "identity", "source": [1]},
        {"kind": "component", "serial": {"a": 1}, "source": None},
        {"kind": "seal", "seal": ["x"], "state": {"y": 2}},
        {"kind": "seal", "seal": None, "state": "broken"},
        {"kind": "coupling", "vin": 4, "state": []},
        {"kind": "driver", "id": "x"},
        {"kind": ["identity"], "vin": "x"},
    ],
)
def test_facts_of_odd_form_change_nothing(fact: dict[str, Any]) -> None:
    desk = filed()
    assert desk.report(VIN, facts=[{"t": T0, **fact}]) == []


def test_a_late_filing_finds_the_crossing_of_before() -> None:
    desk = office()
    desk.ok("asset.register", {"vin": VIN, "chassis": VIN})
    crossed(desk, upto=-0.008)
    window = {"window_from_ms": T0, "window_until_ms": T0 + DAY}
    desk.ok("permit.grant", permitting(VIN, "P1"))
    desk.ok("filing.lodge", lodging(VIN, "R1", **window))
    case = desk.case("R1")
    assert case["stage"] == "arrived_entry"
    assert any(one["state"] == "missed" for one in case["deadlines"])


def test_a_semi_trailer_takes_its_case_from_its_tractor_also_when_told_later() -> None:
    early, late = office(), office()
    for desk in (early, late):
        for vin in (VIN, OTHER):
            desk.ok("asset.register", {"vin": vin, "chassis": vin})
        desk.ok("filing.lodge", lodging(OTHER, "R1", kind="semi_trailer"))
        desk.ok("permit.grant", permitting(OTHER, "P1"))
    coupling = {
        "asset": asset_of(OTHER),
        "carrier": asset_of(VIN),
        "how": "coupled",
        "from_ms": T0,
        "evidence": "e",
    }
    early.ok("coupling.start", coupling)
    for desk in (early, late):
        crossed(desk, upto=-0.008)
    late.ok("coupling.start", coupling)
    for desk in (early, late):
        case = desk.case("R1")
        assert case["stage"] == "arrived_entry"
        assert case["by"]["asset"] == asset_of(VIN)
        (own,) = [e for e in desk.latest(Kind.CROSSING).values() if e.asset == asset_of(OTHER)]
        (its,) = [e for e in desk.latest(Kind.CROSSING).values() if e.asset == asset_of(VIN)]
        assert own.data["confidence_permille"] < its.data["confidence_permille"]
        assert own.data["stages"] == its.data["stages"]
    (id_,) = late.latest(Kind.COUPLING)
    late.ok("coupling.end", {"asset": asset_of(OTHER), "coupling": id_, "to_ms": T0 + 1})
    assert late.case("R1")["stage"] == "bound", "a crossing after the coupling is none of its"
    assert not [e for e in late.latest(Kind.CROSSING).values() if e.asset == asset_of(OTHER)]


def test_nobody_answers_in_time_and_then_somebody_does() -> None:
    desk = filed()
    crossed(desk, upto=-0.008)
    assert released(desk)["state"] == "requested"
    desk.tick(0.4)
    assert released(desk)["state"] == "requested"
    events = desk.tick(0.2)
    assert released(desk)["state"] == "timeout"
    assert any(event.kind is Kind.CASE for event in events)
    assert "no_answer" in [one["code"] for one in desk.case("R1")["reasons"]]
    desk.ok("authority.decide", decision("m1"))
    assert released(desk)["state"] == "granted"
    assert desk.case("R1")["state"] == "released"


def test_an_answer_counts_once_and_only_from_its_authority() -> None:
    desk = filed()
    crossed(desk, upto=-0.008)
    assert desk.refused("authority.decide", decision("m0", authority="elsewhere")) == "wrong_authority"
    assert desk.refused("authority.decide", decision("m0", request="release_no")) == "unknown"
    assert desk.refused("authority.decide", decision("m0", "maybe")) == "bad_decision"
    desk.ok("authority.decide", decision("m1"))
    assert desk.refused("authority.decide", decision("m1")) == "duplicate"
    before = released(desk)
    desk.ok("authority.decide", decision("m2"))
    assert released(desk) == before, "one release is enough"
    desk.ok("authority.decide", decision("m3", "withdraw"))
    assert released(desk)["state"] == "withdrawn"
    assert desk.case("R1")["state"] == "held"


def test_an_inspection_holds_until_an_officer_lifts_it() -> None:
    desk = filed()
    crossed(desk, upto=-0.008)
    desk.ok("authority.decide", decision("m1", "inspect"))
    assert (released(desk)["state"], desk.case("R1")["state"]) == ("inspect", "held")
    order = {
        "asset": asset_of(VIN),
        "case": case_of("R1"),
        "decision": "release",
        "reason": "seen it",
        "at_ms": None,
    }
    assert desk.refused("case.decide", order | {"reason": " "}) == "bad_decision"
    assert desk.refused("case.decide", order | {"decision": "maybe"}) == "bad_decision"
    desk.ok("case.decide", order)
    assert desk.case("R1")["state"] == "released"
    assert desk.case("R1")["release_rule"] == "officer"


def test_automatic_release_says_so_and_by_which_conditions() -> None:
    desk = filed(AUTOMATIC)
    crossed(desk, upto=-0.008)
    release = released(desk)
    assert (release["state"], release["by"]) == ("granted", "automatic")
    assert release["conditions"]
    assert desk.case("R1")["release_rule"] == "automatic"
    assert desk.case("R1")["state"] == "released"


def test_a_withdrawn_filing_never_releases() -> None:
    desk = filed(AUTOMATIC)
    desk.ok("filing.withdraw", {"asset": asset_of(VIN), "filing": filing_of("R1"), "reason": "sold"})
    assert desk.case("R1")["state"] == "withdrawn"
    crossed(desk)
    assert not desk.latest(Kind.RELEASE)
    assert desk.refused("authority.decide", decision("m1")) == "ended"
    assert (
        desk.refused("filing.amend", {"asset": asset_of(VIN), "filing": filing_of("R1"), "changes": {}})
        == "ended"
    )
    desk.ok("filing.lodge", lodging(VIN, "R2"))  # the VIN is free again
    assert desk.refused("filing.lodge", lodging(VIN, "R1")) == "duplicate"


def test_a_request_is_corrected_when_a_conflict_comes() -> None:
    desk = filed()
    crossed(desk, upto=-0.008)
    desk.report(VIN, facts=[{"t": T0, "kind": "identity", "vin": OTHER, "source": 0}])
    assert released(desk)["state"] == "corrected"
    settle = {"asset": asset_of(VIN), "case": None, "vin": VIN, "chassis": VIN, "reason": "seen"}
    desk.ok("binding.settle", settle)
    states = sorted((e.data["n"], e.data["state"]) for e in desk.latest(Kind.RELEASE).values())
    assert states == [(1, "corrected"), (2, "requested")]


def test_filings_are_checked_against_world_regime_and_history() -> None:
    desk = office()
    desk.ok("asset.register", {"vin": VIN, "chassis": VIN})
    odd: dict[str, dict[str, Any]] = {
        "bad_gate": {"gate": "nowhere"},
        "bad_direction": {"direction": "CN>RU"},
        "bad_chassis": {"chassis": " "},
        "bad_window": {"window_from_ms": 2, "window_until_ms": 1},
        "too_old": {"window_from_ms": 1, "window_until_ms": T0 - 31 * DAY},
        "no_regime": {"direction": "LA>CN"},
        "not_eligible": {"exporter": "bad-exports"},
    }
    for code, change in odd.items():
        assert desk.refused("filing.lodge", lodging(VIN, "R1") | change) == code
    assert desk.refused("filing.lodge", lodging(VIN, "R1", regime="no-such")) == "no_regime"
    assert desk.refused("filing.lodge", lodging(VIN, "R1") | {"asset": asset_of(OTHER)}) == "bad_vin"
    assert desk.refused("filing.lodge", lodging("LZZTESTA5PN000001", "R1")) == "bad_vin"
    desk.ok("filing.lodge", lodging(VIN, "R1", documents=[], data={}))
    (filing,) = desk.latest(Kind.FILING).values()
    assert [one["code"] for one in filing.data["findings"]] == ["missing_document", "missing_data"]
    assert desk.refused("filing.lodge", lodging(VIN, "R2")) == "filed_elsewhere"
    assert desk.refused("filing.lodge", lodging(OTHER, "R1")) == "duplicate"
    other = lodging(VIN, "R9") | {"asset": object_id(Kind.ASSET, "rival", VIN)}
    assert desk.refused("filing.lodge", other, "rival") == "filed_elsewhere"
    amend = {"asset": asset_of(VIN), "filing": filing_of("R1"), "changes": {"gate": "nowhere"}}
    assert desk.refused("filing.amend", amend) == "bad_gate"
    assert desk.refused("filing.amend", amend | {"changes": {"reference": "R5"}}) == "fixed"
    assert desk.refused("filing.amend", amend | {"changes": {"odd": 1}}) == "unknown_field"
    assert desk.refused("filing.amend", amend, "rival") == "unknown"
    assert desk.refused("filing.withdraw", {"asset": asset_of(OTHER), "filing": "filing_x"}) == "unknown"


def test_a_filing_registers_its_vehicle() -> None:
    desk = office()
    desk.ok("filing.lodge", lodging(VIN, "R1"))
    (asset,) = desk.latest(Kind.ASSET).values()
    assert (asset.id, asset.data["vin"], asset.data["chassis"]) == (asset_of(VIN), VIN, VIN)
    assert desk.refused("asset.register", {"vin": VIN}) == "duplicate"


def test_versions_of_a_filing_are_kept_with_who_changed_what() -> None:
    desk = filed()
    change = {"consignee": "another", "batch": "B1"}
    desk.ok("filing.amend", {"asset": asset_of(VIN), "filing": filing_of("R1"), "changes": change})
    (filing,) = desk.latest(Kind.FILING).values()
    assert filing.data["version"] == 2
    assert filing.data["versions"][1]["changed"] == ["batch", "consignee"]
    assert filing.data["lodged_ms"] == T0
    assert desk.case("R1")["version"] == 2
    before = len([e for e in desk.events if e.kind is Kind.FILING])
    desk.ok("filing.amend", {"asset": asset_of(VIN), "filing": filing_of("R1"), "changes": change})
    assert len([e for e in desk.events if e.kind is Kind.FILING]) == before, "no change makes no version"


def test_a_batch_is_complete_when_all_have_crossed() -> None:
    desk = office()
    for vin, reference in ((VIN, "R1"), (OTHER, "R2"), (THIRD, "R3")):
        desk.ok("asset.register", {"vin": vin, "chassis": vin})
        desk.ok("filing.lodge", lodging(vin, reference, batch="B1"))
        desk.ok("permit.grant", permitting(vin, reference))

    def batch() -> dict[str, Any]:
        (event,) = desk.latest(Kind.BATCH).values()
        return event.data

    crossed(desk, VIN, START)
    crossed(desk, OTHER, START + 7200)
    assert (batch()["count"], batch()["crossed"], batch()["complete"]) == (3, 2, False)
    desk.ok("filing.withdraw", {"asset": asset_of(THIRD), "filing": filing_of("R3"), "reason": "sold"})
    assert (batch()["count"], batch()["complete"]) == (2, True)
    assert batch()["crossed_ms"] is not None
    assert [one["vin"] for one in batch()["cases"]] != []
    desk.ok("filing.amend", {"asset": asset_of(VIN), "filing": filing_of("R1"), "changes": {"batch": "B2"}})
    assert sorted((e.data["batch"], e.data["count"]) for e in desk.latest(Kind.BATCH).values()) == [
        ("B1", 1),
        ("B2", 1),
    ]


def test_a_case_keeps_the_regime_it_began_with() -> None:
    desk = filed()
    version = desk.case("R1")["regime_version"]
    newer = REGIME.replace("timeout_minutes = 30", "timeout_minutes = 45")
    newer = newer.replace("2020-01-01", "2021-01-01")
    assert desk.refused("regime.publish", {"text": "id = 3"}) == "bad_regime"
    desk.ok("regime.publish", {"text": newer})
    desk.ok("regime.publish", {"text": newer})
    (regime,) = desk.latest(Kind.REGIME).values()
    assert (regime.revision, regime.data["text"]) == (1, newer)
    desk.ok("filing.lodge", lodging(OTHER, "R2"))
    assert desk.case("R2")["regime_version"] == regime.data["version"]
    desk.tick(1)
    assert desk.case("R1")["regime_version"] == version


def test_a_case_that_ended_leaves_after_thirty_days_and_its_reference_stays_used() -> None:
    desk = filed()
    desk.ok("filing.withdraw", {"asset": asset_of(VIN), "filing": filing_of("R1"), "reason": "sold"})
    desk.tick(24 * 29)
    assert desk.engine.desk.folder(asset_of(VIN)).cases
    told = len(desk.events)
    desk.tick(24 * 1.01)
    assert not desk.engine.desk.folder(asset_of(VIN)).cases
    assert len(desk.events) == told
    assert desk.refused("filing.lodge", lodging(VIN, "R1")) == "duplicate"
    desk.ok("filing.lodge", lodging(VIN, "R2"))


def test_unknown_things_are_refused() -> None:
    desk = filed()
    asset = asset_of(VIN)
    unknown: dict[str, dict[str, Any]] = {
        "permit.revoke": {"permit": "permit_x"},
        "coupling.end": {"coupling": "coupling_x", "to_ms": None},
        "case.decide": {"case": "case_x", "decision": "release", "reason": "r", "at_ms": None},
        "binding.settle": {"case": "case_x", "vin": VIN, "chassis": VIN, "reason": "r"},
    }
    for name, data in unknown.items():
        assert desk.refused(name, {"asset": asset, **data}) == "unknown"
        assert desk.refused(name, {"asset": "asset_x", **data}) == "unknown"
    start = {"asset": asset, "carrier": asset, "how": "coupled", "from_ms": T0, "evidence": ""}
    assert desk.refused("coupling.start", start) == "bad_carrier"
    assert desk.refused("coupling.start", start | {"carrier": "asset_y", "how": "glued"}) == "bad_coupling"
    coupling = desk.ok("coupling.start", start | {"carrier": "asset_y"})
    assert desk.refused("coupling.start", start | {"carrier": "asset_y"}) == "duplicate"
    assert (
        desk.refused("coupling.end", {"asset": asset, "coupling": coupling, "to_ms": T0 - 1}) == "bad_window"
    )
    assert desk.refused("permit.grant", permitting(VIN, "P1")) == "duplicate"
    assert desk.refused("permit.grant", permitting(VIN, "P2", valid_until_ms=T0 - 90 * DAY)) == "bad_window"
    claim = {
        "asset": asset,
        "source": "hearsay",
        "vin": VIN,
        "chassis": VIN,
        "scheme": None,
        "from_ms": 1,
        "to_ms": None,
    }
    assert desk.refused("binding.claim", claim) == "bad_source"
    assert desk.refused("binding.claim", claim | {"source": "maker", "to_ms": 0}) == "bad_window"
    assert desk.refused("binding.claim", claim | {"source": "maker", "chassis": "1.23E+16"}) == "bad_chassis"


def test_a_command_is_carried_out_once() -> None:
    desk = filed()
    command = body(
        "filing.withdraw", "cmd_same", {"asset": asset_of(VIN), "filing": filing_of("R1"), "reason": ""}
    )
    first = desk._fold(RecordKind.COMMAND, dump_json(command))
    assert [event.kind for event in first if event.kind is Kind.COMMAND]
    assert desk._fold(RecordKind.COMMAND, dump_json(command)) == []


def test_a_snapshot_holds_all_of_it() -> None:
    desk = filed()
    desk.report(VIN, facts=[{"t": T0, "kind": "identity", "vin": OTHER, "source": 0}])
    desk.ok("filing.lodge", lodging(OTHER, "R2", batch="B1"))
    past = MemoryPast()
    desk.engine.memory.past = past
    data = snapshot(desk.engine)
    again = restore(data, world(), past=past, regimes=[REGIME])
    assert snapshot(again) == data
    settle = {"asset": asset_of(VIN), "case": None, "vin": VIN, "chassis": VIN, "reason": "seen"}
    twin = Office(again, number=desk.number, seq=dict(desk.seq))
    for one in (desk, twin):
        one.events = []
        one.ok("binding.settle", settle)
        crossed(one, upto=-0.008)
        one.tick(24 * 40)
    assert twin.events == desk.events


def test_the_arrival_is_foretold_on_the_way_and_watches_the_deadline() -> None:
    desk = office()
    desk.ok("asset.register", {"vin": VIN, "chassis": VIN})
    way = through(VIN, START)
    desk.report(VIN, way[:3])
    desk.now_s = way[3].t_s
    desk.ok("filing.lodge", lodging(VIN, "R1"))
    assert desk.case("R1")["deadlines"][0]["state"] == "pending"
    desk.report(VIN, way[3:6])
    case = desk.case("R1")
    assert case["eta_ms"] is not None
    assert case["deadlines"][0]["state"] == "missed", "lodged less than an hour before it arrives"
    told = len([event for event in desk.events if event.kind is Kind.CASE])
    desk.report(VIN, way[6:8])
    assert len([event for event in desk.events if event.kind is Kind.CASE]) == told, "no news is not told"


def test_a_vehicle_out_of_reach_is_foretold_nothing() -> None:
    desk = filed()
    desk.report(VIN, [replace(one, lat=-60.0) for one in through(VIN, START)[:5]])
    assert desk.case("R1")["eta_ms"] is None


def test_facts_of_an_unknown_vehicle_are_not_remembered() -> None:
    desk = office()
    wrong = [{"t": T0, "kind": "identity", "vin": OTHER, "source": 0}]
    assert desk.report(VIN, facts=wrong) == []
    desk.ok("asset.register", {"vin": VIN, "chassis": VIN})
    assert [event.kind for event in desk.report(VIN, facts=wrong)][:1] == [Kind.CONFLICT]


def test_of_two_reports_of_one_instant_the_same_is_evidence_whichever_came_first() -> None:
    wrong = [{"t": T0, "kind": "identity", "vin": OTHER, "source": 0}]
    seen = []
    for forgets in (False, True):
        desk = filed()
        desk.seq[VIN] = 4
        desk.report(VIN, facts=wrong)
        desk.seq[VIN] = 2
        if forgets:
            desk.engine.desk.seen = Seen()
        desk.report(VIN, facts=wrong)
        (conflict,) = desk.latest(Kind.CONFLICT).values()
        seen.append(conflict.data["seen"])
    assert seen == [[[f"d-{asset_of(VIN)}", "b1", 3]]] * 2


def test_a_crossing_of_before_without_a_window_is_no_approach_either() -> None:
    desk = office()
    desk.ok("asset.register", {"vin": VIN, "chassis": VIN})
    crossed(desk, upto=-0.2)
    desk.ok("filing.lodge", lodging(VIN, "R1"))
    case = desk.case("R1")
    assert case["crossing"] is None
    assert case["stage"] == "departing", "it is on a trip"
