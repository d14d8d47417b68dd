"""The state chart of a case as one table, and the interpreter that walks it.

A row leads from one stage to the next when its guard has evidence. A stage that the evidence passed over is
never left out in silence: it becomes a step that says ``inferred``, where the row allows that; where it does
not, the case stays. Side states are shown before the stage, the strongest first.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from streams.clearance.words import RANK, STAGES


@dataclass(frozen=True, slots=True)
class Row:
    """One way on. ``back``: what leads back; ``passed``: the rule when passed over, "" when it can't be."""

    source: str
    target: str
    guard: str
    cause: str
    rule: str
    passed: str
    back: str


@dataclass(frozen=True, slots=True)
class Side:
    """One side state, shown instead of the stage while its guard holds. ``ends``: nothing follows it."""

    state: str
    guard: str
    cause: str
    ends: bool
    rule: str


_SEEN: Final = "passed over: it was not seen, what was seen later shows that it was so"

CHART: Final = (
    Row("", "filed", "lodged", "filing", "the filing was lodged", "", ""),
    Row(
        *("filed", "bound", "two_sources_agree", "binding"),
        "two sources agree on VIN and chassis number and no conflict is open",
        "passed over: the vehicle went on while its VIN and chassis number were not bound",
        "a conflict opened or a source took its word back",
    ),
    Row(
        *("bound", "departing", "trip_began", "trip"),
        "a trip of the vehicle went on or began after the filing was lodged",
        _SEEN,
        "the trip was retracted",
    ),
    Row(
        *("departing", "approaching", "approach_entered", "visit or crossing"),
        "the vehicle entered the approach of the exit port",
        _SEEN,
        "the visit was retracted, or the vehicle turned back",
    ),
    Row(
        *("approaching", "arrived", "exit_port_entered", "crossing"),
        "the vehicle entered the exit port",
        _SEEN,
        "the arrival was retracted, or the vehicle turned back",
    ),
    Row(
        *("arrived", "crossed", "line_crossed", "crossing"),
        "the vehicle crossed the line",
        _SEEN,
        "the crossing of the line was retracted, or the vehicle turned back",
    ),
    Row(
        *("crossed", "arrived_entry", "entry_port_entered", "crossing"),
        "the vehicle entered the entry port",
        _SEEN,
        "the arrival was retracted, or the vehicle turned back",
    ),
    Row(
        *("arrived_entry", "released", "release_stands", "release or decision"),
        "a release was given and stands",
        "",
        "the release was withdrawn by who may",
    ),
    Row(
        *("released", "cleared", "left_released", "crossing"),
        "the vehicle left the entry port and was released",
        "",
        "the leaving was retracted",
    ),
)
"""The stages; a row's ``rule`` is what a step says."""

SIDES: Final = (
    Side("withdrawn", "filing_withdrawn", "filing", True, "the filing was withdrawn; nothing is released"),
    Side("closed", "officer_closed", "decision", True, "an officer closed the case"),
    Side("cleared", "left_released", "crossing", True, "shown before what is still open: the case is over"),
    Side("expired", "window_over", "time", True, "the planned window passed and the vehicle did not come"),
    Side(
        "manual_verification",
        "conflict_open",
        "conflict",
        False,
        "a conflict of VIN or chassis number is open, or the vehicle came to the port without being bound",
    ),
    Side(
        "held", "reason_to_hold", "permit, document, bus, seal, decision", False, "something holds the case"
    ),
)
"""States shown instead of the stage, the strongest first."""

Evidence = tuple[int | None, int | None, int | None, dict[str, Any]]
"""Of a guard: estimate, earliest and latest (ms since 1970, None where not known), and the cause."""

_GUARDS: Final = tuple(row.guard for row in CHART)
_SAID: Final = tuple((row.target, row.rule, row.passed) for row in CHART)
BY_TARGET: Final = {row.target: row for row in CHART}


def walk(found: Mapping[str, Evidence | None]) -> list[dict[str, Any]]:
    """The steps that the evidence ``found`` (by guard) leads to; the last one's stage is the case's.

    "lodged" has evidence always. A stage passed over lies between the steps around it and has no time of its
    own; its cause is that of the step that shows it.
    """
    seen = [found.get(guard) for guard in _GUARDS]
    steps: list[dict[str, Any]] = []
    for number in range(_furthest(seen) + 1):
        one = seen[number]
        target, rule, passed = _SAID[number]
        if one is None:
            steps.append(_inferred(target, passed, steps[-1], seen, number))
            continue
        steps.append(
            {
                "stage": target,
                "t_ms": one[0],
                "earliest_ms": one[1],
                "latest_ms": one[2],
                "cause": one[3],
                "rule": rule,
                "inferred": False,
            }
        )
    return steps


def _furthest(seen: list[Evidence | None]) -> int:
    """The last stage with evidence before the first without that can't be passed over."""
    top = 0
    for number, one in enumerate(seen):
        if one is not None:
            top = number
        elif not _SAID[number][2]:
            break
    return top


def _inferred(
    target: str, rule: str, before: dict[str, Any], seen: list[Evidence | None], number: int
) -> dict[str, Any]:
    after = next(one for one in seen[number + 1 :] if one is not None)
    place = target != "bound"  # that it was bound at some time is not what the later evidence shows
    return {
        "stage": target,
        "t_ms": None,
        "earliest_ms": before["earliest_ms"] if place else None,
        "latest_ms": after[2] if place else None,
        "cause": after[3],
        "rule": rule,
        "inferred": True,
    }


def mermaid() -> str:
    """The chart as a Mermaid state diagram."""
    lines = ["stateDiagram-v2", "    direction TB", "    state case {"]
    for row in CHART:
        lines.append(f"        {row.source or '[*]'} --> {row.target}: {row.guard.replace('_', ' ')}")
        if row.back:
            lines.append(f"        {row.target} --> {row.source}: back, {row.back.split(',')[0]}")
    lines += ["        cleared --> [*]", "    }"]
    for side in SIDES:
        if side.state not in RANK:
            lines.append(f"    case --> {side.state}: {side.guard.replace('_', ' ')}")
            back = "[*]" if side.ends else "case: no more"
            lines.append(f"    {side.state} --> {back}")
    return "\n".join(lines) + "\n"


def tables() -> str:
    """The chart as Markdown: the diagram, the stages, the side states."""
    lines = ["```mermaid", mermaid().rstrip(), "```", "", "## Stages", ""]
    lines += ["| from | to | guard | cause | rule | passed over | back |", "|---|---|---|---|---|---|---|"]
    for row in CHART:
        passed = row.passed.removeprefix("passed over: ") or "never"
        cells = (row.source or "-", row.target, row.guard, row.cause, row.rule, passed, row.back or "never")
        lines.append("| " + " | ".join(cells) + " |")
    lines += [
        "",
        "## Side states",
        "",
        "| state | guard | cause | ends the case | rule |",
        "|---|---|---|---|---|",
    ]
    for side in SIDES:
        ends = "yes" if side.ends else "no"
        lines.append("| " + " | ".join((side.state, side.guard, side.cause, ends, side.rule)) + " |")
    return "\n".join(lines) + "\n"


assert tuple(row.target for row in CHART) == STAGES
