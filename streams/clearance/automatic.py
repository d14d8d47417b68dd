"""The automatic release: only where the regime allows it, no officer objected, and every condition holds."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from streams.clearance.holds import Reasons
from streams.clearance.inputs import CaseInputs, Passing
from streams.clearance.regime import Regime

_Given = tuple[CaseInputs, bool, Reasons, list[dict[str, Any]], Passing | None]


def _free_of(start: str) -> Callable[[_Given], bool]:
    return lambda given: all(not one["code"].startswith(start) for one in given[2].evidence)


_HOLDS: Final[dict[str, tuple[Callable[[_Given], bool], str]]] = {
    "bound": (lambda given: given[1], "VIN and chassis number are bound by two sources"),
    "no_conflict": (lambda given: not given[2].verify, "no conflict is open"),
    "permit_valid": (_free_of("permit"), "the permit is valid for this vehicle"),
    "documents_complete": (_free_of("document"), "all documents are there and valid"),
    "deadlines_met": (
        lambda given: all(one["state"] == "met" for one in given[3]),
        "every deadline was met",
    ),
    "seals_whole": (_free_of("seal"), "no seal is broken"),
    "axle_within_limit": (_free_of("axle"), "no axle load is above the limit"),
    "own_device": (
        lambda given: given[4] is not None and given[4].by is None,
        "the crossing was seen by the vehicle's own unit",
    ),
}


def conditions(
    inputs: CaseInputs,
    regime: Regime,
    bound: bool,
    reasons: Reasons,
    deadlines: list[dict[str, Any]],
    passing: Passing | None,
) -> list[str] | None:
    """The regime's conditions as sentences when all of them hold; None when one does not."""
    given = inputs, bound, reasons, deadlines, passing
    found = []
    for name in regime.release.conditions:
        holds, text = _HOLDS[name]
        if not holds(given):
            return None
        found.append(text)
    return found
