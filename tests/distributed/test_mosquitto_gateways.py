"""A group of gateways on a real broker: they share the reports, one has the raw NMEA, and any may die."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Mapping
from functools import partial
from pathlib import Path

import aiomqtt
import pytest

from firmware_sim.fleet import identities
from firmware_sim.link import Broker as TruckBroker
from firmware_sim.run import Figures, run
from firmware_sim.scenario import Scenario
from firmware_sim.scenario_file import load
from tests.distributed.fenced import Fenced, fenced
from tests.distributed.gateways import Gateway, gateways, holders, kept, until

TRUCKS = 12
pytestmark = pytest.mark.timeout(240)


def scenario() -> Scenario:
    """Trucks that speak the report protocol, with nothing wrong."""
    return load("load", trucks=TRUCKS)


def devices() -> list[str]:
    return [who.device for who in identities(scenario())]


async def drive(broker: Fenced, state: Path, *, duration_s: float | None, speed_up: float) -> Figures:
    """The trucks over TLS, each with its own certificate."""
    ca = broker.services.folder / "ca.crt"
    where = TruckBroker("localhost", broker.server.port, ca=ca, certs=broker.devices.folder)
    return await run(scenario(), where, state, speed_up=speed_up, duration_s=duration_s)


@contextlib.asynccontextmanager
async def driving(broker: Fenced, state: Path) -> AsyncIterator[None]:
    """Trucks that send while something happens; their state is kept for ``drain``."""
    task = asyncio.create_task(drive(broker, state, duration_s=None, speed_up=400))
    try:
        yield
        assert not task.done(), "the trucks have stopped"
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task


async def drain(broker: Fenced, state: Path) -> Figures:
    """Until nothing older is left to send; a truck always holds what it has just measured."""
    for _ in range(12):
        figures = await drive(broker, state, duration_s=5, speed_up=1)
        if figures.kept <= TRUCKS:
            return figures
    raise AssertionError(f"still {figures}")


def check(log: Path, figures: Figures) -> None:
    """Nothing is lost and nothing differs; what came twice is the same, byte for byte."""
    assert figures.refused == 0
    there = kept(log)
    assert {device for device, _ in there.hashes} == set(devices())
    assert there.holes() == {}
    assert there.conflicts() == []
    assert sum(len(got) for got in there.hashes.values()) >= figures.durable


async def test_gateways_are_killed_and_frozen_and_the_trucks_send_again(tmp_path: Path) -> None:
    with fenced(tmp_path, devices()) as broker, gateways(broker, tmp_path, devices()) as found:
        victim, other = found

        async def goes_on(gateway: Gateway, count: int) -> None:
            before = gateway.heard
            await asyncio.to_thread(until, lambda: gateway.heard > before + count)

        async with driving(broker, tmp_path / "state"):
            for one in found:
                await goes_on(one, 50)
            victim.kill()
            await goes_on(other, 100)
            await asyncio.to_thread(victim.start)
            await goes_on(victim, 20)
            other.kill()
            await asyncio.to_thread(other.start)
            await goes_on(other, 20)
            victim.pause()  # its share goes nowhere until the broker misses it
            await goes_on(other, 100)
            victim.resume()
            await goes_on(victim, 20)
        figures = await drain(broker, tmp_path / "state")
    check(tmp_path / "log.db", figures)


@pytest.mark.long
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")  # connections that were cut
async def test_the_broker_restarts_under_load(tmp_path: Path) -> None:
    with fenced(tmp_path, devices()) as broker, gateways(broker, tmp_path, devices()) as found:
        async with driving(broker, tmp_path / "state"):
            for stop in (broker.server.stop, broker.server.kill):
                wanted = {one: one.heard + 20 for one in found}
                await asyncio.to_thread(until, partial(all_heard, wanted))
                await asyncio.to_thread(stop)
                await asyncio.to_thread(broker.server.start)
        figures = await drain(broker, tmp_path / "state")
        await asyncio.to_thread(until, lambda: len(holders(found)) == 1)
    check(tmp_path / "log.db", figures)


def all_heard(wanted: Mapping[Gateway, int]) -> bool:
    return all(one.heard > number for one, number in wanted.items())


class Receiver:
    """A plain receiver that counts its lines."""

    def __init__(self, client: aiomqtt.Client, device: str) -> None:
        self.client, self.topic, self.sent = client, f"corridor/v1/{device}/nmea", 0

    async def send(self, count: int) -> None:
        for _ in range(count):
            line = f"$PTEST,{self.sent}*00\r\n".encode()
            await self.client.publish(self.topic, line, qos=1)
            self.sent += 1

    def arrived(self, log: Path) -> list[int]:
        return [int(line.split(",")[1].split("*")[0]) for line in kept(log).lines]


async def test_raw_nmea_goes_to_one_gateway_and_the_other_takes_over_where_it_stopped(tmp_path: Path) -> None:
    log = tmp_path / "log.db"
    with fenced(tmp_path, ["plain"]) as broker, gateways(broker, tmp_path, ["plain"]) as found:
        async with broker.client("plain") as client:
            receiver = Receiver(client, "plain")

            async def all_there() -> None:
                await asyncio.to_thread(
                    until, lambda: set(receiver.arrived(log)) == set(range(receiver.sent))
                )

            await receiver.send(200)
            await all_there()
            (first,) = holders(found)
            (second,) = [one for one in found if one is not first]
            await asyncio.to_thread(until, lambda: first.heard >= 200)
            assert second.heard == 0

            await receiver.send(100)
            first.kill()  # with lines that it has not acknowledged
            await receiver.send(100)
            await asyncio.to_thread(until, lambda: holders(found) == [second])
            await all_there()

            await asyncio.to_thread(first.start)
            await receiver.send(100)
            await all_there()
            assert holders(found) == [second], "who comes back takes nothing away"

            second.pause()
            await receiver.send(100)
            await asyncio.to_thread(until, lambda: first in holders(found))
            second.resume()
            await asyncio.to_thread(until, lambda: holders(found) == [first])
            await all_there()

            first.stop()  # in order: the other knows at once
            await asyncio.to_thread(until, lambda: holders(found) == [second], 5)
            await receiver.send(100)
            await all_there()
    arrived = receiver.arrived(log)
    assert arrived == sorted(arrived)
    assert len(arrived) == len(set(arrived))


@pytest.mark.long
async def test_two_gateways_do_not_take_the_session_from_each_other(tmp_path: Path) -> None:
    with fenced(tmp_path, ["plain"]) as broker, gateways(broker, tmp_path, ["plain"]) as found:
        (first,) = holders(found)
        async with broker.client("plain") as client:
            receiver = Receiver(client, "plain")
            for _ in range(100):  # a long time for who would ping-pong twice a second
                await receiver.send(1)
                await asyncio.sleep(0.1)
        taken = broker.server.log.read_text().count("already connected, closing old connection")
        await asyncio.to_thread(until, lambda: len(receiver.arrived(tmp_path / "log.db")) == 100)
    assert taken == 0
    assert first.heard == 100
