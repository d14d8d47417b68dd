"""A worker for tests: ``python -m ... SETTINGS [recorded]``, settings as JSON.

It lives in the small world and asks the past for whatever it can; or it folds a log that was recorded in the
real world, whose notes and ticks are in it.
"""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys

from corridor import workerpart
from corridor.logs import set_up_logging
from corridor.settings import Settings
from streams.engine import Rules
from streams.engine import engine as engine_module
from tests.unit.streams.engine.small_world import world

RULES = Rules(checkpoint_rows=32)


async def main(settings: Settings, recorded: bool) -> None:
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)

    def ready(port: int) -> None:
        print(f"up {port}", flush=True)

    if recorded:
        ended = await workerpart.run(settings, stop, ready, speaks=False)
    else:
        engine_module._GENERATION = 0  # type: ignore[misc]
        ended = await workerpart.run(settings, stop, ready, world, RULES)
    print("stopped", flush=True)
    if not ended:
        os._exit(0)


if __name__ == "__main__":
    set_up_logging("worker")
    asyncio.run(main(Settings(**json.loads(sys.argv[1])), "recorded" in sys.argv[2:]))
