"""From a report's publish to its event at a WebSocket client, at a tenth of full load.

Each probe is a device's first report: its visit of the country comes as an event. The load generator runs
beside it at a tenth of the rate of ``bench.ingest``.
"""

from __future__ import annotations

import asyncio
import sys
import tempfile
from pathlib import Path
from typing import Any

from bench.load import device_name
from bench.probes import Probe, beside_load, rows, send
from bench.report import parser, tell
from bench.system import register, running
from streams.events import Kind, object_id

_EVERY_S = 0.1


def first_reports(first: int, count: int) -> list[Probe]:
    """The first reports of ``count`` devices of the load generator."""
    return [
        Probe(device_name(number), object_id(Kind.ASSET, "main", f"LOAD{number:013d}"))
        for number in range(first, first + count)
    ]


def is_visit(message: dict[str, Any]) -> bool:
    """Whether the message tells the visit that a first report opens."""
    return bool(message["kind"] == "visit")


def main() -> int:
    """Run and tell."""
    made = parser(__doc__, 20)
    made.add_argument("--rate", type=float, default=1_000.0, help="reports a second beside it")
    options = made.parse_args()
    count, devices = int(options.seconds / _EVERY_S), 1_000
    with tempfile.TemporaryDirectory(prefix="corridor-bench-") as root:
        folder = Path(root) / "data"
        register(folder, devices + 2 * count)
        with running(folder) as system:
            system.wait_caught_up(30)
            quiet = asyncio.run(send(system.local, first_reports(devices + count, count), is_visit, _EVERY_S))
            work = send(system.local, first_reports(devices, count), is_visit, _EVERY_S)
            loaded = asyncio.run(beside_load(system.local, devices, options, work))
    tell("latency", rows("publish to event", quiet, loaded, options.rate), options.json)
    return 0


if __name__ == "__main__":
    sys.exit(main())
