"""Which crossing of the vehicle belongs to a filing, and what it is evidence of."""

from __future__ import annotations

from typing import Any

from streams.clearance.chart import Evidence
from streams.clearance.inputs import CaseInputs, Passing
from streams.clearance.regime import Regime

_ORDER = ("exit_port", "line", "approach", "exit_port_left", "entry_port", "leave")


def reference_ms(passing: Passing) -> int | None:
    """The instant that a crossing is placed by: the exit port entered, else the line, else what there is."""
    for stage in _ORDER:
        bracket = passing.stages.get(stage)
        if bracket is not None:
            return int(bracket["estimate_ms"])
    return None


def own(inputs: CaseInputs, regime: Regime) -> tuple[Passing | None, Passing | None]:
    """The crossing of this filing, and the last one from which the vehicle turned back; None without.

    The first in the planned window, give or take the regime's tolerance, in which the vehicle did not turn
    back; its own before its carrier's, a crossing before a mere approach. One that was over before the
    filing was lodged must lie in the window itself.
    """
    filing, tolerance = inputs.filing, regime.tolerance_ms
    begin, end = filing["window_from_ms"], filing["window_until_ms"]
    lodged = filing["lodged_ms"]
    first = (lodged if begin is None else begin) - tolerance
    best: tuple[Any, ...] | None = None
    turned: tuple[Any, ...] | None = None
    chosen = back = None
    for passing in inputs.passings:
        at = reference_ms(passing)
        if at is None or at < first or (end is not None and at > end + tolerance):
            continue
        if _over_before(passing, lodged) and (begin is None or at < begin):
            continue
        key = (passing.state == "approaching", passing.by is not None, at, passing.id)
        if passing.state == "turned_back":
            if turned is None or key > turned:
                turned, back = key, passing
        elif best is None or key < best:
            best, chosen = key, passing
    return chosen, back


def _over_before(passing: Passing, t_ms: int) -> bool:
    leave = passing.stages.get("leave")
    return leave is not None and leave["estimate_ms"] < t_ms


def cause_of(passing: Passing) -> dict[str, Any]:
    """The cause of a step that a crossing, or the visit of an approach, is evidence of."""
    return {"kind": passing.id.partition("_")[0], "id": passing.id, "revision": passing.revision}


def evidence(passing: Passing, found: dict[str, Evidence | None]) -> None:
    """Add what a crossing shows to the evidence by guard."""
    cause, stages = cause_of(passing), passing.stages
    found["approach_entered"] = _bracket(stages.get("approach"), cause)
    found["exit_port_entered"] = _bracket(stages.get("exit_port") or stages.get("exit_port_left"), cause)
    found["line_crossed"] = _bracket(stages.get("line"), cause)
    found["entry_port_entered"] = _bracket(stages.get("entry_port"), cause)


def _bracket(bracket: dict[str, Any] | None, cause: dict[str, Any]) -> Evidence | None:
    if bracket is None:
        return None
    return bracket["estimate_ms"], bracket["earliest_ms"], bracket["latest_ms"], cause
