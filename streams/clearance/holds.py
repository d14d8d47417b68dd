"""Why a case is held, or has to be looked at: reasons with a code, a sentence and where they come from.

A reason that holds stands apart from one that is only told. What an officer's release came after, it lifts:
the officer has seen it.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Final

from streams.clearance.answers import Answers
from streams.clearance.bound import Bound
from streams.clearance.deadlines import utc
from streams.clearance.inputs import CaseInputs
from streams.clearance.permits import Permitted, overload
from streams.clearance.regime import Regime
from streams.clearance.words import RANK
from streams.events import Kind, object_id

_SEALS: Final = ("broken", "tampered")
_KEPT: Final = ("permit_revoked", "permit_wrong_vehicle")


@dataclass(slots=True)
class Reasons:
    """``verify``: for manual verification. ``evidence``: holds, by what is known. ``orders``: holds, by what
    was decided or not answered. ``told``: neither. Each {code, text, source}."""

    verify: list[dict[str, Any]] = field(default_factory=list)
    evidence: list[dict[str, Any]] = field(default_factory=list)
    orders: list[dict[str, Any]] = field(default_factory=list)
    told: list[dict[str, Any]] = field(default_factory=list)

    def all(self) -> list[dict[str, Any]]:
        """The reasons, those for manual verification first."""
        return [*self.verify, *self.evidence, *self.orders, *self.told]


def reason(code: str, text: str, source: str) -> dict[str, Any]:
    """One reason."""
    return {"code": code, "text": text, "source": source}


def conflict_id(inputs: CaseInputs, one: dict[str, Any]) -> str:
    """The id of a CONFLICT object, computed where the object does not carry it."""
    held = one.get("id")
    if held is not None:
        return str(held)
    return object_id(Kind.CONFLICT, inputs.asset, one["what"], one["got"], one["want"])


def conflicts(pair: Bound, found: Reasons) -> None:
    """A reason for each open conflict of VIN, chassis number, component or device."""
    for one in pair.conflicts:
        source, against = one.get("source"), one.get("against")
        said = f"{one['what']} by {source}: got {one['got']}, want {one['want']} by {against}"
        text = one.get("text") or said
        position = one.get("position")
        if position is not None and "position" not in text:
            text = f"{text} (position {position})"
        found.verify.append(reason("binding_conflict", text, str(one.get("source") or "binding")))
    if pair.disputed:
        text = "the sources of the binding of VIN and chassis number do not agree"
        found.verify.append(reason("binding_conflict", text, "binding"))


def documents(
    inputs: CaseInputs, regime: Regime, rank: int, at_ms: int, found: Reasons, wakes: list[int]
) -> list[dict[str, Any]]:
    """How each document stands, those of the regime first; missing and expired ones hold."""
    filing = inputs.filing
    given: dict[str, dict[str, Any]] = {}
    for one in filing["documents"] or ():
        held = given.get(one["kind"])
        if held is None or _better(one, held):
            given[one["kind"]] = one
    kind = filing.get("kind") or inputs.vehicle.get("kind")
    listed = []
    wanted = set()
    for rule in regime.documents:
        if rule.kinds and kind not in rule.kinds:
            continue
        wanted.add(rule.kind)
        one = given.get(rule.kind, {})
        state = _document(one, at_ms, wakes)
        listed.append({"kind": rule.kind, "number": one.get("number"), "state": state})
        if state != "ok" and rank >= RANK[rule.holds_from]:
            if state == "missing":
                text = f"{rule.name} ({rule.kind}) is missing: the filing names none with a number"
            else:
                until = utc(one["expires_ms"])
                text = (
                    f"{rule.name} {one['number']} expired: valid until {until}, got {utc(at_ms)} at the line"
                )
            found.evidence.append(reason(f"document_{state}", text, "filing"))
    for name in sorted(given.keys() - wanted):
        state = _document(given[name], at_ms, wakes)
        listed.append({"kind": name, "number": given[name].get("number"), "state": state})
    return listed


def _better(one: dict[str, Any], held: dict[str, Any]) -> bool:
    """Of two documents of one kind, that with a number and the later expiry."""
    return _worth(one) > _worth(held)


def _worth(one: dict[str, Any]) -> tuple[bool, bool, int, str]:
    expires = one.get("expires_ms")
    return bool(one.get("number")), expires is None, expires or 0, str(one.get("number"))


def _document(one: dict[str, Any], at_ms: int, wakes: list[int]) -> str:
    if not one.get("number"):
        return "missing"
    expires = one.get("expires_ms")
    if expires is None:
        return "ok"
    if at_ms > expires:
        return "expired"
    wakes.append(expires + 1)
    return "ok"


def evidence(inputs: CaseInputs, regime: Regime, rank: int, permit: Permitted, found: Reasons) -> None:
    """What is known against the case besides its documents: exporter, data, permit, axles, seals."""
    filing = inputs.filing
    if not regime.eligible(filing["exporter"]):
        text = f"exporter {filing['exporter']} may not file under {regime.name}"
        found.evidence.append(reason("exporter_not_eligible", text, "regime"))
    if regime.data:
        given = filing.get("data") or {}
        for datum in regime.data:
            if datum.holds_from is None or rank < RANK[datum.holds_from]:
                continue
            if not given.get(datum.name) and not filing.get(datum.name):
                text = f"the minimum data set lacks {datum.name}: {datum.text}"
                found.evidence.append(reason("data_missing", text, "filing"))
    if permit.code and regime.permit is not None and rank >= RANK[regime.permit.holds_from]:
        found.evidence.append(reason(permit.code, permit.text, "permit"))
    since = filing["lodged_ms"] if filing["window_from_ms"] is None else filing["window_from_ms"]
    since = min(since, filing["lodged_ms"]) - regime.tolerance_ms  # what is older is another journey's
    heavy = overload(inputs, permit.permit, since)
    if heavy is not None:
        found.evidence.append(reason("axle_overload", *heavy))
    for seal in sorted(inputs.seals, key=_seal) if inputs.seals else ():
        if seal["state"] in _SEALS and seal["t_ms"] >= since:
            text = f"seal {seal['seal']} is {seal['state']} since {utc(seal['t_ms'])}"
            found.evidence.append(reason("seal_broken", text, "seal"))


def _seal(one: dict[str, Any]) -> tuple[str, int]:
    return str(one["seal"]), int(one["t_ms"])


def orders(
    inputs: CaseInputs, regime: Regime, given: Answers, now_ms: int, found: Reasons, wakes: list[int]
) -> None:
    """What was decided against the case, and an answer that did not come."""
    for one in (given.officer, given.authority):
        if one is not None:
            code, said = (
                ("detained", "detained") if one.decision == "detain" else ("inspection", "to be inspected")
            )
            by = "an officer" if one.source == "officer" else one.source
            found.orders.append(
                reason(code, f"{said} by {by}: {one.reason or 'no reason given'}", one.source)
            )
    if given.withdrawn is not None:
        by = "an officer" if given.withdrawn.source == "officer" else given.withdrawn.source
        text = f"the release was withdrawn by {by}: {given.withdrawn.reason or 'no reason given'}"
        found.orders.append(reason("release_withdrawn", text, given.withdrawn.source))
    if given.grant is None and inputs.releases:
        _unanswered(inputs.releases[-1], regime, given, now_ms, found, wakes)


def _unanswered(
    last: dict[str, Any], regime: Regime, given: Answers, now_ms: int, found: Reasons, wakes: list[int]
) -> None:
    name = regime.release.name
    if given.waiting is not None:
        text = f"{name} answered: wait, {given.waiting.reason or 'no reason given'}"
        found.told.append(reason("waiting", text, given.waiting.source))
    elif last["state"] in ("requested", "timeout") and given.authority is None:
        due = last.get("deadline_ms")
        due = last["requested_ms"] + regime.release.timeout_ms if due is None else due
        if last["state"] == "timeout" or now_ms >= due:
            text = (
                f"{name} has not answered: asked at {utc(last['requested_ms'])}, want an answer by {utc(due)}"
            )
            found.orders.append(reason("no_answer", text, regime.release.authority))
        else:
            wakes.append(due)
            text = f"{name} was asked at {utc(last['requested_ms'])}, an answer is due by {utc(due)}"
            found.told.append(reason("waiting", text, regime.release.authority))


def lift(inputs: CaseInputs, given: Answers, found: Reasons) -> None:
    """Take away the holds that an officer's release came after."""
    if given.grant is None or given.grant[1] != "officer" or not found.evidence:
        return
    decided = given.grant[0]
    axle = inputs.axle is not None and inputs.axle["t_ms"] > decided
    kept = []
    for one in found.evidence:
        code = one["code"]
        later = (code == "axle_overload" and axle) or code in _KEPT
        if code == "seal_broken":
            later = any(
                s["t_ms"] > decided and one["text"].startswith(f"seal {s['seal']} ") for s in inputs.seals
            )
        if later:
            kept.append(one)
        else:
            text = f"an officer released in spite of: {one['text']}"
            found.told.append(reason("lifted", text, "officer"))
    found.evidence = kept
