"""The connection that comes back, against the real embedded broker."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import aiomqtt
import pytest

from gateway.broker import BrokerProcess, running
from gateway.mqtt import Broker, Connection, NotConnectedError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator


@pytest.fixture(scope="module")
def broker() -> Iterator[BrokerProcess]:
    with running() as found:
        yield found


async def until(true: Callable[[], bool], timeout_s: float = 8.0) -> None:
    async with asyncio.timeout(timeout_s):
        while not true():
            await asyncio.sleep(0.01)


@asynccontextmanager
async def kept(connection: Connection) -> AsyncIterator[Connection]:
    task = asyncio.create_task(connection.run())
    try:
        await until(lambda: connection.connected)
        yield connection
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


@pytest.mark.parametrize("listener", ["mqtt5", "mqtt311", "public"])
async def test_it_finds_the_version_that_the_broker_speaks(broker: BrokerProcess, listener: str) -> None:
    got: list[tuple[str, bytes]] = []
    there = Broker("127.0.0.1", getattr(broker.ports, listener))
    async with kept(Connection(there, f"c-{listener}", [f"{listener}/+"], lambda *m: got.append(m))) as found:
        await asyncio.sleep(0.1)
        found.publish(f"{listener}/a", b"1", qos=1)
        await until(lambda: got == [(f"{listener}/a", b"1")])
        assert found.state == f"connected to 127.0.0.1:{there.port}"


async def test_what_is_not_acknowledged_comes_again_to_the_next_of_the_session(broker: BrokerProcess) -> None:
    there = Broker("127.0.0.1", broker.ports.public)
    got: list[bytes] = []
    resumed: list[bool] = []
    release = asyncio.Event()

    async def hold(_topic: str, payload: bytes) -> None:
        got.append(payload)
        await release.wait()

    def connection() -> Connection:
        return Connection.acknowledge_after(there, "held", ["held/+"], hold, lambda: resumed.append(True))

    async with aiomqtt.Client("127.0.0.1", there.port) as device:
        async with kept(connection()):
            await asyncio.sleep(0.1)
            for number in range(3):
                await device.publish("held/a", str(number).encode(), qos=1)
            await until(lambda: len(got) == 3)
        release.set()  # only now, when nobody can hear the PUBACK
        await asyncio.sleep(0)
        async with kept(connection()):
            await until(lambda: len(got) == 6)
        async with kept(connection()):
            await asyncio.sleep(0.2)
    assert got == [b"0", b"1", b"2"] * 2
    assert resumed == [True, True]


async def test_nothing_is_published_while_nobody_is_there() -> None:
    connection = Connection(Broker("127.0.0.1", 1), "c", [], lambda *_: None)
    with pytest.raises(NotConnectedError, match="not published to t: not connected yet"):
        connection.publish("t", b"", qos=1)
    task = asyncio.create_task(connection.run())
    await until(lambda: connection.state.startswith("not connected to 127.0.0.1:1: "))
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


def test_a_password_does_not_show() -> None:
    assert repr(Broker("h", 1883, "u", "secret")) == "Broker(h:1883)"


async def test_a_refused_subscription_is_said_and_asked_for_again(
    broker: BrokerProcess, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gateway.mqtt._LONGEST_PAUSE_S", 0.05)
    there = Broker("127.0.0.1", broker.ports.public)
    async with kept(Connection(there, "c-refused", ["mine/+"], lambda *_: None)) as found:
        await asyncio.sleep(0.1)
        found._on_subscribe(None, 1, (0x87,), {})
        assert not found.connected
        assert "refuses the subscription to mine/+" in found.state
        with pytest.raises(NotConnectedError):
            found.publish("mine/a", b"1", qos=1)
        await until(lambda: found.losses == 1 and found.connected)
        assert found.state.startswith("connected to")


async def test_a_message_that_the_handler_fails_on_is_said_and_the_next_is_handled(
    broker: BrokerProcess, caplog: pytest.LogCaptureFixture
) -> None:
    there = Broker("127.0.0.1", broker.ports.public)
    got: list[bytes] = []

    def handle(_topic: str, payload: bytes) -> None:
        if payload == b"bad":
            raise ValueError("a fault of ours")
        got.append(payload)

    async with kept(Connection(there, "c-fails", ["fails/+"], handle)) as found:
        await asyncio.sleep(0.1)
        for payload in (b"bad", b"good"):
            found.publish("fails/a", payload, qos=1)
        await until(lambda: got == [b"good"])
    assert "message_not_handled topic='fails/a' bytes=3" in caplog.text
