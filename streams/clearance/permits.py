"""Whether a case has the permit that its regime asks for: the best one there is, or what is wrong with it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from streams.clearance.deadlines import utc
from streams.clearance.ids import permit_id
from streams.clearance.inputs import CaseInputs
from streams.clearance.rules import PermitRule
from streams.identity.difference import bare

_LOADS: Final = (
    ("axle_load_kg", "axle_limit_kg", "axle load"),
    ("gross_mass_kg", "gross_limit_kg", "gross mass"),
)
_OK, _TECHNICAL, _EARLY, _EXPIRED, _REVOKED, _VEHICLE = range(6)
_CODES: Final = (
    "",
    "permit_not_compliant",
    "permit_not_yet_valid",
    "permit_expired",
    "permit_revoked",
    "permit_wrong_vehicle",
)


@dataclass(frozen=True, slots=True)
class Permitted:
    """``code`` "" when ``permit`` is good; else what is wrong. ``id`` of the permit, None without one."""

    code: str
    text: str
    permit: dict[str, Any] | None
    id: str | None


NOT_NEEDED: Final = Permitted("", "", None, None)


def permitted(inputs: CaseInputs, rule: PermitRule | None, at_ms: int, wakes: list[int]) -> Permitted:
    """The permit of a case as of ``at_ms``, when the vehicle is, or is expected to be, at the line.

    ``wakes`` gets when time alone changes the answer. Of several permits the best counts; of equal ones that
    with the smallest number.
    """
    if rule is None:
        return NOT_NEEDED
    kind = inputs.filing.get("kind") or inputs.vehicle.get("kind")
    if rule.kinds and kind not in rule.kinds:
        return NOT_NEEDED
    best: tuple[int, str, str, dict[str, Any]] | None = None
    for permit in inputs.permits:
        if permit["country"] == rule.country:
            rank, text = _judged(inputs, rule, permit, at_ms, wakes)
            found = (rank, str(permit["number"]), text, permit)
            if best is None or found[:2] < best[:2]:
                best = found
    if best is None:
        text = f"no permit of {rule.country} is known for {inputs.filing['vin']}: want {rule.name}"
        return Permitted("permit_missing", text, None, None)
    rank, number, text, permit = best
    id_ = permit_id(inputs.tenant, number)
    return Permitted(_CODES[rank], text, permit, id_)


def _judged(
    inputs: CaseInputs, rule: PermitRule, permit: dict[str, Any], at_ms: int, wakes: list[int]
) -> tuple[int, str]:
    filing, number = inputs.filing, permit["number"]
    for name, said in (("vin", "VIN"), ("chassis", "chassis number")):
        got, want = permit[name], filing[name]
        if got != want and got is not None and bare(got) != bare(want or ""):
            return _VEHICLE, f"permit {number} is for another vehicle: got {said} {got}, want {want}"
    if permit["state"] == "revoked":
        return _REVOKED, f"permit {number} was revoked: {permit.get('reason') or 'no reason given'}"
    begin, end = permit.get("valid_from_ms"), permit.get("valid_until_ms")
    if begin is not None and at_ms < begin:
        wakes.append(begin)
        return _EARLY, f"permit {number} is not valid before {utc(begin)}: got {utc(at_ms)} at the line"
    if end is not None and at_ms > end:
        return _EXPIRED, f"permit {number} expired: valid until {utc(end)}, got {utc(at_ms)} at the line"
    if end is not None:
        wakes.append(end + 1)
    wrong = _technical(inputs.vehicle.get("technical"), rule, permit)
    if wrong:
        return _TECHNICAL, f"permit {number} does not comply: {wrong}"
    return _OK, ""


def _technical(technical: dict[str, Any] | None, rule: PermitRule, permit: dict[str, Any]) -> str:
    """The first of what the regime asks of a permit and does not get; "" when all is there."""
    for name in rule.must_state:
        if permit.get(name) is None:
            return f"it states no {name}, want one"
    if rule.agents is not None and permit.get("agent") not in rule.agents:
        return f"agent: got {permit.get('agent')}, want an accredited one: {', '.join(rule.agents) or 'none'}"
    if rule.lighting and permit.get("lighting") not in rule.lighting:
        return f"lighting: got {permit.get('lighting')}, want {' or '.join(rule.lighting)}"
    if rule.emission_classes and permit.get("emission_class") not in rule.emission_classes:
        return (
            f"emission class: got {permit.get('emission_class')}, want {' or '.join(rule.emission_classes)}"
        )
    for name in ("lighting", "emission_class"):
        got, want = (technical or {}).get(name), permit.get(name)
        if got is not None and want is not None and got != want:
            return f"{name}: the vehicle has {got}, the permit says {want}"
    return ""


def overload(inputs: CaseInputs, permit: dict[str, Any] | None, since_ms: int) -> tuple[str, str] | None:
    """What is wrong with the axle loads and who says so: as measured, else as registered; None if nothing."""
    axle = inputs.axle
    if axle is not None and axle["kg"] > axle["limit_kg"] and axle["t_ms"] >= since_ms:
        return f"axle load measured: got {axle['kg']} kg, want at most {axle['limit_kg']} kg", "bus"
    technical = inputs.vehicle.get("technical") if permit is not None else None
    if technical and permit is not None:
        for name, most, said in _LOADS:
            got, want = technical.get(name), permit.get(most)
            if isinstance(got, int) and isinstance(want, int) and got > want:
                text = f"{said} registered: got {got} kg, want at most {want} kg by the permit"
                return text, "registry"
    return None
