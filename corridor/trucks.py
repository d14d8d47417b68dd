"""The trucks of the demo, in a process of their own: simulated ones, twelve exporters', a recorded one."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any, Final

from corridor.recordings import play
from firmware_sim.link import Broker
from firmware_sim.run import run as drive
from firmware_sim.scenario import Scenario
from firmware_sim.scenario_file import load

_SIGN_SHARE: Final = 0.5
_SIGN_MOST: Final = 200


def fleets(trucks: int) -> dict[str, Scenario]:
    """The simulated fleets by the name of their folder; about half of the units sign. Raises ``SimError``."""
    return {
        "clearance": load("clearance", sign_share=_SIGN_SHARE),
        "simulated": load("demo", trucks=trucks, sign_share=min(_SIGN_SHARE, _SIGN_MOST / trucks)),
    }


async def run(given: dict[str, Any], stop: asyncio.Event) -> None:
    """Drive until ``stop``; ``given`` holds broker, number of trucks, speed-up and state folder.

    The clock of this process is the demo's and runs ``speed_up`` times as fast, so the simulated trucks keep
    pace with it; only the recorded one has to be told.
    """
    broker = Broker(given["mqtt_host"], given["mqtt_port"])
    state = Path(given["state"])
    (state / "recorded").mkdir(parents=True, exist_ok=True)
    async with asyncio.TaskGroup() as group:
        tasks = [
            *(
                group.create_task(drive(scenario, broker, state / name, speed_up=1))
                for name, scenario in fleets(given["trucks"]).items()
            ),
            group.create_task(play(broker, state / "recorded", given["speed_up"])),
        ]
        await stop.wait()
        for task in tasks:
            task.cancel()
