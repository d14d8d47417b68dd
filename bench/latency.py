"""From a report's publish to its event at a WebSocket client, at a tenth of full load.

Each probe is a device's first report: its visit of the country comes as an event. The load generator runs
beside it at a tenth of the rate of ``bench.ingest``.
"""

from __future__ import annotations

import asyncio
import json
import sys
import tempfile
import time
from collections.abc import Coroutine
from pathlib import Path
from typing import Any

import aiomqtt
import cbor2
import numpy as np
import websockets

from bench.load import device_name
from bench.report import Row, parser, tell
from bench.system import register, running
from corridor.folder import Local
from streams.events import Kind, object_id


async def probe(local: Local, first: int, count: int, every_s: float) -> list[float]:
    """Milliseconds from publish to event of ``count`` devices from number ``first`` on."""
    sent: dict[str, float] = {}
    took: list[float] = []
    url = local.url.replace("http", "ws", 1) + "/v1/live"
    async with websockets.connect(url) as socket, aiomqtt.Client(local.mqtt_host, local.mqtt_port) as mqtt:
        await socket.send(json.dumps({"type": "hello", "key": local.key, "view": None, "max_hz": 1}))
        listening = asyncio.create_task(_listen(socket, sent, took))
        for number in range(first, first + count):
            asset = object_id(Kind.ASSET, "main", f"LOAD{number:013d}")
            now = int(time.time() * 1000)
            report = {
                "v": 1,
                "boot": "probe",
                "boot_n": 1,
                "seq": 0,
                "t": [now],
                "lon": [102.0],
                "lat": [23.0],
            }
            sent[asset] = time.perf_counter()
            await mqtt.publish(f"corridor/v1/{device_name(number)}/report", cbor2.dumps(report), qos=1)
            await asyncio.sleep(every_s)
        await asyncio.sleep(2)
        listening.cancel()
    if len(took) < count:
        raise SystemExit(f"got {len(took)} events, want {count}")
    return took


async def _listen(socket: Any, sent: dict[str, float], took: list[float]) -> None:
    async for text in socket:
        message = json.loads(text)
        if message["type"] == "event" and message["kind"] == "visit":
            begun = sent.pop(message["asset"], None)
            if begun is not None:
                took.append((time.perf_counter() - begun) * 1000)


def main() -> int:
    """Run and tell."""
    made = parser(__doc__, 20)
    made.add_argument("--rate", type=float, default=1_000.0, help="reports a second beside it")
    options = made.parse_args()
    every_s = 0.1
    count, devices = int(options.seconds / every_s), 1_000
    with tempfile.TemporaryDirectory(prefix="corridor-bench-") as root:
        folder = Path(root) / "data"
        register(folder, devices + 2 * count)
        with running(folder) as system:
            system.wait_caught_up(30)
            quiet = asyncio.run(probe(system.local, devices + count, count, every_s))
            work = probe(system.local, devices, count, every_s)
            loaded = asyncio.run(beside_load(system.local, devices, options, work))
    rows = []
    for name, took in (("idle", quiet), (f"{options.rate * 10:,.0f} samples/s", loaded)):
        for percent in (50, 99):
            value = float(np.percentile(took, percent))
            peer = float(np.percentile(quiet, percent))
            rows.append(
                Row(f"publish to event, {name}, p{percent}", value, "ms", f"idle p{percent}", value / peer)
            )
    tell("latency", rows, options.json)
    return 0


async def beside_load(
    local: Local, devices: int, options: Any, work: Coroutine[Any, Any, list[float]]
) -> list[float]:
    """What ``work`` gives beside the load generator at ``options.rate``."""
    words = ["-m", "bench.load", "--port", str(local.mqtt_port), "--devices", str(devices)]
    words += ["--rate", str(options.rate), "--seconds", str(options.seconds + 5)]
    load = await asyncio.create_subprocess_exec(sys.executable, *words, stdout=asyncio.subprocess.DEVNULL)
    await asyncio.sleep(3)
    took = await work
    await load.wait()
    return took


if __name__ == "__main__":
    sys.exit(main())
