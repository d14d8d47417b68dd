"""The shapes of answers about gates and the way to them, for the OpenAPI document."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel

from api.schemas import Answer, Crossing


class QueueStage(BaseModel):
    """How long a stage took in the window; null where nothing ended in it."""

    median_s: float | None
    p90_s: float | None
    count: int


class Queue(Answer):
    """What the last day says of a gate in one direction; ``waiting`` counts crossings by stage."""

    window_s: float
    stages: dict[str, QueueStage]
    waiting: dict[str, int]
    recorded: str


class Foretold(BaseModel):
    """An estimate, and the instant that nine of ten would not exceed."""

    estimate: str
    p90: str


class Eta(BaseModel):
    """When an asset reaches the next gate, enters the next country and leaves the gate.

    ``unknown`` gives the reason for each of gate, arrival, entry and leave that is null.
    """

    asset: str
    position_t: str | None
    gate: str | None
    gate_name: str | None
    direction: str | None
    stage: str | None
    distance_m: float | None
    speed_kmh: float | None
    arrival: str | None
    entry: Foretold | None
    leave: Foretold | None
    unknown: dict[str, str]
    road_factor: float
    queue: Queue | None


class Gate(Answer):
    """A border crossing place with the tenant's assets in it, by direction."""

    id: str
    name: str
    a: dict[str, Any]
    b: dict[str, Any]
    line: dict[str, Any]
    lon: float
    lat: float
    queue: dict[str, int]
    queues: dict[str, Queue | None]
    recent: list[Crossing]
