"""Gates, with the tenant's assets that are in them now and the newest crossings."""

from __future__ import annotations

from collections import Counter
from typing import Any

import orjson
import shapely
from fastapi import APIRouter, Response

from api.auth import Clearing
from api.gateschemas import Gate as GateAnswer
from api.render import item, render
from api.schemas import Page
from api.scope import Scope
from api.times import format_instant
from feeds.readmodel import ObjectFilter, StoredObject
from geofences.zone import Gate
from streams.events import Kind

router = APIRouter(tags=["gates"])
_RECENT = 5
_MOST = 2000
INSIDE = frozenset({"at_exit_port", "between", "at_entry_port"})


@router.get("/v1/gates", response_model=Page[GateAnswer])
def list_gates(scope: Clearing) -> Response:
    """All gates. `queue` counts assets between reaching the first port and leaving the second; `queues` says
    how long the stages took in the last day."""
    body = {"items": [_shown(scope, gate) for gate in scope.gates], "next": None}
    return Response(orjson.dumps(body), media_type="application/json")


@router.get("/v1/gates/{gate}", response_model=GateAnswer)
def get_gate(scope: Clearing, gate: str) -> Response:
    """One gate."""
    return Response(orjson.dumps(_shown(scope, scope.gate(gate))), media_type="application/json")


def _shown(scope: Scope, gate: Gate) -> dict[str, Any]:
    inside = scope.objects(Kind.CROSSING, ObjectFilter(gate=gate.id, lasting=True), None, _MOST)
    queue = Counter(row.data["direction"] for row in inside if row.data["state"] in INSIDE)
    recent = scope.objects(Kind.CROSSING, ObjectFilter(gate=gate.id), None, _RECENT)
    told = {
        row.data["direction"]: row for row in scope.objects(Kind.QUEUE, ObjectFilter(gate=gate.id), None, 100)
    }
    ways = (f"{gate.a_country}>{gate.b_country}", f"{gate.b_country}>{gate.a_country}")
    return {
        "id": gate.id,
        "name": gate.name,
        "a": _side(gate, gate.a_country, gate.a_ports, gate.a_approaches),
        "b": _side(gate, gate.b_country, gate.b_ports, gate.b_approaches),
        "line": orjson.Fragment(shapely.to_geojson(gate.line)),
        "lon": gate.lon,
        "lat": gate.lat,
        "queue": {way: queue.get(way, 0) for way in ways},
        "queues": {way: shown_queue(told.get(way)) for way in ways},
        "recent": [item(row) for row in recent],
    }


def shown_queue(row: StoredObject | None) -> dict[str, Any] | None:
    """What is told of a gate's queue in one direction."""
    if row is None:
        return None
    told = {name: row.data[name] for name in ("window_ms", "stages", "waiting")}
    return {**render(told), "recorded": format_instant(row.recorded_ms)}


def _side(gate: Gate, country: str, ports: tuple[str, ...], approaches: tuple[str, ...]) -> dict[str, Any]:
    offices = [{"scheme": o.scheme, "code": o.code} for o in gate.offices if o.country == country]
    return {
        "country": country,
        "zone": ports[0] if ports else None,
        "ports": list(ports),
        "approaches": list(approaches),
        "offices": offices,
    }
