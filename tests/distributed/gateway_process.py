"""A gateway of a group as a process of its own, for tests that kill it.

Its one argument is JSON: ``broker`` (fields of ``gateway.mqtt.Broker``), ``log`` (a file that the group's
gateways share), ``folder``, ``group``, ``devices``.
"""

from __future__ import annotations

import asyncio
import json
import signal
import sys
from pathlib import Path
from typing import Any

from feeds.deadletters import DeadLetters
from gateway.mqtt import Broker
from gateway.registry import Fitted, MemoryRegistry
from gateway.service import GatewaySettings, run_gateway
from streams.sqlite_log import SqliteLog


async def main(given: dict[str, Any]) -> None:
    folder, stop = Path(given["folder"]), asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    settings = GatewaySettings(
        Broker(**given["broker"]), folder / "gateway.json", group=given["group"], client_id="corridor-gateway"
    )
    log, letters = SqliteLog(Path(given["log"])), DeadLetters(folder / "dead.db")
    registry = MemoryRegistry({name: Fitted(f"asset_{name}", "demo", 0) for name in given["devices"]})
    try:
        await run_gateway(settings, log, registry, letters, stop)
    finally:
        letters.close()
        log.close()


if __name__ == "__main__":
    asyncio.run(main(json.loads(sys.argv[1])))
