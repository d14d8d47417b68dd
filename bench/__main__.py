"""Benchmarks one after the other; their JSON goes to ``bench/results``. ``make bench`` runs this.

Those that need servers (``SERVED``) are run by their names, after ``make servers``.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

NAMES = (
    *(
        "mqtt_clients",
        "geofence",
        "engine",
        "state",
        "history",
        "past",
        "ingest",
        "latency",
        "conflict",
        "starts",
        "soak",
    ),
    "scale",
    "reconcile",
    "clearance",
    "cover",
    "ledger",
    "ledgerlarge",
    "signed",
    "completeness",
    "feed",
    "verify",
)
SERVED = ("influx", "tsbs", "worker", "distributed")


def main() -> int:
    """Run each with the words given; 1 when one failed."""
    failed = []
    for name in NAMES:
        words = [sys.executable, "-m", f"bench.{name}", "--json", str(Path("bench/results") / f"{name}.json")]
        if subprocess.run([*words, *sys.argv[1:]], check=False).returncode:
            failed.append(name)
    if failed:
        print(f"failed: {', '.join(failed)}", file=sys.stderr)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
