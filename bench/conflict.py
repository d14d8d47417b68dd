"""From a foreign VIN on the bus to the case in manual verification at a WebSocket, at a tenth of full load.

Each probe is a vehicle with a filing; its first report carries the VIN of another. The load generator runs
beside it at a tenth of the rate of ``bench.ingest``.
"""

from __future__ import annotations

import asyncio
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from bench.probes import Probe, beside_load, rows, send
from bench.report import parser, tell
from bench.system import register, running
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


def _probes(first: int, count: int) -> list[Probe]:
    foreign = {"kind": "identity", "source": 0, "vin": "WDSTSTXRM99999999"}
    return [
        Probe(device(number), object_id(Kind.ASSET, "main", vin(number)), (foreign,))
        for number in range(first, first + count)
    ]


def _manual(message: dict[str, Any]) -> bool:
    return bool(message["kind"] == "case" and message["object"]["state"] == "manual_verification")


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
            quiet = asyncio.run(send(system.local, _probes(count, count), _manual, every_s))
            work = send(system.local, _probes(0, count), _manual, every_s)
            loaded = asyncio.run(beside_load(system.local, devices, options, work))
    what = "foreign VIN to manual verification"
    tell("conflict", rows(what, quiet, loaded, options.rate), options.json)
    return 0


if __name__ == "__main__":
    sys.exit(main())
