"""What devices and strangers may send without harm: garbage, too large, too much, too many."""

from __future__ import annotations

import asyncio
import base64
import json
import os
import random
import subprocess
import sys
import time
from collections.abc import Iterator
from typing import Any

import aiomqtt
import cbor2
import pytest

from bench.load import Socket, connect
from bench.system import System, running
from tests.integration.devices import as_json, device, fit, http, in_time, report, until

MAX_REPORT, MAX_PACKET = 65_536, 1 << 20
pytestmark = [pytest.mark.integration, pytest.mark.timeout(200)]


@pytest.fixture(scope="module")
def system(tmp_path_factory: pytest.TempPathFactory) -> Iterator[System]:
    with running(tmp_path_factory.mktemp("bad")) as found:
        children = found.children()
        fit(found, "good", "WBADTESTA00000001")
        fit(found, "victim", "WBADTESTA00000002")
        yield found
        assert found.children() == children, "a part died of it"


def sample(seq: int, boot: str, **more: Any) -> dict[str, Any]:
    return report(seq, boot, t=[int(time.time() * 1000)], lon=[101.5], lat=[21.5], **more)


def good_is_served(system: System, boot: str, count: int = 20) -> None:
    """The well-behaved device gets every ack and its position is the newest."""

    async def send() -> None:
        async with device(system.local, "good") as one:
            seqs = await in_time(one.durable(*as_json(*(sample(seq, boot) for seq in range(count)))))
            assert seqs == list(range(count))

    asyncio.run(send())
    system.wait_caught_up(30)
    assert system.health()["ready"]


def letters(system: System, reason: str) -> list[dict[str, Any]]:
    with http(system) as client:
        found: list[dict[str, Any]] = client.get("/v1/deadletters", params={"reason": reason}).json()["items"]
        return found


def garbage(rng: random.Random) -> Iterator[bytes]:
    """Payloads that no device should send."""
    now = int(time.time() * 1000)
    whole = json.dumps(sample(1, "g")).encode()
    yield from (
        b"",
        b"\0",
        b"{",
        b"[" * 60_000,
        b'{"a":' * 10_000,
        b"\x81" * 60_000,
        b"\xd2\x84",
        b"\xff" * 999,
    )
    yield from (b"\x9b" + b"\xff" * 8, b"\xbb" + b"\xff" * 8, b"\x5b" + b"\xff" * 8, b"\xbf", b"\xa1\x61v")
    yield from (whole[:-5], whole + whole, whole.replace(b"1", b"1e400"), whole.replace(b"101.5", b"NaN"))
    yield cbor2.dumps(cbor2.CBORTag(28, [cbor2.CBORTag(29, 0)]))
    for wrong in (
        {"t": "x"},
        {"t": [now]},
        {"lon": [200.0]},
        {"lat": [None, 1]},
        {"seq": -1},
        {"seq": 2**70},
    ):
        yield json.dumps(sample(2, "g") | wrong).encode()
    yield cbor2.dumps(sample(4, "g") | {"lon": [float("nan")]})
    yield cbor2.dumps(sample(4, "g") | {"speed_kmh": [float("inf")]})
    yield cbor2.dumps(sample(4, "g") | {"can": [[now, 1, b"x" * 99]]})
    yield json.dumps(sample(5, "g", facts=[{"t": now, "kind": "x" * 9_000}] * 5)).encode()
    yield json.dumps(sample(6, "g", nmea="$GPRMC,,,,\r\n" * 4_000)).encode()
    for _ in range(300):
        yield rng.randbytes(rng.randint(0, 3_000))
        broken = bytearray(cbor2.dumps(sample(7, "g")))
        broken[rng.randrange(len(broken))] ^= 1 << rng.randrange(8)
        yield bytes(broken)


def test_garbage_on_every_topic_harms_nobody(system: System) -> None:
    async def send() -> None:
        async with aiomqtt.Client(
            system.local.mqtt_host, system.local.mqtt_port, identifier="vandal"
        ) as vandal:
            for payload in garbage(random.Random(3)):
                for channel in ("report", "nmea", "status", "ack"):
                    await vandal.publish(f"corridor/v1/victim/{channel}", payload, qos=1)
            long = "x" * 30_000
            for topic in (
                "a",
                "/",
                "corridor/v1//report",
                "corridor/v2/good/report",
                f"corridor/v1/{long}/report",
            ):
                await vandal.publish(topic, os.urandom(500), qos=1)
            for name in ("a b", "ü", "x" * 65, "good/../good", "%00"):
                await vandal.publish(f"corridor/v1/{name}/report", json.dumps(sample(0, "g")), qos=1)

    asyncio.run(in_time(send(), 120))
    good_is_served(system, "after-garbage")
    until(lambda: letters(system, "not_readable"))
    until(lambda: letters(system, "impossible_value"))
    with http(system) as client:
        track = client.get("/v1/assets/WBADTESTA00000002/track").raise_for_status().json()["items"]
    assert all(-180 <= row["lon"] <= 180 and -90 <= row["lat"] <= 90 for row in track)


def large(seq: int, size: int) -> bytes:
    """A report of exactly ``size`` bytes."""
    text = json.dumps(sample(seq, "large", facts=[{"t": 1_700_000_000_000, "kind": "note", "text": ""}]))
    return text.replace('"text": ""', '"text": "' + "x" * (size - len(text)) + '"').encode()


