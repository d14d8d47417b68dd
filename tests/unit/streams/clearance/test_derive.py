"""What a case is, by example: steps, steps back, holds, releases, corrections, clocks."""

from __future__ import annotations

from typing import Any

import pytest

from streams.clearance.derive import derive
from streams.clearance.inputs import CaseInputs, Derived
from streams.clearance.regime import Regime, parse
from streams.regimes import shipped
from tests.unit.streams.clearance.cases import (
    CHASSIS,
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
    whole,
)

ARRIVES = T0 + 8 * HOUR
AT_ENTRY = ARRIVES + HOUR
NOW = T0 + 11 * HOUR


def regime(change: tuple[str, str] | None = None) -> Regime:
    """The pilot's regime, with one text replaced."""
    text = next(text for text in shipped() if 'id = "mohan-boten-cn-la"' in text)
    if change is not None:
        assert change[0] in text
        text = text.replace(*change, 1)
    return parse(text)


PILOT = regime()
AUTOMATIC = regime(
    ("automatic = false", 'automatic = true\nconditions = ["bound", "seals_whole", "own_device"]')
)


def made(now_ms: int = NOW, by: Regime = PILOT, **more: Any) -> Derived:
    """The case of a clean filing with these inputs."""
    return derive(inputs(**more), by, now_ms)


def at_entry(**more: Any) -> CaseInputs:
    """A clean case whose vehicle stands in the entry port."""
    return inputs(passings=[passing(*(ARRIVES + k * 15 * MIN for k in range(5)))], **more)


def codes(one: Derived) -> set[str]:
    """The codes of a case's reasons."""
    return {reason["code"] for reason in one.data["reasons"]}


def stages(one: Derived) -> list[str]:
    """The stages of a case's steps; those passed over in brackets."""
    return [f"({s['stage']})" if s["inferred"] else s["stage"] for s in one.data["steps"]]


def test_a_clean_case_from_end_to_end() -> None:
    one = made(
        passings=[whole()],
        departed_ms=T0 + HOUR,
        decisions=[decision("release", AT_ENTRY + 5 * MIN, release="release_1")],
        releases=[release(1, "granted", AT_ENTRY, decision="release", decided_ms=AT_ENTRY + 5 * MIN)],
    )
    assert one.data["state"] == one.data["stage"] == "cleared"
    assert stages(one) == [
        *("filed", "bound", "departing", "approaching", "arrived", "crossed"),
        *("arrived_entry", "released", "cleared"),
    ]
    assert one.data["clocks_ms"] == {
        "exit_port": 50 * MIN,
        "line": 10 * MIN,
        "entry_port": 60 * MIN,
        "to_release": 5 * MIN,
        "total": 120 * MIN,
        "filing_to_release": 9 * HOUR + 5 * MIN,
    }
    assert one.data["within_benchmark"] is True
    assert one.data["ended_ms"] == ARRIVES + 120 * MIN
    assert one.data["release_rule"] == "authority"
    assert one.data["release"] == "release_1"
    assert not one.request
    assert not one.correct
    assert one.wake_ms is None


def test_longer_than_the_benchmark_is_told() -> None:
    late = passing(*(ARRIVES + k * 40 * MIN for k in range(6)))
    one = made(passings=[late], decisions=[decision("release", AT_ENTRY)])
    assert one.data["clocks_ms"]["total"] == 160 * MIN
    late = passing(ARRIVES - HOUR, *(ARRIVES + k * 43 * MIN for k in range(5)))
    one = made(passings=[late], decisions=[decision("release", AT_ENTRY)])
    assert one.data["clocks_ms"]["total"] == 172 * MIN
    assert one.data["within_benchmark"] is False


def test_stages_that_were_passed_over_say_so() -> None:
    one = made(passings=[passing(None, None, None, ARRIVES, AT_ENTRY)])
    assert stages(one) == [
        *("filed", "bound", "(departing)", "(approaching)", "(arrived)"),
        *("crossed", "arrived_entry"),
    ]
    step = one.data["steps"][3]
    assert step["t_ms"] is None
    assert step["earliest_ms"] == T0
    assert step["latest_ms"] == ARRIVES + 15_000
    assert step["cause"]["id"] == "crossing_1"
    assert "passed over" in step["rule"]


def test_a_release_is_never_passed_over() -> None:
    one = made(passings=[whole()])
    assert one.data["stage"] == "arrived_entry"
    assert one.data["state"] == "held"
    assert "left_unreleased" in codes(one)
    assert one.request
    late = made(passings=[whole()], decisions=[decision("release", ARRIVES + 3 * HOUR)])
    assert late.data["state"] == "cleared"
    assert late.data["clocks_ms"]["total"] == 3 * HOUR


