"""A case as the engine tells it: events of filing, case and release, for the tests of connectors."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from streams.clearance.regime import parse
from streams.events import Change, Event, Kind, object_id
from streams.regimes import shipped

T0 = 1_790_000_000_000
VIN, CHASSIS = "LZZ5ELNC0KW123456", "KW123456"
ASSET = object_id(Kind.ASSET, "main", VIN)
FILING = object_id(Kind.FILING, "main", "EX-2026-1")
CASE = object_id(Kind.CASE, FILING)
RELEASE = object_id(Kind.RELEASE, CASE, 1)
PILOT_TEXT = next(text for text in shipped() if 'id = "mohan-boten-cn-la"' in text)
PILOT = parse(PILOT_TEXT)
ENTRY, EXIT = "boten-customs", "mohan-customs"


def filing_data(**more: Any) -> dict[str, Any]:
    """A filing as it is lodged."""
    return {
        "reference": "EX-2026-1",
        "vin": VIN,
        "chassis": CHASSIS,
        "kind": "tractor",
        "exporter": "Yunnan Heavy Vehicles",
        "consignee": "Vientiane Transport",
        "gate": "mohan-boten",
        "direction": "CN>LA",
        "window_from_ms": T0,
        "window_until_ms": T0 + 86_400_000,
        "batch": "B-77",
        "regime": None,
        "documents": [
            {
                "kind": "export_declaration",
                "number": "D1",
                "issued_ms": T0,
                "expires_ms": None,
                "sha256": None,
            }
        ],
        "data": {"filer": "Yunnan Heavy Vehicles"},
        "state": "lodged",
        "version": 1,
        "lodged_ms": T0,
        "case": CASE,
    } | more


def step(stage: str, t_ms: int, inferred: bool = False) -> dict[str, Any]:
    """A step of a case."""
    return {
        "stage": stage,
        "t_ms": t_ms,
        "earliest_ms": t_ms - 60_000,
        "latest_ms": t_ms + 60_000,
        "cause": {},
        "rule": "",
        "inferred": inferred,
    }


def case_data(*steps: dict[str, Any], **more: Any) -> dict[str, Any]:
    """A case with these steps."""
    return {
        "filing": FILING,
        "reference": "EX-2026-1",
        "asset_kind": "tractor",
        "vin": VIN,
        "chassis": CHASSIS,
        "gate": "mohan-boten",
        "direction": "CN>LA",
        "regime": PILOT.id,
        "regime_version": PILOT.version,
        "state": steps[-1]["stage"] if steps else "filed",
        "steps": [step("filed", T0), *steps],
        "eta_ms": T0 + 7_200_000,
        "lodged_ms": T0,
        "ended_ms": None,
    } | more


def release_data(state: str = "requested", **more: Any) -> dict[str, Any]:
    """A release that was asked for."""
    return {
        "case": CASE,
        "n": 1,
        "authority": ENTRY,
        "state": state,
        "requested_ms": T0,
        "decided_ms": None,
        "conditions": ["permit valid"],
        "deadline_ms": T0 + 1_800_000,
    } | more


def asset_data() -> dict[str, Any]:
    """The vehicle as registered."""
    return {
        "vin": VIN,
        "plates": [
            {"country": "LA", "plate": "1234", "from_ms": None, "to_ms": None},
            {"country": "CN", "plate": "云A12345", "from_ms": T0 - 1, "to_ms": None},
        ],
        "customs_codes": [
            {"code": "OLD", "from_ms": 0, "to_ms": T0},
            {"code": "VEHICLE-CODE", "from_ms": T0, "to_ms": None},
        ],
    }


def event(kind: Kind, id_: str, revision: int, data: dict[str, Any], number: int = 0) -> Event:
    """One event of the tenant main."""
    change = Change.CREATED if revision == 1 else Change.AMENDED
    at = T0 + number * 1000
    return Event(0, number, number, kind, id_, revision, change, "main", ASSET, at, at, data)


def story() -> list[Event]:
    """A truck that is filed, arrives, crosses and asks for its release."""
    approached = step("approaching", T0 + 1_000)
    arrived, crossed = step("arrived", T0 + 2_000), step("crossed", T0 + 3_000)
    entered = step("arrived_entry", T0 + 4_000)
    rows: list[tuple[Kind, str, int, dict[str, Any]]] = [
        (Kind.ASSET, ASSET, 1, asset_data()),
        (Kind.FILING, FILING, 1, filing_data()),
        (Kind.CASE, CASE, 1, case_data()),
        (Kind.FILING, FILING, 2, filing_data(version=2, consignee="Luang Namtha Transport")),
        (Kind.CASE, CASE, 2, case_data(approached)),
        (Kind.CASE, CASE, 3, case_data(approached, eta_ms=T0 + 7_300_000)),
        (Kind.CASE, CASE, 4, case_data(approached, arrived)),
        (Kind.CASE, CASE, 5, case_data(approached, arrived, crossed)),
        (Kind.CASE, CASE, 6, case_data(approached, arrived, crossed, entered)),
        (Kind.RELEASE, RELEASE, 1, release_data()),
    ]
    return [event(*row, number=at) for at, row in enumerate(rows, 1)]


def other(one: Event, n: int) -> Event:
    """The same event of another case, for a story of many."""
    data = dict(one.data)
    for name in ("case", "filing"):
        if name in data:
            data[name] = f"{data[name]}-{n}"
    return replace(one, id=f"{one.id}-{n}", asset=f"{one.asset}-{n}", data=data)
