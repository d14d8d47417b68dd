"""The decision of a case: from its inputs, its regime and the log's time to the CASE object.

Nothing is remembered from one call to the next, so the same inputs give the same case in whatever order
they came. The chart is walked by the evidence; reasons, documents, deadlines and clocks stand beside it;
then comes what to do: ask for the release, correct what was told, look again later.
"""

from __future__ import annotations

from typing import Any

from streams.clearance.answers import PENDING, Answers, answers, may_ask, stands
from streams.clearance.automatic import conditions
from streams.clearance.bound import bound
from streams.clearance.chart import Evidence, walk
from streams.clearance.clocks import clocks, estimate
from streams.clearance.deadlines import deadlines, utc
from streams.clearance.holds import Reasons, conflict_id, conflicts, documents, evidence, lift, orders, reason
from streams.clearance.ids import binding_id, filing_id
from streams.clearance.inputs import CaseInputs, Derived, Passing
from streams.clearance.passing import cause_of, own, reference_ms
from streams.clearance.passing import evidence as seen_in
from streams.clearance.permits import permitted
from streams.clearance.regime import Regime
from streams.clearance.words import ENDED, RANK

_ARRIVED, _AT_ENTRY, _CLEARED = RANK["arrived"], RANK["arrived_entry"], RANK["cleared"]


def derive(inputs: CaseInputs, regime: Regime, now_ms: int) -> Derived:
    """The case as of ``now_ms`` (the log's time, ms since 1970) and what has to be done about it."""
    filing = inputs.filing
    wakes: list[int] = []
    passing, turned = own(inputs, regime)
    given = answers(inputs, regime)
    withdrawn = filing["state"] == "withdrawn"
    named = filing_id(inputs.tenant, filing["reference"])

    gone_released = _left_released(passing, given)
    pair = bound(inputs, withdrawn or given.closed is not None or gone_released)
    found = _evidence(inputs, passing, given, named, pair.since_ms)
    steps = walk(found)
    rank = len(steps) - 1
    at_entry = found.get("entry_port_entered") is not None

    expires = filing["window_until_ms"]
    expires = None if expires is None or rank >= _ARRIVED else expires + regime.tolerance_ms
    expired = expires is not None and now_ms > expires
    stopped_ms = _stopped(inputs, given, expires if expired else None)
    then_ms = now_ms if stopped_ms is None or stopped_ms > now_ms else stopped_ms

    at_ms, seen = _at_line(inputs, passing, then_ms)
    timed: list[int] = []
    permit = permitted(inputs, regime.permit, at_ms, timed)
    reasons = Reasons()
    conflicts(pair, reasons)
    if pair.since_ms is None and not reasons.verify and rank >= _ARRIVED:
        text = "the vehicle came to the port while only one source says that VIN and chassis number are one"
        reasons.verify.append(reason("not_bound", text, "binding"))
    listed = documents(inputs, regime, rank, at_ms, reasons, timed)
    evidence(inputs, regime, rank, permit, reasons)
    lift(inputs, given, reasons)
    if gone_released:  # what is found out later holds nothing any more
        reasons.evidence = []
    if not seen:
        wakes += timed
    due = deadlines(inputs, regime, passing, not permit.code, then_ms, wakes)
    orders(inputs, regime, given, then_ms, reasons, wakes)
    if expires is not None:
        wakes.append(expires + 1)

    state = _state(steps, given, withdrawn, expired, reasons)
    over = state in ENDED
    clean = pair.since_ms is not None and not reasons.verify and not reasons.evidence and not reasons.orders
    if at_entry and given.grant is None and not over:
        _left(passing, reasons)
        if state not in ("manual_verification", "held") and reasons.orders:
            state = "held"

    held = (
        conditions(inputs, regime, pair.since_ms is not None, reasons, due, passing)
        if regime.release.automatic
        else None
    )
    automatic = held is not None and not given.objected
    request = at_entry and clean and not over and may_ask(inputs, given)
    rule = _rule(given, automatic, request, regime)
    if request and rule == "officer":
        request = False
        reasons.told.append(reason("awaiting_officer", "an officer has to release it", "officer"))
    correct = _correct(inputs, at_entry, withdrawn, reasons, given, over and not withdrawn)
    if turned is not None and passing is None:
        text = f"the vehicle came to the gate at {utc(reference_ms(turned) or 0)} and turned back"
        reasons.told.append(reason("turned_back", text, "crossing"))

    released_ms, cleared_ms = _times(steps)
    gone = clocks(passing, filing["lodged_ms"], released_ms, cleared_ms)
    total = gone["total"]
    data: dict[str, Any] = {
        "filing": named,
        "reference": filing["reference"],
        "asset_kind": filing.get("kind") or inputs.vehicle.get("kind"),
        "vin": filing["vin"],
        "chassis": filing["chassis"],
        "exporter": filing["exporter"],
        "consignee": filing["consignee"],
        "gate": filing["gate"],
        "direction": filing["direction"],
        "batch": filing["batch"],
        "regime": regime.id,
        "regime_version": regime.version,
        "state": state,
        "stage": steps[-1]["stage"],
        "reasons": reasons.all(),
        "steps": steps,
        "clocks_ms": gone,
        "benchmark_ms": regime.benchmark_ms,
        "within_benchmark": None if total is None else total <= regime.benchmark_ms,
        "crossing": None if passing is None else passing.id,
        "by": None if passing is None else passing.by,
        "permit": permit.id,
        "release": _release(inputs, given),
        "release_rule": rule,
        "release_conditions": held or [],
        "conflicts": [conflict_id(inputs, one) for one in pair.conflicts],
        "deadlines": due,
        "documents": listed,
        "window_from_ms": filing["window_from_ms"],
        "window_until_ms": filing["window_until_ms"],
        "eta_ms": inputs.eta_ms if passing is None else None,
        "lodged_ms": filing["lodged_ms"],
        "version": filing["version"],
        "ended_ms": (cleared_ms if state == "cleared" else stopped_ms) if over else None,
    }
    still = not over or then_ms != stopped_ms  # an officer may write a time that is still to come
    later = [t for t in wakes if t > now_ms] if wakes and still and state != "cleared" else None
    return Derived(data, request, correct, min(later) if later else None)


