"""One vehicle on one page: its maker's record, filing, permit, crossing, release, and where it is now.

Pure: from objects as they are kept to one list of steps by time. The texts are for people; each step names
the object that it rests on.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from feeds.clearance.history import instant, length

Object = Mapping[str, Any]
"""An object's data with its ``id``."""
_STAGES: Final = ("approach", "exit_port", "exit_port_left", "line", "entry_port", "leave")
_ORDER: Final = (
    *("factory", "registration", "claim", "filing", "permit", "coupling", "conflict", "crossing", "seal"),
    *("release", "clearance", "destination"),
)


@dataclass(frozen=True, slots=True)
class Found:
    """All that is known of one vehicle, each object with its ``id``; what is not there is empty or None.

    ``position``: ``{lon, lat, t_ms}`` or None, the newest one of the vehicle or of what carries it;
    ``asset``: the registered asset with ``registered_ms`` where that is known.
    """

    vin: str
    asset: Object | None = None
    binding: Object | None = None
    filings: Sequence[Object] = ()
    permits: Sequence[Object] = ()
    couplings: Sequence[Object] = ()
    conflicts: Sequence[Object] = ()
    crossings: Sequence[Object] = ()
    seals: Sequence[Object] = ()
    releases: Sequence[Object] = ()
    cases: Sequence[Object] = ()
    position: Object | None = None
    more: Mapping[str, Any] = field(default_factory=dict)


def trace(found: Found) -> dict[str, Any]:
    """``{vin, chassis, asset, summary, complete, missing, steps}``; ``steps`` by time, those of unknown time
    first: ``{what, t_ms, title, text, object, ok}``. ``ok`` is False for what speaks against the vehicle.

    ``missing`` names the links of the chain (factory, filing, permit, crossing, release, destination) that
    nothing here shows; ``complete`` says that none is.
    """
    steps = [
        *_asset(found),
        *_claims(found),
        *_filings(found),
        *_permits(found),
        *_couplings(found),
        *_conflicts(found),
        *_crossings(found),
        *_seals(found),
        *_releases(found),
        *_cases(found),
        *_destination(found),
    ]
    steps.sort(key=lambda step: (step["t_ms"] or 0, _ORDER.index(step["what"]), step["object"] or ""))
    chain = ("factory", "filing", "permit", "crossing", "release", "destination")
    there = {step["what"] for step in steps}
    missing = [link for link in chain if link not in there]
    binding = found.binding or {}
    return {
        "vin": found.vin,
        "chassis": binding.get("chassis") or (found.asset or {}).get("chassis"),
        "asset": (found.asset or {}).get("id"),
        "binding": binding.get("state"),
        "summary": _summary(found, missing),
        "complete": not missing,
        "missing": missing,
        "steps": steps,
        **found.more,
    }


def _summary(found: Found, missing: Sequence[str]) -> str:
    if found.asset is None:
        return f"No vehicle with VIN {found.vin} is registered here."
    if not found.cases:
        return f"{found.vin} is registered and has no case."
    case = found.cases[-1]
    said = f"{found.vin} at {case.get('gate')} {case.get('direction')}: {case.get('state')}"
    total = (case.get("clocks_ms") or {}).get("total")
    took = f", {length(total)} at the gate" if total is not None else ""
    lacks = f"; not shown: {', '.join(missing)}" if missing else ""
    return f"{said}{took}{lacks}."


def _asset(found: Found) -> Iterable[dict[str, Any]]:
    asset = found.asset
    if asset is not None:
        what = " ".join(str(asset[name]) for name in ("maker", "model", "kind") if asset.get(name))
        text = f"{what or 'Vehicle'}, VIN {found.vin}, chassis number {asset.get('chassis') or 'not given'}"
        exporter = f", exported by {asset['exporter']}" if asset.get("exporter") else ""
        yield _step(
            "registration", asset.get("registered_ms"), "Registered", text + exporter, asset.get("id")
        )


def _claims(found: Found) -> Iterable[dict[str, Any]]:
    binding = found.binding or {}
    told = set()
    for claim in binding.get("claims") or ():
        source = str(claim.get("source"))
        what = "factory" if source == "maker" else "claim"
        title = "Maker's production record" if source == "maker" else f"Claim by {source.replace('_', ' ')}"
        evidence = f" ({claim['evidence']})" if claim.get("evidence") else ""
        chassis = f" with chassis number {claim['chassis']}" if claim.get("chassis") else ""
        text = f"VIN {claim.get('vin')}{chassis}{evidence}"
        if (source, text) in told:
            continue
        told.add((source, text))
        t_ms = claim.get("from_ms") if claim.get("from_ms") is not None else claim.get("known_ms")
        yield _step(what, t_ms, title, text, binding.get("id"))


def _filings(found: Found) -> Iterable[dict[str, Any]]:
    for filing in found.filings:
        text = (
            f"{filing.get('reference')} by {filing.get('exporter') or 'unknown'} to "
            f"{filing.get('consignee') or 'unknown'}, {filing.get('gate')} {filing.get('direction')}, "
            f"chassis number {filing.get('chassis') or 'none'}, version {filing.get('version')}"
        )
        gone = filing.get("state") == "withdrawn"
        title = "Filing withdrawn" if gone else "Filed"
        yield _step("filing", filing.get("lodged_ms"), title, text, filing.get("id"), ok=not gone)


