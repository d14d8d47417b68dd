"""A gateway as a process of its own, for tests that kill it: its arguments are PORT FOLDER DEVICE..."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

from feeds.deadletters import DeadLetters
from gateway.mqtt import Broker
from gateway.registry import Fitted, MemoryRegistry
from gateway.service import GatewaySettings, run_gateway
from streams.sqlite_log import SqliteLog


async def main(port: int, folder: Path, devices: list[str]) -> None:
    await run_gateway(
        GatewaySettings(Broker("127.0.0.1", port), folder / "gateway.json"),
        SqliteLog(folder / "log.db"),
        MemoryRegistry({device: Fitted(f"asset_{device}", "demo", 0) for device in devices}),
        DeadLetters(folder / "dead.db"),
        asyncio.Event(),
    )


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1]), Path(sys.argv[2]), sys.argv[3:]))
