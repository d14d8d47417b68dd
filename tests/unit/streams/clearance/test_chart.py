"""The state chart: its table is the document, and walking it never leaves a stage out."""

from __future__ import annotations

from itertools import product

from docs.pictures.draw_clearance_chart import PAGE, text
from streams.clearance.chart import CHART, SIDES, Evidence, mermaid, walk
from streams.clearance.words import STAGES

GUARDS = [row.guard for row in CHART]


def seen(t_ms: int) -> Evidence:
    """Evidence of an instant."""
    return t_ms, t_ms - 1, t_ms + 1, {"kind": "crossing", "id": f"c{t_ms}", "revision": 1}


def test_the_document_is_the_table() -> None:
    assert PAGE.read_text(encoding="utf-8") == text(), "run python -m docs.pictures.draw_clearance_chart"


def test_the_picture_has_every_state() -> None:
    drawn = mermaid()
    for state in (*STAGES, *(side.state for side in SIDES)):
        assert state in drawn


def test_every_combination_of_evidence_walks_the_chain() -> None:
    for choice in product((False, True), repeat=len(GUARDS) - 1):
        found: dict[str, Evidence | None] = {GUARDS[0]: seen(0)}
        for number, (guard, there) in enumerate(zip(GUARDS[1:], choice, strict=True), 1):
            found[guard] = seen(number) if there else None
        steps = walk(found)
        assert [step["stage"] for step in steps] == list(STAGES[: len(steps)])
        for number, step in enumerate(steps):
            assert step["inferred"] == (found[GUARDS[number]] is None)
            assert step["stage"] not in ("released", "cleared") or not step["inferred"]
        reached = [number for number, guard in enumerate(GUARDS) if found[guard] is not None]
        barred = next((n for n in (7, 8) if n not in reached), 9)
        assert len(steps) - 1 == max(number for number in reached if number < barred)


def test_a_stage_passed_over_lies_between_its_neighbours() -> None:
    found = {"lodged": seen(10), "two_sources_agree": seen(20), "line_crossed": seen(90)}
    steps = walk(found)
    assert [step["stage"] for step in steps if step["inferred"]] == ["departing", "approaching", "arrived"]
    for step in steps[2:5]:
        assert (step["earliest_ms"], step["latest_ms"], step["t_ms"]) == (19, 91, None)
        assert step["cause"]["id"] == "c90"


def test_being_bound_is_not_told_of_a_time_when_it_was_not() -> None:
    step = walk({"lodged": seen(10), "line_crossed": seen(90)})[1]
    assert (step["inferred"], step["earliest_ms"], step["latest_ms"]) == (True, None, None)
    assert "not bound" in step["rule"]
