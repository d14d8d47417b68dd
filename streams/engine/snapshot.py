"""An engine's whole state as bytes, and back: folding on after ``restore`` equals never having stopped.

A head of JSON (counters, registry) is followed by parts as they lie in memory: names, columns, states and
packed open objects. The version names the layout; one that this code does not know is refused, and
the state is then rebuilt from the log. What is older than the hot state lies in the past, which was sealed at
the same position.
"""

from __future__ import annotations

import struct
import sys
from collections.abc import Iterable
from dataclasses import asdict
from itertools import chain
from typing import Any, Final

import numpy as np

from streams.codec import CodecError, dump_json, load_json
from streams.engine.columns import Array
from streams.engine.deskstate import covers_dumped, covers_loaded, dumped, loaded
from streams.engine.engine import Counts, Engine
from streams.engine.late import renumber
from streams.engine.recent import Recent
from streams.engine.settings import Rules
from streams.engine.shapes import Shapes
from streams.engine.world import World
from streams.homes import Early
from streams.past import Past

VERSION: Final = 5
_HEAD: Final = struct.Struct("<4sIQ")
_MAGIC: Final = b"CES\n"


class SnapshotError(Exception):
    """A snapshot that can't be restored; the message says what was got and wanted."""


def snapshot(engine: Engine) -> bytes:
    """The state of ``engine`` after its last record; what is due to the past is given to it."""
    if sys.byteorder != "little":
        raise SnapshotError("snapshots are little-endian: got a big-endian machine")
    engine.seal()
    engine.pack()
    desk, folders = dumped(engine.desk)
    parts = {
        "names": engine.rows.dump(),
        "owners": engine.owners.dump(),
        "sequences": engine.sequences.dump(),
        "states": engine.states.dump(),
        "extra": engine.extra.dump(),
        "desk": folders,
    }
    covers = covers_dumped(engine.covers)
    if covers is not None:
        parts["covers"] = covers[1]
    revived = [[row, [[*key, n] for key, n in held.items()]] for row, held in sorted(engine.revived.items())]
    head = {
        "partition": engine.partition,
        "position": engine.position,
        "number": engine.number,
        "now_ms": engine.now_ms,
        "counts": asdict(engine.counts),
        "registry": engine.registry.dump(),
        "assets": engine.extra.size,
        "parts": [[name, [len(part) for part in some]] for name, some in parts.items()],
        "shapes": engine.shapes.dump(),
        "revived": revived,
        "home": [zone.id for zone in engine.world.zones],
        "zones": engine.world.book.dump(),
        "again": sorted(engine.again.items()),
        "queues": engine.queues.dump(),
        "desk": desk,
    }
    if covers is not None:
        head["covers"] = covers[0]
    if engine.partitions > 1:
        head |= {"partitions": engine.partitions, "early": sorted(engine.early.held.items())}
    body = dump_json(head)
    return b"".join((_HEAD.pack(_MAGIC, VERSION, len(body)), body, *chain.from_iterable(parts.values())))


def restore(
    data: bytes,
    world: World,
    rules: Rules | None = None,
    past: Past | None = None,
    partitions: int = 1,
    regimes: Iterable[str] = (),
) -> Engine:
    """The engine that ``data`` is a snapshot of, in ``world``. ``regimes``: those that ship; versions that
    shipped before are in the snapshot. Raises SnapshotError."""
    if len(data) < _HEAD.size:
        raise SnapshotError(f"snapshot too short: got {len(data)} bytes, want at least {_HEAD.size}")
    magic, version, length = _HEAD.unpack_from(data)
    if magic != _MAGIC or version != VERSION:
        raise SnapshotError(f"snapshot of another kind: got {magic!r} version {version}, want {VERSION}")
    try:
        head = load_json(data[_HEAD.size : _HEAD.size + length])
        rest = memoryview(data)[_HEAD.size + length :]
        if head.get("partitions", 1) != partitions:
            got = head.get("partitions", 1)
            raise SnapshotError(f"snapshot of another partition count: got {got}, want {partitions}")
        return _restored(head, rest, world, rules or Rules(), past, regimes)
    except (CodecError, KeyError, ValueError, TypeError) as error:
        raise SnapshotError(f"snapshot not readable: {error}") from error


class _Parts:
    """Takes one part after the other."""

    def __init__(self, rest: memoryview) -> None:
        self._rest, self._at = rest, 0

    def take(self, length: int) -> memoryview:
        """The next ``length`` bytes."""
        part = self._rest[self._at : self._at + length]
        if len(part) != length:
            raise ValueError(f"got {len(part)} bytes, want {length}")
        self._at += length
        return part

    def end(self) -> None:
        """Raises ValueError when something is left."""
        if self._at != len(self._rest):
            raise ValueError(f"got {len(self._rest)} bytes of columns, want {self._at}")


def _restored(
    head: dict[str, Any],
    rest: memoryview,
    world: World,
    rules: Rules,
    past: Past | None,
    regimes: Iterable[str],
) -> Engine:
    book = world.book.copy()
    book.load(head["zones"])
    world = world.published(book)
    engine = Engine(head["partition"], world, rules, past, head.get("partitions", 1))
    engine.early = Early((number, (last, row)) for number, (last, row) in head.get("early", []))
    engine.again = dict(head["again"])
    engine.position, engine.number, engine.now_ms = head["position"], head["number"], head["now_ms"]
    engine.counts = Counts(**head["counts"])
    engine.registry.load(head["registry"])
    if "queues" in head:  # else it is of a time when there were none
        engine.queues.load(head["queues"])
    engine.revived = {
        row: {(kind, place, anchor): n for kind, place, anchor, n in held} for row, held in head["revived"]
    }
    size, held = head["assets"], _Parts(rest)
    parts = {name: [held.take(length) for length in lengths] for name, lengths in head["parts"]}
    held.end()
    engine.rows.load(*parts["names"])
    engine.owners.load(*parts["owners"])
    engine.sequences.load(parts["sequences"])
    engine.extra.load(size, parts["extra"])
    engine.states.load(size, parts["states"])
    loaded(engine.desk, head["desk"], parts["desk"], regimes)
    if "covers" in head:  # else nothing was covered
        covers_loaded(engine.covers, head["covers"], parts["covers"])
    engine.shapes = Shapes(*head["shapes"])
    renumber(world, engine.states.hot)
    engine.extra["home"][:size] = _renamed(engine.extra["home"][:size], head["home"], world)
    engine.memory.recent = Recent(engine.position)
    engine.memory.sealed = engine.position
    return engine


def _renamed(home: Array, zones: list[str], world: World) -> Array:
    """Zone numbers of the engine that was, as numbers of this world; -1 for zones that are gone."""
    table = np.array([*(world.number.get(zone, -1) for zone in zones), -1])
    renamed: Array = table[home]
    return renamed
