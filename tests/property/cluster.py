"""A system of several partitions in one thread: one log, a runner each, any of which may die at any point."""

from __future__ import annotations

from collections.abc import Sequence
from enum import Enum
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from streams.codec import decode_frame, dump_json, encode_frame
from streams.engine import Rules, World
from streams.events import Event
from streams.homes import command_home, home
from streams.memory_log import MemoryLog
from streams.records import Frame, LogRecord, NewRecord, RecordKind
from streams.runtime.embedded import Runner
from streams.runtime.pastfolder import PastFolder
from streams.runtime.snapshots import SnapshotFiles


class Killed(BaseException):
    """The process is gone."""


class At(Enum):
    """Where in a step a process dies, or that it goes on."""

    GOES_ON = "goes on"
    FOLDED = "records were folded, their events are not committed"
    COMMITTED = "the events are committed, the notes are not in the log"
    SENT = "the notes are in the log, nobody knows it"


class Kept:
    """A sink in memory: events by partition, each once."""

    def __init__(self, partitions: int) -> None:
        self.events: list[list[Event]] = [[] for _ in range(partitions)]
        self._covered = [0] * partitions
        self.dies = At.GOES_ON

    def apply(self, partition: int, position: int, events: Sequence[Event]) -> None:
        if self.dies is At.FOLDED:
            raise Killed
        held = self.events[partition]
        for event in events:
            if event.number <= len(held):
                assert held[event.number - 1] == event
            else:
                assert event.number == len(held) + 1
                held.append(event)
        self._covered[partition] = max(position, self._covered[partition])

    def position(self, partition: int) -> int:
        return self._covered[partition]

    def last_number(self, partition: int) -> int:
        return len(self.events[partition])


class Deadly(MemoryLog):
    """A log whose writer may die before or after an append."""

    dies = At.GOES_ON

    def append(self, records: Sequence[NewRecord]) -> list[int]:
        if self.dies is At.COMMITTED:
            raise Killed
        done = super().append(records)
        if self.dies is At.SENT:
            raise Killed
        return done


class Cluster:
    """``partitions`` runners that speak, in ``folder``; ``now_ms`` is the clock of who appends."""

    def __init__(
        self,
        folder: Path,
        partitions: int,
        world: World,
        rules: Rules | None = None,
        regimes: Sequence[str] | None = None,
    ) -> None:
        self.folder, self.partitions, self._world, self._rules = folder, partitions, world, rules
        self._regimes = regimes
        self.log, self.sink = Deadly(partitions), Kept(partitions)
        self.runners = [self._started(partition) for partition in range(partitions)]

    def _started(self, partition: int) -> Runner:
        place = self.folder / f"p{partition}"
        files, past = SnapshotFiles(place / "snapshots", partition), PastFolder(place / "past")
        runner = Runner(
            self.log,
            self._world,
            self.sink,
            files,
            past,
            partition,
            self._rules,
            speaks=True,
            partitions=self.partitions,
            regimes=self._regimes,
        )
        runner.recover()
        return runner

    def command(self, body: dict[str, Any], now_ms: int) -> None:
        """Append a command at its home."""
        place = command_home(body, self.partitions)
        self.log.append([NewRecord(place, RecordKind.COMMAND, now_ms, body["id"], dump_json(body))])

    def frame(self, frame: Frame, now_ms: int) -> None:
        """Append the reports of a frame, each at the home of its asset."""
        self.log.append(
            [
                NewRecord(place, RecordKind.FRAME, now_ms, "", encode_frame(part))
                for place, part in split(frame, self.partitions)
            ]
        )

    def ticks(self, now_ms: int) -> None:
        """Append that it is ``now_ms``, everywhere."""
        self.log.append([NewRecord(p, RecordKind.TICK, now_ms, "", b"") for p in range(self.partitions)])

    def again(self, place: int, number: int) -> None:
        """Append a note that partition ``place`` has had already once more."""
        notes = self.notes(place)
        if notes:
            old = notes[number % len(notes)]
            self.log.append([NewRecord(place, old.kind, old.received_ms, old.key, old.body)])

    def notes(self, place: int) -> list[LogRecord]:
        """The notes in a partition."""
        return [r for r in self.log.read(place, 0, 1 << 40) if r.kind is RecordKind.NOTE]

    def step(self, place: int, dies: At = At.GOES_ON) -> int:
        """A step of one runner; one that dies is started anew. Returns the records folded."""
        self.log.dies = self.sink.dies = dies
        try:
            return self.runners[place].step().records
        except Killed:
            self.log.dies = self.sink.dies = At.GOES_ON
            self.restart(place)
            return 1
        finally:
            self.log.dies = self.sink.dies = At.GOES_ON

    def restart(self, place: int) -> None:
        """Throw a runner away and begin from its files."""
        self.runners[place] = self._started(place)

    def checkpoint(self, place: int) -> bool:
        """Let a runner write a snapshot; whether it did."""
        return self.runners[place].checkpoint()

    def settle(self) -> None:
        """Step until nobody has anything to do."""
        while sum(self.step(place) for place in range(self.partitions)):
            pass

    def events(self) -> list[Event]:
        """All events, partition by partition."""
        return [event for events in self.sink.events for event in events]


def split(frame: Frame, partitions: int) -> list[tuple[int, Frame]]:
    """The frame's reports by the homes of their assets."""
    assets = frame.reports.column("asset").to_pylist()
    homes = [home(asset, partitions) for asset in assets]
    if len(set(homes)) == 1:
        return [(homes[0], frame)]
    return [(place, _part(frame, homes, place)) for place in sorted(set(homes))]


def _part(frame: Frame, homes: list[int], place: int) -> Frame:
    rows = [row for row, one in enumerate(homes) if one == place]
    renamed = {row: number for number, row in enumerate(rows)}
    samples = pa.Table.from_batches([frame.samples])
    kept = samples.filter(pc.is_in(samples["report"], value_set=pa.array(rows, pa.int32())))
    numbers = pa.array([renamed[row] for row in kept["report"].to_pylist()], pa.int32())
    kept = kept.set_column(0, frame.samples.schema.field("report"), numbers)
    reports = frame.reports.take(pa.array(rows, pa.int64()))
    assert not frame.extras.num_rows, "extras are not split: got some, want none"
    return decode_frame(encode_frame(Frame(reports, _batch(kept, frame.samples.schema), frame.extras)))


def _batch(table: pa.Table, schema: pa.Schema) -> pa.RecordBatch:
    batches = table.combine_chunks().to_batches()
    return batches[0] if batches else pa.RecordBatch.from_pylist([], schema=schema)
