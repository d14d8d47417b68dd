"""A worker in the small world, which asks the past for whatever it can: ``python -m ... SETTINGS`` (JSON)."""

from __future__ import annotations

import asyncio
import json
import signal
import sys

from corridor import workerpart
from corridor.logs import set_up_logging
from corridor.settings import Settings
from streams.engine import Rules
from streams.engine import engine as engine_module
from tests.unit.streams.engine.small_world import world

RULES = Rules(checkpoint_rows=32)


async def main(settings: Settings) -> None:
    engine_module._GENERATION = 0  # type: ignore[misc]
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    await workerpart.run(settings, stop, lambda port: print(f"up {port}", flush=True), world, RULES)
    print("stopped", flush=True)


if __name__ == "__main__":
    set_up_logging("worker")
    asyncio.run(main(Settings(**json.loads(sys.argv[1]))))
