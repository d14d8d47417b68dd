"""The whole way of a release: the engine asks, the single window answers, the engine grants."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from authority_sim.rules import Authority as Rule
from authority_sim.rules import Faults, Rules
from authority_sim.run import Running, running
from corridor.connectors import Authorities
from feeds.authority.connectors import Connector
from feeds.outbound.filenotes import FileNotes
from feeds.readmodel import ReadModel
from streams.codec import dump_json
from streams.events import Event, Kind
from streams.records import RecordKind
from tests.unit.streams.engine.desk_world import (
    REGIME,
    VINS,
    Office,
    asset_of,
    case_of,
    lodging,
    office,
    permitting,
    through,
)

VIN, NAME = VINS[0], "g-customs"


class World:
    """An engine whose events go to a read model, and its authority."""

    def __init__(self, sim: Running, read: ReadModel, notes: FileNotes, connector: Connector) -> None:
        self.sim, self.read, self.notes, self.connector = sim, read, notes, connector
        self.desk: Office = office()
        self.submitted: list[dict[str, Any]] = []

    def keep(self) -> None:
        """What the engine said since, into the read model."""
        told = [one for one in self.desk.events if one.number > self.read.last_number(0)]
        self.read.apply(0, self.desk.engine.position, told)

    async def submit(self, bodies: Sequence[dict[str, Any]]) -> list[Event]:
        """The way into the log."""
        found = []
        for body in bodies:
            self.submitted.append(body)
            events = self.desk._fold(RecordKind.COMMAND, dump_json(body))
            found += [one for one in events if one.kind is Kind.COMMAND and one.id == body["id"]][:1]
        self.keep()
        return found

    def release(self) -> str:
        (one,) = self.desk.latest(Kind.RELEASE).values()
        return str(one.data["state"])

    def purposes(self) -> list[str]:
        return [one["purpose"] for one in self.sim.window.database.messages(NAME)]


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    rule = Rule(NAME, "k" * 20, must_lodge=True, on_correction="withdraw", faults=Faults(twice=True))
    async with running(Rules({NAME: rule}), tmp_path / "sim.db") as sim:
        read, notes = ReadModel(tmp_path / "read.db", 1), FileNotes(tmp_path / "deliveries.db")
        connector = Connector(NAME, url=f"{sim.url}/{NAME}", key="k" * 20, poll_s=0.02, begin=True)
        yield World(sim, read, notes, connector)
        notes.close()
        read.close()


async def until(done: Callable[[], bool]) -> None:
    async with asyncio.timeout(30):
        while not done():
            await asyncio.sleep(0.01)


async def test_a_truck_is_lodged_asked_for_and_released_once(world: World) -> None:
    desk = world.desk
    desk.ok("regime.publish", {"text": REGIME.replace("2020-01-01", "2021-01-01")})
    desk.ok("asset.register", {"vin": VIN, "chassis": VIN})
    desk.ok("filing.lodge", lodging(VIN, "R1"))
    desk.ok("permit.grant", permitting(VIN, "P1"))
    world.keep()
    made = Authorities([world.connector], world.read, world.notes, world.submit, 1)
    await made.take(0)
    try:
        await _clearance(world, made)
    finally:
        await made.close()
    assert world.purposes()[:2] == ["lodge", "ask_release"]
    assert {one["came"] for one in world.sim.window.database.messages(NAME)} == {1}


async def _clearance(world: World, made: Authorities) -> None:
    desk = world.desk
    await until(lambda: world.purposes() == ["lodge"])
    desk.drive(through(VIN, 7_200, -0.008), VIN)  # it stands in the port of entry
    assert world.release() == "requested"
    world.keep()
    await until(lambda: world.release() == "granted")
    assert desk.case("R1")["state"] == "released"
    await until(lambda: made.intakes[NAME].taken >= 1)
    assert [one["command"] for one in world.submitted] == ["authority.decide"]
    (one,) = world.submitted
    assert one["data"]["case"] == case_of("R1")
    assert one["data"]["asset"] == asset_of(VIN)
    desk.ok("filing.withdraw", {"asset": asset_of(VIN), "filing": desk.case("R1")["filing"], "reason": "x"})
    world.keep()
    await until(lambda: "withdraw" in world.purposes())
