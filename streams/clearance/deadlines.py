"""The deadlines of a case: what must be there by when, and how that stands.

A deadline lies a lead before the vehicle reaches a place: the estimate of its crossing once that is seen,
else the expected time of arrival, else the begin of the planned window.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Any, Final

from streams.clearance.clocks import estimate
from streams.clearance.inputs import CaseInputs, Passing
from streams.clearance.regime import Regime
from streams.clearance.rules import Deadline
from streams.clearance.words import MINUTE_MS

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


@lru_cache(maxsize=8192)
def _minute(minute: int) -> str:
    try:
        return f"{_EPOCH + timedelta(minutes=minute):%Y-%m-%d %H:%M} UTC"
    except OverflowError:
        return f"minute {minute} since 1970"


def utc(t_ms: int) -> str:
    """An instant for people, to the minute: 2026-11-22 14:05 UTC."""
    return _minute(t_ms // MINUTE_MS)


def deadlines(
    inputs: CaseInputs,
    regime: Regime,
    passing: Passing | None,
    permitted: bool,
    now_ms: int,
    wakes: list[int],
) -> list[dict[str, Any]]:
    """How each deadline of the regime stands; what the next change waits for is added to ``wakes``."""
    return [_one(inputs, rule, passing, permitted, now_ms, wakes) for rule in regime.deadlines]


def _one(
    inputs: CaseInputs,
    rule: Deadline,
    passing: Passing | None,
    permitted: bool,
    now_ms: int,
    wakes: list[int],
) -> dict[str, Any]:
    reached = _reached(inputs, rule.before, passing)
    due_ms = None if reached is None else reached - rule.lead_ms
    there_ms = _there(inputs, rule.needs, permitted, now_ms)
    if due_ms is None:
        state, said = "pending", "no time of arrival is known yet"
    elif there_ms is not None:
        state = "met" if there_ms <= due_ms else "missed"
        said = f"had to be there by {utc(due_ms)}, was there at {utc(there_ms)}"
    else:
        what = "not lodged" if rule.needs == "permit" else "not yet linked"
        said = f"must be lodged by {utc(due_ms)}, {what}"
        if now_ms > due_ms:
            state = "missed"
        elif now_ms >= due_ms - rule.at_risk_ms:
            state = "at_risk"
            wakes.append(due_ms + 1)
        else:
            state = "pending"
            wakes.append(due_ms - rule.at_risk_ms)
    text = f"{rule.text} {said[0].upper()}{said[1:]}."
    return {"rule": rule.rule, "due_ms": due_ms, "state": state, "text": text}


def _reached(inputs: CaseInputs, before: str, passing: Passing | None) -> int | None:
    """When the place is or will be reached; the way beyond the exit port is taken as nothing."""
    seen = estimate(passing, before)
    if seen is None and before == "exit_port":
        seen = estimate(passing, "exit_port_left") or estimate(passing, "line")
    if seen is not None:
        return seen
    at_port = estimate(passing, "exit_port")
    if at_port is not None:
        return at_port
    return inputs.eta_ms if inputs.eta_ms is not None else inputs.filing["window_from_ms"]


def _there(inputs: CaseInputs, needs: str, permitted: bool, now_ms: int) -> int | None:
    """Since when what is needed is there; None when it is not."""
    filing = inputs.filing
    if needs == "filing":
        return int(filing["lodged_ms"])
    if needs == "permit":
        known = [one["granted_ms"] for one in inputs.permits if one.get("granted_ms") is not None]
        return (min(known) if known else filing["lodged_ms"]) if permitted else None
    kind = needs.removeprefix("document:")
    for document in filing["documents"] or ():
        if document["kind"] == kind and document.get("number"):
            issued = document.get("issued_ms")
            if issued is not None:
                return int(issued)
            changes = (v for v in filing.get("versions", ()) if "documents" in v["changed"])
            return int(max((v["at_ms"] for v in changes), default=filing["lodged_ms"]))
    return None
