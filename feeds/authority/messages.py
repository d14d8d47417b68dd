"""Messages to authorities, as JSON values with the classes and names of the WCO Data Model. Pure.

Road conveyance reports (UNTDID 1001: 524 arrival, 525 departure) and declarations have the WCO shape; codes
of the Chinese road manifest (MT...) the data elements of the carriage confirmation. What is not known is
left out, never made up; what must be there and is not, is told as missing and nothing is sent. What the
standard shape has no place for (the two codes of the vehicle, bounds of a time) is under ``Corridor``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timezone
from typing import Any, Final

from feeds.authority import codes
from feeds.authority.connectors import Connector
from feeds.authority.effects import Effect
from feeds.authority.places import instant, offset_of, sides
from feeds.authority.port import Message, Purpose

_FUNCTION: Final = {
    Purpose.AMEND: "replace",
    Purpose.CORRECT: "replace",
    Purpose.WITHDRAW: "cancel",
}
_SEALED: Final = frozenset({"locked", "replaced"})


class IncompleteError(Exception):
    """The message can't be made: what must be in it is not known. The message names what."""


@dataclass(frozen=True, slots=True)
class Facts:
    """What was known when the event was told, as data of its objects.

    ``ports``: UN/LOCODE of the gate by country. ``seals``: data of SEAL objects.
    """

    filing: Mapping[str, Any]
    case: Mapping[str, Any] = field(default_factory=dict)
    asset: Mapping[str, Any] = field(default_factory=dict)
    release: Mapping[str, Any] = field(default_factory=dict)
    seals: tuple[Mapping[str, Any], ...] = ()
    ports: Mapping[str, str] = field(default_factory=dict)


def render(effect: Effect, facts: Facts, connector: Connector) -> Message:
    """The message of an effect. Raises IncompleteError."""
    chinese = effect.code is not None and effect.code.startswith("MT")
    body = {
        "MessageID": effect.id,
        "Purpose": effect.purpose.value,
        **(_manifest(effect, facts, connector) if chinese else _report(effect, facts, connector)),
        "Corridor": _own(effect, facts),
    }
    return Message(effect.id, effect.purpose, effect.case, _without_empty(body))


def country_of(effect: Effect, facts: Facts) -> str:
    """Whose side of the gate the message is about: its own when leaving, the other's once entered."""
    left, entered = sides(_gate(facts)[1])
    at_exit = effect.purpose is Purpose.NOTIFY_DEPARTURE or effect.what == "arrived"
    return left if at_exit else entered


def _gate(facts: Facts) -> tuple[str, str]:
    told = facts.case or facts.filing
    return str(told.get("gate") or ""), str(told.get("direction") or "")


def _offset(effect: Effect, facts: Facts) -> timezone:
    return offset_of(_gate(facts)[0], country_of(effect, facts))


def _function(effect: Effect) -> str:
    return "cancel" if effect.cancels else _FUNCTION.get(effect.purpose, "original")


def _t(effect: Effect, facts: Facts) -> tuple[int | None, str]:
    """When what is told happens or happened, and which of the two."""
    if effect.what == "approaching":
        return facts.case.get("eta_ms"), "estimated"
    return effect.t_ms, "actual"


def _report(effect: Effect, facts: Facts, connector: Connector) -> dict[str, Any]:
    """The WCO shape: a Declaration of the conveyance."""
    filing, offset = facts.filing, _offset(effect, facts)
    gate, _ = _gate(facts)
    told_ms, _ = _t(effect, facts)
    leaving = effect.purpose is Purpose.NOTIFY_DEPARTURE
    arrives = effect.purpose is Purpose.NOTIFY_ARRIVAL and told_ms is not None
    vehicle = {
        "ID": _customs_code(effect, facts) or _plate(effect, facts),
        "TypeCode": codes.ROAD_REC19,
        "JourneyID": filing.get("batch"),
        "ArrivalDateTime": instant(told_ms, offset) if arrives and told_ms is not None else None,
        "RegistrationNationalityCode": _plate_country(effect, facts),
    }
    status = _status(effect, leaving)
    status_ms = effect.recorded_ms if told_ms is None or effect.what == "approaching" else told_ms
    return {
        "Declaration": {
            "ID": filing.get("reference"),
            "TypeCode": effect.code if _is_document(effect) else None,
            "FunctionCode": codes.FUNCTION_1225[_function(effect)],
            "DeclarationOfficeID": connector.offices.get(gate),
            "BorderTransportMeans": vehicle,
            "RepresentativePerson": {"Name": connector.filer or filing.get("exporter")},
            "Consignment": {"TransportEquipment": _equipment(facts, "ID", "Seal", "ID")},
        },
        "Status": {"Code": status, "DateTime": instant(status_ms, offset)}
        if status and not effect.cancels
        else None,
    }


def _is_document(effect: Effect) -> bool:
    return effect.system is not None and effect.system.startswith(codes.DOCUMENTS)


def _status(effect: Effect, leaving: bool) -> str | None:
    """The status of Recommendation 24: the regime's where it names one."""
    if effect.system is not None and effect.system.startswith(codes.STATUSES):
        return effect.code
    return codes.DEPARTED_24 if leaving else codes.STATUS_24.get(effect.what)


