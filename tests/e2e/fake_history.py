"""What the fake API tells of a truck's past: trips, stops, revisions, and what was retracted."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from fastapi import APIRouter

from tests.e2e import fake_world as world

if TYPE_CHECKING:
    from tests.e2e.fake_api import FakeApi

HOUR_MS = 3_600_000


def router(fake: FakeApi) -> APIRouter:
    """The routes of history over the state of ``fake``."""
    routes = APIRouter()

    def now_ms() -> float:
        return world.EPOCH_MS + fake.seconds() * 1000 * world.SPEED_UP

    @routes.get("/v1/trips")
    def trips(asset: str) -> dict[str, Any]:
        truck = fake.by_asset[asset]
        begun = world.EPOCH_MS - 2 * HOUR_MS
        closed = trip(truck, begun, begun + 1.4 * HOUR_MS)
        under_way = trip(truck, begun + 1.8 * HOUR_MS, None)
        return {"items": [under_way, closed], "next": None}

    @routes.get("/v1/stops")
    def stops(asset: str) -> dict[str, Any]:
        truck = fake.by_asset[asset]
        return {"items": [stop(truck, world.EPOCH_MS - 0.6 * HOUR_MS)], "next": None}

    @routes.get("/v1/assets/{asset}/retracted")
    def retracted(asset: str) -> dict[str, Any]:
        truck = fake.by_asset[asset]
        made = world.visit(truck, world.EPOCH_MS - HOUR_MS, closed=True)
        into = next((id_ for id_, one in fake.visits.items() if one["asset"] == asset), None)
        gone = head(f"visit_gone_{truck.number}", truck, 3, "retracted")
        why = {"changed": [], "positions": [55], "merged_into": into}
        withdrawn = head(f"visit_never_{truck.number}", truck, 2, "retracted")
        never = world.visit(truck, world.EPOCH_MS - 3 * HOUR_MS, closed=True)
        items = [{"kind": "visit", **never, **withdrawn, "why": {"changed": [], "positions": [56]}}]
        if into:
            items.append({"kind": "visit", **made, **gone, "why": why})
        return {"items": items, "next": None}

    @routes.get("/v1/objects/{object_id}/revisions")
    def revisions(object_id: str, limit: int = 100) -> dict[str, Any]:
        if kept := fake.clearance.objects.get(object_id):
            return {"items": kept[::-1][:limit], "next": None}
        told = [event for event in fake.events if event["id"] == object_id][::-1]
        names = ("revision", "change", "t", "recorded")
        items = [
            {
                **{name: event[name] for name in names},
                "position": 200 + event["revision"],
                "why": event["object"].get("why"),
                "object": event["object"],
            }
            for event in told
        ]
        return {"items": items, "next": None}

    return routes


def head(id_: str, truck: world.Truck, revision: int, change: str) -> dict[str, Any]:
    """What every object has."""
    at = world.rfc3339(world.EPOCH_MS)
    return {
        "id": id_,
        "asset": truck.asset,
        "revision": revision,
        "change": change,
        "t": at,
        "recorded": at,
    }


def trip(truck: world.Truck, start_ms: float, end_ms: float | None) -> dict[str, Any]:
    """A trip over the border, under way without ``end_ms``."""
    done = end_ms is not None
    name = "closed" if done else "open"
    return {
        **head(f"trip_{name}_{truck.number}", truck, 2, "amended"),
        "state": name,
        "start": {"t": world.rfc3339(start_ms), "lon": world.PLACES[2][1], "lat": world.PLACES[2][2]},
        "end": {"t": world.rfc3339(end_ms), "lon": world.PLACES[5][1], "lat": world.PLACES[5][2]}
        if end_ms is not None
        else None,
        "distance_m": 84_312.5 if done else None,
        "odometer_m": 84_690.0 if done else None,
        "difference_m": 377.5 if done else None,
        "countries": {"CN": {"m": 52_000.0, "s": 3700.0}, "LA": {"m": 32_312.5, "s": 1340.0}}
        if done
        else None,
    }


def stop(truck: world.Truck, start_ms: float) -> dict[str, Any]:
    """A stop of 24 minutes."""
    return {
        **head(f"stop_{truck.number}", truck, 1, "created"),
        "state": "closed",
        "start": world.rfc3339(start_ms),
        "end": world.rfc3339(start_ms + 0.4 * HOUR_MS),
        "duration_s": 1440.0,
        "lon": world.PLACES[3][1],
        "lat": world.PLACES[3][2],
        "open_beginning": False,
    }
