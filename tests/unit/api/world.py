"""A small world behind the API: real read model, keys, dead letters and in-memory store, a fake engine.

Two tenants, ``main`` and ``other``, hold the same kinds of things; everything of ``other`` carries the
word ``foreign`` somewhere, so that a leak shows in any answer's bytes.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import shapely
from fastapi import FastAPI

from api.app import create_app
from api.ports import AwayError, Health, LiveBatch, Ports, PositionTable
from feeds.deadletters import DeadLetter, DeadLetters
from feeds.grants.reads import FeedReads
from feeds.keys import KeyRing, Principal, Role
from feeds.ledger.reading import LedgerReader
from feeds.readmodel import ReadModel
from feeds.store.memory import MemoryStore
from geofences.zone import Gate, Office, Zone, ZoneKind
from streams.engine.registry import Registry
from streams.events import Change, Event, Kind, object_id
from tests.unit.api.ledgers import folder_of
from tests.unit.api.papers import clearance
from tests.unit.feeds.store.frames import Report, at, frame

T0 = 1_795_330_800_000  # 2026-11-22T07:00:00Z
VIN = "LZZTESTA6PN000001"
OTHER_VIN = "LZZTESTA8PN000002"
ASSET = object_id(Kind.ASSET, "main", VIN)
OTHER_ASSET = object_id(Kind.ASSET, "other", OTHER_VIN)
ACK_KEY = bytes(range(32))
KEY, OTHER_KEY, CUSTOMS_KEY = "key-of-main", "key-of-other", "key-of-customs"
INSURER_KEY, LINK_KEY, OPERATOR_KEY, FAR_KEY = (
    "key-of-insurer",
    "key-of-link",
    "key-of-operator",
    "key-far-away",
)
PARTITIONS = 2
CENTURY_MS = 100 * 365 * 86_400_000

ZONES = (
    Zone("mohan", ZoneKind.PORT, "Mohan port", shapely.box(101.6, 21.1, 101.7, 21.2), "mohan-boten", "CN"),
    Zone("boten", ZoneKind.PORT, "Boten port", shapely.box(101.6, 21.0, 101.7, 21.09), "mohan-boten", "LA"),
    Zone("la", ZoneKind.COUNTRY, "Laos", shapely.box(100, 14, 107, 21.1), country="LA"),
)
GATES = (
    Gate(
        id="mohan-boten",
        name="Mohan-Boten",
        a_country="CN",
        b_country="LA",
        a_ports=("mohan",),
        b_ports=("boten",),
        a_approaches=(),
        b_approaches=(),
        line=shapely.LineString([(101.6, 21.1), (101.7, 21.1)]),
        lon=101.65,
        lat=21.1,
        offices=(Office("CN", "UN/LOCODE", "CNMHN"),),
    ),
)


def positions(*rows: tuple[str, str, float, float], t_ms: int = T0) -> PositionTable:
    """A table of (asset, tenant, lon, lat)."""
    n = len(rows)
    return PositionTable(
        asset=[r[0] for r in rows],
        tenant=[r[1] for r in rows],
        device=[f"dev-{r[0][-4:]}" for r in rows],
        t_ms=np.full(n, t_ms, np.int64),
        lon_e7=np.array([round(r[2] * 1e7) for r in rows], np.int32),
        lat_e7=np.array([round(r[3] * 1e7) for r in rows], np.int32),
        speed_ckmh=np.full(n, 4250, np.int32),
        heading_cdeg=np.full(n, -1, np.int32),
        country=["CN"] * n,
        state=["moving"] * n,
        trip_mm=np.full(n, 12_500, np.int64),
    )


class FakeLive:
    """The present as a test sets it; batches are pushed from any thread."""

    def __init__(self, table: PositionTable) -> None:
        self.table = table
        self._readers: list[tuple[asyncio.AbstractEventLoop, asyncio.Queue[LiveBatch | None]]] = []

    def snapshot(self, tenant: str | None) -> PositionTable:
        own = [i for i, of in enumerate(self.table.tenant) if tenant in (None, of)]
        return self.table.take(np.array(own, np.int64))

    def subscribe(self) -> AsyncIterator[LiveBatch]:
        queue: asyncio.Queue[LiveBatch | None] = asyncio.Queue()
        self._readers.append((asyncio.get_running_loop(), queue))
        return self._batches(queue)

    async def _batches(self, queue: asyncio.Queue[LiveBatch | None]) -> AsyncIterator[LiveBatch]:
        while (batch := await queue.get()) is not None:
            yield batch

    def push(self, batch: LiveBatch | None) -> None:
        """Hand a batch to every reader; None ends them."""
        for loop, queue in self._readers:
            loop.call_soon_threadsafe(queue.put_nowait, batch)


@dataclass
class FakeEngine:
    """Folds commands by the engine's own registry and commits their events, as the real one would."""

    read: ReadModel
    live: FakeLive
    registry: Registry = field(default_factory=Registry)
    submitted: list[dict[str, Any]] = field(default_factory=list)
    away: AwayError | None = None

    async def submit(self, bodies: Sequence[dict[str, Any]]) -> list[Event]:
        if self.away is not None:
            raise self.away
        self.submitted.extend(bodies)
        return [self.fold(body)[-1] for body in bodies]

    def fold(self, body: dict[str, Any], now_ms: int = T0) -> list[Event]:
        facts = self.registry.apply(body, now_ms, lambda _: [])
        return self.commit(
            [(f.kind, f.id, f.revision, f.change, f.tenant, f.asset, now_ms, f.data) for f in facts]
        )

    def commit(self, facts: Sequence[tuple[Any, ...]], partition: int = 0) -> list[Event]:
        """Facts are (kind, id, revision, change, tenant, asset, t_ms, data)."""
        first = self.read.head()[partition] + 1
        events = []
        for number, (*head, data) in enumerate(facts, first):
            kind, id_, revision, change, tenant, asset, t_ms = head
            place = (partition, number, number)
            events.append(Event(*place, kind, id_, revision, change, tenant, asset, t_ms, T0 + number, data))
        self.read.apply(partition, first, events)
        self.live.push(LiveBatch(events=events))
        return events