def _manifest(effect: Effect, facts: Facts, connector: Connector) -> dict[str, Any]:
    """The Chinese road manifest: data elements by the names that its clients use."""
    filing, gate = facts.filing, _gate(facts)[0]
    told_ms, _ = _t(effect, facts)
    batch = filing.get("batch") or filing.get("reference")
    must = {
        "transport batch number (D014)": batch,
        "customs office (065)": connector.offices.get(gate),
        "filer (R006)": connector.filer or filing.get("exporter"),
    }
    missing = [name for name, value in must.items() if not value]
    if missing:
        raise IncompleteError(f"message {effect.code} not complete: got no {', '.join(missing)}")
    offset, arrives = _offset(effect, facts), effect.purpose is Purpose.NOTIFY_ARRIVAL
    return {
        "MessageType": effect.code,
        "FunctionCode": codes.FUNCTION_CN[_function(effect)],
        "declaration": {
            "declarationId": batch,
            "declarationOfficeId": connector.offices[gate],
            "representativePerson": {"name": connector.filer or filing.get("exporter")},
            "borderTransportMeans": {
                "borderTransportMeansId": _customs_code(effect, facts),
                "name": _plate(effect, facts),
                "typeCode": codes.ROAD_CN,
                "arrivalDateTime": instant(told_ms, offset) if arrives and told_ms is not None else None,
            },
            "transportEquipment": _equipment(facts, "equipmentId", "seal", "sealId"),
        },
    }


def _equipment(facts: Facts, id_: str, seal: str, seal_id: str) -> list[dict[str, Any]]:
    """Containers by number as filed, with the seals that are on."""
    number = (facts.filing.get("data") or {}).get("container")
    on = [one["seal"] for one in facts.seals if one.get("state") in _SEALED]
    seals = [{"SequenceNumeric": at, seal_id: name} for at, name in enumerate(sorted(on), 1)]
    return [{id_: number, seal: seals}] if number or seals else []


def _at(effect: Effect) -> int:
    return effect.t_ms if effect.t_ms is not None else effect.recorded_ms


def _in_force(rows: Any, at_ms: int) -> list[Mapping[str, Any]]:
    return [
        row
        for row in rows or ()
        if (row.get("from_ms") or 0) <= at_ms and (row.get("to_ms") is None or at_ms < row["to_ms"])
    ]


def _customs_code(effect: Effect, facts: Facts) -> str | None:
    """The vehicle's code at customs that is in force: a mapped attribute, not the VIN."""
    found = _in_force(facts.asset.get("customs_codes"), _at(effect))
    return found[-1]["code"] if found else None


def _plates(effect: Effect, facts: Facts) -> Mapping[str, Any]:
    """The plate of the country it leaves, else any that is in force; one may be registered as bare text."""
    rows = [{"plate": row} if isinstance(row, str) else row for row in facts.asset.get("plates") or ()]
    found = _in_force(rows, _at(effect))
    left = sides(_gate(facts)[1])[0]
    return next((row for row in found if row.get("country") == left), found[-1] if found else {})


def _plate(effect: Effect, facts: Facts) -> str | None:
    return _plates(effect, facts).get("plate")


def _plate_country(effect: Effect, facts: Facts) -> str | None:
    return _plates(effect, facts).get("country")


def _own(effect: Effect, facts: Facts) -> dict[str, Any]:
    """What the standard shapes have no place for."""
    filing, case, offset = facts.filing, facts.case, _offset(effect, facts)
    gate, direction = _gate(facts)
    told_ms, which = _t(effect, facts)
    window = [filing.get(name) for name in ("window_from_ms", "window_until_ms")]
    return {
        "Case": effect.case,
        "Tenant": effect.tenant,
        "Reference": filing.get("reference"),
        "Event": effect.what,
        "Cancels": effect.cancels or None,
        "Gate": gate,
        "Direction": direction,
        "Ports": dict(facts.ports),
        "VIN": case.get("vin") or filing.get("vin"),
        "Chassis": case.get("chassis") or filing.get("chassis"),
        "Kind": filing.get("kind") or case.get("asset_kind"),
        "Exporter": filing.get("exporter"),
        "Consignee": filing.get("consignee"),
        "Batch": filing.get("batch"),
        "Regime": filing.get("regime") or case.get("regime"),
        "RegimeVersion": case.get("regime_version"),
        "State": case.get("state"),
        "Window": [instant(one, offset) for one in window if one is not None],
        "Documents": [_document(one, offset) for one in filing.get("documents") or ()]
        if effect.kind.value == "filing"
        else None,
        "Data": filing.get("data") if effect.kind.value == "filing" else None,
        "Time": _bounds(effect, told_ms, which, offset),
        "Request": facts.release
        and {
            "ID": effect.object,
            "Conditions": list(facts.release.get("conditions") or ()),
            "Deadline": _instant_or_none(facts.release.get("deadline_ms"), offset),
        },
    }


def _bounds(effect: Effect, told_ms: int | None, which: str, offset: timezone) -> dict[str, Any] | None:
    if told_ms is None:
        return None
    actual = which == "actual"
    return {
        "Qualifier": which,
        "Estimate": instant(told_ms, offset),
        "Earliest": _instant_or_none(effect.earliest_ms if actual else None, offset),
        "Latest": _instant_or_none(effect.latest_ms if actual else None, offset),
    }


def _document(one: Mapping[str, Any], offset: timezone) -> dict[str, Any]:
    return {
        "Kind": one.get("kind"),
        "Number": one.get("number"),
        "Issued": _instant_or_none(one.get("issued_ms"), offset),
        "Expires": _instant_or_none(one.get("expires_ms"), offset),
        "SHA256": one.get("sha256"),
    }


def _instant_or_none(t_ms: int | None, offset: timezone) -> str | None:
    return None if t_ms is None else instant(t_ms, offset)


def _without_empty(value: Any) -> Any:
    """The value without members that are None or empty: what is not known is not there."""
    if isinstance(value, dict):
        kept = {name: _without_empty(one) for name, one in value.items()}
        return {name: one for name, one in kept.items() if one not in (None, "", {}, [])}
    if isinstance(value, list):
        return [_without_empty(one) for one in value]
    return value
