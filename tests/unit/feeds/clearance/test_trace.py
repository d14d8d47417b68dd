"""One vehicle's way: the chain from the factory to its destination, and what is missing of it."""

from __future__ import annotations

from typing import Any

from feeds.clearance.trace import Found, trace
from tests.unit.feeds.clearance.cases import MIN, T0, cleared, data

VIN = "LZZTESTA7RN700001"
CLAIM = {"source": "maker", "vin": VIN, "chassis": "SX12 100451", "from_ms": T0 - 9 * MIN, "to_ms": None,
         "known_ms": T0, "by": "maker's key", "evidence": "line 3, 2026"}  # fmt: skip


def whole() -> Found:
    stage = {"earliest_ms": T0, "latest_ms": T0 + MIN, "estimate_ms": T0 + MIN // 2, "lon_e7": 0, "lat_e7": 0}
    return Found(
        vin=VIN,
        asset={"id": "asset_1", "maker": "Sinotruk", "kind": "tractor", "chassis": "SX12 100451"},
        binding={"id": "binding_1", "chassis": "SX12 100451", "state": "bound", "claims": [CLAIM]},
        filings=[{"id": "filing_1", "reference": "R-1", "state": "lodged", "version": 2,
                  "lodged_ms": T0 - 8 * MIN, "exporter": "E", "consignee": "Lao Import",
                  "gate": "mohan-boten", "direction": "CN>LA"}],
        permits=[{"id": "permit_1", "number": "P-1", "country": "LA", "state": "granted",
                  "valid_from_ms": T0 - 7 * MIN, "valid_until_ms": None, "axle_limit_kg": 10_000}],
        crossings=[{"id": "crossing_1", "gate": "mohan-boten", "direction": "CN>LA", "state": "completed",
                    "stages": {"exit_port": stage, "line": None}}],
        releases=[{"id": "release_1", "state": "granted", "by": "customs LA", "decided_ms": T0 + 3 * MIN}],
        cases=[{"id": "case_1", **cleared(50), "ended_ms": T0 + 4 * MIN}],
        position={"lon": 101.6, "lat": 21.1, "t_ms": T0 + 9 * MIN},
    )  # fmt: skip


def kinds(found: dict[str, Any]) -> list[str]:
    return [step["what"] for step in found["steps"]]


def test_the_whole_chain_is_there_in_the_order_of_time() -> None:
    found = trace(whole())
    assert (found["complete"], found["missing"], found["chassis"]) == (True, [], "SX12 100451")
    assert kinds(found) == [
        *("registration", "factory", "filing", "permit", "crossing", "release", "clearance", "destination"),
    ]
    assert all(step["ok"] for step in found["steps"])
    texts = {step["what"]: step["text"] for step in found["steps"]}
    assert texts["factory"] == f"VIN {VIN} with chassis number SX12 100451 (line 3, 2026)"
    assert texts["permit"] == "P-1 of LA until no end, 10000 kg an axle"
    assert texts["crossing"] == "CN>LA, completed: exit port 14:13:50"
    assert texts["destination"] == "at 21.10000, 101.60000, on its way to Lao Import"
    assert found["summary"].endswith("cleared, 50 min at the gate.")


def test_what_nothing_shows_is_named() -> None:
    found = trace(Found(VIN, {"id": "asset_1"}, cases=[{"id": "case_1", **data(state="held")}]))
    assert found["missing"] == ["factory", "filing", "permit", "crossing", "release", "destination"]
    assert not found["complete"]
    assert [step["ok"] for step in found["steps"] if step["what"] == "clearance"] == [False]


def test_an_unknown_vin_is_an_answer() -> None:
    found = trace(Found(VIN))
    assert found["summary"] == f"No vehicle with VIN {VIN} is registered here."
    assert found["steps"] == []


def test_what_speaks_against_the_vehicle_is_marked() -> None:
    conflict = {"id": "conflict_1", "what": "vin", "got": "A", "want": "B", "state": "open", "first_ms": T0,
                "text": "position 17: got 8, want 3"}  # fmt: skip
    seal = {"id": "seal_1", "seal": "S", "state": "broken", "t_ms": T0}
    revoked = {"id": "permit_1", "number": "P", "state": "revoked", "valid_from_ms": T0, "valid_until_ms": T0}
    found = trace(Found(VIN, {"id": "a"}, conflicts=[conflict], seals=[seal], permits=[revoked]))
    assert [step["what"] for step in found["steps"] if not step["ok"]] == ["permit", "conflict", "seal"]
    settled = trace(Found(VIN, {"id": "a"}, conflicts=[{**conflict, "state": "settled"}]))
    assert all(step["ok"] for step in settled["steps"])


def test_a_carried_vehicle_shows_its_coupling() -> None:
    coupling = {"id": "coupling_1", "carrier": "asset_9", "how": "loaded", "from_ms": T0, "to_ms": T0 + MIN,
                "evidence": "loading list 4"}  # fmt: skip
    (_, step) = trace(Found(VIN, {"id": "a"}, couplings=[coupling]))["steps"]
    assert (step["title"], step["text"]) == (
        "Loaded on",
        "asset_9 until 2026-09-21 14:14:20 UTC: loading list 4",
    )


def test_a_release_that_is_only_asked_for_is_none() -> None:
    found = trace(Found(VIN, {"id": "a"}, releases=[{"id": "r", "state": "timeout", "requested_ms": T0}]))
    assert "release" in found["missing"]
