"""The gateway killed in the middle of its work, again and again: what it acknowledged is in the log."""

from __future__ import annotations

import asyncio
import json
import random
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import aiomqtt
import pytest

from gateway.broker import running
from streams.codec import decode_frame
from streams.sqlite_log import SqliteLog
from tests.unit.gateway.reports import payload
from tests.unit.gateway.test_nmea import gga, rmc

KILLS = 4
_SCRIPT = Path(__file__).with_name("gateway_process.py")


@contextmanager
def gateway(port: int, folder: Path) -> Iterator[subprocess.Popen[bytes]]:
    """A gateway process that is killed at the end of the block, whatever it is doing."""
    command = [sys.executable, str(_SCRIPT), str(port), str(folder), "d1", "d2"]
    process = subprocess.Popen(command, cwd=_SCRIPT.parents[2], env={"PYTHONPATH": "."})
    try:
        yield process
    finally:
        process.kill()
        process.wait()


async def truck(port: int, acknowledged: set[int], stop: asyncio.Event) -> None:
    """Send reports and note what is acknowledged; nothing is sent again."""
    async with aiomqtt.Client("127.0.0.1", port, identifier="d1") as client:
        await client.subscribe("corridor/v1/d1/ack", qos=1)

        async def listen() -> None:
            async for message in client.messages:
                assert isinstance(message.payload, bytes)
                for first, last in json.loads(message.payload)["durable"]:
                    acknowledged.update(range(first, last + 1))

        listening = asyncio.create_task(listen())
        seq = 0
        while not stop.is_set():
            for _ in range(8):
                await client.publish("corridor/v1/d1/report", payload(seq), qos=1)
                seq += 1
            await asyncio.sleep(0.02)
        listening.cancel()
        await asyncio.gather(listening, return_exceptions=True)


async def receiver(port: int, sent: list[bytes], stop: asyncio.Event) -> None:
    """Publish one line a message, as a plain receiver's bridge does, for at most a minute of its time."""
    async with aiomqtt.Client("127.0.0.1", port, identifier="d2") as client:
        second = 0
        while not stop.is_set() and second < 60:
            for line in (rmc(second), gga(second)):
                await client.publish("corridor/v1/d2/nmea", line, qos=1)
                sent.append(line)
            second += 1
            await asyncio.sleep(0.15)


@pytest.mark.integration
async def test_killed_at_random_instants_nothing_acknowledged_is_lost_and_no_line_at_all(
    tmp_path: Path,
) -> None:
    rolls = random.Random(7)
    acknowledged: set[int] = set()
    sent: list[bytes] = []
    stop = asyncio.Event()
    with running() as broker:
        port = broker.ports.public
        with gateway(port, tmp_path):  # makes the broker keep a session for the lines
            async with asyncio.timeout(20):
                while "connected to" not in _nmea_state(tmp_path):
                    await asyncio.sleep(0.05)
        tasks = [
            asyncio.create_task(truck(port, acknowledged, stop)),
            asyncio.create_task(receiver(port, sent, stop)),
        ]
        for _ in range(KILLS):
            with gateway(port, tmp_path):
                before = len(acknowledged)
                async with asyncio.timeout(20):
                    while len(acknowledged) < before + 30:
                        await asyncio.sleep(0.01)
                await asyncio.sleep(rolls.uniform(0, 0.3))
        stop.set()
        await asyncio.gather(*tasks)
        with gateway(port, tmp_path):
            async with asyncio.timeout(20):
                while b"".join(sent) not in _lines(tmp_path):
                    await asyncio.sleep(0.1)
                while len(_fixes(tmp_path)) < len(sent) // 2:
                    await asyncio.sleep(0.1)
    durable = {row["seq"] for row in _reports(tmp_path) if row["device"] == "d1"}
    assert len(acknowledged) >= KILLS * 30
    assert acknowledged <= durable
    assert _lines(tmp_path) == b"".join(sent)
    fixes = _fixes(tmp_path)
    assert len(fixes) == len(set(fixes)) == len(sent) // 2


def _nmea_state(folder: Path) -> str:
    file = folder / "gateway.json"
    return str(json.loads(file.read_text())["broker"]["nmea"]) if file.exists() else ""


def _frames(folder: Path) -> list[object]:
    log = SqliteLog(folder / "log.db")
    try:
        return [decode_frame(record.body) for record in log.read(0, 0, 1 << 30)]
    finally:
        log.close()


def _reports(folder: Path) -> list[dict[str, object]]:
    return [row for frame in _frames(folder) for row in frame.reports.to_pylist()]  # type: ignore[attr-defined]


def _lines(folder: Path) -> bytes:
    return b"".join(row["raw"] for row in _reports(folder) if row["device"] == "d2")  # type: ignore[misc]


def _fixes(folder: Path) -> list[int]:
    found: list[int] = []
    for frame in _frames(folder):
        devices = frame.reports.column("device").to_pylist()  # type: ignore[attr-defined]
        for row in frame.samples.select(["report", "t_ms"]).to_pylist():  # type: ignore[attr-defined]
            if devices[row["report"]] == "d2":
                found.append(row["t_ms"])
    return found
