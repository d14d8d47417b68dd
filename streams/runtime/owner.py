"""One partition and the thread that owns it in a worker: folds what it is given, and saves what it has.

Of a snapshot everything is confirmed that lies before it: events are flushed, then the past is sealed, then
the snapshot is written; only then ``covered`` says so, and the stream's offset may be committed up to there.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, Protocol

from streams.engine import Rules, World
from streams.log import Log
from streams.records import LogRecord
from streams.runtime.epochs import Epoch, Epochs
from streams.runtime.inbox import Inbox
from streams.runtime.outbox import Beat
from streams.runtime.pastfolder import PastFolder
from streams.runtime.runner import LogTrimmedError, PartitionRunner
from streams.runtime.snapshots import SnapshotFiles
from streams.runtime.telling import Teller
from streams.sink import Sink

_AT_ONCE: Final = 1 << 20
_IDLE_S: Final = 0.1
_AGAIN_S: Final = 0.02
_TROUBLE_S: Final = 1.0
_log = logging.getLogger(__name__)


class FlushedSink(Sink, Protocol):
    """A sink that takes events without waiting."""

    def flush(self) -> None:
        """Wait until all events are kept. Raises when that can't be said now."""
        ...

    def waiting(self) -> int:
        """What is not kept yet but will be; 0 after it was given up."""
        ...

    def forget(self, partition: int) -> None:
        """Read anew what is kept, when it is asked for."""
        ...

    def close(self) -> None:
        """Let go of connections."""
        ...


@dataclass(frozen=True, slots=True)
class Parts:
    """What owners of a process are built of. ``world``, ``sink`` and ``teller`` are made for each.

    ``shared``: the folder that every worker reaches. ``turn``: held while records are folded, so that those
    of a process take turns. ``partitions``: of the log. ``speaks``: whether notes and ticks are appended.
    """

    log: Log
    shared: Path
    world: Callable[[], World]
    sink: Callable[[], FlushedSink]
    teller: Callable[[int], Teller]
    partitions: int = 1
    speaks: bool = True
    snapshot_s: float = 10.0
    rules: Rules = field(default_factory=Rules)
    turn: AbstractContextManager[Any] = field(default_factory=nullcontext)