def _evidence(
    inputs: CaseInputs, passing: Passing | None, given: Answers, named: str, bound_ms: int | None
) -> dict[str, Evidence | None]:
    """The evidence by guard, as the chart names them."""
    filing = inputs.filing
    lodged = filing["lodged_ms"]
    cause = {"kind": "filing", "id": named, "revision": filing["version"]}
    found: dict[str, Evidence | None] = {"lodged": (lodged, lodged, lodged, cause)}
    if bound_ms is not None:
        of = {"kind": "binding", "id": binding_id(inputs.asset), "revision": None}
        found["two_sources_agree"] = (bound_ms, bound_ms, bound_ms, of)
    if inputs.departed_ms is not None:
        of = {"kind": "trip", "id": inputs.asset, "revision": None}
        found["trip_began"] = (inputs.departed_ms, inputs.departed_ms, inputs.departed_ms, of)
    if passing is not None:
        seen_in(passing, found)
    if given.grant is not None and (passing is not None and found["entry_port_entered"] is not None):
        decided, _, of, _ = given.grant
        entered = found["entry_port_entered"][0]
        since = decided if entered is None or decided >= entered else entered
        found["release_stands"] = (since, since, since, of)
        leave = passing.stages.get("leave")
        if leave is not None and passing.state == "completed":
            since = max(since, leave["estimate_ms"])
            latest = max(since, leave["latest_ms"])
            found["left_released"] = (since, leave["earliest_ms"], latest, cause_of(passing))
    return found


def _left_released(passing: Passing | None, given: Answers) -> bool:
    """Whether the case is cleared, or as good as: nothing that comes later changes that."""
    if passing is None or given.grant is None:
        return False
    return passing.state == "completed" and passing.stages.get("leave") is not None


def _at_line(inputs: CaseInputs, passing: Passing | None, now_ms: int) -> tuple[int, bool]:
    """When the vehicle is at the line, and whether that was seen; else expected, planned, not before now."""
    planned = inputs.eta_ms if inputs.eta_ms is not None else inputs.filing["window_from_ms"]
    if passing is not None:
        seen = estimate(passing, "line") or estimate(passing, "entry_port")
        planned = reference_ms(passing)
        if seen is not None or (planned is not None and passing.state == "completed"):
            return int(seen or planned or 0), True
    return (now_ms if planned is None or planned < now_ms else int(planned)), False


def _state(
    steps: list[dict[str, Any]], given: Answers, withdrawn: bool, expired: bool, reasons: Reasons
) -> str:
    """The state shown: the strongest side state, else the stage; the order is that of ``chart.SIDES``."""
    stage: str = steps[-1]["stage"]
    if withdrawn:
        return "withdrawn"
    if given.closed is not None:
        return "closed"
    if stage == "cleared":
        return stage
    if expired:
        return "expired"
    if reasons.verify:
        return "manual_verification"
    return "held" if reasons.evidence or reasons.orders else stage


def _left(passing: Passing | None, reasons: Reasons) -> None:
    leave = None if passing is None else passing.stages.get("leave")
    if leave is not None and passing is not None and passing.state == "completed":
        text = f"the vehicle left the entry port at {utc(leave['estimate_ms'])} without a release"
        reasons.orders.append(reason("left_unreleased", text, "crossing"))


def _rule(given: Answers, automatic: bool, request: bool, regime: Regime) -> str | None:
    """By which rule the case was or will be released."""
    if given.grant is not None:
        return given.grant[1]
    if not request:
        return None
    if automatic:
        return "automatic"
    return "authority" if "authority" in regime.release.by else "officer"


def _release(inputs: CaseInputs, given: Answers) -> str | None:
    if given.grant is not None and given.grant[3] is not None:
        return given.grant[3]
    return inputs.releases[-1].get("id") if inputs.releases else None


def _correct(
    inputs: CaseInputs, at_entry: bool, withdrawn: bool, reasons: Reasons, given: Answers, over: bool
) -> bool:
    """Whether the authority was told, with the last request, what is no longer so."""
    if not inputs.releases or over:
        return False
    last = inputs.releases[-1]
    if last["state"] not in PENDING and not (last["state"] == "granted" and stands(last)):
        return False
    return withdrawn or not at_entry or bool(reasons.verify) or bool(reasons.evidence)


def _times(steps: list[dict[str, Any]]) -> tuple[int | None, int | None]:
    last = len(steps) - 1
    released = steps[_CLEARED - 1]["t_ms"] if last >= _CLEARED - 1 else None
    return released, steps[_CLEARED]["t_ms"] if last == _CLEARED else None


def _stopped(inputs: CaseInputs, given: Answers, expired_ms: int | None) -> int | None:
    """When the case was withdrawn, closed or expired; None when it was not."""
    if inputs.filing["state"] == "withdrawn":
        gone = inputs.filing.get("withdrawn") or {}
        return int(gone.get("at_ms") or inputs.filing["lodged_ms"])
    return expired_ms if given.closed is None else given.closed.at_ms
