"""The trucks of the demo, in a process of their own: simulated ones, twelve exporters', a recorded one."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

from corridor.recordings import play
from firmware_sim.link import Broker
from firmware_sim.run import run as drive
from firmware_sim.scenario_file import load


async def run(given: dict[str, Any], stop: asyncio.Event) -> None:
    """Drive until ``stop``; ``given`` holds broker, number of trucks, speed-up and state folder.

    The clock of this process is the demo's and runs ``speed_up`` times as fast, so the simulated trucks keep
    pace with it; only the recorded one has to be told.
    """
    broker = Broker(given["mqtt_host"], given["mqtt_port"])
    state, many = Path(given["state"]), load("demo", trucks=given["trucks"])
    (state / "recorded").mkdir(parents=True, exist_ok=True)
    async with asyncio.TaskGroup() as group:
        tasks = [
            group.create_task(drive(load("clearance"), broker, state / "clearance", speed_up=1)),
            group.create_task(drive(many, broker, state / "simulated", speed_up=1)),
            group.create_task(play(broker, state / "recorded", given["speed_up"])),
        ]
        await stop.wait()
        for task in tasks:
            task.cancel()
