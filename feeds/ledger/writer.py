"""The ledger's consumer of one partition: frames of the log and events become entries of its book.

How far both were read is kept with the entries, so a writer that dies anywhere goes on where the book is.
A report that came twice gives one entry, so does a revision of an object. A frame that can't be read is
parked (counted, logged, passed over): what it holds stays in the log.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Iterator, Sequence
from typing import Final, Protocol

from feeds.ledger.arrivals import Arrivals
from feeds.ledger.book import Book, EventKey, NewEntry, ReportKey
from feeds.ledger.entry import SALT_BYTES, EntryKind, seal
from feeds.ledger.errors import FormatError, LedgerStopError
from feeds.ledger.events import groups_of
from feeds.ledger.framed import FrameReports, ReportRow, SoundFrame, sound
from streams.codec import CodecError, decode_frame
from streams.events import Event, Kind
from streams.log import Log
from streams.records import LogRecord, RecordKind

LOG: Final = "log"
EVENTS: Final = "events"
_READ_BYTES: Final = 12 << 20  # rows of one device lie together: the more at once, the fewer pages
_EVENTS: Final = 2_000
_TOGETHER: Final = 2_000  # reports, from here on more together cost no less
_log = logging.getLogger("corridor.ledger")


class Events(Protocol):
    """Where events are read; ``feeds.readmodel.ReadModel`` is one."""

    def partition_after(
        self, partition: int, number: int, tenant: str | None, kinds: Sequence[Kind] = (), limit: int = 100
    ) -> list[Event]:
        """At most ``limit`` events above ``number``, in order."""
        ...

    def last_number(self, partition: int) -> int:
        """The number of the newest event, 0 when there is none."""
        ...


class LedgerWriter:
    """Fills ``book`` from one partition. One thread calls ``step``.

    ``parked`` counts frames that can't be read, ``missed`` events that retention deleted before they were
    read. ``behind``: the last step left something that was there. ``random`` makes salts.
    Raises LedgerStopError for a log that has ended.
    """

    def __init__(
        self,
        log: Log,
        events: Events,
        book: Book,
        partition: int,
        random: Callable[[int], bytes] = os.urandom,
    ) -> None:
        self._log, self._events, self._book, self._partition = log, events, book, partition
        self._random = random
        if book.ended:
            raise LedgerStopError("the log has ended: `corridor ledger rotate` finishes what was begun")
        self._arrivals = Arrivals(book)
        self.parked = self.missed = 0
        self.behind = False

    def lag(self) -> int:
        """Records of the log that were not read yet."""
        return max(0, self._log.end(self._partition) - self._book.place_of(LOG))

    def step(self) -> int:
        """Append what is next; returns how many records and events were read, 0: caught up.

        Raises LedgerAwayError, LogError or the read model's errors: the same come again at the next call.
        """
        place, number = self._book.place_of(LOG), self._book.place_of(EVENTS)
        records = self._log.read(self._partition, place, _READ_BYTES)
        if self._events.last_number(self._partition) < number:
            number = 0  # the read model was made anew: what is known already changes nothing
        events = self._events.partition_after(self._partition, number, None, (), _EVENTS)
        self.behind = False
        if not records and not events:
            return 0
        full = sum(len(record.body) for record in records) > _READ_BYTES // 2  # what is read may not fill it
        places = {LOG: records[-1].position} if records else {}
        try:
            found = [self._frame(record) for record in records if record.kind is RecordKind.FRAME]
            frames = [frame for frame in found if frame is not None]
            entries = [*self._reports(frames), *map(self._event, events)]
            places |= {EVENTS: events[-1].number} if events else {}
            self._book.append(entries, places, self._arrivals.changed())
        except BaseException:
            self._arrivals.forget()
            raise
        self._arrivals.kept()
        self.behind = full or len(events) == _EVENTS
        self.parked += len(found) - len(frames)
        if events and number:
            self.missed += events[0].number - number - 1
        return len(records) + len(events)

    def _frame(self, record: LogRecord) -> SoundFrame | None:
        try:
            return sound(decode_frame(record.body), record.position)
        except (CodecError, FormatError) as error:
            _log.error(
                "ledger_frame_parked partition=%d position=%d error=%s",
                record.partition,
                record.position,
                error,
            )
            return None

    def _reports(self, frames: Sequence[SoundFrame]) -> Iterator[NewEntry]:
        """The entries of the reports of frames; those beside each other that are alike are made together."""
        begin = count = 0
        for end in range(1, len(frames) + 1):
            count += frames[end - 1].frame.reports.num_rows
            if end < len(frames) and count < _TOGETHER and frames[end].alike(frames[begin]):
                continue
            reports = FrameReports(frames[begin:end])
            begin, count = end, 0
            taken, conflict = self._judged(reports.rows)
            sealed = reports.seal(taken, conflict, self._partition, self._random)
            for number, made in zip(taken, sealed, strict=True):
                row = reports.rows[number]
                key = ReportKey(*row[:4])
                yield NewEntry(EntryKind.REPORT, key, row.asset, row.tenant, row.t_ms, *made)

    def _judged(self, rows: Sequence[ReportRow]) -> tuple[list[int], list[bool]]:
        """The numbers of the rows that did not come before, and of each whether it is in conflict."""
        taken, conflict = [], []
        for number, row in enumerate(rows):
            verdict = self._arrivals.judge(row)
            if verdict is not None:
                taken.append(number)
                conflict.append(verdict == "conflict")
        return taken, conflict

    def _event(self, event: Event) -> NewEntry:
        groups = groups_of(event)
        salts = self._random(SALT_BYTES * len(groups))
        place = (event.partition, event.position, event.number)
        entry = seal(EntryKind.EVENT, *place, groups, salts).entry
        key = EventKey(event.id, event.revision)
        return NewEntry(EntryKind.EVENT, key, event.asset, event.tenant, event.t_ms, entry, salts, groups)