def test_an_arrival_that_is_retracted_steps_back_and_is_corrected() -> None:
    asked = [release(1, "requested", AT_ENTRY)]
    before = derive(at_entry(releases=asked), PILOT, AT_ENTRY + MIN)
    after = made(AT_ENTRY + MIN, releases=asked, departed_ms=T0 + HOUR)
    assert before.data["stage"] == "arrived_entry"
    assert not before.correct
    assert after.data["stage"] == "departing"
    assert after.correct
    corrected = made(AT_ENTRY + MIN, releases=[release(1, "corrected", AT_ENTRY)])
    assert not corrected.correct
    again = derive(at_entry(releases=[release(1, "corrected", AT_ENTRY)]), PILOT, AT_ENTRY + MIN)
    assert again.request
    assert not again.correct


def test_a_release_stands_through_a_correction() -> None:
    given = [release(1, "corrected", AT_ENTRY, decision="release", decided_ms=AT_ENTRY + MIN)]
    one = derive(at_entry(releases=given), PILOT, NOW)
    assert one.data["state"] == "released"
    assert not one.request
    decided = [decision("release", AT_ENTRY + MIN, release="release_1")]
    one = derive(at_entry(releases=given, decisions=decided), PILOT, NOW)
    assert one.data["state"] == "released"
    assert made(releases=given, decisions=decided).data["stage"] == "bound"


def test_an_answer_to_what_was_corrected_releases_nothing() -> None:
    decided = [decision("release", AT_ENTRY + MIN, release="release_1")]
    one = derive(at_entry(releases=[release(1, "corrected", AT_ENTRY)], decisions=decided), PILOT, NOW)
    assert one.data["stage"] == "arrived_entry"
    assert one.request


def test_an_answer_of_a_stranger_releases_nothing() -> None:
    decided = [decision("release", AT_ENTRY + MIN, source="someone-else")]
    one = derive(at_entry(decisions=decided), PILOT, NOW)
    assert one.data["stage"] == "arrived_entry"


def test_a_conflict_after_the_request_is_told_to_the_authority() -> None:
    one = derive(at_entry(conflicts=[conflict()], releases=[release(1, "requested", AT_ENTRY)]), PILOT, NOW)
    assert one.data["state"] == "manual_verification"
    assert one.correct
    assert not one.request
    assert one.data["conflicts"][0].startswith("conflict_")
    assert "position 8" in one.data["reasons"][0]["text"]
    assert stages(one)[1] == "(bound)"


def test_no_second_request_while_one_is_open() -> None:
    for state in ("requested", "inspect", "detained", "waiting", "timeout", "granted"):
        assert not derive(at_entry(releases=[release(1, state, AT_ENTRY)]), PILOT, AT_ENTRY + 1).request


def test_after_a_withdrawal_an_officer_lets_it_be_asked_again() -> None:
    gone = [decision("release", AT_ENTRY), decision("withdraw", AT_ENTRY + MIN)]
    one = derive(at_entry(decisions=gone, releases=[release(1, "withdrawn", AT_ENTRY)]), PILOT, NOW)
    assert one.data["state"] == "held"
    assert codes(one) == {"release_withdrawn"}
    assert not one.request
    lifted = [*gone, decision("wait", AT_ENTRY + 2 * MIN, source="officer")]
    again = derive(at_entry(decisions=lifted, releases=[release(1, "withdrawn", AT_ENTRY)]), PILOT, NOW)
    assert again.request
    assert again.data["release_rule"] == "authority"


def test_after_a_refusal_an_officer_lets_it_be_asked_again() -> None:
    lifted = [decision("inspect", AT_ENTRY), decision("wait", AT_ENTRY + MIN, source="officer")]
    one = derive(at_entry(decisions=lifted, releases=[release(1, "inspect", AT_ENTRY)]), PILOT, NOW)
    assert one.request
    assert one.data["state"] == "arrived_entry"


def test_an_officers_detention_stands_against_the_authority() -> None:
    decided = [decision("detain", AT_ENTRY, source="officer"), decision("release", AT_ENTRY + MIN)]
    one = derive(at_entry(decisions=decided), PILOT, NOW)
    assert (one.data["state"], one.data["stage"]) == ("held", "released")
    assert codes(one) == {"detained"}


def test_a_silent_authority_is_seen_when_time_comes() -> None:
    waiting = at_entry(releases=[release(1, "requested", AT_ENTRY)])
    before = derive(waiting, PILOT, AT_ENTRY + 30 * MIN - 1)
    assert before.wake_ms == AT_ENTRY + 30 * MIN
    assert before.data["state"] == "arrived_entry"
    after = derive(waiting, PILOT, AT_ENTRY + 30 * MIN)
    assert after.data["state"] == "held"
    assert codes(after) == {"no_answer"}
    assert not after.request
    assert not after.correct


