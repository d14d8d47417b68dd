"""One partition of the log, folded: what every runtime shares, whether it pulls records or is given them.

The order is what makes a crash harmless: (1) take the records after the engine's position, (2) fold them,
(3) give events and position to the sink in one commit, (4) now and then seal: give the past what it is due,
durably, and (5) only then write a snapshot. After a crash the newest snapshot is at or before the past's end
and the sink's position. Folding on from it asks the past as of the snapshot's position, so it yields the
same events under the same numbers, which the sink knows already and skips.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np

from streams.codec import CodecError
from streams.engine import Engine, Rules, SnapshotError, World, restore, snapshot
from streams.engine.columns import Array
from streams.engine.queues import Note
from streams.events import Event
from streams.homes import Handed
from streams.log import Log, LogError
from streams.past import Past, PastError
from streams.records import LogRecord, NewRecord, RecordKind
from streams.regimes import shipped
from streams.runtime.outbox import Outbox
from streams.runtime.pastfolder import PastFolder
from streams.runtime.snapshots import SnapshotFiles
from streams.sink import ReplayDiffersError, Sink

_LAZY_RECORDS: Final = 256  # records without events that a crash may fold again
_ALL: Final = 1 << 62
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Folded:
    """What one step gave: new events (committed), rows that moved, records taken."""

    events: list[Event]
    moved: Array
    records: int


class LogBehindError(Exception):
    """The sink knows more than the log: the log lost records, so the sink must be rebuilt."""


class LogTrimmedError(Exception):
    """The state can't be made from the log, which retention has trimmed, nor from a snapshot."""


class _Unusable(Exception):
    """Why a snapshot can't be used."""


