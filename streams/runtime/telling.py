"""What a partition's owner tells beside its events: where assets are now, and what gateways must know.

Both come round: a row or a fitting that a former owner told late, over a newer one, is told again in time.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from itertools import islice
from typing import Any, Final, Protocol

import numpy as np

from geofences.zone import ZoneKind
from streams.codec import dump_json
from streams.engine import Engine
from streams.engine.columns import Array
from streams.engine.units import NONE
from streams.events import Change, Event, Kind, object_id
from streams.kafka.positions import ROUND_S, ROWS, Positions

EVERY_S: Final = 0.1
FITTINGS_S: Final = 600.0
"""Within so many seconds each device comes round, but no more than ``FITTINGS_PER_S`` a second."""

FITTINGS_PER_S: Final = 300.0
_DEVICE: Final = "device:"
_REGISTERED: Final = frozenset({Kind.DEVICE, Kind.ASSET, Kind.ZONE})


class Registry(Protocol):
    """A compacted table of keys."""

    def send(self, values: Mapping[str, bytes | None]) -> None:
        """Set many keys, or delete them, without waiting."""
        ...

    def flush(self) -> None:
        """Wait until all is kept. Raises when that can't be said now."""
        ...

    def close(self) -> None:
        """Let go of connections."""
        ...


class PositionsSink(Protocol):
    """Where tables of positions go; best effort."""

    def publish(self, partition: int, table: Positions) -> None:
        """Hand over a table of at most ``positions.ROWS`` rows."""
        ...


class Teller:
    """Publishes what a partition's engine has, as it is folded. For the thread that owns the engine."""

    def __init__(self, partition: int, positions: PositionsSink | None, registry: Registry | None) -> None:
        self.partition, self._positions, self._registry = partition, positions, registry
        self._moved: list[Array] = []
        self._told = time.monotonic()
        self._round = 0.0  # rows that have come round, as a fraction is left over
        self._fittings: Iterator[str] = iter(())
        self._due = 0.0  # fittings that are to come round
        self._devices: list[str] = []
        self._at_gate: dict[int, bool] = {}

    def begin(self) -> None:
        """The engine is another one: numbers of sets and rows of devices may be others."""
        self._moved.clear()
        self._devices.clear()
        self._at_gate.clear()

    def add(self, events: Sequence[Event], moved: Array) -> None:
        """What one step gave; objects for gateways are sent at once."""
        if len(moved):
            self._moved.append(moved)
        values = {key_of(one): dump_json(registered(one)) for one in events if one.kind in _REGISTERED}
        if values and self._registry is not None:
            self._registry.send(values)

    def flush(self) -> None:
        """Wait until the objects are kept. Raises when that can't be said now."""
        if self._registry is not None:
            self._registry.flush()

    def close(self) -> None:
        """Let go of connections."""
        if self._registry is not None:
            self._registry.close()

    def tell(self, engine: Engine) -> None:
        """Publish, if it is time: positions that changed, and what comes round."""
        now = time.monotonic()
        passed = now - self._told
        if passed < EVERY_S:
            return
        self._told = now
        if self._registry is not None:
            values = self._fittings_due(engine, passed)
            if values:
                self._registry.send(values)
        if self._positions is None:
            return
        rows = np.unique(np.concatenate([*self._moved, self._coming_round(len(engine.names), passed)]))
        self._moved.clear()
        for at in range(0, len(rows), ROWS):
            table = self._table(engine, rows[at : at + ROWS])
            if len(table):
                self._positions.publish(self.partition, table)

    def _fittings_due(self, engine: Engine, passed: float) -> dict[str, bytes | None]:
        held = engine.registry.devices
        self._due += min(len(held) / FITTINGS_S, FITTINGS_PER_S) * passed
        devices = list(islice(self._fittings, int(self._due)))
        if len(devices) < int(self._due):
            self._fittings = iter(list(held))
        self._due %= 1.0
        return {_DEVICE + device: dump_json(_fitting(engine, device)) for device in devices if device in held}

    def _coming_round(self, assets: int, passed: float) -> Array:
        before = self._round if self._round < assets else 0.0
        self._round = min(float(assets), before + assets * passed / (ROUND_S * 0.9))
        return np.arange(int(before), int(self._round))

    def _table(self, engine: Engine, rows: Array) -> Positions:
        latest = engine.latest(rows)
        known = np.flatnonzero(latest["t"] != NONE)
        held, numbers = {name: column[known] for name, column in latest.items()}, rows[known].tolist()
        if len(self._devices) < len(engine.sequences.rows):
            self._devices = list(engine.sequences.rows)
        sets, zones = held["set"].tolist(), engine.world.zones
        return Positions(
            position=engine.position,
            asset=[engine.names[row] for row in numbers],
            tenant=[engine.tenants[row] for row in numbers],
            device=[self._devices[d] if d >= 0 else "" for d in held["device"].tolist()],
            t=held["t"],
            seen=held["seen"],
            lon=held["lon"].astype(np.int32),
            lat=held["lat"].astype(np.int32),
            speed=held["speed"].astype(np.int32),
            heading=held["heading"].astype(np.int32),
            country=[zones[c].country or "" if c >= 0 else "" for c in held["country"].tolist()],
            at_gate=np.array([self._is_at_gate(engine, one) for one in sets], bool),
            trip_mm=held["trip_mm"],
        )

    def _is_at_gate(self, engine: Engine, set_: int) -> bool:
        found = self._at_gate.get(set_)
        if found is None:
            zones = engine.world.zones
            found = any(zones[z].kind is ZoneKind.PORT for z in engine.world.areas(set_))
            self._at_gate[set_] = found
        return found


def key_of(event: Event) -> str:
    """The key of an object in the registry."""
    return f"{_DEVICE}{event.data['device']}" if event.kind is Kind.DEVICE else event.id


def registered(event: Event) -> dict[str, Any]:
    """What the registry holds of an object: JSON values. Of one key the highest ``position`` counts."""
    return {
        "kind": event.kind.value,
        "id": event.id,
        "revision": event.revision,
        "change": event.change.value,
        "tenant": event.tenant,
        "asset": event.asset,
        "partition": event.partition,
        "position": event.position,
        "data": event.data,
    }


def _fitting(engine: Engine, device: str) -> dict[str, Any]:
    """What ``registered`` gives of the device's newest event, but as of now."""
    held = engine.registry.devices[device]
    return {
        "kind": Kind.DEVICE.value,
        "id": object_id(Kind.DEVICE, device),
        "revision": held["revision"],
        "change": (Change.CREATED if held["revision"] == 1 else Change.AMENDED).value,
        "tenant": held["tenant"],
        "asset": held["data"]["asset"],
        "partition": engine.partition,
        "position": engine.position,
        "data": held["data"],
    }