def test_an_automatic_release_names_the_conditions_that_held() -> None:
    one = derive(at_entry(), AUTOMATIC, NOW)
    assert one.request
    assert one.data["release_rule"] == "automatic"
    assert len(one.data["release_conditions"]) == 3
    assert AUTOMATIC.conditions(one.data) == one.data["release_conditions"]
    granted = [release(1, "granted", AT_ENTRY, decision="release", decided_ms=AT_ENTRY, by="automatic")]
    after = derive(at_entry(releases=granted), AUTOMATIC, NOW)
    assert after.data["state"] == "released"
    assert after.data["release_rule"] == "automatic"
    assert not after.request


def test_an_automatic_release_needs_every_condition_and_no_objection() -> None:
    carried = passing(*(ARRIVES + k * 15 * MIN for k in range(5)), by={"asset": "a", "coupling": "c"})
    one = derive(inputs(passings=[carried]), AUTOMATIC, NOW)
    assert one.request
    assert one.data["release_rule"] == "authority"
    objected = [decision("wait", T0, source="officer")]
    assert derive(at_entry(decisions=objected), AUTOMATIC, NOW).data["release_rule"] == "authority"


def test_a_withdrawn_filing_never_releases_and_is_corrected() -> None:
    gone = filing(state="withdrawn", withdrawn={"at_ms": T0 + MIN, "by": "x", "reason": "y"})
    granted = [release(1, "granted", AT_ENTRY, decision="release", decided_ms=AT_ENTRY)]
    one = made(filing=gone, passings=[whole()], releases=granted, decisions=[decision("release", AT_ENTRY)])
    assert (one.data["state"], one.data["stage"]) == ("withdrawn", "arrived_entry")
    assert not one.request
    assert one.correct
    assert one.data["ended_ms"] == T0 + MIN
    assert one.data["release_rule"] is None


def test_permits_are_judged_at_the_time_of_the_line() -> None:
    early = permit(number="P-0", valid_until_ms=ARRIVES - HOUR)
    assert codes(made(permits=[early])) == {"permit_expired"}
    assert codes(made(T0 + HOUR, permits=[early], eta_ms=ARRIVES - 2 * HOUR)) == set()
    assert codes(made(permits=[early], passings=[whole(ARRIVES - 3 * HOUR)])) == {"left_unreleased"}
    assert codes(made(T0, permits=[early, permit()])) == set()
    one = made(T0 + 6 * HOUR + MIN, permits=[permit(valid_from_ms=T0 + 7 * HOUR)])
    assert codes(one) == {"permit_not_yet_valid"}
    assert one.wake_ms == T0 + 7 * HOUR
    assert made(T0, permits=[permit(country="RU")]).data["permit"] is None
    assert codes(made(permits=[permit(chassis=f"pa-0000 {CHASSIS[-2:]}")])) == set()


def test_what_a_permit_must_say() -> None:
    strict = regime(('agents = "any" ', 'agents = ["agent-2"]\nemission_classes = ["Euro 5"] '))
    [reason] = made(by=strict).data["reasons"]
    assert reason["text"] == (
        "permit P-1 does not comply: agent: got agent-1, want an accredited one: agent-2"
    )
    [reason] = made(by=strict, permits=[permit(agent="agent-2")]).data["reasons"]
    assert "emission class: got Euro 4, want Euro 5" in reason["text"]
    heavy = {"kind": "tractor", "technical": {"axle_load_kg": 11_000, "lighting": "RHD"}}
    assert codes(made(vehicle=heavy)) == {"permit_not_compliant", "axle_overload"}


def test_an_officers_release_lifts_what_it_came_after_and_no_more() -> None:
    decided = [decision("release", AT_ENTRY, source="officer")]
    seal = {"seal": "S", "state": "broken", "t_ms": AT_ENTRY - MIN}
    one = derive(at_entry(decisions=decided, seals=[seal], permits=[]), PILOT, NOW)
    assert (one.data["state"], codes(one)) == ("released", {"lifted"})
    later = derive(at_entry(decisions=decided, seals=[seal | {"t_ms": AT_ENTRY + MIN}]), PILOT, NOW)
    assert (later.data["state"], later.data["stage"], codes(later)) == ("held", "released", {"seal_broken"})
    axle = {"t_ms": AT_ENTRY + MIN, "kg": 12_000, "limit_kg": 10_000}
    assert codes(derive(at_entry(decisions=decided, axle=axle), PILOT, NOW)) == {"axle_overload"}
    revoked = derive(at_entry(decisions=decided, permits=[permit(state="revoked")]), PILOT, NOW)
    assert revoked.data["state"] == "held"