def _permits(found: Found) -> Iterable[dict[str, Any]]:
    for permit in found.permits:
        gone = permit.get("state") == "revoked"
        until = instant(permit["valid_until_ms"]) if permit.get("valid_until_ms") is not None else "no end"
        limit = f", {permit['axle_limit_kg']} kg an axle" if permit.get("axle_limit_kg") else ""
        text = f"{permit.get('number')} of {permit.get('country')} until {until}{limit}"
        title = "Permit revoked" if gone else "Import permit"
        yield _step("permit", permit.get("valid_from_ms"), title, text, permit.get("id"), ok=not gone)


def _couplings(found: Found) -> Iterable[dict[str, Any]]:
    for coupling in found.couplings:
        until = instant(coupling["to_ms"]) if coupling.get("to_ms") is not None else "now"
        how = "Loaded on" if coupling.get("how") == "loaded" else "Coupled to"
        text = f"{coupling.get('carrier')} until {until}: {coupling.get('evidence') or 'no evidence'}"
        yield _step("coupling", coupling.get("from_ms"), how, text, coupling.get("id"))


def _conflicts(found: Found) -> Iterable[dict[str, Any]]:
    for conflict in found.conflicts:
        settled = conflict.get("state") == "settled"
        text = conflict.get("text") or f"got {conflict.get('got')}, want {conflict.get('want')}"
        title = f"Conflict of the {conflict.get('what')}{', settled' if settled else ''}"
        yield _step("conflict", conflict.get("first_ms"), title, text, conflict.get("id"), ok=settled)


def _crossings(found: Found) -> Iterable[dict[str, Any]]:
    for crossing in found.crossings:
        stages = crossing.get("stages") or {}
        seen = [(name, stages[name]) for name in _STAGES if stages.get(name)]
        first = min((_t(at) for _, at in seen if _t(at) is not None), default=None)
        way = ", ".join(f"{name.replace('_', ' ')} {instant(_t(at))[11:19]}" for name, at in seen)
        by = " with its carrier" if crossing.get("by") else ""
        text = f"{crossing.get('direction')}{by}, {crossing.get('state')}: {way or 'no stage seen'}"
        yield _step("crossing", first, f"At gate {crossing.get('gate')}", text, crossing.get("id"))


def _t(at: Mapping[str, Any]) -> Any:
    return next((at[name] for name in ("estimate_ms", "t_ms", "latest_ms") if at.get(name) is not None), None)


def _seals(found: Found) -> Iterable[dict[str, Any]]:
    for seal in found.seals:
        good = seal.get("state") in ("locked", "replaced")
        text = f"{seal.get('seal')}: {seal.get('state')}"
        yield _step("seal", seal.get("t_ms"), "Seal", text, seal.get("id"), ok=good)


def _releases(found: Found) -> Iterable[dict[str, Any]]:
    for release in found.releases:
        granted = release.get("state") == "granted"
        by = release.get("by") or release.get("authority") or "unknown"
        reason = f": {release['reason']}" if release.get("reason") else ""
        text = f"{release.get('state')} by {by}{reason}"
        t_ms = (
            release.get("decided_ms")
            if release.get("decided_ms") is not None
            else release.get("requested_ms")
        )
        title = "Release granted" if granted else "Release asked for"
        yield _step("release" if granted else "claim", t_ms, title, text, release.get("id"), ok=granted)


def _cases(found: Found) -> Iterable[dict[str, Any]]:
    for case in found.cases:
        state = str(case.get("state"))
        last = (case.get("steps") or [{}])[-1]
        reasons = "; ".join(str(r.get("text") or r["code"]) for r in case.get("reasons") or ())
        total = (case.get("clocks_ms") or {}).get("total")
        took = f", clearance took {length(total)}" if total is not None else ""
        text = f"{state.replace('_', ' ')}{took}{f': {reasons}' if reasons else ''}"
        bad = state in ("manual_verification", "held", "expired", "withdrawn")
        title = f"Case {case.get('reference')}"
        yield _step(
            "clearance", case.get("ended_ms") or last.get("t_ms"), title, text, case.get("id"), ok=not bad
        )


def _destination(found: Found) -> Iterable[dict[str, Any]]:
    cleared = [case for case in found.cases if case.get("state") == "cleared"]
    if not cleared or found.position is None:
        return
    at = found.position
    consignee = next(
        (f.get("consignee") for f in found.filings if f.get("id") == cleared[-1].get("filing")), None
    )
    text = f"at {at['lat']:.5f}, {at['lon']:.5f}, on its way to {consignee or 'its consignee'}"
    yield _step("destination", at.get("t_ms"), "Last seen after clearance", text, None)


def _step(what: str, t_ms: Any, title: str, text: str, object_: Any, *, ok: bool = True) -> dict[str, Any]:
    return {"what": what, "t_ms": t_ms, "title": title, "text": text, "object": object_, "ok": ok}