def bracket(t_ms: int) -> dict[str, Any]:
    """A bracket of a minute around ``t_ms``."""
    place = {"lon_e7": 1_016_500_000, "lat_e7": 211_000_000}
    return {"earliest_ms": t_ms - 30_000, "latest_ms": t_ms + 30_000, "estimate_ms": t_ms, **place}


def visit(asset: str, tenant: str, name: str = "visit_1", revision: int = 1) -> tuple[Any, ...]:
    """A closed visit of Mohan port."""
    data = {
        "zone": "mohan",
        "zone_name": f"Mohan port {name}",
        "zone_kind": "port",
        "gate": "mohan-boten",
        "country": None,
        "state": "closed",
        "how": "path",
        "enter": bracket(T0),
        "leave": bracket(T0 + 600_000),
        "dwell_ms": 600_000,
    }
    change = Change.CREATED if revision == 1 else Change.AMENDED
    return Kind.VISIT, name, revision, change, tenant, asset, T0, data


def crossing(asset: str, tenant: str, name: str = "crossing_1") -> tuple[Any, ...]:
    """A crossing that is at the exit port."""
    data = {
        "gate": "mohan-boten",
        "gate_name": "Mohan-Boten",
        "direction": "CN>LA",
        "from": "CN",
        "to": "LA",
        "state": "at_exit_port",
        "stages": {
            "approach": None,
            "exit_port": bracket(T0),
            "line": None,
            "entry_port": None,
            "leave": None,
        },
        "duration_ms": None,
    }
    return Kind.CROSSING, name, 1, Change.CREATED, tenant, asset, T0, data


def trip(asset: str, tenant: str, name: str = "trip_1") -> tuple[Any, ...]:
    """A trip that goes on."""
    data = {
        "state": "open",
        "start_ms": T0,
        "end_ms": None,
        "distance_mm": 12_345,
        "odometer_mm": None,
        "start": {"lon_e7": 1_016_500_000, "lat_e7": 211_000_000},
        "end": None,
    }
    return Kind.TRIP, name, 1, Change.CREATED, tenant, asset, T0, data


def stop(asset: str, tenant: str, name: str = "stop_1") -> tuple[Any, ...]:
    """A stop of ten minutes."""
    data = {
        "state": "closed",
        "start_ms": T0,
        "end_ms": T0 + 600_000,
        "duration_ms": 600_000,
        "lon_e7": 1_016_500_000,
        "lat_e7": 211_000_000,
        "open_beginning": False,
    }
    return Kind.STOP, name, 1, Change.CREATED, tenant, asset, T0, data


