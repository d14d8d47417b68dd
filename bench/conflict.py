"""From a foreign VIN on the bus to the case in manual verification at a WebSocket, at a tenth of full load.

Each probe is a vehicle with a filing; its first report carries the VIN of another. The load generator runs
beside it at a tenth of the rate of ``bench.ingest``.
"""

from __future__ import annotations

import asyncio
import json
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import aiomqtt
import cbor2
import numpy as np
import websockets

from bench.latency import beside_load
from bench.report import Row, parser, tell
from bench.system import register, running
from corridor.folder import Local
from streams.codec import dump_json
from streams.events import Kind, object_id
from streams.records import NewRecord, RecordKind
from streams.sqlite_log import SqliteLog

_DAY_MS: Final = 86_400_000


def vin(number: int) -> str:
    """The VIN of a probe; its maker's region has no check digit."""
    return f"WDSTSTXRM{number:08d}"


def device(number: int) -> str:
    """The device of a probe."""
    return f"probe-{number:06d}"


def filed(count: int, now_ms: int) -> Iterator[dict[str, Any]]:
    """The commands that register, fit and file ``count`` probes."""
    for number in range(count):
        asset = object_id(Kind.ASSET, "main", vin(number))
        base = {"tenant": "main", "by": "bench", "role": "admin"}
        registered = {"vin": vin(number), "name": vin(number), "chassis": vin(number)}
        fitted = {"device": device(number), "asset": asset}
        filing = {
            "asset": asset,
            "reference": f"BENCH-{number}",
            "vin": vin(number),
            "chassis": vin(number),
            "kind": "tractor",
            "exporter": "Bench",
            "consignee": "Bench",
            "gate": "mohan-boten",
            "direction": "CN>LA",
            "window_from_ms": now_ms,
            "window_until_ms": now_ms + _DAY_MS,
            "batch": None,
            "regime": None,
            "documents": [],
            "data": {},
        }
        yield base | {"id": f"cmd_r{number}", "command": "asset.register", "data": registered}
        yield base | {"id": f"cmd_f{number}", "command": "device.fit", "data": fitted}
        yield base | {"id": f"cmd_l{number}", "command": "filing.lodge", "data": filing}


async def probe(local: Local, first: int, count: int, every_s: float) -> list[float]:
    """Milliseconds from publish to the case's event of ``count`` probes from number ``first`` on."""
    sent: dict[str, float] = {}
    took: list[float] = []
    url = local.url.replace("http", "ws", 1) + "/v1/live"
    async with websockets.connect(url) as socket, aiomqtt.Client(local.mqtt_host, local.mqtt_port) as mqtt:
        await socket.send(json.dumps({"type": "hello", "key": local.key, "view": None, "max_hz": 1}))
        listening = asyncio.create_task(_listen(socket, sent, took))
        for number in range(first, first + count):
            now = int(time.time() * 1000)
            fact = {"t": now, "kind": "identity", "source": 0, "vin": "WDSTSTXRM99999999"}
            report = {"v": 1, "boot": "probe", "boot_n": 1, "seq": 0, "t": [now], "facts": [fact]}
            report |= {"lon": [102.0], "lat": [23.0]}
            sent[object_id(Kind.ASSET, "main", vin(number))] = time.perf_counter()
            await mqtt.publish(f"corridor/v1/{device(number)}/report", cbor2.dumps(report), qos=1)
            await asyncio.sleep(every_s)
        await asyncio.sleep(2)
        listening.cancel()
    if len(took) < count:
        raise SystemExit(f"got {len(took)} cases in manual verification, want {count}")
    return took


async def _listen(socket: Any, sent: dict[str, float], took: list[float]) -> None:
    async for text in socket:
        message = json.loads(text)
        if message["type"] != "event" or message["kind"] != "case":
            continue
        if message["object"]["state"] == "manual_verification":
            begun = sent.pop(message["asset"], None)
            if begun is not None:
                took.append((time.perf_counter() - begun) * 1000)


def main() -> int:
    """Run and tell."""
    made = parser(__doc__, 20)
    made.add_argument("--rate", type=float, default=1_000.0, help="reports a second beside it")
    options = made.parse_args()
    every_s, devices = 0.1, 1_000
    count = int(options.seconds / every_s)
    with tempfile.TemporaryDirectory(prefix="corridor-bench-") as root:
        folder, now = Path(root) / "data", int(time.time() * 1000)
        register(folder, devices)
        log = SqliteLog(folder / "log.db")
        bodies = [dump_json(body) for body in filed(2 * count, now)]
        log.append([NewRecord(0, RecordKind.COMMAND, now, str(n), body) for n, body in enumerate(bodies)])
        log.close()
        with running(folder) as system:
            system.wait_caught_up(60)
            quiet = asyncio.run(probe(system.local, count, count, every_s))
            loaded = asyncio.run(
                beside_load(system.local, devices, options, probe(system.local, 0, count, every_s))
            )
    rows = []
    for name, took in (("idle", quiet), (f"{options.rate * 10:,.0f} samples/s", loaded)):
        for percent in (50, 99):
            value, peer = float(np.percentile(took, percent)), float(np.percentile(quiet, percent))
            what = f"foreign VIN to manual verification, {name}, p{percent}"
            rows.append(Row(what, value, "ms", f"idle p{percent}", value / peer))
    tell("conflict", rows, options.json)
    return 0


if __name__ == "__main__":
    sys.exit(main())
