"""Clearance objects of a small world, as the engine tells them; everything of a tenant carries its word."""

from __future__ import annotations

from typing import Any

from streams.events import Change, Kind, object_id

T0 = 1_795_330_800_000  # 2026-11-22T07:00:00Z
HOUR = 3_600_000
Fact = tuple[Any, ...]


def case_data(word: str, vin: str, **more: Any) -> dict[str, Any]:
    """A case that is at the exit port, as CASE data."""
    cause = {"kind": "crossing", "id": f"crossing_{word}", "revision": 1}
    filed = {"kind": "filing", "id": f"filing_{word}", "revision": 1}
    step = {"earliest_ms": None, "latest_ms": None, "inferred": False}
    return {
        "filing": f"filing_{word}",
        "reference": f"REF-{word}",
        "asset_kind": "tractor",
        "vin": vin,
        "chassis": f"CH-{word}",
        "exporter": f"{word} exporter",
        "consignee": f"{word} consignee",
        "gate": "mohan-boten",
        "direction": "CN>LA",
        "batch": f"BATCH-{word}",
        "regime": "mohan-boten-cn-la",
        "regime_version": "0" * 24,
        "state": "arrived",
        "stage": "arrived",
        "reasons": [],
        "steps": [
            {"stage": "filed", "t_ms": T0 - HOUR, "cause": filed, "rule": "lodged", **step},
            {"stage": "arrived", "t_ms": T0, "cause": cause, "rule": "in the exit port", **step},
        ],
        "clocks_ms": {"exit_port": 600_000, "line": None, "total": None},
        "benchmark_ms": 10_080_000,
        "within_benchmark": None,
        "crossing": f"crossing_{word}",
        "by": None,
        "permit": f"permit_{word}",
        "release": f"release_{word}",
        "release_rule": None,
        "conflicts": [],
        "deadlines": [
            {"rule": "notice", "due_ms": T0 - 60_000, "state": "met", "text": "lodged in time"},
            {"rule": "arrival", "due_ms": T0 + HOUR, "state": "pending", "text": "must arrive by 08:00"},
        ],
        "documents": [{"kind": "export_declaration", "number": "D1", "state": "ok"}],
        "window_from_ms": T0,
        "window_until_ms": T0 + 2 * HOUR,
        "eta_ms": T0 + 120_000,
        "lodged_ms": T0 - HOUR,
        "version": 1,
        "ended_ms": None,
        "why": {"changed": [], "positions": [1]},
    } | more


def filing_data(word: str, vin: str, **more: Any) -> dict[str, Any]:
    """A lodged filing, as FILING data."""
    return {
        "reference": f"REF-{word}",
        "vin": vin,
        "chassis": f"CH-{word}",
        "kind": "tractor",
        "exporter": f"{word} exporter",
        "consignee": f"{word} consignee",
        "gate": "mohan-boten",
        "direction": "CN>LA",
        "window_from_ms": T0,
        "window_until_ms": T0 + 2 * HOUR,
        "batch": f"BATCH-{word}",
        "regime": None,
        "documents": [],
        "data": {},
        "state": "lodged",
        "version": 1,
        "lodged_ms": T0 - HOUR,
        "versions": [{"version": 1, "by": word, "at_ms": T0 - HOUR, "changed": []}],
        "case": f"case_{word}",
        "findings": [],
    } | more


def permit_data(word: str, vin: str) -> dict[str, Any]:
    """A granted permit, as PERMIT data."""
    technical = dict.fromkeys(("axle_limit_kg", "axles", "gross_limit_kg", "emission_class", "lighting"))
    return {
        "number": f"P-{word}",
        "vin": vin,
        "chassis": None,
        "country": "LA",
        "valid_from_ms": T0 - HOUR,
        "valid_until_ms": T0 + 24 * HOUR,
        **technical,
        "agent": None,
        "accreditation": None,
        "state": "granted",
        "reason": None,
    }


def claim(word: str, vin: str, chassis: str | None, known_ms: int, **more: Any) -> dict[str, Any]:
    """One claim of a BINDING."""
    return {
        "source": "filing",
        "vin": vin,
        "chassis": chassis,
        "scheme": "OEM",
        "from_ms": T0 - HOUR,
        "to_ms": None,
        "known_ms": known_ms,
        "by": word,
        "evidence": f"REF-{word}",
    } | more


