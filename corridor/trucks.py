"""The trucks of the demo, in a process of their own: simulated ones and a recorded one."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

from corridor.recordings import play
from firmware_sim.link import Broker
from firmware_sim.run import run as drive
from firmware_sim.scenario_file import load


async def run(given: dict[str, Any], stop: asyncio.Event) -> None:
    """Drive until ``stop``; ``given`` holds broker, number of trucks, speed-up and state folder."""
    scenario = load("demo", trucks=given["trucks"])
    broker = Broker(given["mqtt_host"], given["mqtt_port"])
    state = Path(given["state"])
    speed_up = given["speed_up"]
    (state / "recorded").mkdir(parents=True, exist_ok=True)
    async with asyncio.TaskGroup() as group:
        tasks = [
            group.create_task(
                drive(scenario, broker, state / "simulated", speed_up=speed_up), name="simulated"
            ),
            group.create_task(play(broker, state / "recorded", speed_up), name="recorded"),
        ]
        await stop.wait()
        for task in tasks:
            task.cancel()