class PartitionRunner:
    """Folds one partition; not for two threads at once. ``recover`` before the first ``take``."""

    def __init__(
        self,
        log: Log,
        world: World,
        sink: Sink,
        files: SnapshotFiles,
        past: PastFolder,
        partition: int = 0,
        rules: Rules | None = None,
        *,
        speaks: bool = False,
        partitions: int = 1,
        regimes: Sequence[str] | None = None,
    ) -> None:
        """``world``: with the zones that hold before anything is published. ``speaks``: whether it owns the
        partition and appends its notes and ticks to the log. ``partitions``: of the whole system.
        ``regimes``: those that hold before any is published; None: those that ship."""
        self.log, self.world, self.sink, self.files, self.past = log, world, sink, files, past
        self.partition, self.rules, self.speaks = partition, rules or Rules(), speaks
        self.partitions = partitions
        self.regimes = shipped() if regimes is None else list(regimes)
        self.sent = _ALL  # one that does not speak keeps the notes of later records in ``outbox``
        self.engine = self._new_engine()
        self.outbox = Outbox(0)
        self._worth = False  # whether a snapshot would hold more than ticks that were not in the last one
        self.bad_records = 0
        self._failed = 0
        self._unfoldable: set[int] = set()
        self._saved = 0
        self._newest: dict[
            int, Array
        ] = {}  # by position of a snapshot: the time of each asset's newest sample
        self._doubt: str | None = None  # why the past can't be used
        self._known = 0  # events up to this log position were committed before this process began
        self._covered = 0
        self._resumed = False
        self.replays_differ = 0

    def recover(self, trimmed: bool = False) -> str:
        """Begin at the newest usable snapshot, or with a new past at the log's start; says which.

        A snapshot is usable when it can be restored, the past holds what is older, and the sink has its
        events. Raises LogBehindError when the sink covers more than the log holds, LogTrimmedError when it
        would be the start of a log that lacks records, unless ``trimmed`` allows that.
        """
        covered, end = self.sink.position(self.partition), self.log.end(self.partition)
        self._known = self._covered = covered
        self._resumed = False
        self.engine = self._new_engine()
        if covered > end:
            raise LogBehindError(f"events cover log position {covered}, but the log ends at {end}")
        past, reason, refused = self._past(end), "", []
        for position in reversed(self.files.positions()):
            try:
                engine = self._restored(position, end, past)
            except (_Unusable, SnapshotError, OSError) as error:
                _log.warning("snapshot_unusable position=%s reason=%s", position, error)
                reason = reason or f"; the newest snapshot is of {position}: {error}"
                refused.append(position)
                continue
            self._begin(engine, position, refused)
            return f"from the snapshot at {position}, {end - position} records to fold"
        lost = self.log.trimmed(self.partition)
        if lost and not trimmed:
            raise LogTrimmedError(
                f"no snapshot can be used, and the log lacks records up to {lost}, which were let go of by "
                f"retention{reason or '; there is no snapshot'}; stop the system and run "
                "`corridor rebuild --replace`: it makes everything anew from what there is"
            )
        self._begin(self._new_engine(self.past.renew()), 0, refused)
        self._doubt = None
        return f"from the start of the log, {end} records to fold"

    def _new_engine(self, past: Past | None = None) -> Engine:
        return Engine(self.partition, self.world, self.rules, past, self.partitions, self.regimes)

    def _past(self, end: int) -> Past | None:
        """The past, opened anew; None when it can't be used, ``_doubt`` then says why. Raises OSError."""
        if self._doubt is None:
            try:
                past = self.past.open()
                if past.end <= end:
                    return past
                self._doubt = f"the past goes up to {past.end}, but the log ends at {end}"
            except PastError as error:
                self._doubt = str(error)
        _log.error("past_unusable folder=%s reason=%s", self.past.folder.name, self._doubt)
        return None

    def _restored(self, position: int, end: int, past: Past | None) -> Engine:
        if position > end:
            raise _Unusable(f"the log ends at {end}")
        if past is None:
            raise _Unusable(f"the past can't be used: {self._doubt}")
        if position > past.end:
            raise _Unusable(f"the past goes up to {past.end} only")
        data = self.files.load(position)
        engine = restore(data, self.world, self.rules, past, self.partitions, self.regimes)
        known = self.sink.last_number(self.partition)
        if engine.number > known:  # the sink is a new one: it needs the events from before as well
            raise _Unusable(f"it has {engine.number} events behind it, but only {known} were kept")
        return engine

    def _begin(self, engine: Engine, position: int, refused: list[int]) -> None:
        for one in refused:
            self.files.refuse(one)
        self.engine, self._saved, self._newest = engine, position, {}
        self.outbox, self._worth = Outbox(self.log.end(self.partition)), False
        self._note(position)

    def _note(self, position: int) -> None:
        """Remember how far each asset was at a snapshot: what is older by the window, no fold asks for."""
        held = set(self.files.positions())
        newest = self.engine.states.newest()
        self._newest = {at: one for at, one in self._newest.items() if at in held} | {position: newest}

    def take(self, records: Sequence[LogRecord]) -> Folded:
        """Fold and commit the records, which follow the engine's position; with none, send what is owed.

        After any error the caller begins again by ``recover``: a fold that failed may have half changed the
        engine. The second failure of one record is the last: it is left out then, and counted.
        """
        if not records:
            if self.speaks:
                self._send()
            return Folded([], np.empty(0, np.int64), 0)
        events: list[Event] = []
        moved: list[Array] = []
        notes: list[Note] = []
        handed: list[Handed] = []
        for record in records:
            self._worth |= record.kind is not RecordKind.TICK
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
            except (MemoryError, OSError):
                raise
            except Exception as error:
                self._fails(record.position, error)
                raise
            events.extend(step.events)
            moved.append(step.moved)
            if self.speaks or record.position > self.sent:
                notes += step.notes
                handed += step.handed
            self._worth |= bool(step.events or len(step.moved))
        fresh = self._commit(events)
        self.outbox.add(notes, handed)
        if self.speaks:
            self._send()
        rows = np.unique(np.concatenate(moved)) if moved else np.empty(0, np.int64)
        return Folded(fresh, rows, len(records))

    def _send(self, now: bool = False) -> bool:
        """Append the notes that are owed, once the log is caught up with or if it must be ``now``.

        Returns whether none is owed any more; what the log does not take is sent with a later step.
        """
        if not self.outbox:
            return True
        if not now and self.engine.position < self.outbox.end:
            return False
        try:
            while self.outbox:
                records = self.outbox.records(self.engine)
                if records:
                    self.log.append(records)
                self.outbox.clear()
        except LogError as error:
            if not self.outbox.refused:  # it is tried again at every step
                _log.warning("notes_not_sent reason=%s", error)
            self.outbox.refused = True
            return False
        return True

    def tick(self, now_ms: int) -> None:
        """Append that it is ``now_ms``, if this runner speaks: time moves, and what waits for a record goes
        on. A log that takes nothing is told."""
        if not self.speaks:
            return
        try:
            self.log.append([NewRecord(self.partition, RecordKind.TICK, now_ms, "", b"")])
        except LogError as error:
            _log.warning("tick_not_sent reason=%s", error)

    def _fails(self, position: int, error: Exception) -> None:
        """Folding is pure: what fails twice from a fresh engine always will, and may not stop all others.

        If the past is to blame, it is made anew.
        """
        if self._failed == position and isinstance(error, PastError):
            self._doubt = str(error)
        elif self._failed == position:
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
        """Seal the past, then write a snapshot, if more than ticks was folded since the last one, and the
        notes of what was folded are in the log.

        Raises OSError, and PastError: then begin again by ``recover``.
        """
        if self.engine.position == self._saved or not self._worth:
            return False
        if self.speaks and not self._send(now=True):
            return False
        try:
            self.engine.seal()
        except PastError as error:
            self._doubt = str(error)
            raise
        self.files.save(self.engine.position, snapshot(self.engine))
        self._saved, self._worth = self.engine.position, False
        self._note(self._saved)
        return True

    def trim_past(self) -> None:
        """Let the past forget what no fold from a kept snapshot on can ask for. Any thread may call it."""
        oldest, known = min(self.files.positions(), default=0), self._newest
        if oldest in known:  # else it is of a process before this one and will be gone soon
            self.past.trim(known[oldest] - self.rules.late_window_ms, oldest)