def test_which_crossing_is_the_filings() -> None:
    def crossing(**more: Any) -> str | None:
        found: str | None = made(**more).data["crossing"]
        return found

    before = whole(T0 - 20 * HOUR, id="crossing_0")
    first, second = whole(id="crossing_1"), whole(T0 + 11 * HOUR, id="crossing_2")
    assert crossing(passings=[before, second, first]) == "crossing_1"
    assert crossing(passings=[before]) is None
    assert crossing(passings=[whole(T0 + 25 * HOUR)]) is None
    turned = passing(ARRIVES, ARRIVES, id="crossing_0", state="turned_back")
    assert crossing(passings=[turned, second]) == "crossing_2"
    back = made(passings=[turned])
    assert back.data["stage"] == "bound"
    assert codes(back) == {"turned_back"}
    carried = whole(T0 + 7 * HOUR, id="crossing_3", by={"asset": "a", "coupling": "c"})
    assert crossing(passings=[carried, first]) == "crossing_1"
    assert made(passings=[carried]).data["by"] == {"asset": "a", "coupling": "c"}
    near = passing(ARRIVES, id="visit_1", state="approaching")
    assert made(passings=[near]).data["stage"] == "approaching"
    assert made(passings=[near]).data["steps"][-1]["cause"]["kind"] == "visit"


def test_a_crossing_before_the_filing_must_lie_in_its_window() -> None:
    early = whole(T0 - 4 * HOUR)
    assert made(passings=[early]).data["crossing"] is None
    wide = filing(window_from_ms=T0 - 5 * HOUR)
    assert made(filing=wide, passings=[early]).data["crossing"] == "crossing_1"


def test_a_case_expires_when_the_log_says_so_and_lives_again_when_it_came_after_all() -> None:
    end = T0 + 12 * HOUR + PILOT.tolerance_ms
    assert made(end).data["state"] == "bound"
    assert made(end).wake_ms == end + 1
    gone = made(end + 1)
    assert (gone.data["state"], gone.data["ended_ms"], gone.wake_ms) == ("expired", end, None)
    assert made(end + 1, passings=[whole()]).data["state"] == "held"


def test_a_filing_without_a_window_has_no_end() -> None:
    one = made(T0 + 100 * HOUR, filing=filing(window_from_ms=None, window_until_ms=None))
    assert one.data["state"] == "bound"
    assert {rule["state"] for rule in one.data["deadlines"]} == {"pending"}


def test_a_deadline_from_eta() -> None:
    def stands(now_ms: int, eta_ms: int) -> tuple[str, int | None]:
        one = made(now_ms, permits=[], eta_ms=eta_ms)
        found = one.data["deadlines"][1]
        return found["state"], one.wake_ms

    due = ARRIVES - HOUR
    assert stands(due - 4 * HOUR, ARRIVES) == ("pending", due - 3 * HOUR)
    assert stands(due - 3 * HOUR, ARRIVES) == ("at_risk", due + 1)
    assert stands(due, ARRIVES) == ("at_risk", due + 1)
    assert stands(due + 1, ARRIVES)[0] == "missed"
    assert stands(due + 1, ARRIVES + 5 * HOUR)[0] == "pending"
    text = made(due - HOUR, permits=[], eta_ms=ARRIVES).data["deadlines"][1]["text"]
    assert "Must be lodged by 2026-05-29 03:00 UTC, not lodged" in text


def test_documents_and_who_may_file() -> None:
    one = made(filing=filing(documents=None))
    assert codes(one) == {"document_missing"}
    assert one.data["documents"] == [{"kind": "export_declaration", "number": None, "state": "missing"}]
    more = [
        {"kind": "export_declaration", "number": "1"},
        {"kind": "invoice", "number": "2", "expires_ms": T0},
    ]
    one = made(filing=filing(documents=more))
    assert one.data["documents"][1] == {"kind": "invoice", "number": "2", "state": "expired"}
    assert codes(one) == set()
    listed = regime(('exporters = "any"', 'exporters = ["exporter-2"]'))
    assert codes(made(by=listed)) == {"exporter_not_eligible"}
    assert made(by=listed).data["state"] == "held"


def test_a_lack_in_the_minimum_data_holds_only_where_the_regime_says_so() -> None:
    strict = regime(('name = "filer"', 'name = "filer"\nholds_from = "arrived"'))
    assert codes(made(by=strict)) == set()
    assert "data_missing" in codes(made(by=strict, passings=[whole()]))
    given = filing(data={"filer": "someone"})
    assert "data_missing" not in codes(made(by=strict, passings=[whole()], filing=given))


@pytest.mark.parametrize("close", [AT_ENTRY, AT_ENTRY + MIN])
def test_a_closed_case_asks_for_nothing(close: int) -> None:
    one = derive(at_entry(decisions=[decision("close", close, source="officer")]), PILOT, NOW)
    assert (one.data["state"], one.data["ended_ms"], one.request) == ("closed", close, False)
