"""Short tracks in the small world, and what the reference makes of them."""

from __future__ import annotations

from typing import Any

from streams.engine.settings import Rules
from streams.events import Kind
from tests.reference import Places, Sample, derive
from tests.unit.streams.engine.small_world import T0 as T0
from tests.unit.streams.engine.small_world import world, zones

GATES = list(world().gates.values())
PLACES = Places(zones(), GATES)
RULES = Rules()


def at(t_s: float, lon: float, kmh: float | None = None, lat: float = 0.0001, **more: Any) -> Sample:
    """A sample at seconds after T0, degrees; received with no delay."""
    t = T0 + round(t_s * 1000)
    speed = None if kmh is None else round(kmh * 100)
    values = {"fix": 3, "hdop": 100, "received": t} | more
    return Sample(t, round(lon * 1e7), round(lat * 1e7), speed, **values)


def drive(start_s: float, lon0: float, lon1: float, kmh: float = 40.0, every_s: float = 10) -> list[Sample]:
    """A straight drive along latitude 0, both ends included."""
    seconds = abs(lon1 - lon0) * 111_319.5 / (kmh / 3.6)
    count = max(1, round(seconds / every_s))
    return [at(start_s + i * every_s, lon0 + (lon1 - lon0) * i / count, kmh) for i in range(count + 1)]


def stand(start_s: float, end_s: float, lon: float, every_s: float = 10) -> list[Sample]:
    """Standing at one place."""
    return [at(start_s + s, lon, 0.0) for s in range(0, round(end_s - start_s) + 1, round(every_s))]


def objects(samples: list[Sample], kind: Kind) -> list[dict[str, Any]]:
    """The content of all objects of one kind."""
    return [one.data for one in derive(samples, PLACES, RULES) if one.kind is kind]


def visits(samples: list[Sample], zone: str) -> list[dict[str, Any]]:
    """The visits of one zone."""
    return [data for data in objects(samples, Kind.VISIT) if data["zone"] == zone]


def crossings(samples: list[Sample]) -> list[dict[str, Any]]:
    """All crossings."""
    return objects(samples, Kind.CROSSING)


def seen(crossing: dict[str, Any]) -> list[str]:
    """The names of the stages that a crossing has."""
    return [name for name, bracket in crossing["stages"].items() if bracket is not None]


def seconds(bracket: dict[str, Any]) -> tuple[float | None, float, float]:
    """Earliest, estimate and latest in seconds after T0."""
    earliest, estimate, latest = (bracket[name] for name in ("earliest_ms", "estimate_ms", "latest_ms"))
    begin = None if earliest is None else (earliest - T0) / 1000
    return begin, (estimate - T0) / 1000, (latest - T0) / 1000
