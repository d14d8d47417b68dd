"""A whole embedded system for a benchmark or a fault test: its own folder, ports, processes and fleet."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from bench.load import device_name
from bench.signed_load import enrolment
from corridor.client import Client, ClientError
from corridor.folder import Folder, Local
from streams.codec import dump_json, load_json
from streams.events import Kind, object_id
from streams.records import NewRecord, RecordKind
from streams.sqlite_log import SqliteLog

_START_S: Final = 60.0
_FITTINGS_S: Final = 1.0  # the gateway looks for new fittings five times a second


def commands(devices: int, keyed: bool = False) -> Iterator[dict[str, Any]]:
    """The commands that register ``devices`` assets and fit the load generator's devices to them.

    ``keyed``: each device has its key, too.
    """
    for number in range(devices):
        vin = f"LOAD{number:013d}"
        asset = object_id(Kind.ASSET, "main", vin)
        base = {"tenant": "main", "by": "bench"}
        yield base | {"id": f"cmd_a{number}", "command": "asset.register", "data": {"vin": vin, "name": vin}}
        fitted = {"device": device_name(number), "asset": asset}
        yield base | {"id": f"cmd_d{number}", "command": "device.fit", "data": fitted}
        if keyed:
            key = enrolment(device_name(number))
            yield base | {"id": f"cmd_k{number}", "command": "device.key", "data": key}


def register(folder: Path, devices: int, keyed: bool = False) -> None:
    """Write the commands into the log of a system that does not run yet."""
    log = SqliteLog(folder / "log.db")
    now = int(time.time() * 1000) - 86_400_000
    log.append(
        [NewRecord(0, RecordKind.COMMAND, now, c["id"], dump_json(c)) for c in commands(devices, keyed)]
    )
    log.close()


def cpu_of(pid: int) -> float:
    """Seconds of processor time that a process has used so far."""
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


@dataclass(slots=True)
class System:
    """A running ``corridor up``."""

    folder: Path
    process: subprocess.Popen[bytes]
    local: Local

    def children(self) -> dict[str, int]:
        """Process ids by part: gateway, hub, broker."""
        found = {}
        for pid in _children_of(self.process.pid):
            words = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
            if b"gateway.broker" in words:
                found["broker"] = pid
            elif b"corridor.parts" in words:
                found[words[words.index(b"corridor.parts") + 1].decode()] = pid
        return found

    def cpu_s(self) -> dict[str, float]:
        """CPU seconds used so far by each part."""
        return {name: cpu_of(pid) for name, pid in self.children().items()}

    def memory_mb(self) -> dict[str, float]:
        """Resident memory of each part and the supervisor."""
        pids = self.children() | {"supervisor": self.process.pid}
        return {name: _rss_mb(pid) for name, pid in pids.items()}

    def client(self) -> Client:
        """A client of its API."""
        return Client(self.local)

    def health(self) -> dict[str, Any]:
        """The answer of /readyz, {} while it can't be had."""
        try:
            answer: dict[str, Any] = self.client().get("/readyz")
            return answer
        except ClientError:
            return {}

    def wait_caught_up(self, timeout_s: float) -> float:
        """Wait until engine and store have read the whole log; returns the seconds that it took."""
        begun = time.monotonic()
        while time.monotonic() - begun < timeout_s:
            checks = self.health().get("checks", {})
            if checks.get("engine_lag_records") == 0 and checks.get("store_lag_records") == 0:
                took = time.monotonic() - begun
                time.sleep(_FITTINGS_S)
                return took
            time.sleep(0.1)
        raise TimeoutError(f"not caught up after {timeout_s:g} s: {self.health()}")

    def stop(self) -> int:
        """End it as Ctrl-C does; returns the exit code."""
        self.process.send_signal(signal.SIGINT)
        return self.process.wait(60)


@contextmanager
def running(folder: Path, **environment: str) -> Iterator[System]:
    """``corridor up`` on ``folder`` with free ports; stopped at the end, by force if need be."""
    process = start(folder, **environment)
    try:
        yield System(folder, process, wait_up(folder, process))
    finally:
        if process.poll() is None:
            process.send_signal(signal.SIGINT)
            try:
                process.wait(60)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def start(folder: Path, **environment: str) -> subprocess.Popen[bytes]:
    """Start ``corridor up`` on ``folder``; its output goes to ``up.log`` there."""
    words = [
        sys.executable,
        "-m",
        "corridor",
        "up",
        "--data-dir",
        str(folder),
        "--http-port",
        "0",
        "--mqtt-port",
        "0",
    ]
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "up.log").open("ab") as output:
        return subprocess.Popen(words, stdout=output, stderr=output, env=os.environ | environment)


def wait_up(folder: Path, process: subprocess.Popen[bytes]) -> Local:
    """Where the system is, once it is ready."""
    deadline = time.monotonic() + _START_S
    while time.monotonic() < deadline:
        if process.poll() is not None:
            raise RuntimeError(
                f"corridor up ended with {process.returncode}: {(folder / 'up.log').read_text()[-2000:]}"
            )
        local = Folder(folder).local()
        if local is not None and local.pid == process.pid:
            return local
        time.sleep(0.05)
    raise TimeoutError(f"corridor up was not ready after {_START_S:g} s")


def _children_of(pid: int) -> list[int]:
    found = []
    for task in Path(f"/proc/{pid}/task").iterdir():
        found += [int(child) for child in (task / "children").read_text().split()]
    return found


def _rss_mb(pid: int) -> float:
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmRSS"):
            return int(line.split()[1]) / 1024
    return 0.0


def stored(folder: Path) -> tuple[int, int]:
    """Samples that a stopped system's store serves, and how many different (asset, instant) they are."""
    from feeds.store.duck import DuckStore

    with DuckStore(folder / "store") as store:
        served = different = 0
        for asset in assets_of(folder):
            times = store.track(asset, -(1 << 62), 1 << 62, 1 << 40).column("t_ms")
            served += len(times)
            different += len(times.unique())
        return served, different


def assets_of(folder: Path) -> list[str]:
    """The assets that the log's commands registered."""
    log, position, found = SqliteLog(folder / "log.db"), 0, []
    while records := log.read(0, position, 1 << 20):
        position = records[-1].position
        made = [load_json(r.body) for r in records if r.kind is RecordKind.COMMAND]
        found += [
            object_id(Kind.ASSET, "main", c["data"]["vin"]) for c in made if c["command"] == "asset.register"
        ]
        if not made:
            break
    return found


def read_json(text: bytes) -> Any:
    """The last line of a program's output as JSON."""
    return json.loads(text.strip().splitlines()[-1])
