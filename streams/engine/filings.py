"""Filings: lodged, amended with every version kept, withdrawn.

One open filing a VIN over all tenants, and a reference once a tenant: both are keys (``claims``), so a
filing is there when the homes of both keys have agreed. Its case begins with it and keeps the version of
the regime that was in force then.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from streams.clearance.deadlines import utc
from streams.clearance.regime import Regime
from streams.engine import binding, cases
from streams.engine.claims import Asked
from streams.engine.folder import Folder
from streams.engine.registry import Refused
from streams.events import Kind, object_id
from streams.identity.vin import VinError, parse

if TYPE_CHECKING:
    from streams.engine.desk import Desk

FIELDS: Final = (
    *("reference", "vin", "chassis", "kind", "exporter", "consignee", "gate", "direction"),
    *("window_from_ms", "window_until_ms", "batch", "regime", "documents", "data"),
)
"""What is lodged."""
LATE_MS: Final = 30 * 86_400_000
"""A planned window that ended longer ago is too old: crossings of then are known no more."""
_FIXED: Final = ("reference", "vin")


def lodge(desk: Desk, command: dict[str, Any]) -> None:
    """filing.lodge: checks what can be checked here, then asks for the keys."""
    data, tenant = command["data"], command["tenant"]
    filing = {name: data.get(name) for name in FIELDS}
    vin, reference, asset = filing["vin"], filing["reference"], data["asset"]
    if asset != object_id(Kind.ASSET, tenant, str(vin)):
        raise Refused("bad_vin", f"the asset is not that of the VIN: got {asset} for {vin}")
    _checked(desk, tenant, filing)
    folder = desk.folders.get(asset)
    id_ = object_id(Kind.FILING, tenant, str(reference))
    if folder is not None:
        if id_ in folder.objects("filing"):
            raise Refused("duplicate", f"filing reference {reference} is lodged already: {id_}")
        if open_filing(folder) is not None:
            raise Refused("filed_elsewhere", f"VIN {vin} has an open filing already: {open_filing(folder)}")
    keys = [f"vin:{vin}", f"filing:{tenant}:{reference}"]
    desk.claims.ask(command["id"], keys, {"command": command, "at_ms": desk.now_ms})


def lodged(desk: Desk, asked: Asked) -> None:
    """The keys of a filing are decided. Raises Refused."""
    command, at_ms = asked.what["command"], asked.what["at_ms"]
    data, tenant = command["data"], command["tenant"]
    asset = data["asset"]
    for key in sorted(asked.refused):
        if key.startswith("filing:"):
            raise Refused("duplicate", f"filing reference {data['reference']} is lodged already")
        raise Refused("filed_elsewhere", f"VIN {data['vin']} has an open filing already")
    filing = {name: data.get(name) for name in FIELDS}
    if asset not in desk.host.registry.assets:
        known = {name: filing[name] for name in ("vin", "chassis", "kind", "exporter") if filing[name]}
        desk.tell_asset(desk.host.registry.register(tenant, known))
    folder = desk.make(asset, tenant)
    id_ = object_id(Kind.FILING, tenant, data["reference"])
    regime = desk.regimes.chosen(filing, at_ms)
    if regime is None:  # it was there when the keys were asked for
        raise Refused("no_regime", f"no regime is in force for {filing['gate']} {filing['direction']}")
    case = object_id(Kind.CASE, id_)
    first = {"version": 1, "by": command.get("by"), "at_ms": at_ms, "changed": []}
    told = filing | {
        "state": "lodged",
        "version": 1,
        "lodged_ms": at_ms,
        "versions": [first],
        "case": case,
        "findings": _findings(filing, regime),
    }
    desk.tell(folder, Kind.FILING, id_, told)
    cases.opened(desk, folder, case, id_, regime.version, asked.owner)
    _claim(desk, folder, told)
    desk.answer(command, id_, asset)


def amend(desk: Desk, command: dict[str, Any]) -> None:
    """filing.amend."""
    folder, id_, before = _held(desk, command)
    changes = command["data"].get("changes") or {}
    fixed = [name for name in (*_FIXED, "asset") if name in changes and changes[name] != before.get(name)]
    if fixed:
        raise Refused("fixed", f"a filing keeps its {fixed[0]}: got {changes[fixed[0]]}, lodge another one")
    odd = sorted(set(changes) - set(FIELDS))
    if odd:
        raise Refused("unknown_field", f"a filing has no {odd[0]}: want one of {', '.join(FIELDS)}")
    changed = sorted(name for name, value in changes.items() if before[name] != value)
    after = before | {name: changes[name] for name in changed}
    _checked(desk, folder.tenant, after)
    if changed:
        place = {"gate", "direction", "regime"} & set(changed)
        held = folder.cases[before["case"]]
        regime = desk.regimes.chosen(after, desk.now_ms) if place else desk.regimes.by_version(held["regime"])
        if regime is None:
            raise Refused("no_regime", f"no regime is in force for {after['gate']} {after['direction']}")
        held["regime"] = regime.version
        number = before["version"] + 1
        one = {"version": number, "by": command.get("by"), "at_ms": desk.now_ms, "changed": changed}
        after |= {
            "version": number,
            "versions": [*before["versions"], one],
            "findings": _findings(after, regime),
        }
        desk.tell(folder, Kind.FILING, id_, after)
        _claim(desk, folder, after)
        desk.touch(folder.asset, before["case"])
    desk.answer(command, id_, folder.asset)


def withdraw(desk: Desk, command: dict[str, Any]) -> None:
    """filing.withdraw."""
    folder, id_, before = _held(desk, command)
    reason = command["data"].get("reason")
    gone = {"by": command.get("by"), "at_ms": desk.now_ms, "reason": reason}
    desk.tell(folder, Kind.FILING, id_, before | {"state": "withdrawn", "withdrawn": gone})
    binding.end(desk, folder, f"filing:{before['reference']}")
    desk.touch(folder.asset, before["case"])
    desk.answer(command, id_, folder.asset)


def open_filing(folder: Folder) -> str | None:
    """The filing of an asset whose case has not ended."""
    for case in folder.cases.values():
        data = folder.data("filing", case["filing"])
        if case["ended"] is None and data is not None and data["state"] == "lodged":
            return str(case["filing"])
    return None


def _held(desk: Desk, command: dict[str, Any]) -> tuple[Folder, str, dict[str, Any]]:
    """The open filing that a command names. Raises Refused."""
    id_ = str(command["data"].get("filing"))
    folder = desk.folders.get(command["data"]["asset"])
    data = None if folder is None else folder.data("filing", id_)
    if folder is None or data is None or folder.tenant != command["tenant"]:
        raise Refused("unknown", f"no such filing: got {id_}")
    if data["state"] == "withdrawn":
        raise Refused("ended", f"filing {id_} is withdrawn")
    if folder.cases[data["case"]]["ended"] is not None:
        raise Refused("ended", f"the case of filing {id_} has ended")
    return folder, id_, data


def _checked(desk: Desk, tenant: str, filing: dict[str, Any]) -> None:
    """Raises Refused for what the history or the world does not allow."""
    vin, chassis, gate, way = (filing[name] for name in ("vin", "chassis", "gate", "direction"))
    if object_id(Kind.ASSET, tenant, vin) not in desk.host.registry.assets:  # those are checked already
        try:
            parse(str(vin))
        except VinError as error:
            raise Refused("bad_vin", str(error)) from error
    if not isinstance(chassis, str) or not chassis.strip():
        raise Refused("bad_chassis", f"a filing binds two codes: got chassis {chassis!r}, want a number")
    binding.said(desk, "filing", vin, chassis, None, desk.now_ms, None)
    known = desk.host.gates.get(str(gate))
    if known is None:
        raise Refused("bad_gate", f"no such gate: got {gate}")
    ways = (f"{known.a_country}>{known.b_country}", f"{known.b_country}>{known.a_country}")
    if way not in ways:
        raise Refused("bad_direction", f"got {way}, want {' or '.join(ways)}")
    begin, end = filing["window_from_ms"], filing["window_until_ms"]
    if begin is not None and end is not None and begin > end:
        raise Refused("bad_window", f"a window ends after it begins: got {utc(begin)} to {utc(end)}")
    if end is not None and end < desk.now_ms - LATE_MS:
        raise Refused("too_old", f"the window ended at {utc(end)}, more than 30 days before now")
    regime = desk.regimes.chosen(filing, desk.now_ms)
    if regime is None:
        want = filing["regime"] or f"one for {gate} {way}"
        raise Refused("no_regime", f"no such regime is in force: want {want}")
    if not regime.eligible(filing["exporter"]):
        raise Refused("not_eligible", f"exporter {filing['exporter']} may not file under regime {regime.id}")


def _claim(desk: Desk, folder: Folder, filing: dict[str, Any]) -> None:
    """What a filing says of the binding."""
    source, begin = f"filing:{filing['reference']}", filing["lodged_ms"]
    binding.put(desk, folder, binding.said(desk, source, filing["vin"], filing["chassis"], None, begin, None))


def _findings(filing: dict[str, Any], regime: Regime) -> list[dict[str, str]]:
    """What a filing lacks by its regime: told at once, and no reason to refuse it."""
    kinds = {document["kind"] for document in filing["documents"] or ()}
    given = {name for name, text in (filing["data"] or {}).items() if text}
    found = [
        {"code": "missing_document", "text": f"{document.name} ({document.kind}) is not named"}
        for document in regime.documents
        if document.kind not in kinds and (not document.kinds or filing["kind"] in document.kinds)
    ]
    found += [
        {"code": "missing_data", "text": f"{datum.text} ({datum.name}) is not given"}
        for datum in regime.data
        if datum.name not in given
    ]
    warning = _warning(str(filing["vin"]))
    return found if warning is None else [*found, {"code": "check_digit", "text": warning}]


def _warning(vin: str) -> str | None:
    try:
        return parse(vin).warning
    except VinError as error:  # registered all the same, with a reason
        return str(error)
