"""Makes recorded logs: everything the sources send, through the gateway's decoder into the log of a system
of n partitions whose notes and ticks are written down with the rest.

    python -m tests.parity.record --partitions 4 recorded.db     as a log file, a record a row
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Final

import geofences
from gateway.batch import Arrived, Buses, prepare
from gateway.recent import Recent
from gateway.registry import Fitted
from streams.codec import dump_json
from streams.engine import World
from streams.events import Event, Kind
from streams.homes import command_home, home
from streams.log import Log
from streams.memory_log import MemoryLog
from streams.records import LogRecord, NewRecord, RecordKind
from streams.runtime.embedded import Runner
from streams.runtime.pastfolder import PastFolder
from streams.runtime.snapshots import SnapshotFiles
from streams.sqlite_log import SqliteLog
from tests.parity.sources import (
    TENANT,
    Sent,
    Source,
    command,
    demo,
    edits,
    exporters,
    random_trucks,
    real_trips,
)
from tests.property.cluster import Kept

_BATCH: Final = 100  # reports that a gateway appends at once
_ALL: Final = 1 << 40


@dataclass(frozen=True)
class Recorded:
    """A log as it was in the end, and the events that were served while it grew.

    ``logs``, ``events``: by partition; positions count from 1 without holes.
    """

    logs: tuple[tuple[LogRecord, ...], ...]
    events: tuple[tuple[Event, ...], ...]

    @property
    def partitions(self) -> int:
        """How many partitions there are."""
        return len(self.logs)

    def ends(self) -> list[int]:
        """Each partition's last position."""
        return [len(log) for log in self.logs]

    def into(self, log: Log) -> None:
        """Append everything to an empty log of as many partitions; positions come out the same."""
        for partition, records in enumerate(self.logs):
            for first in range(0, len(records), 500):
                some = records[first : first + 500]
                made = log.append([NewRecord(partition, r.kind, r.received_ms, r.key, r.body) for r in some])
                assert made == [r.position for r in some], f"partition {partition} was not empty"


@cache
def shipped_world() -> World:
    """The zones and gates that ship; for one thread."""
    return World(*geofences.world())


class _System:
    """A system that runs while its log is recorded; it decodes as a gateway does."""

    def __init__(self, folder: Path, partitions: int) -> None:
        self.log, self.sink = MemoryLog(partitions, 1 << 32), Kept(partitions)
        world, self._buses = shipped_world(), Buses()
        self._runners = [
            Runner(
                self.log,
                world,
                self.sink,
                SnapshotFiles(folder / f"p{p}", p),
                PastFolder(folder / f"past{p}"),
                p,
                speaks=True,
                partitions=partitions,
            )
            for p in range(partitions)
        ]
        for runner in self._runners:
            runner.recover()
        self.fitted: dict[str, str] = {}
        self._commands = 0
        self._answered: set[str] = set()

    def command(self, name: str, data: dict[str, Any], now_ms: int) -> None:
        self._commands += 1
        body = command(name, self._commands, data)
        place = command_home(body, self.log.partitions)
        self.log.append([NewRecord(place, RecordKind.COMMAND, now_ms, body["id"], dump_json(body))])

    def reports(self, sent: Sequence[Sent]) -> None:
        """Append what arrived; a gateway that knows nothing of reports before these."""
        places = {one.device: self.fitted[one.device] for one in sent}
        partitions = self.log.partitions
        fitted = {d: Fitted(asset, TENANT, home(asset, partitions)) for d, asset in places.items()}
        arrived = [Arrived(one.device, fitted[one.device], one.payload, one.received_ms) for one in sent]
        self.log.append(prepare(arrived, Recent(), self._buses, sent[-1].received_ms).records)

    def answers(self, now_ms: int) -> None:
        """The authority releases whatever it is asked for."""
        events = (event for some in self.sink.events for event in some)
        for event in [event for event in events if event.kind is Kind.RELEASE]:
            if event.data["state"] == "requested" and event.id not in self._answered:
                self._answered.add(event.id)
                about = {"asset": event.asset, "case": event.data["case"], "request": event.id}
                says = {"decision": "release", "reason": "", "at_ms": now_ms, "message": f"m-{event.id}"}
                self.command(
                    "authority.decide", about | says | {"authority": event.data["authority"]}, now_ms
                )

    def ticks(self, now_ms: int) -> None:
        for runner in self._runners:
            runner.tick(now_ms)

    def settle(self) -> None:
        """Until no runner finds anything, so that every note lies in the log."""
        while sum(runner.step().records for runner in self._runners):
            pass

    def recorded(self) -> Recorded:
        logs = [tuple(self.log.read(p, 0, _ALL)) for p in range(self.log.partitions)]
        return Recorded(tuple(logs), tuple(tuple(events) for events in self.sink.events))