def test_a_report_that_is_too_large_is_refused_by_name_and_listed(system: System) -> None:
    sizes = (MAX_REPORT, MAX_REPORT + 1, 200_000, 900_000)
    reports = [large(seq, size) for seq, size in enumerate(sizes)]
    assert [len(one) for one in reports] == list(sizes)

    async def send() -> list[Any]:
        async with device(system.local, "victim") as one:
            for payload in (*reports, cbor2.dumps(sample(9, "large"))):
                await one.publish(payload)
            acks = [await one.ack()]
            while not any(last == 9 for ack in acks for _, last in ack["durable"]):
                acks.append(await one.ack())
            return acks

    acks = asyncio.run(in_time(send()))
    assert sorted(pair for ack in acks for pair in ack["refused"] if pair[1] == "too_large") == [
        [1, "too_large"],
        [2, "too_large"],
    ]
    found = until(lambda: len(rows := letters(system, "too_large")) >= 3 and rows)
    assert [(row["seq"], row["payload_bytes"]) for row in found] == [
        (1, MAX_REPORT + 1),
        (2, 200_000),
        (None, 900_000),
    ]
    assert found[0]["detail"] == f"report too large: got {MAX_REPORT + 1} bytes, want at most {MAX_REPORT}"
    assert base64.b64decode(found[0]["payload"]) == reports[1][:4096]
    command = [sys.executable, "-m", "corridor", "deadletters", "--data-dir", str(system.folder)]
    done = subprocess.run(
        [*command, "--reason", "too_large"], capture_output=True, text=True, timeout=60, check=True
    )
    assert len(done.stdout.splitlines()) == 3
    assert "got 200000 bytes, want at most 65536" in done.stdout


def test_a_signed_report_of_a_device_without_a_key_is_refused_with_a_clear_reason(system: System) -> None:
    async def send() -> None:
        header = cbor2.dumps({1: -8, 4: b"0123456789abcdef"})
        async with device(system.local, "victim") as one:
            await one.publish(b"\xd2" + cbor2.dumps([header, {}, cbor2.dumps(sample(0, "s")), b"x" * 64]))

    asyncio.run(send())
    found = until(lambda: letters(system, "unknown_key"))
    assert found[-1]["detail"] == "got key id b'0123456789abcdef', want that of a key of this device"


def test_a_packet_over_the_brokers_limit_ends_its_connection_and_no_other(system: System) -> None:
    where = system.local
    for size, passes in ((MAX_PACKET - 2_000, True), (MAX_PACKET + 2_000, False), (60 << 20, False)):
        one = connect(where.mqtt_host, where.mqtt_port, f"large-{size}")
        try:
            assert answered(one, b"corridor/v1/victim/report", size) is passes, size
        finally:
            one.connection.close()
        good_is_served(system, f"after-{size}", 3)


def answered(one: Socket, topic: bytes, size: int) -> bool:
    """Whether a QoS 1 message of ``size`` bytes gets its PUBACK; False when the connection ends."""
    length, head = 2 + len(topic) + 2 + size, bytearray(b"\x32")
    while length:
        length, low = divmod(length, 128)
        head.append(low | (128 if length else 0))
    one.connection.settimeout(30)
    try:
        one.connection.sendall(head + len(topic).to_bytes(2, "big") + topic + b"\0\1")
        for start in range(0, size, 65_536):
            one.connection.sendall(b"x" * min(65_536, size - start))
        return one.connection.recv(4) == b"\x40\x02\0\1"
    except (BrokenPipeError, ConnectionResetError):
        return False


def test_ten_thousand_unknown_devices_cost_a_known_one_nothing(system: System) -> None:
    good_is_served(system, "warm", 50)
    before = system.memory_mb()
    payload = cbor2.dumps(sample(0, "flood"))

    async def flood(number: int, halt: asyncio.Event) -> int:
        sent = 0
        async with aiomqtt.Client(
            system.local.mqtt_host, system.local.mqtt_port, identifier=f"flood-{number}"
        ) as vandal:
            while not halt.is_set() or sent < 5_000:
                name = f"unknown-{number}-{sent % 5_000}"
                await vandal.publish(
                    f"corridor/v1/{name}/{('report', 'nmea')[sent % 7 == 0]}", payload, qos=1
                )
                sent += 1
        return sent

    async def both() -> tuple[list[float], int]:
        halt = asyncio.Event()
        latencies: list[float] = []
        floods = [asyncio.create_task(flood(number, halt)) for number in range(2)]
        async with device(system.local, "good") as one:
            while not all(task.done() for task in floods):
                begun = time.monotonic()
                seq = len(latencies)
                assert await in_time(one.durable(cbor2.dumps(sample(seq, "flooded"))), 20) == [seq]
                latencies.append(time.monotonic() - begun)
                if len(latencies) >= 5:
                    halt.set()
        return latencies, sum([await task for task in floods])

    latencies, sent = asyncio.run(in_time(both(), 150))
    assert sent >= 10_000
    assert len(latencies) >= 5
    until(lambda: system.health().get("checks", {}).get("gateway") == "ok")
    grown = {name: mb - before[name] for name, mb in system.memory_mb().items()}
    assert grown["gateway"] < 100, grown
    with http(system) as client:
        assert "unknown_device" not in json.dumps(client.get("/v1/deadletters").json())
        assert len(client.get("/v1/assets").json()["items"]) == 2
    good_is_served(system, "after-flood")
