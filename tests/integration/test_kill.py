"""``kill -9`` of any process under load, at random instants: nothing acknowledged lost, no event twice."""

from __future__ import annotations

import asyncio
import os
import random
import signal
import sqlite3
import time
from collections import defaultdict
from pathlib import Path

import pytest

import geofences
from bench import system as systems
from bench.system import System
from corridor.fleetbook import register
from feeds.readmodel import ReadModel
from firmware_sim.fleet import identities
from firmware_sim.link import Broker
from firmware_sim.run import Figures
from firmware_sim.run import run as drive
from firmware_sim.scenario_file import load
from streams.codec import decode_frame
from streams.engine import Engine, World
from streams.records import RecordKind
from streams.sqlite_log import SqliteLog

KILLS = int(os.environ.get("KILLS", "20"))
pytestmark = [pytest.mark.integration, pytest.mark.timeout(400)]


async def drive_and_kill(folder: Path, state: Path, kills: int) -> Figures:
    """Drive trucks against a system that is killed part by part; returns when nothing is left to send."""
    process = systems.start(folder)
    system = System(folder, process, await asyncio.to_thread(systems.wait_up, folder, process))
    scenario = load("demo", trucks=30)
    mqtt = Broker(system.local.mqtt_host, system.local.mqtt_port)
    try:
        await asyncio.to_thread(register, system.client(), [who.to_json() for who in identities(scenario)])
        driving = asyncio.create_task(drive(scenario, mqtt, state, speed_up=60, duration_s=kills * 2.5 + 5))
        chance = random.Random(7)
        parts = ["gateway", "hub", "broker"]
        for number in range(kills):
            await asyncio.sleep(chance.uniform(1.0, 3.0))
            part = parts[number % 3]
            pid = system.children().get(part)
            if pid is not None:
                os.kill(pid, signal.SIGKILL)
        await driving
        return await drain(mqtt, state)
    finally:
        assert await asyncio.to_thread(system.stop) == 0


async def drain(mqtt: Broker, state: Path) -> Figures:
    """Let the trucks' flash run empty without new samples."""
    deadline = time.monotonic() + 120
    scenario = load("demo", trucks=30)
    while True:
        figures = await drive(scenario, mqtt, state, speed_up=1, duration_s=5)
        if figures.kept <= 30 or time.monotonic() > deadline:
            return figures


def test_killing_any_part_loses_nothing_and_doubles_nothing(tmp_path: Path) -> None:
    figures = asyncio.run(drive_and_kill(tmp_path / "data", tmp_path / "state", KILLS))
    assert figures.refused == 0
    seqs: dict[tuple[str, str], set[int]] = defaultdict(set)
    log = SqliteLog(tmp_path / "data" / "log.db")
    engine = Engine(0, World(*geofences.world()))
    events, position = [], 0
    while records := log.read(0, position, 16 << 20):
        position = records[-1].position
        for record in records:
            events += engine.fold(record).events
            if record.kind is RecordKind.FRAME:
                reports = decode_frame(record.body).reports
                rows = zip(*(reports.column(n).to_pylist() for n in ("device", "boot", "seq")), strict=True)
                for device, boot, seq in rows:
                    seqs[device, boot].add(seq)
    holes = {
        key: len(got)
        for key, got in seqs.items()
        if not key[1].startswith("nmea") and got != set(range(min(got), max(got) + 1))
    }
    assert holes == {}
    with ReadModel(tmp_path / "data" / "read.db", read_only=True) as read:
        kept = read.events_after((0,), "main", limit=1_000_000)
    assert [(e.number, e.id, e.revision, e.data) for e in kept] == [
        (e.number, e.id, e.revision, e.data) for e in events
    ], "what was served is not what the log says"
    assert len({(e.id, e.revision) for e in kept}) == len(kept)
    assert any(e.kind == "crossing" for e in kept)
    database = sqlite3.connect(tmp_path / "data" / "read.db")
    assert database.execute("pragma integrity_check").fetchone() == ("ok",)
    database.close()