def clearance(word: str, tenant: str, vin: str, asset: str) -> list[Fact]:
    """One of each kind, of one asset."""
    binding = {
        "vin": vin,
        "chassis": f"CH-{word}",
        "scheme": "OEM",
        "state": "claimed",
        "agreed": ["filing"],
        "claims": [claim(word, vin, f"CH{word.upper()}", T0 - HOUR)],
        "settled": None,
    }
    conflict = {
        "what": "vin",
        "got": f"{word} got",
        "want": vin,
        "position": 9,
        "source": "can",
        "against": "filing",
        "cause": "slip",
        "text": f"{word}: position 9",
        "other": None,
        "first_ms": T0,
        "state": "settled",
        "seen": [[f"dev-{word}", "00", 1]],
    }
    coupling = {"carrier": f"asset_of_{word}", "how": "coupled", "from_ms": T0, "to_ms": None}
    release = {
        "case": f"case_{word}",
        "n": 1,
        "authority": "la-customs",
        "state": "requested",
        "requested_ms": T0,
        "decided_ms": None,
        "decision": None,
        "reason": None,
        "by": None,
        "message": None,
        "conditions": [],
        "deadline_ms": T0 + HOUR,
    }
    batch = {
        "batch": f"BATCH-{word}",
        "cases": [{"case": f"case_{word}", "vin": vin, "state": "arrived"}],
        "complete": False,
        "crossed_ms": None,
    }
    seal = {"seal": f"S-{word}", "state": "locked", "t_ms": T0}
    told: list[tuple[Kind, str, str, dict[str, Any]]] = [
        (Kind.FILING, f"filing_{word}", asset, filing_data(word, vin)),
        (Kind.PERMIT, f"permit_{word}", asset, permit_data(word, vin)),
        (Kind.BINDING, object_id(Kind.BINDING, asset), asset, binding),
        (Kind.CONFLICT, f"conflict_{word}", asset, conflict),
        (Kind.COUPLING, f"coupling_{word}", asset, coupling | {"by": word, "evidence": f"{word} said"}),
        (Kind.CASE, f"case_{word}", asset, case_data(word, vin)),
        (Kind.RELEASE, f"release_{word}", asset, release),
        (Kind.BATCH, f"batch_{word}", "", batch),
        (Kind.SEAL, f"seal_{word}", asset, seal),
        *insured(word, asset),
    ]
    return [(kind, id_, 1, Change.CREATED, tenant, of, T0, data) for kind, id_, of, data in told]


def insured(word: str, asset: str) -> list[tuple[Kind, str, str, dict[str, Any]]]:
    """A cover of an asset and one of each kind that follows from it."""
    of = {"cover": f"cover_{word}", "number": f"P-{word}", "insurer": f"insurer {word}"}
    span = {"from_ms": T0, "until_ms": T0 + HOUR}
    nothing = {"signed": 0, "attributed": 1, "suspect": 0}
    cover: dict[str, Any] = {
        "countries": ["CN"],
        "use": None,
        "deductible_zones": [],
        "conditions": {},
        "reason": None,
    }
    exposure: dict[str, Any] = {
        "state": "ended",
        "country": "CN",
        "use": None,
        "began": {"by": "cover", "crossing": None},
        "ended": {"by": "cover", "crossing": None},
        "visit": f"visit_{word}",
        "driven": {"mm": 1, "ms": 1, "trips": 1},
        "night": {"ms": 0, "share_permille": 0},
        "months": [],
        "assurance": {"reports": 1, "counts": nothing, "shares": {}},
        "seen": {"ms": 0, "samples": 1},
    }
    handover = {
        "state": "passed",
        "crossing": f"crossing_{word}",
        "gate": "mohan-boten",
        "from": "CN",
        "to": "LA",
        "at_ms": T0,
        "giving": [of],
        "taking": [],
        "uncovered": ["LA"],
        "automatic_release": False,
    }
    gap = {"what": "cover", "state": "closed", "gate": "mohan-boten", "origin": "CN", "country": "LA", **span}
    breach = {"what": "expired", "state": "closed", **of, **span}
    incident = {"what": "harsh_braking", "state": "told", "at_ms": T0, "covers": [of["cover"]]}
    return [
        (Kind.COVER, of["cover"], asset, cover | span | of | {"state": "running"}),
        (Kind.EXPOSURE, f"exposure_{word}", asset, exposure | span | of),
        (Kind.HANDOVER, f"handover_{word}", asset, handover),
        (Kind.GAP, f"gap_{word}", asset, gap),
        (Kind.BREACH, f"breach_{word}", asset, breach),
        (Kind.INCIDENT, f"incident_{word}", asset, incident),
    ]