@dataclass
class World:
    """All that the tests hold in their hands."""

    ports: Ports
    engine: FakeEngine
    live: FakeLive
    app: FastAPI
    health: dict[str, bool]

    def close(self) -> None:
        self.ports.read.close()
        self.ports.dead_letters.close()
        for ledger in self.ports.ledgers:
            ledger.close()
        if self.ports.feed_reads is not None:
            self.ports.feed_reads.close()


def make(folder: Path, page: Path | None = None) -> World:
    """A world with two tenants, one truck each."""
    read = ReadModel(folder / "read.db", PARTITIONS)
    live = FakeLive(positions((ASSET, "main", 101.65, 21.15), (OTHER_ASSET, "other", 101.66, 21.16)))
    engine = FakeEngine(read, live)
    store = MemoryStore()
    letters = DeadLetters(folder / "deadletters.db")
    for tenant, vin, asset, word in (
        ("main", VIN, ASSET, "own"),
        ("other", OTHER_VIN, OTHER_ASSET, "foreign"),
    ):
        data = {"vin": vin, "chassis": None, "plates": [f"{word}-1"], "kind": "tractor", "maker": None}
        data |= {"name": f"{word} truck", "fleet": f"{word} fleet"}
        body = {
            "id": f"cmd_{word}",
            "command": "asset.register",
            "tenant": tenant,
            "by": "test",
            "data": data,
        }
        engine.fold(body)
        fit = {"device": f"dev-{word}", "asset": asset, "from_ms": T0}
        engine.fold(body | {"id": f"cmd_{word}_fit", "command": "device.fit", "data": fit})
        shapes = (visit, crossing, trip, stop)
        engine.commit([make_(asset, tenant, f"{make_.__name__}_{word}") for make_ in shapes], partition=1)
        engine.commit(clearance(word, tenant, vin, asset))
        samples = [
            at(
                T0 + i * 1000,
                101.6 + i / 1000,
                21.1,
                speed_ckmh=4200 + i,
                alt_mm=812_500,
                engine_rpm=900.0 + i,
            )
            for i in range(60)
        ]
        store.write(0, len(asset), [frame(Report(asset, samples, word, device=f"dev-{word}"))])
        refused = ("not_readable", f"{word} detail", b"\xff\x00")
        letters.add([DeadLetter(T0, tenant, f"dev-{word}", f"corridor/v1/dev-{word}/report", *refused)])
    letters.add([DeadLetter(T0, "", "dev-nobody", "corridor/v1/dev-nobody/report", "bad_field", "x", b"")])
    keys = KeyRing(folder / "keys.json")
    keys.ensure_admin(KEY)
    keys.add_passing(OTHER_KEY, Principal("theirs", "other", Role.ADMIN))
    keys.add_passing(CUSTOMS_KEY, Principal("boten", "customs", Role.CUSTOMS, ("mohan-boten",)))
    keys.add_passing(INSURER_KEY, Principal("insurer", "main", Role.INSURER))
    keys.add_passing(OPERATOR_KEY, Principal("clerk", "main", Role.OPERATOR))
    keys.add_passing(FAR_KEY, Principal("far", "customs", Role.CUSTOMS, ("manzhouli",)))
    keys.add_passing(LINK_KEY, Principal("link", "main", Role.AUTHORITY, authority="la-customs"))
    for tenant, word in (("main", "own"), ("other", "foreign")):
        given: dict[str, Any] = {
            "feed": f"feed_{word}",
            "consumer": "reader",
            "purpose": f"for {word}",
            "assets": "tenant",
        }
        given |= {"kinds": ["visit"], "fields": "precise", "driver": False, "from_ms": 0, "to_ms": None}
        given |= {"expires_ms": T0 + CENTURY_MS}
        granted = {"id": f"cmd_{word}_feed", "command": "feed.grant", "tenant": tenant, "by": "test"}
        engine.fold({**granted, "data": given})
    health = {"ready": True}
    ports = Ports(
        read=read,
        store=store,
        live=live,
        commands=engine,
        keys=keys,
        dead_letters=letters,
        zones=ZONES,
        gates=GATES,
        health=lambda: Health(health["ready"], {"engine": "ok"}),
        ack_key=ACK_KEY,
        ledgers=[LedgerReader(folder_of(folder, partition)) for partition in range(PARTITIONS)],
        feed_reads=FeedReads(folder / "feedreads.db"),
    )
    app = create_app(ports) if page is None else create_app(ports, page)
    return World(ports, engine, live, app, health)
