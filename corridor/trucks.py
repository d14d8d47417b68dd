"""The trucks of the demo, in a process of their own: simulated ones and replays of recordings."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any


async def run(given: dict[str, Any], stop: asyncio.Event) -> None:
    """Drive until ``stop``; ``given`` holds broker, number of trucks, speed-up and state folder."""
    from firmware_sim.link import Broker
    from firmware_sim.run import run as drive
    from firmware_sim.scenario_file import load

    scenario = load("demo", trucks=given["trucks"])
    broker = Broker(given["mqtt_host"], given["mqtt_port"])
    state = Path(given["state"])
    tasks = [
        asyncio.create_task(
            drive(scenario, broker, state / "simulated", speed_up=given["speed_up"]), name="simulated"
        ),
    ]
    await stop.wait()
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
