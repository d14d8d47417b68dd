"""The embedded runtime: one thread folds one partition of the log.

The order is what makes a crash harmless: (1) read records after the engine's position, (2) fold them,
(3) give events and position to the sink in one commit, (4) now and then write a snapshot. After a crash
the newest snapshot is at or before the sink's position; folding on from it yields the same events under
the same numbers, which the sink knows already and skips.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass, replace
from typing import Final

import numpy as np

from streams.codec import CodecError
from streams.engine import Engine, SnapshotError, World, restore, snapshot
from streams.engine.columns import Array
from streams.events import Event
from streams.log import Log
from streams.runtime.snapshots import SnapshotFiles
from streams.sink import ReplayDiffersError, Sink

_READ_BYTES: Final = 4 << 20
_LAZY_RECORDS: Final = 256  # records without events that a crash may fold again
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Folded:
    """What one step of the runner gave: new events (committed), rows that moved, records read."""

    events: list[Event]
    moved: Array
    records: int


class LogBehindError(Exception):
    """The sink knows more than the log: the log lost records, so the sink must be rebuilt."""


class Runner:
    """Folds one partition; not for two threads at once. ``recover`` before the first ``step``."""

    def __init__(self, log: Log, world: World, sink: Sink, files: SnapshotFiles, partition: int = 0) -> None:
        self.log, self.world, self.sink, self.files, self.partition = log, world, sink, files, partition
        self.engine = Engine(partition, world)
        self.bad_records = 0
        self._failed = 0
        self._unfoldable: set[int] = set()
        self._saved = 0
        self._known = 0  # events up to this log position were committed before this process began
        self._covered = 0
        self._resumed = False
        self.replays_differ = 0

    def recover(self) -> str:
        """Begin at the newest readable snapshot whose events the sink has, or at the log's start; says which.

        Raises LogBehindError when the sink covers more than the log holds.
        """
        covered, end = self.sink.position(self.partition), self.log.end(self.partition)
        self._known = self._covered = covered
        self._resumed = False
        self.engine = Engine(self.partition, self.world)
        if covered > end:
            raise LogBehindError(f"events cover log position {covered}, but the log ends at {end}")
        known = self.sink.last_number(self.partition)
        for position in reversed(self.files.positions()):
            if position > end:
                continue
            try:
                engine = restore(self.files.load(position), self.world)
            except (SnapshotError, OSError) as error:
                _log.warning("snapshot_unusable position=%s reason=%s", position, error)
                continue
            if engine.number > known:  # the sink is a new one: it needs the events from before as well
                _log.warning("snapshot_ahead position=%s events=%s known=%s", position, engine.number, known)
                continue
            self.engine, self._saved = engine, position
            return f"from the snapshot at {position}, {end - position} records to fold"
        return f"from the start of the log, {end} records to fold"

    def step(self) -> Folded:
        """Fold what is there (some megabytes at most) and commit it.

        After any error the caller begins again by ``recover``: a fold that failed may have half changed the
        engine. The second failure of one record is the last: it is left out then, and counted.
        """
        records = self.log.read(self.partition, self.engine.position, _READ_BYTES)
        if not records:
            return Folded([], np.empty(0, np.int64), 0)
        events: list[Event] = []
        moved: list[Array] = []
        for record in records:
            if record.position in self._unfoldable:
                self.bad_records += 1
                self.engine.position = record.position
                continue
            try:
                step = self.engine.fold(record)
            except CodecError as error:
                self.bad_records += 1
                _log.error("record_unusable position=%s reason=%s", record.position, error)
                continue
            except MemoryError:
                raise
            except Exception as error:
                self._fails(record.position, error)
                raise
            events.extend(step.events)
            moved.append(step.moved)
        fresh = self._commit(events)
        rows = np.unique(np.concatenate(moved)) if moved else np.empty(0, np.int64)
        return Folded(fresh, rows, len(records))

    def _fails(self, position: int, error: Exception) -> None:
        """Folding is pure: what fails twice from a fresh engine always will, and may not stop all others."""
        if self._failed == position:
            self._unfoldable.add(position)
            _log.error("record_unfoldable position=%s reason=%r", position, error)
        self._failed = position

    def _commit(self, events: list[Event]) -> list[Event]:
        """Give the sink what it does not have; returns that.

        Events at or below the position that the sink covered when we began were served already: they stay
        as they are, also when the zones have changed since and we would decide otherwise today.
        """
        served = [event for event in events if event.position <= self._known]
        fresh = events[len(served) :]
        if served:
            try:
                self.sink.apply(self.partition, served[-1].position, served)
            except ReplayDiffersError as error:
                self.replays_differ += 1
                _log.error("replay_differs served events stay reason=%s", error)
        if fresh and not self._resumed:
            shift = self.sink.last_number(self.partition) + 1 - fresh[0].number
            if shift:
                _log.error("replay_differs numbers shifted by=%s", shift)
                fresh = [replace(event, number=event.number + shift) for event in fresh]
                self.engine.number += shift
            self._resumed = True
        if fresh or self.engine.position - self._covered >= _LAZY_RECORDS:
            self.sink.apply(self.partition, self.engine.position, fresh)
            self._covered = self.engine.position
        return fresh

    def lag(self) -> int:
        """Records that are in the log and not yet folded."""
        return self.log.end(self.partition) - self.engine.position

    def checkpoint(self) -> bool:
        """Write a snapshot if anything was folded since the last one."""
        if self.engine.position == self._saved:
            return False
        self.files.save(self.engine.position, snapshot(self.engine))
        self._saved = self.engine.position
        return True