class Turn:
    """A lock that is had in the order of asking: a partition with a backlog holds no other up for long."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._next = self._now = 0

    def asked(self) -> int:
        """How often it was asked for."""
        return self._next

    def __enter__(self) -> None:
        with self._changed:
            mine = self._next
            self._next += 1
            self._changed.wait_for(lambda: self._now == mine)

    def __exit__(self, *_: object) -> None:
        with self._changed:
            self._now += 1
            self._changed.notify_all()


class Owner(threading.Thread):
    """Owns one partition from ``start`` until ``let_go``."""

    def __init__(self, partition: int, parts: Parts) -> None:
        super().__init__(name=f"partition-{partition}", daemon=True)
        self.partition, self._parts = partition, parts
        self.inbox = Inbox()
        self.epochs = Epochs(parts.shared / "engine", partition)
        self.epoch: Epoch | None = None
        self.runner: PartitionRunner | None = None
        self.teller = parts.teller(partition)
        self.caught = 0  # records that were read from the log, not given
        self.covered = 0  # log position of the newest snapshot that is written
        self.trouble: str | None = None
        self.unsaved: str | None = None  # why the newest snapshot is an old one
        self.caught_up = threading.Event()  # all that was in the log at the beginning is folded
        self._sink: FlushedSink | None = None
        self._halt = threading.Event()
        self._save = threading.Event()  # a snapshot is wanted now
        self._saved = threading.Condition()
        self._saves = 0
        self._keep = True

    def offer(self, record: LogRecord) -> bool:
        """See Inbox.offer."""
        return self.inbox.offer(record)

    def save(self, wait_s: float) -> None:
        """Have a snapshot written now, and wait for it, at most so many seconds."""
        with self._saved:
            before = self._saves
            self._save.set()
            self.inbox.wake()
            self._saved.wait_for(lambda: self._saves > before or not self.is_alive(), wait_s)

    def superseded(self) -> bool:
        """Whether another worker owned the partition meanwhile. Raises OSError."""
        return self.epoch is not None and not self.epochs.newest(self.epoch)

    def let_go(self, keep: bool) -> None:
        """End soon; with ``keep`` a last snapshot is written."""
        self._keep = keep
        self._halt.set()
        self.inbox.wake()

    def status(self) -> dict[str, Any]:
        """What it says of itself, JSON values; any thread may ask."""
        runner = self.runner
        position = runner.engine.position if runner is not None else 0
        return {
            "partition": self.partition,
            "epoch": self.epoch.number if self.epoch is not None else 0,
            "position": position,
            "covered": self.covered,
            "lag": max(0, self.inbox.seen - position),
            "caught": self.caught,
            "caught_up": self.caught_up.is_set(),
            "trouble": self.trouble,
            "unsaved": self.unsaved,
            "bad_records": runner.bad_records if runner is not None else 0,
            "replays_differ": runner.replays_differ if runner is not None else 0,
            "assets": len(runner.engine.names) if runner is not None else 0,
        }

    def run(self) -> None:
        """Fold until let go of. Whatever fails is said, and begun again from the newest snapshot."""
        try:
            while not self._halt.is_set():
                try:
                    self._fold(self._begun())
                except Exception as error:  # the log has every record: nothing is lost by folding it again
                    self.trouble = f"{type(error).__name__}: {error}"
                    _log.exception("partition_failed partition=%s", self.partition)
                    self._halt.wait(_TROUBLE_S)
        finally:
            if self._sink is not None:
                self._sink.close()
            self.teller.close()
            with self._saved:
                self._saved.notify_all()

    def _begun(self) -> PartitionRunner:
        """The runner at the newest snapshot that there is, ours or a former owner's."""
        self.inbox.give_up()
        started = time.monotonic()
        if self.epoch is None or not self.epochs.newest(self.epoch):
            self.epoch = self.epochs.acquire()
        epoch = self.epoch
        if self._sink is None:
            self._sink = self._parts.sink()
        self._sink.forget(self.partition)
        files, past = SnapshotFiles(epoch.snapshots, self.partition), PastFolder(epoch.past)
        if self.runner is None:
            self.runner = PartitionRunner(
                self._parts.log,
                self._parts.world(),
                self._sink,
                files,
                past,
                self.partition,
                self._parts.rules,
                speaks=self._parts.speaks,
                partitions=self._parts.partitions,
            )
        runner = self.runner
        runner.files, runner.past = files, past
        said = runner.recover()
        self.covered = runner.engine.position
        self.inbox.begin(runner.engine.position, self._parts.log.end(self.partition))
        self.teller.begin()
        took = time.monotonic() - started
        _log.info(
            "partition_begun partition=%s epoch=%s took_s=%.1f %s", self.partition, epoch.number, took, said
        )
        return runner

    def _fold(self, runner: PartitionRunner) -> None:
        beat, due = Beat(time.monotonic()), time.monotonic() + self._first_snapshot_s()
        target = self.inbox.seen
        while not self._halt.is_set():
            records = self._next(runner)
            with self._parts.turn:
                folded = runner.take(records)
                self.teller.add(folded.events, folded.moved)
                self.teller.tell(runner.engine)
            self.trouble = None
            if not self.caught_up.is_set() and runner.engine.position >= target:
                self.caught_up.set()
            now = time.monotonic()
            if now >= due or self._save.is_set():
                self._checkpoint(runner)
                due = time.monotonic() + self._parts.snapshot_s
            elif beat.due(now, folded.records, runner.engine.waits):
                runner.tick(int(time.time() * 1000))
        if self._keep:
            self._checkpoint(runner)

    def _first_snapshot_s(self) -> float:
        """Owners of a process don't write all at once."""
        return self._parts.snapshot_s * (0.5 + 0.5 * (self.partition * 0.618 % 1.0))

    def _next(self, runner: PartitionRunner) -> list[LogRecord]:
        """Records that follow, given or read; none after a moment without."""
        position = runner.engine.position
        records = self.inbox.take(_AT_ONCE, _AGAIN_S if runner.engine.waits else _IDLE_S)
        if not records and self.inbox.behind(position):
            records = self._parts.log.read(self.partition, position, _AT_ONCE)
            self.caught += len(records)
            if not records:
                self._halt.wait(_AGAIN_S)
        if records and records[0].position != position + 1:
            lost = f"{position + 1} to {records[0].position - 1}"
            raise LogTrimmedError(f"partition {self.partition}: the log lacks records {lost}")
        return records

    def _checkpoint(self, runner: PartitionRunner) -> None:
        """Write a snapshot of what is confirmed. What can be tried later is said; the rest is raised."""
        self._save.clear()
        sink = self._sink
        assert sink is not None
        try:
            self.teller.flush()
            sink.flush()
        except Exception as error:
            if not sink.waiting():
                raise
            self.unsaved = f"{type(error).__name__}: {error}"
            _log.warning("snapshot_put_off partition=%s reason=%s", self.partition, self.unsaved)
            return
        try:
            if runner.checkpoint():
                self.covered = runner.engine.position
        except OSError as error:  # the older snapshots are still there: only a restart takes longer
            if self.epoch is None or not self.epochs.newest(self.epoch):
                raise
            self.unsaved = f"{type(error).__name__}: {error}"
            _log.warning("snapshot_not_written partition=%s reason=%s", self.partition, self.unsaved)
            return
        self.unsaved = None
        with self._saved:
            self._saves += 1
            self._saved.notify_all()
