"""When an asset reaches the next gate and gets through it, foretold when asked."""

from __future__ import annotations

import time
from dataclasses import asdict
from typing import Any, Final

import numpy as np
from fastapi import APIRouter, Response

from api.answer import answer
from api.auth import Scoped
from api.gateschemas import Eta as EtaAnswer
from api.routes.gates import INSIDE, shown_queue
from api.scope import Scope
from api.times import format_instant
from feeds.readmodel import ObjectFilter, StoredObject
from geofences.zone import ZoneKind
from streams.engine.quality import STOPS
from streams.eta import HOUR_MS, ROAD_FACTOR, AtGate, Eta, Instant, Way, at_gate, foretell
from streams.events import Kind

router = APIRouter(tags=["assets"])
_POINTS: Final = 5_000
_MOST: Final = 1_000
_FORETOLD: Final = ("gate", "arrival", "entry", "leave")


@router.get("/v1/assets/{asset}/eta", response_model=EtaAnswer)
def eta(scope: Scoped, asset: str) -> Response:
    """When the asset reaches the gate ahead, enters the next country and leaves the gate.

    The road is taken as 1.3 times the geodesic, the speed as the trip's over its last hour, the stages of the
    gate as they were in the last day. What is null has its reason in `unknown`.
    """
    held, now_ms = scope.asset(asset), int(time.time() * 1000)
    told = {
        (row.data["gate"], row.data["direction"]): row
        for row in scope.objects(Kind.QUEUE, ObjectFilter(), None, _MOST)
    }
    queues = {key: row.data for key, row in told.items()}
    place = scope.position(held)
    reached = _reached(scope, held)
    if reached is not None:
        found = at_gate(reached, queues, now_ms)
    elif not len(place):
        found = Eta().without("no_position", *_FORETOLD)
    else:
        t_ms, country = int(place.t_ms[0]), place.country[0]
        way = _way(scope, held, t_ms)
        if way is None:
            found = Eta().without("standing", *_FORETOLD)
        else:
            found = foretell(way, country, scope.gates, _areas(scope, now_ms), queues, now_ms)
    queue = None if found.gate is None else told.get((found.gate.id, str(found.direction)))
    head = {"asset": held.id, "position_t": format_instant(int(place.t_ms[0])) if len(place) else None}
    return answer(head | _shown(found) | {"road_factor": ROAD_FACTOR, "queue": shown_queue(queue)})


def _reached(scope: Scope, asset: StoredObject) -> AtGate | None:
    """The gate that the asset is at: in a crossing, or in an approach without having come over the gate."""
    gates = {gate.id: gate for gate in scope.gates}
    crossings = scope.objects(Kind.CROSSING, ObjectFilter(asset=asset.id), None, 1)
    for row in crossings:
        gate, stages = gates.get(row.data["gate"]), row.data["stages"]
        if gate is not None and row.data["state"] in INSIDE:
            stage, begun = "exit_port", stages.get("exit_port")
            for name, bracket in (
                ("between", stages.get("exit_port_left") or stages.get("line")),
                ("entry_port", stages.get("entry_port")),
            ):
                if bracket is not None:
                    stage, begun = name, bracket
            return AtGate(gate, row.data["direction"], stage, begun["estimate_ms"] if begun else row.t_ms)
    for row in scope.objects(Kind.VISIT, ObjectFilter(asset=asset.id, lasting=True), None, _MOST):
        gate, since = gates.get(row.data["gate"]), row.data["enter"]["estimate_ms"]
        if gate is None or row.data["zone_kind"] != ZoneKind.APPROACH:
            continue
        if any(one.data["gate"] == gate.id and one.t_ms >= since for one in crossings):
            continue
        ways = (gate.a_country, gate.b_country)
        origin, other = ways if row.data["zone"] in gate.a_approaches else ways[::-1]
        return AtGate(gate, f"{origin}>{other}", "approach", since)
    return None


def _way(scope: Scope, asset: StoredObject, t_ms: int) -> Way | None:
    """The last hour of the trip that goes on; None when there is none."""
    trips = scope.objects(Kind.TRIP, ObjectFilter(asset=asset.id, state="open"), None, 1)
    if not trips:
        return None
    start = max(trips[0].data["start_ms"], t_ms - HOUR_MS)
    table = scope.track(asset, start, t_ms + 1, _POINTS)
    good = (table["flags"].to_numpy() & STOPS) == 0
    if not good.any():
        return None
    lon, lat = (table[name].to_numpy()[good].astype(np.float64) / 1e7 for name in ("lon_e7", "lat_e7"))
    return Way(table["t_ms"].to_numpy()[good], lon, lat)


def _areas(scope: Scope, now_ms: int) -> dict[str, Any]:
    """The gates' zones that are in force, by id."""
    book, areas = scope.zone_book, {}
    for gate in scope.gates:
        for id_ in (*gate.a_approaches, *gate.b_approaches, *gate.a_ports, *gate.b_ports):
            version = book.of(id_, now_ms)
            if version is not None and not version.retired:
                areas[id_] = version.zone.geometry
    return areas


def _shown(eta: Eta) -> dict[str, Any]:
    return {
        "gate": None if eta.gate is None else eta.gate.id,
        "gate_name": None if eta.gate is None else eta.gate.name,
        "direction": eta.direction,
        "stage": eta.stage if eta.gate is not None else None,
        "distance_m": None if eta.distance_mm is None else eta.distance_mm / 1000,
        "speed_kmh": None if eta.speed_mm_per_s is None else round(eta.speed_mm_per_s * 0.0036, 2),
        "arrival": None if eta.arrival_ms is None else format_instant(eta.arrival_ms),
        "entry": _instant(eta.entry),
        "leave": _instant(eta.leave),
        "unknown": eta.unknown,
    }


def _instant(one: Instant | None) -> dict[str, str] | None:
    return None if one is None else {name[:-3]: format_instant(ms) for name, ms in asdict(one).items()}
