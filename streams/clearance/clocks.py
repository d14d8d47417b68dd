"""The clocks of a case: how long each part took, from the estimates of its crossing and its release.

Clearance time (``total``) runs from the estimate of entering the exit port to that of leaving the entry
port released. What is not known is None; nothing is guessed.
"""

from __future__ import annotations

from typing import Any, Final

from streams.clearance.inputs import Passing

_PLACES: Final = ("exit_port", "exit_port_left", "line", "entry_port", "leave")


def estimate(passing: Passing | None, stage: str) -> int | None:
    """The estimate of a stage, ms since 1970; None when it was not seen."""
    bracket = None if passing is None else passing.stages.get(stage)
    return None if bracket is None else bracket["estimate_ms"]


def clocks(
    passing: Passing | None, lodged_ms: int, released_ms: int | None, cleared_ms: int | None
) -> dict[str, int | None]:
    """Milliseconds by clock: in the exit port, on the line, in the entry port, to the release, in all."""
    if passing is None:
        return {
            "exit_port": None,
            "line": None,
            "entry_port": None,
            "to_release": None,
            "total": None,
            "filing_to_release": None if released_ms is None else max(0, released_ms - lodged_ms),
        }
    stages = passing.stages
    exit_port, left, line, entry_port, leave = [_estimate(stages.get(name)) for name in _PLACES]
    left = line if left is None else left
    return {
        "exit_port": _gone(exit_port, left),
        "line": _gone(left, entry_port),
        "entry_port": _gone(entry_port, leave),
        "to_release": _gone(entry_port, released_ms),
        "total": _gone(exit_port, cleared_ms),
        "filing_to_release": _gone(lodged_ms, released_ms),
    }


def _estimate(bracket: dict[str, Any] | None) -> int | None:
    return None if bracket is None else bracket["estimate_ms"]


def _gone(begin: int | None, end: int | None) -> int | None:
    """From one instant to another; never less than nothing: a release may lie before the arrival."""
    return None if begin is None or end is None else max(0, end - begin)
