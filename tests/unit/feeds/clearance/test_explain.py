"""A case's revisions as sentences: nothing that happened is left out."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from feeds.clearance.explain import STAGES, explain
from feeds.clearance.history import CaseHistory, Revision
from tests.unit.feeds.clearance.cases import MIN, T0, cleared, data, history, step, steps


def sentences(*revisions: dict[str, Any]) -> list[list[str]]:
    return [[entry["sentence"] for entry in one["entries"]] for one in explain(history(*revisions))]


def test_each_step_has_its_cause_evidence_rule_and_regime_version() -> None:
    first, second = explain(history(data(), data(stage="bound", steps=steps(0, 1))))
    assert (first["regime"], first["regime_version"]) == ("mohan-boten", "0123456789abcdef01234567")
    (entry,) = second["entries"]
    assert entry["what"] == "step"
    assert (entry["stage"], entry["rule"], entry["inferred"]) == ("bound", "bound when seen", False)
    assert entry["cause"] == {"kind": "crossing", "id": "crossing_1", "revision": 3}
    assert entry["sentence"] == (
        "VIN and chassis number bound to each other at 2026-09-21 14:14:20 UTC (not before 14:14:15, "
        "not after 14:14:25), by the crossing crossing_1 in its revision 3; "
        'rule "bound when seen" of regime mohan-boten version 01234567.'
    )
    assert (second["position"], second["recorded_ms"]) == (102, T0 + 10 * MIN)


def test_a_stage_that_was_passed_over_is_called_inferred() -> None:
    way = [step("filed", 0), step("bound", 1, inferred=True), step("departing", 2)]
    (entries,) = (one["entries"] for one in explain(history(data(steps=way))))
    assert [entry["inferred"] for entry in entries] == [False, True, False]
    assert "not seen by itself, inferred from a later step" in entries[1]["sentence"]


def test_when_it_is_expected_is_said_and_what_was_foretold_before() -> None:
    far, near, there = (
        data(eta_ms=T0 + 60 * MIN),
        data(eta_ms=T0 + 30 * MIN),
        data(steps=steps(0, 1, 2, 3, 28)),
    )
    first, second, third = sentences(far, near, there)
    assert "Expected at the exit port at 2026-09-21 15:13:20 UTC." in first
    assert second == [
        "Expected at the exit port at 2026-09-21 14:43:20 UTC, before at 2026-09-21 15:13:20 UTC."
    ]
    assert not any("xpected" in one for one in third)


def test_a_retracted_arrival_is_shown_as_a_step_back() -> None:
    there, back = (
        data(state="arrived", steps=steps(0, 1, 2, 3, 4)),
        data(state="departing", steps=steps(0, 1, 2)),
    )
    entries = explain(history(there, back))[1]["entries"]
    assert [(entry["what"], entry["stage"]) for entry in entries] == [
        ("back", "arrived"),
        ("back", "approaching"),
    ]
    assert entries[0]["sentence"] == (
        'Stepped back: "arrived" of 2026-09-21 14:17:20 UTC no longer holds, as the crossing crossing_1 in '
        "its revision 3 was taken back or changed; the case is at departing."
    )


def test_a_step_whose_time_became_better_known_says_both_times() -> None:
    was, now = (
        data(steps=[step("filed", 0), step("arrived", 5)]),
        data(steps=[step("filed", 0), step("arrived", 7)]),
    )
    ((sentence,),) = (sentences(was, now)[1],)
    assert sentence.startswith("Arrived at the exit port: now known to be at 2026-09-21 14:20:20 UTC")
    assert "before at 2026-09-21 14:18:20 UTC" in sentence


def test_a_step_that_was_inferred_and_is_seen_later_says_so() -> None:
    was = {**step("crossed", 5, inferred=True), "t_ms": None, "earliest_ms": None, "latest_ms": None}
    (sentence,) = sentences(data(steps=[was]), data(steps=[step("crossed", 6)]))[1]
    assert sentence.startswith("Crossed the line: seen now, at 2026-09-21 14:19:20 UTC")
    assert "before only inferred" in sentence


def test_a_step_that_rests_on_other_evidence_says_on_which() -> None:
    (sentence,) = sentences(data(), data(steps=[step("filed", 0, cause="crossing_2")]))[1]
    assert sentence.startswith("Filed: rests now on the crossing crossing_2 in its revision 3; ")


def test_a_decision_is_named_by_its_place_in_the_log() -> None:
    released = step("released", 3) | {"cause": {"kind": "authority", "id": "LA-7", "revision": 99}}
    (sentence,) = sentences(data(steps=[released]))[0]
    assert "by the authority LA-7, log 99; " in sentence


def test_a_deadline_that_says_when_it_is_due_does_not_say_it_twice() -> None:
    due = {"rule": "n", "due_ms": T0, "state": "met", "text": "had to be there by 2026-09-21 14:13 UTC."}
    first = sentences(data(deadlines=[due]))[0]
    assert first[-1] == "Deadline met: had to be there by 2026-09-21 14:13 UTC."


def test_a_newer_revision_of_the_same_evidence_alone_is_no_step() -> None:
    newer = steps(0)
    newer[0]["cause"] = {**newer[0]["cause"], "revision": 9}
    assert explain(history(data(), data(steps=newer)))[1]["entries"][0]["what"] == "note"


def test_side_states_say_why_and_when_they_are_over() -> None:
    reason = {"code": "no_permit", "text": "no import permit for this vehicle", "source": "permit"}
    held = data(state="held", reasons=[reason])
    _, into, out = sentences(data(), held, data(state="bound", steps=steps(0, 1)))
    assert into == ["Held: no import permit for this vehicle."]
    assert 'No longer held: goes on at "bound".' in out
    assert "No longer a reason: no import permit for this vehicle (from permit)." in out


def test_a_further_reason_in_the_same_state_is_told() -> None:
    one, two = ({"code": c, "text": f"text of {c}", "source": "device"} for c in ("axle_load", "seal"))
    _, more = sentences(data(state="held", reasons=[one]), data(state="held", reasons=[one, two]))
    assert more == ["Reason: text of seal (from device)."]


def test_deadlines_documents_release_and_the_clock_are_told_once() -> None:
    pending = {"rule": "notice", "due_ms": T0, "state": "pending", "text": "must be lodged by 14:05"}
    start = data(deadlines=[pending], documents=[{"kind": "invoice", "number": "7", "state": "missing"}])
    end = cleared(100, release="release_1", release_rule="authority", deadlines=[{**pending, "state": "met"}],
                  documents=[{"kind": "invoice", "number": "7", "state": "ok"}])  # fmt: skip
    first, last, again = sentences(start, end, end)
    assert "Deadline pending: must be lodged by 14:05, due 2026-09-21 14:13:20 UTC." in first
    assert "Document invoice 7: missing." in first
    assert "Deadline met: must be lodged by 14:05, due 2026-09-21 14:13:20 UTC." in last
    assert "Document invoice 7: ok." in last
    assert "Release release_1: asked of the authority." in last
    assert "Clearance took 1 h 40 min, within 2 h 48 min." in last
    assert again == ["Told again, changed: nothing that is shown."]


def test_a_case_that_was_taken_back_says_so() -> None:
    case = history(data())
    gone = CaseHistory(case.id, case.asset, [*case.revisions, Revision(2, "retracted", T0, T0, 102, data())])
    assert explain(gone)[1]["entries"][0]["sentence"] == "This case was taken back: it never was."


@given(st.lists(st.integers(0, len(STAGES)), min_size=1, max_size=12))
def test_every_change_of_the_way_is_told_in_either_direction(lengths: list[int]) -> None:
    """Whatever the sequence: the stages that the entries add and take away are those that the case has."""
    found = explain(history(*(data(steps=steps(*range(count))) for count in lengths)))
    there: list[str] = []
    for count, one in zip(lengths, found, strict=True):
        for entry in one["entries"]:
            if entry["what"] == "step":
                there.append(entry["stage"])
            elif entry["what"] == "back":
                assert there.pop() == entry["stage"]
        assert there == list(STAGES[:count])
