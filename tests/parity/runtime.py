"""What a runtime is to the parity tests, and the embedded one.

Another runtime gets the recorded log into its own log, folds it with runners that do not speak (notes and
ticks are records already), one for each partition, and gives back what its consumers see: all events, and a
read model that was made of them. ``objects`` dumps a read model, ``kept`` the events in one.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Protocol

from feeds import readhistory, readsql
from feeds.readmodel import ReadModel
from streams.engine import World
from streams.events import Event
from streams.runtime import embedded
from streams.runtime.embedded import Runner
from streams.runtime.pastfolder import PastFolder
from streams.runtime.snapshots import SnapshotFiles
from streams.sqlite_log import SqliteLog
from tests.parity.record import Recorded, shipped_world

_OBJECTS: Final = (
    f"SELECT {readsql.OBJECT_COLUMNS}, gate, zone, state, fleet, device FROM objects ORDER BY kind, id"
)


@dataclass(frozen=True)
class Outcome:
    """What a runtime served. ``events``: by partition, in the order of their numbers; ``objects``: the rows
    of its read model as text, by kind and id, without the order in which they were written."""

    name: str
    events: tuple[tuple[Event, ...], ...]
    objects: dict[tuple[str, str], str]


class Runtime(Protocol):
    """A way to fold a log. ``name`` is for people."""

    @property
    def name(self) -> str: ...

    def run(self, recorded: Recorded, folder: Path) -> Outcome:
        """Fold all of the log, from its beginning, with files in the empty ``folder``; returns when every
        partition's last record is folded and everything is served."""
        ...


def objects(read_model: Path) -> dict[tuple[str, str], str]:
    """The rows of a read model's file, by kind and id."""
    with closing(sqlite3.connect(f"file:{read_model}?mode=ro", uri=True)) as db:
        return {(row[0], row[1]): repr(row[2:]) for row in db.execute(_OBJECTS)}


def kept(read_model: Path, partitions: int) -> tuple[tuple[Event, ...], ...]:
    """All events in a read model's file, by partition."""
    return tuple(tuple(readhistory.events(read_model, p, 0)) for p in range(partitions))


def served(name: str, events: Sequence[Sequence[Event]], folder: Path) -> Outcome:
    """The outcome of a runtime that gives only events: the read model is made of them here."""
    path = folder / "served.db"
    with ReadModel(path, len(events)) as read:
        for partition, some in enumerate(events):
            if some:
                read.apply(partition, some[-1].position, some)
    return Outcome(name, tuple(map(tuple, events)), objects(path))


@dataclass(frozen=True)
class Embedded:
    """The embedded runtime: a SQLite log, a runner for each partition in one thread, one read model.

    ``read_bytes``: at most so many in a step; ``dies_every``: after so many steps a runner is thrown away and
    another one begins from the files (0: never); ``checkpoint_every``: steps between snapshots.
    """

    name: str = "embedded"
    read_bytes: int = 4 << 20
    dies_every: int = 0
    checkpoint_every: int = 3

    def run(self, recorded: Recorded, folder: Path) -> Outcome:
        """See Runtime.run."""
        partitions, world = recorded.partitions, shipped_world()
        log = SqliteLog(folder / "log.db", partitions)
        recorded.into(log)
        path = folder / "read.db"
        before, embedded._READ_BYTES = embedded._READ_BYTES, self.read_bytes  # type: ignore[misc]
        try:
            with ReadModel(path, partitions) as read:
                for partition in range(partitions):
                    self._fold(log, read, world, folder / f"p{partition}", partition)
        finally:
            embedded._READ_BYTES = before  # type: ignore[misc]
            log.close()
        return Outcome(self.name, kept(path, partitions), objects(path))

    def _fold(self, log: SqliteLog, read: ReadModel, world: World, folder: Path, partition: int) -> None:
        steps, runner = 0, self._started(log, read, world, folder, partition)
        while runner.step().records:
            steps += 1
            if steps % self.checkpoint_every == 0:
                runner.checkpoint()
            if self.dies_every and steps % self.dies_every == 0:
                runner = self._started(log, read, world, folder, partition)
        assert (runner.bad_records, runner.replays_differ) == (0, 0)

    @staticmethod
    def _started(log: SqliteLog, read: ReadModel, world: World, folder: Path, partition: int) -> Runner:
        files, past = SnapshotFiles(folder / "snapshots", partition), PastFolder(folder / "past")
        runner = Runner(log, world, read, files, past, partition, partitions=log.partitions)
        runner.recover()
        return runner
