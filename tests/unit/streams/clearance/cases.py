"""Inputs of cases for tests: a clean one, and what differs from it."""

from __future__ import annotations

from typing import Any

from streams.clearance.inputs import CaseInputs, Decision, Passing

HOUR = 3_600_000
MIN = 60_000
T0 = 1_780_000_000_000 // HOUR * HOUR
"""The instant at which the filing of a clean case is lodged."""
STAGES = ("approach", "exit_port", "exit_port_left", "line", "entry_port", "leave")
VIN, CHASSIS = "LZZ5ELSD0PA000001", "PA000001"


def bracket(t_ms: int) -> dict[str, Any]:
    """A stage seen within half a minute."""
    return {
        "earliest_ms": t_ms - 15_000,
        "latest_ms": t_ms + 15_000,
        "estimate_ms": t_ms,
        "lon_e7": 0,
        "lat_e7": 0,
    }


def passing(
    *times: int | None, id: str = "crossing_1", state: str = "", by: dict[str, Any] | None = None
) -> Passing:
    """A crossing with its stages at ``times``, in the order of ``STAGES``; None or none: not seen."""
    held = {name: None if t is None else bracket(t) for name, t in zip(STAGES, times, strict=False)}
    stages = {name: held.get(name) for name in STAGES}
    if not state:
        state = "completed" if stages["leave"] else "at_entry_port" if stages["entry_port"] else "between"
    return Passing(id, 1, state, stages, 1000, by, [1])


def whole(begin: int = T0 + 8 * HOUR, **more: Any) -> Passing:
    """A crossing from end to end: two hours from the exit port to the leaving of the entry port."""
    steps = (-30 * MIN, 0, 50 * MIN, 55 * MIN, 60 * MIN, 120 * MIN)
    return passing(*(begin + t for t in steps), **more)


def permit(**more: Any) -> dict[str, Any]:
    """A good permit."""
    return {
        "number": "P-1",
        "vin": VIN,
        "chassis": CHASSIS,
        "country": "LA",
        "valid_from_ms": T0 - 24 * HOUR,
        "valid_until_ms": T0 + 30 * 24 * HOUR,
        "axle_limit_kg": 10_000,
        "axles": 3,
        "gross_limit_kg": 40_000,
        "emission_class": "Euro 4",
        "lighting": "LHD",
        "agent": "agent-1",
        "accreditation": "A-1",
        "state": "granted",
        "reason": None,
        "granted_ms": T0,
    } | more


def filing(**more: Any) -> dict[str, Any]:
    """The filing of a clean case."""
    return {
        "reference": "F-1",
        "vin": VIN,
        "chassis": CHASSIS,
        "kind": "tractor",
        "exporter": "exporter-1",
        "consignee": "consignee-1",
        "gate": "mohan-boten",
        "direction": "CN>LA",
        "window_from_ms": T0 + 6 * HOUR,
        "window_until_ms": T0 + 12 * HOUR,
        "batch": "B-1",
        "regime": None,
        "documents": [
            {
                "kind": "export_declaration",
                "number": "D-1",
                "issued_ms": T0 - HOUR,
                "expires_ms": None,
                "sha256": None,
            }
        ],
        "data": {},
        "state": "lodged",
        "version": 1,
        "lodged_ms": T0,
        "versions": [],
    } | more


def inputs(**more: Any) -> CaseInputs:
    """The inputs of a clean case, filed and bound; named fields replaced."""
    held: dict[str, Any] = {
        "id": "case_1",
        "asset": "asset_1",
        "tenant": "t",
        "filing": filing(),
        "vehicle": {"kind": "tractor", "technical": {}},
        "binding": {
            "vin": VIN,
            "chassis": CHASSIS,
            "state": "bound",
            "agreed": ["filing", "registration"],
            "claims": [
                {"source": "registration", "vin": VIN, "chassis": CHASSIS, "known_ms": T0 - HOUR},
                {"source": "filing:F-1", "vin": VIN, "chassis": CHASSIS, "known_ms": T0},
            ],
            "settled": None,
        },
        "conflicts": [],
        "permits": [permit()],
        "passings": [],
        "departed_ms": None,
        "axle": None,
        "seals": [],
        "decisions": [],
        "releases": [],
        "eta_ms": None,
    }
    return CaseInputs(**(held | more))


def conflict(**more: Any) -> dict[str, Any]:
    """An open conflict of the chassis number."""
    return {
        "what": "chassis",
        "got": "PA000007",
        "want": CHASSIS,
        "position": 8,
        "source": "maker",
        "against": "filing",
        "cause": "slip",
        "text": "position 8: got 7, want 1",
        "other": None,
        "first_ms": T0,
        "state": "open",
        "seen": [],
    } | more


def decision(what: str, at_ms: int, source: str = "boten-customs", **more: Any) -> Decision:
    """A decision; of the authority unless another source is named."""
    held: dict[str, Any] = {
        "reason": "as tested",
        "position": 1,
        "by": source,
        "message": None if source == "officer" else f"m-{what}-{at_ms}",
        "release": None,
    }
    return Decision(source=source, decision=what, at_ms=at_ms, **(held | more))


def release(n: int, state: str, requested_ms: int, **more: Any) -> dict[str, Any]:
    """A RELEASE object with its id."""
    return {
        "id": f"release_{n}",
        "case": "case_1",
        "n": n,
        "authority": "boten-customs",
        "state": state,
        "requested_ms": requested_ms,
        "decided_ms": None,
        "decision": None,
        "reason": None,
        "by": None,
        "message": None,
        "conditions": [],
        "deadline_ms": requested_ms + 30 * MIN,
    } | more
