"""Gateways of one group on the fenced broker, each a process, all on one log file."""

from __future__ import annotations

import contextlib
import json
import sys
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from streams.codec import decode_frame
from streams.records import RecordKind
from streams.sqlite_log import SqliteLog
from tests.distributed.fenced import GROUP, Fenced
from tests.distributed.process import Server

ROOT = Path(__file__).parents[2]


class Gateway(Server):
    """A gateway's process; ``state`` is what it last said of itself."""

    @property
    def state(self) -> dict[str, Any]:
        """Its health file, empty before the first."""
        path = self.folder / "gateway.json"
        return dict(json.loads(path.read_text())) if path.exists() else {}

    @property
    def nmea(self) -> str:
        """Where it stands with the raw NMEA, in words."""
        return str(self.state.get("broker", {}).get("nmea", ""))

    @property
    def heard(self) -> int:
        """Messages that it has been given."""
        return int(self.state.get("metrics", {}).get("messages", 0))

    def launch(self) -> None:
        """Start it; what an earlier process has said of itself is gone."""
        (self.folder / "gateway.json").unlink(missing_ok=True)
        super().launch()


@dataclass
class Kept:
    """What the log holds: the hashes of each report by device, boot and number; NMEA lines in order."""

    hashes: dict[tuple[str, str], dict[int, list[bytes]]]
    lines: list[str]

    def holes(self) -> dict[tuple[str, str], list[int]]:
        """Numbers that are missing between the first and the last of a boot."""
        found = {
            key: sorted(set(range(min(got), max(got) + 1)) - set(got)) for key, got in self.hashes.items()
        }
        return {key: missing for key, missing in found.items() if missing}

    def conflicts(self) -> list[tuple[str, str, int]]:
        """Reports of one number and different content."""
        return [
            (*key, seq) for key, got in self.hashes.items() for seq, one in got.items() if len(set(one)) > 1
        ]


def kept(path: Path) -> Kept:
    """Read the whole log."""
    log, position = SqliteLog(path), 0
    hashes: dict[tuple[str, str], dict[int, list[bytes]]] = defaultdict(lambda: defaultdict(list))
    lines: list[str] = []
    while records := log.read(0, position, 16 << 20):
        position = records[-1].position
        for record in records:
            if record.kind is not RecordKind.FRAME:
                continue
            for row in decode_frame(record.body).reports.to_pylist():
                if row["boot"].startswith("nmea"):
                    lines += row["raw"].decode().splitlines()
                else:
                    hashes[row["device"], row["boot"]][row["seq"]].append(row["hash"])
    log.close()
    return Kept(hashes, lines)


@contextlib.contextmanager
def gateways(broker: Fenced, folder: Path, devices: Sequence[str], count: int = 2) -> Iterator[list[Gateway]]:
    """``count`` gateways that are connected, of which one has the raw NMEA."""
    with contextlib.ExitStack() as ending:
        found = []
        for number in range(1, count + 1):
            own = folder / f"gateway-{number}"
            own.mkdir(parents=True)
            given = {"broker": asdict(broker.gateway(f"gateway-{number}")), "log": str(folder / "log.db")}
            given |= {"folder": str(own), "group": GROUP, "devices": list(devices)}
            words = [sys.executable, "-m", "tests.distributed.gateway_process", json.dumps(given)]
            gateway = Gateway(
                f"gateway-{number}", words, own, lambda: False, environment={"PYTHONPATH": str(ROOT)}
            )
            gateway._ready = lambda gateway=gateway: gateway.state.get("state") == "ok"  # type: ignore[misc]
            gateway.launch()
            ending.callback(Server.stop, gateway)
            found.append(gateway)
        for gateway in found:
            gateway.wait_ready()
        until(lambda: len(holders(found)) == 1)
        yield found


def holders(found: Sequence[Gateway]) -> list[Gateway]:
    """Who has the raw NMEA, by their own word."""
    return [one for one in found if one.running and one.nmea.startswith("connected to")]


def until(true: Callable[[], Any], timeout_s: float = 40.0) -> None:
    """Wait until it is so. Raises AssertionError."""
    deadline = time.monotonic() + timeout_s
    while not true():
        assert time.monotonic() < deadline, f"not so after {timeout_s:g} s"
        time.sleep(0.05)
