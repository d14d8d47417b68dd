"""The API over the real engine: commands are folded as log records, their events committed at once."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
from fastapi import FastAPI

from api.app import create_app
from api.ports import AwayError, Health, LiveBatch, Ports
from api.state import state_of
from feeds.deadletters import DeadLetters
from feeds.keys import KeyRing, Principal, Role
from feeds.readmodel import ReadModel
from feeds.store.memory import MemoryStore
from streams.codec import dump_json, encode_frame
from streams.engine import Engine
from streams.events import Event, Kind
from streams.records import LogRecord, RecordKind
from tests.unit.api.world import FakeLive, positions
from tests.unit.streams.engine.desk_world import REGIME, asset_of, frame_of
from tests.unit.streams.engine.small_world import T0, Sample, world

OTHERS = """
id = "others"
name = "The other way, for all"
source = "a test"
confidence = "C"
valid_from = 2020-01-01T00:00:00Z
tolerance_minutes = 100000
exporters = "any"

[[gates]]
gate = "g"
direction = "LA>CN"

[release]
authority = "cn-customs"
name = "customs"
by = ["authority", "officer"]
timeout_minutes = 30
automatic = false
confidence = "C"
"""
CLERK, ADMIN, OFFICER, THEIRS, LINK, FAR_LINK, THEIR_ADMIN = (
    *("key-of-the-clerk", "key-of-the-admin", "key-of-officer", "key-of-theirs", "key-of-the-link"),
    *("key-of-a-far-link", "key-of-their-admin"),
)


@dataclass
class DeskEngine:
    """One partition's engine, folded when commands are submitted."""

    read: ReadModel
    live: FakeLive
    engine: Engine = field(default_factory=lambda: Engine(0, world(), regimes=(REGIME, OTHERS)))
    now_ms: int = T0
    submitted: list[dict[str, Any]] = field(default_factory=list)
    before: list[dict[str, Any]] = field(default_factory=list)
    away_after: int | None = None
    seq: int = -1

    async def submit(self, bodies: Sequence[dict[str, Any]]) -> list[Event]:
        """See Commands. ``before`` are bodies that somebody else gets in first, once."""
        if self.away_after is not None:
            self.away_after -= 1
            if self.away_after < 0:
                self.away_after = None
                raise AwayError("the log takes nothing now")
        sneaked, self.before = self.before, []
        for body in sneaked:
            self.fold(body)
        self.submitted.extend(bodies)
        events = {e.id: e for body in bodies for e in self.fold(body) if e.kind is Kind.COMMAND}
        return [events[body["id"]] for body in bodies]

    def fold(self, body: dict[str, Any]) -> list[Event]:
        """Fold one command and commit its events."""
        self.now_ms += 1000
        position = self.engine.position + 1
        record = LogRecord(0, position, RecordKind.COMMAND, self.now_ms, body["id"], dump_json(body))
        return self.commit(record)

    def drive(self, vin: str, samples: Sequence[Sample], facts: Any = None) -> None:
        """One report of a vehicle of tenant ``main``."""
        self.now_ms = max(self.now_ms, T0 + round(samples[-1].t_s * 1000)) if samples else self.now_ms
        self.seq += 1
        now_s = (self.now_ms - T0) / 1000
        content = encode_frame(frame_of(asset_of(vin), self.seq, samples, facts, None, now_s))
        position = self.engine.position + 1
        self.commit(LogRecord(0, position, RecordKind.FRAME, self.now_ms, "k", content))

    def commit(self, record: LogRecord) -> list[Event]:
        """Fold any record and commit its events."""
        events = list(self.engine.fold(record).events)
        self.read.apply(0, record.position, events)
        self.live.push(LiveBatch(events=events))
        return events


@dataclass
class DeskWorld:
    """What a test holds in its hands."""

    ports: Ports
    engine: DeskEngine
    live: FakeLive
    app: FastAPI

    def close(self) -> None:
        """Close the files."""
        self.ports.read.close()
        self.ports.dead_letters.close()


def make(folder: Path) -> DeskWorld:
    """A world without assets: tenants ``main`` and ``other``, officers, connectors."""
    read = ReadModel(folder / "read.db", 1)
    live = FakeLive(positions())
    engine = DeskEngine(read, live)
    keys = KeyRing(folder / "keys.json")
    keys.ensure_admin(ADMIN)
    keys.add_passing(CLERK, Principal("clerk", "main", Role.OPERATOR))
    keys.add_passing(THEIRS, Principal("their clerk", "other", Role.OPERATOR))
    keys.add_passing(THEIR_ADMIN, Principal("their admin", "other", Role.ADMIN))
    keys.add_passing(OFFICER, Principal("officer Li", "customs", Role.CUSTOMS, ("g",)))
    keys.add_passing(LINK, Principal("link", "customs", Role.AUTHORITY, authority="g-customs"))
    keys.add_passing(FAR_LINK, Principal("far link", "customs", Role.AUTHORITY, authority="far-customs"))
    ports = Ports(
        read=read,
        store=MemoryStore(),
        live=live,
        commands=engine,
        keys=keys,
        dead_letters=DeadLetters(folder / "deadletters.db"),
        zones=(),
        gates=tuple(engine.engine.gates.values()),
        health=lambda: Health(True),
        now_ms=lambda: engine.now_ms,
    )
    app = create_app(ports)
    directory = state_of(app).directory
    directory.regimes.ship(REGIME, OTHERS)
    return DeskWorld(ports, engine, live, app)


@asynccontextmanager
async def client_of(made: DeskWorld) -> AsyncIterator[httpx.AsyncClient]:
    """A client with the clerk's key."""
    transport = httpx.ASGITransport(made.app, raise_app_exceptions=False)
    async with made.app.router.lifespan_context(made.app):
        hub = state_of(made.app).hub
        while not hub.ready:
            await hub_turn()
        async with httpx.AsyncClient(
            transport=transport,
            base_url="http://corridor.test",
            headers={"Authorization": f"Bearer {CLERK}"},
        ) as opened:
            yield opened


async def hub_turn() -> None:
    """Let the hub's thread and task go on."""
    import asyncio

    await asyncio.sleep(0.001)


def as_(key: str) -> dict[str, str]:
    """The headers of another key."""
    return {"Authorization": f"Bearer {key}"}
