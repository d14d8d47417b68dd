"""Memory of the whole embedded system with 5,000 trucks under steady load: how much, and whether it grows.

A page that several processes share (most are of libraries) is counted once; what each process would show
by itself is told beside it.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

from bench.report import Row, parser, tell
from bench.system import System, read_json, register, running


def _shares_mb(system: System) -> dict[str, float]:
    """Memory of each part and the supervisor: of a page that n processes share, each has the nth part."""
    found = {}
    for name, pid in (system.children() | {"supervisor": system.process.pid}).items():
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
        found[name] = next(int(line.split()[1]) for line in lines if line.startswith("Pss:")) / 1024
    return found


def main() -> int:
    """Run and tell."""
    made = parser(__doc__, 600)
    made.add_argument("--devices", type=int, default=5_000)
    made.add_argument("--rate", type=float, default=2_500.0, help="reports a second")
    options = made.parse_args()
    with tempfile.TemporaryDirectory(prefix="corridor-bench-") as root:
        folder = Path(root) / "data"
        register(folder, options.devices)
        with running(folder) as system:
            system.wait_caught_up(60)
            words = [sys.executable, "-m", "bench.load", "--port", str(system.local.mqtt_port)]
            words += ["--devices", str(options.devices), "--rate", str(options.rate)]
            load = subprocess.Popen([*words, "--seconds", str(options.seconds)], stdout=subprocess.PIPE)
            seen: list[dict[str, float]] = []
            each: dict[str, float] = {}
            while load.poll() is None:
                time.sleep(options.seconds / 60)
                if load.poll() is None:
                    each = system.memory_mb()
                    seen.append(_shares_mb(system))
            assert load.stdout is not None
            figures = read_json(load.stdout.read())
            system.wait_caught_up(60)
        if figures["refused"]:
            raise SystemExit(f"refused: {figures}")
    totals = np.array([sum(one.values()) for one in seen])
    middle, end = totals[len(totals) // 3 : len(totals) // 2].mean(), totals[-len(totals) // 6 :].mean()
    rows = [
        Row("most memory, all processes", float(totals.max()), "MB"),
        Row(
            "memory at the end", float(end), "MB", "from a third to the half of the run", float(end / middle)
        ),
        Row("reports durable", figures["durable"], "reports"),
        Row(
            "put off or not answered, which a truck sends again",
            figures["sent"] - figures["durable"],
            "reports",
        ),
    ]
    rows += [Row(f"memory of {name} at the end", mb, "MB") for name, mb in seen[-1].items()]
    rows += [Row(f"resident memory of {name} at the end", mb, "MB") for name, mb in each.items()]
    tell("soak", rows, options.json)
    return 0


if __name__ == "__main__":
    sys.exit(main())
