"""How long ``corridor demo`` takes to the first moving truck: on an empty folder, and on a used one."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from bench.report import Row, parser, tell
from corridor.client import Client, ClientError
from corridor.folder import Folder


def start(folder: Path, patience_s: float) -> tuple[float, float]:
    """Seconds until the system serves, and until a truck has moved."""
    words = [
        sys.executable,
        "-m",
        "corridor",
        "demo",
        "--no-browser",
        "--http-port",
        "0",
        "--data-dir",
        str(folder),
    ]
    begun = time.monotonic()
    process = subprocess.Popen(words, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        local = None
        while local is None or local.pid != process.pid:
            _wait(begun, patience_s)
            local = Folder(folder).local()
        serving = time.monotonic() - begun
        client, first = Client(local), None
        while True:
            _wait(begun, patience_s)
            places = _places(client)
            first = first or places
            if any(first.get(asset) not in (None, place) for asset, place in places.items()):
                return serving, time.monotonic() - begun
    finally:
        process.terminate()
        process.wait(60)


def _places(client: Client) -> dict[str, Any]:
    try:
        features = client.get("/v1/positions")["features"]
    except ClientError:
        return {}
    return {feature["id"]: json.dumps(feature["geometry"]) for feature in features}


def _wait(begun: float, patience_s: float) -> None:
    if time.monotonic() - begun > patience_s:
        raise SystemExit(f"no moving truck after {patience_s:g} s")
    time.sleep(0.05)


def main() -> int:
    """Run and tell."""
    options = parser(__doc__, 60).parse_args()
    with tempfile.TemporaryDirectory(prefix="corridor-bench-") as root:
        cold = start(Path(root) / "demo", max(options.seconds, 30))
        warm = start(Path(root) / "demo", max(options.seconds, 30))
    rows = [
        Row("empty folder: serving", cold[0], "s"),
        Row("empty folder: first moving truck", cold[1], "s"),
        Row("used folder: serving", warm[0], "s", "empty folder", warm[0] / cold[0]),
        Row("used folder: first moving truck", warm[1], "s", "empty folder", warm[1] / cold[1]),
    ]
    tell("starts", rows, options.json)
    return 0


if __name__ == "__main__":
    sys.exit(main())
