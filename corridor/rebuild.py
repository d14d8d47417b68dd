"""Everything that is derived made anew from the log, in a folder beside the served one, and compared with it.

The very runner and writer of the running system do it. A whole log is replayed from its beginning. One that
retention has trimmed is replayed from the oldest snapshot that can be used: what was served before stays as
it was, and so does the store, which holds samples that the log has no more. When there is no such snapshot
either, what the log still has is replayed.
"""

from __future__ import annotations

import logging
import shutil
import time
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Final, TypeAlias

import geofences
from corridor.comparison import Comparison, compare
from corridor.folder import Folder
from corridor.redact import touched_by
from corridor.settings import Settings
from corridor.swap import finish, swap
from feeds import readhistory, readredact, redactions
from feeds.readmodel import ReadModel, ReadModelError
from feeds.readredact import Ids
from feeds.redactions import RedactionsError
from feeds.store import purge
from feeds.store.duck import DuckStore
from feeds.store.port import StoreError
from feeds.store.writer import StoreWriter
from streams.engine import SnapshotError, World, restore
from streams.log import LogError
from streams.past import PastError
from streams.records import NewRecord
from streams.runtime.chunks import ChunkFiles
from streams.runtime.embedded import LogBehindError, LogTrimmedError, Runner
from streams.runtime.pastfolder import PastFolder
from streams.runtime.snapshots import SnapshotFiles
from streams.sqlite_log import SqliteLog

_CHECKPOINT_S: Final = 10.0
_FAILURES: Final = 3  # in a row: the runner leaves a record out after two
_TROUBLE: Final = (
    *(LogError, ReadModelError, StoreError, PastError, LogBehindError, LogTrimmedError),
    RedactionsError,
)
_log = logging.getLogger("corridor.rebuild")

Progress: TypeAlias = Callable[[str, int, int], None]
"""Called with the phase, the records done and the records in all."""


class RebuildError(Exception):
    """Nothing was rebuilt and nothing changed; the message says why."""


@dataclass(frozen=True, slots=True)
class Result:
    """What a rebuild gave. ``begun``: from where; ``unserved``: events of records that were not folded yet;
    ``gone``: the number of the last event that retention deleted, so that none up to it is compared;
    ``redacted``: objects that were redacted: the replay makes them again as far as the log still has what
    they come from, they are not compared and are taken out of the result;
    ``owed``: notes that may not have been sent when the system ended; ``Rebuild.replace`` appends them."""

    begun: str
    comparison: Comparison
    records: int
    bad_records: int
    unserved: int
    gone: int
    names: tuple[str, ...]
    owed: tuple[NewRecord, ...] = ()
    redacted: int = 0


