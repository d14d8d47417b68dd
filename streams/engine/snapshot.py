"""An engine's whole state as bytes, and back: folding on after ``restore`` equals never having stopped.

A head of JSON (counters, registry, open objects) is followed by the columns as they lie in memory. The
version names the layout; one that this code does not know is refused, and the state is then rebuilt from
the log.
"""

from __future__ import annotations

import struct
import sys
from dataclasses import asdict
from typing import Any, Final

from streams.codec import CodecError, dump_json, load_json
from streams.engine.crossings import Crossings
from streams.engine.engine import Counts, Engine
from streams.engine.follow import Journey
from streams.engine.settings import Rules
from streams.engine.visits import Visits
from streams.engine.world import World

VERSION: Final = 1
_HEAD: Final = struct.Struct("<4sIQ")
_MAGIC: Final = b"CES\n"


class SnapshotError(Exception):
    """A snapshot that can't be restored; the message says what was got and wanted."""


def snapshot(engine: Engine) -> bytes:
    """The state of ``engine`` after its last record."""
    if sys.byteorder != "little":
        raise SnapshotError("snapshots are little-endian: got a big-endian machine")
    sequences, sequence_parts = engine.sequences.dump()
    head = {
        "partition": engine.partition,
        "position": engine.position,
        "number": engine.number,
        "now_ms": engine.now_ms,
        "counts": asdict(engine.counts),
        "registry": engine.registry.dump(),
        "sequences": sequences,
        "names": engine.names,
        "tenants": engine.tenants,
        "journeys": [
            [row, j.visits.dump(), j.crossings.dump()] for row, j in sorted(engine.journeys.items())
        ],
    }
    body = dump_json(head)
    return b"".join((_HEAD.pack(_MAGIC, VERSION, len(body)), body, *sequence_parts, *engine.assets.dump()))


def restore(data: bytes, world: World, rules: Rules | None = None) -> Engine:
    """The engine that ``data`` is a snapshot of, in ``world``. Raises SnapshotError."""
    if len(data) < _HEAD.size:
        raise SnapshotError(f"snapshot too short: got {len(data)} bytes, want at least {_HEAD.size}")
    magic, version, length = _HEAD.unpack_from(data)
    if magic != _MAGIC or version != VERSION:
        raise SnapshotError(f"snapshot of another kind: got {magic!r} version {version}, want {VERSION}")
    try:
        head = load_json(data[_HEAD.size : _HEAD.size + length])
        return _restored(head, memoryview(data)[_HEAD.size + length :], world, rules or Rules())
    except (CodecError, KeyError, ValueError, TypeError) as error:
        raise SnapshotError(f"snapshot not readable: {error}") from error


def _restored(head: dict[str, Any], rest: memoryview, world: World, rules: Rules) -> Engine:
    engine = Engine(head["partition"], world, rules, head["position"], head["number"], head["now_ms"])
    engine.counts = Counts(**head["counts"])
    engine.registry.load(head["registry"])
    engine.names, engine.tenants = head["names"], head["tenants"]
    engine.rows = {name: row for row, name in enumerate(engine.names)}
    devices = len(head["sequences"]["devices"])
    at = 0
    parts: list[memoryview] = []
    for length in engine.sequences.sizes(devices):
        parts.append(rest[at : at + length])
        at += length
    engine.sequences.load(head["sequences"], parts)
    asset_parts: list[memoryview] = []
    for length in engine.assets.sizes(len(engine.names)):
        asset_parts.append(rest[at : at + length])
        at += length
    if at != len(rest):
        raise ValueError(f"got {len(rest)} bytes of columns, want {at}")
    engine.assets.load(len(engine.names), asset_parts)
    for row, visits, crossing in head["journeys"]:
        journey_visits = Visits(world, rules, engine.names[row])
        journey_visits.load(visits)
        crossings = Crossings(world, engine.names[row], journey_visits)
        crossings.load(crossing)
        engine.journeys[row] = Journey(journey_visits, crossings)
    _renumber(engine)
    return engine


def _renumber(engine: Engine) -> None:
    """Give the state this process's set and country numbers, by asking where each asset is."""
    assets, size = engine.assets, engine.assets.size
    here = (assets["set"][:size] >= 0).nonzero()[0]
    if len(here):
        places = assets["lon"][here].astype("int64"), assets["lat"][here].astype("int64")
        assets["set"][here], assets["cell"][here] = engine.world.sets(*places)
    assets["country"][:size] = -1
    for row, journey in engine.journeys.items():
        home = journey.visits.home
        assets["country"][row] = -1 if home is None else home.zone
