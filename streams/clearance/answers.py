"""What officers and the authority decided of a case, as it stands: released by whom, held by whom, closed.

The decisions are gone through in the order of the log. A release stands until it is withdrawn. What an
officer ordered, only an officer lifts; what the authority ordered, the authority or an officer.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from streams.clearance.inputs import CaseInputs, Decision
from streams.clearance.regime import Regime

OFFICER: Final = "officer"
PENDING: Final = ("requested", "inspect", "detained", "waiting", "timeout")


@dataclass(slots=True)
class Answers:
    """``grant``: (decided ms, rule, cause, release id) of the release that stands; ``by_officer``: its log
    position is after what it lifts. ``lifted``: an officer lifted a refusal: the next request may go out,
    if it was that of the last one (``lifted_of``, its id; None where the decision names none).
    """

    grant: tuple[int, str, dict[str, Any], str | None] | None = None
    officer: Decision | None = None
    authority: Decision | None = None
    waiting: Decision | None = None
    withdrawn: Decision | None = None
    closed: Decision | None = None
    lifted: bool = False
    lifted_of: str | None = None
    objected: bool = False


def stands(release: dict[str, Any]) -> bool:
    """Whether a RELEASE object is a release: a correction of what was told takes none back."""
    state = release["state"]
    return state == "granted" or (state == "corrected" and release.get("decision") == "release")


def answers(inputs: CaseInputs, regime: Regime) -> Answers:
    """How the decisions of a case stand."""
    found = Answers()
    if inputs.decisions:
        dead = {
            one.get("id"): one["state"]
            for one in inputs.releases
            if one["state"] == "corrected" and one.get("decision") != "release"
        }
        name = regime.release.authority
        for decision in inputs.decisions:
            if decision.source == OFFICER:
                _officer(found, decision)
            elif decision.source == name:
                _authority(found, decision, decision.release in dead)
    if found.grant is None and found.withdrawn is None:
        for release in inputs.releases:
            if stands(release) and not (inputs.decisions and release.get("by") != "automatic"):
                cause = {"kind": "release", "id": release.get("id"), "revision": None}
                rule = "automatic" if release.get("by") == "automatic" else "authority"
                decided = release.get("decided_ms")
                decided = release["requested_ms"] if decided is None else decided
                found.grant = decided, rule, cause, release.get("id")
    if inputs.filing["state"] == "withdrawn":
        found.grant = None
    return found


def _cause(decision: Decision) -> dict[str, Any]:
    kind = "decision" if decision.source == OFFICER else "authority"
    return {"kind": kind, "id": decision.message or decision.by, "revision": decision.position}


def _officer(found: Answers, one: Decision) -> None:
    what = one.decision
    found.closed = one if what == "close" else None
    if what == "release":
        found.grant = (one.at_ms, OFFICER, _cause(one), one.release)
        found.officer = found.authority = found.waiting = found.withdrawn = None
        return
    found.objected = True
    if what in ("inspect", "detain"):
        found.officer, found.lifted = one, False
    elif what == "wait":
        if found.authority is not None or found.withdrawn is not None:
            found.lifted, found.lifted_of = True, one.release
        found.officer = found.authority = found.withdrawn = None
    elif what == "withdraw":
        found.grant, found.withdrawn, found.lifted = None, one, False


def _authority(found: Answers, one: Decision, stale: bool) -> None:
    what = one.decision
    if what == "release":
        if not stale:
            found.grant = (one.at_ms, "authority", _cause(one), one.release)
            found.authority = found.waiting = found.withdrawn = None
    elif what in ("inspect", "detain"):
        found.authority, found.waiting, found.lifted = one, None, False
    elif what == "wait":
        found.authority, found.waiting, found.lifted = None, one, False
    elif what == "withdraw":
        found.grant, found.withdrawn, found.waiting, found.lifted = None, one, None, False


def may_ask(inputs: CaseInputs, found: Answers) -> bool:
    """Whether a request may go out: none did, or the last was withdrawn, lifted or corrected."""
    if found.grant is not None or found.withdrawn is not None:
        return False
    if not inputs.releases:
        return True
    last = inputs.releases[-1]
    if last["state"] in ("withdrawn", "corrected"):
        return not stands(last)
    lifted = found.lifted and found.lifted_of in (None, last.get("id"))
    return lifted and last["state"] in ("inspect", "detained", "waiting")