def record(sources: Sequence[Source], partitions: int) -> Recorded:
    """The log of a system of ``partitions`` that hears of all ``sources`` in the order of receipt.

    Trucks are registered and their devices fitted first; later zones are edited, and every fiftieth device is
    moved to the truck after the next.
    """
    trucks = [truck for source in sources for truck in source.trucks]
    sent = sorted(one for source in sources for one in source.sent)
    with tempfile.TemporaryDirectory() as folder:
        system = _System(Path(folder), partitions)
        begin = sent[0].received_ms
        for truck in trucks:
            known = {} if truck.chassis is None else {"chassis": truck.chassis, "chassis_scheme": "OEM"}
            system.command("asset.register", {"vin": truck.vin, "name": truck.device, **known}, begin)
            system.command("device.fit", {"device": truck.device, "asset": truck.asset}, begin)
            system.fitted[truck.device] = truck.asset
        system.settle()
        moves = list(zip(trucks[::50], trucks[2::50], strict=False))
        waiting = edits()
        papers = sorted((one for source in sources for one in source.papers), key=lambda one: one[0])
        for first, some in _batches(sent):
            while waiting and first >= waiting[0][0] * len(sent):
                _, name, data = waiting.pop(0)
                system.command(name, data, some[0].received_ms)
            if moves and first * 2 >= len(sent):
                for one, other in moves:
                    now = some[0].received_ms
                    system.command("device.fit", {"device": one.device, "asset": other.asset}, now)  # refused
                    system.command("device.unfit", {"device": one.device}, now)
                    system.settle()
                    system.command("device.fit", {"device": one.device, "asset": other.asset}, now)
                    system.fitted[one.device] = other.asset
                moves = []
            while papers and papers[0][0] <= some[-1].received_ms:
                _, name, data = papers.pop(0)
                system.command(name, data, some[-1].received_ms)
            system.reports(some)
            if first // _BATCH % 3 == 0:  # else what one partition tells another comes behind further reports
                system.settle()
            if first // _BATCH % 20 == 0:
                system.ticks(some[-1].received_ms)
                system.answers(some[-1].received_ms)
        for hours in (1, 24):
            system.settle()
            system.ticks(sent[-1].received_ms + hours * 3_600_000)
        system.settle()
        return system.recorded()


def _batches(sent: list[Sent]) -> Iterator[tuple[int, list[Sent]]]:
    for first in range(0, len(sent), _BATCH):
        yield first, sent[first : first + _BATCH]


@cache
def recorded(partitions: int) -> Recorded:
    """All sources in a log of ``partitions`` partitions; made once."""
    with tempfile.TemporaryDirectory() as folder:
        sources = [
            demo(Path(folder) / "demo"),
            real_trips(),
            random_trucks(),
            exporters(Path(folder) / "twelve"),
        ]
    return record(sources, partitions)


def main() -> None:
    """Write a recorded log to a file."""
    parser = argparse.ArgumentParser(description="record a log for parity tests")
    parser.add_argument("file", type=Path)
    parser.add_argument("--partitions", type=int, default=4)
    given = parser.parse_args()
    made = recorded(given.partitions)
    log = SqliteLog(given.file, given.partitions)
    made.into(log)
    log.close()
    print(f"{given.file}: records {made.ends()}, events {[len(events) for events in made.events]}")


if __name__ == "__main__":
    main()