class Rebuild:
    """One rebuild of ``folder``, whose lock the caller holds."""

    def __init__(
        self, settings: Settings, folder: Folder, tell: Progress, world: World | None = None
    ) -> None:
        self._settings, self._folder, self._tell = settings, folder, tell
        self._world = world or World(*geofences.world())
        finish(folder)

    def run(self, from_snapshot: bool = False) -> Result:
        """Rebuild into the side folder and compare. Raises RebuildError; the side folder is gone then."""
        folder = self._folder
        if not folder.log.exists():
            raise RebuildError(f"no log here: got {folder.log}, want the data folder of a system that ran")
        self.drop()
        try:
            side = Folder(folder.rebuild)
            with closing(self._log()) as log:
                return self._run(log, side, from_snapshot)
        except _TROUBLE as error:
            self.drop()
            raise RebuildError(str(error)) from error
        except OSError as error:
            self.drop()
            raise RebuildError(f"{error.filename or folder.root}: {error.strerror or error}") from error
        except BaseException:
            self.drop()
            raise

    def replace(self, result: Result) -> list[str]:
        """Put the rebuilt in place; returns the names under which the old is kept.

        Raises RebuildError, OSError.
        """
        if result.owed:  # before there is a snapshot that covers what they come from
            try:
                with closing(self._log()) as log:
                    log.append(result.owed)
            except LogError as error:
                raise RebuildError(str(error)) from error
        return swap(self._folder, result.names)

    def _log(self) -> SqliteLog:
        return SqliteLog(self._folder.log, self._settings.partitions)

    def drop(self) -> None:
        """Delete the side folder."""
        if self._folder.rebuild.exists():
            shutil.rmtree(self._folder.rebuild)

    def _run(self, log: SqliteLog, side: Folder, from_snapshot: bool) -> Result:
        partitions = range(log.partitions)
        whole = not any(map(log.trimmed, partitions)) and not from_snapshot
        self._require_space(whole)
        begun = [self._prepare(log, side, partition, from_snapshot, whole) for partition in partitions]
        found = Comparison()
        records = bad = unserved = gone = 0
        owed: list[NewRecord] = []
        with closing(ReadModel(side.read, log.partitions)) as read:
            for partition, (_, position) in enumerate(begun):
                runner = self._runner(log, read, side, partition)
                records += self._fold(runner, position)
                bad += runner.bad_records
                owed += runner.outbox.all(runner.engine)
        names = ["read.db", "past", "snapshots"]
        if whole:
            self._store(log, side.store)
            names.append("store")
        redacted = redactions.load(self._folder.redactions)
        ids = touched_by(side.read, redacted)
        for partition, (_, position) in enumerate(begun):
            comparison, more, newest = self._compared(side, partition, position, ids)
            found = found.with_(comparison)
            unserved, gone = unserved + more, max(gone, newest)
        for one in redacted if whole else ():
            purge.redact(side.store, one.assets, one.from_ms, one.to_ms, self._settings.store_memory_mb)
        if ids:
            readredact.redact(side.read, ids)
        readhistory.settle(side.read)
        said = ", ".join(dict.fromkeys(where for where, _ in begun))
        kept = (tuple(names), tuple(owed))
        return Result(said, found, records, bad, unserved, gone, *kept, redacted=len(ids))

    def _runner(self, log: SqliteLog, read: ReadModel, side: Folder, partition: int) -> Runner:
        files = SnapshotFiles(side.snapshots, partition)
        past = PastFolder(side.past_of(partition, log.partitions))
        runner = Runner(log, self._world, read, files, past, partition, partitions=log.partitions)
        served = SnapshotFiles(self._folder.snapshots, partition).positions()
        runner.sent = max(served, default=0)  # what a snapshot covers was sent before it was written
        return runner

    def _prepare(
        self, log: SqliteLog, side: Folder, partition: int, from_snapshot: bool, whole: bool
    ) -> tuple[str, int]:
        """Lay out what a partition's replay begins with; returns where, in words and as a position."""
        if whole:
            return "the beginning of the log", 0
        served, lost = self._folder.read, log.trimmed(partition)
        if not lost and not from_snapshot:
            if served.exists():
                self._rewind(side, partition, 0)
            return "the beginning of the log", 0
        if served.exists():
            for position in SnapshotFiles(self._folder.snapshots, partition).positions():
                if lost <= position <= log.end(partition) and self._take(log, position, side, partition):
                    return f"the snapshot at {position}", position
        if from_snapshot:
            raise RebuildError("there is no snapshot that can be used: rebuild without --from-snapshot")
        if served.exists():
            self._rewind(side, partition, lost)
        return f"position {lost + 1}: what is older was let go of by retention", lost

    def _take(self, log: SqliteLog, position: int, side: Folder, partition: int) -> bool:
        """Take over a snapshot with the past and the read model as of it."""
        into = side.past_of(partition, log.partitions)
        try:
            data = SnapshotFiles(self._folder.snapshots, partition).load(position)
            past = ChunkFiles(self._folder.past_of(partition, log.partitions))
            if past.end < position:
                raise SnapshotError(f"the past goes up to {past.end} only")
            number = restore(data, self._world, past=past, partitions=log.partitions).number
            served = readhistory.last_number(self._folder.read, partition, position)
            if served < number:
                raise SnapshotError(f"it has {number} events behind it, {served} were served")
            into.parent.mkdir(parents=True, exist_ok=True)
            past.copy(into, position)
            self._rewind(side, partition, position)
            SnapshotFiles(side.snapshots, partition).save(position, data)
            return True
        except (SnapshotError, PastError, OSError) as error:
            _log.warning("snapshot_unusable position=%s reason=%s", position, error)
            shutil.rmtree(into, ignore_errors=True)
            return False

    def _rewind(self, side: Folder, partition: int, position: int) -> None:
        """The side folder's read model, as it was when the partition was covered up to ``position``."""
        source, rewound = side.read if side.read.exists() else self._folder.read, side.root / "rewound.db"
        readhistory.rewind(source, rewound, partition, position)
        rewound.replace(side.read)

    def _fold(self, runner: Runner, begin: int) -> int:
        """Fold the log to its end; returns the records."""
        partition = runner.partition
        runner.recover(trimmed=True)
        end = runner.log.end(partition)
        records, failures, saved = 0, 0, time.monotonic()
        while True:
            try:
                folded = runner.step()
                failures = 0
                if not folded.records or time.monotonic() - saved >= _CHECKPOINT_S:
                    runner.sink.apply(partition, runner.engine.position, [])
                    runner.checkpoint()
                    saved = time.monotonic()
                    while runner.past.compact():
                        pass
            except (OSError, MemoryError, LogError, ReadModelError):
                raise
            except Exception as error:
                failures += 1
                if failures == _FAILURES:
                    raise RebuildError(f"can't go on after {runner.engine.position}: {error!r}") from error
                runner.recover(trimmed=True)
                continue
            records += folded.records
            self._tell("fold", max(0, runner.engine.position - begin), end - begin)
            if not folded.records:
                return records

    def _store(self, log: SqliteLog, folder: Path) -> None:
        end = sum(map(log.end, range(log.partitions)))
        with DuckStore(folder, memory_mb=self._settings.store_memory_mb) as store:
            writer = StoreWriter(log, store, range(log.partitions))
            while writer.step():
                self._tell("store", end - writer.lag(), end)
                store.compact(int(time.time() * 1000), 0)

    def _compared(
        self, side: Folder, partition: int, begin: int, redacted: Ids
    ) -> tuple[Comparison, int, int]:
        if not self._folder.read.exists():
            return Comparison(), sum(1 for _ in readhistory.events(side.read, partition, begin)), 0
        with ReadModel(self._folder.read, read_only=True) as read:
            covered = read.position(partition)
        gone = readhistory.trimmed(self._folder.read, partition)
        served = (e for e in readhistory.events(self._folder.read, partition, begin) if e.number > gone)
        made = (e for e in readhistory.events(side.read, partition, begin) if e.number > gone)
        served, made = ((e for e in some if (e.kind, e.id) not in redacted) for some in (served, made))
        comparison = compare(served, (e for e in made if e.position <= covered))
        unserved = sum(1 for e in readhistory.events(side.read, partition, max(begin, covered)))
        return comparison, unserved, gone

    def _require_space(self, whole: bool) -> None:
        folder = self._folder
        paths = [folder.read, folder.past, folder.snapshots, *([folder.store] if whole else [])]
        want = sum(_size(path) for path in paths) + (self._settings.min_free_mb << 20)
        free = shutil.disk_usage(folder.root).free
        if free < want:
            raise RebuildError(f"too little room beside the served data: got {free} bytes, want {want}")


def _size(path: Path) -> int:
    files = path.rglob("*") if path.is_dir() else [path]
    return sum(file.stat().st_size for file in files if file.is_file())
