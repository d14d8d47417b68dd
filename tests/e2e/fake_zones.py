"""Zones of the fake API: checked, tried, published and retired, without an engine behind them."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, HTTPException, Request

from tests.e2e import fake_world as world


class FakeZones:
    """Zones by their id, and what the page sent."""

    def __init__(self) -> None:
        self.by_id = {zone["properties"]["id"]: zone for zone in world.zones()["features"]}
        self.published: list[dict[str, Any]] = []
        self.retired: list[str] = []
        self.tried: list[dict[str, Any]] = []
        self.files: list[str] = []


def findings(zones: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Something to say about each zone that has "broken", "folded" or "odd" in its name."""
    found = []
    for number, zone in enumerate(zones):
        name = zone["properties"]["name"]
        for word, severity in (("broken", "error"), ("folded", "repaired"), ("odd", "warning")):
            if word in name:
                message = f"made up by the fake server: {word}"
                found.append(
                    {
                        "severity": severity,
                        "message": message,
                        "feature": number,
                        "ring": 0,
                        "position": 1,
                    }
                )
    return found


def router(zones: FakeZones) -> APIRouter:
    """The routes of zones."""
    routes = APIRouter()

    @routes.get("/v1/zones")
    def listed() -> dict[str, Any]:
        return {"type": "FeatureCollection", "features": list(zones.by_id.values())}

    @routes.post("/v1/zones/check")
    async def check(request: Request, file: str | None = None, kind: str = "custom") -> dict[str, Any]:
        body = await request.json()
        features = body["zones"] if file is None else body["features"]
        if file is not None:
            zones.files.append(file)
            for number, one in enumerate(features):
                made = {"id": f"file-{number}", "kind": kind, "name": f"Area {number}"}
                one["properties"] = {**made, **(one.get("properties") or {})}
        found = findings(features)
        wrong = {one["feature"] for one in found if one["severity"] == "error"}
        return {"zones": [one for n, one in enumerate(features) if n not in wrong], "findings": found}

    @routes.post("/v1/zones/dry-run")
    def dry_run(body: dict[str, Any]) -> dict[str, Any]:
        zones.tried.append(body)
        truck = world.Truck(2, 24)
        after = world.visit(truck, world.EPOCH_MS, closed=True)
        after["zone_name"] = body["zones"][0]["properties"]["name"] if body["zones"] else "retired"
        before = {**after, "enter": world.bracket(world.EPOCH_MS - 60_000, 5)}
        change = {"kind": "visit", "id": "visit_x", "asset": truck.asset, "what": ["enter"]}
        return {
            "added": [{**change, "id": None, "before": None, "after": after}],
            "removed": [],
            "moved": [{**change, "before": before, "after": after}],
            "assets": 24,
            "samples": body["days"] * 1000,
        }

    @routes.post("/v1/zones")
    def publish(body: dict[str, Any]) -> dict[str, Any]:
        zones.published.append(body)
        for zone in body["zones"]:
            zones.by_id[zone["properties"]["id"]] = zone
        return {"zones": len(body["zones"])}

    @routes.delete("/v1/zones/{zone}")
    def retire(zone: str) -> dict[str, Any]:
        if zones.by_id.pop(zone, None) is None:
            raise HTTPException(404, "no such zone")
        zones.retired.append(zone)
        return {"id": zone}

    return routes
