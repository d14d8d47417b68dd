"""``corridor redact`` in the distributed system: ledger and InfluxDB at once, copies once they see it.

What roles keep of events and dead letters are copies of topics, so each takes out itself what was redacted:
within seconds while it runs; when it starts, once it has all that the topics hold. One that is made anew does
too. Topics stay as they are.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from contextlib import ExitStack, closing
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from corridor.folder import Folder
from corridor.kafka import kafka_of
from corridor.redact import LATE_MS, books, redact_book, touched, touched_by
from corridor.roles.followers import EventSource
from corridor.roles.ledgers import ledger_folder
from corridor.roles.readcopy import read_copy
from corridor.roles.stores import client_of, store_of
from corridor.settings import Settings
from feeds import readredact, redactions
from feeds.deadletters import DeadLetter, DeadLetters
from feeds.ledger.book import Book
from feeds.ledger.files import LogFiles
from feeds.ledger.reading import BOOK
from feeds.ledger.rotation import current
from feeds.ledger.writer import LOG
from feeds.redactions import Redaction, RedactionsError
from feeds.store.influx.redact import redact as redact_store
from streams.events import Event
from streams.kafka.log import KafkaLog
from streams.log import Log, LogError
from streams.records import RecordKind

LOOK_S: Final = 1.0
_READ_BYTES: Final = 4 << 20


@dataclass(frozen=True, slots=True)
class Redacted:
    """What went: counts; ``means``: whether the means in InfluxDB could be reached."""

    samples: int
    objects: int
    contents: int
    means: bool


def copied(settings: Settings) -> Path:
    """Bring this folder's copy of events up to date; returns its file. Raises LogError, ReadModelError."""
    kafka = kafka_of(settings)
    with closing(read_copy(settings, kafka.partitions)) as read, closing(EventSource(kafka, read)) as events:
        events.step()
        while not events.caught_up:
            events.step()
    return settings.data_dir / "read.db"


def redact(settings: Settings, read: Path, one: Redaction) -> Redacted:
    """Do it, with the roles stopped that write the ledger and the store. Again changes nothing.

    ``read``: a copy of all events. The wish is noted once ledger and store are done: before that no copy
    takes out what names the records that go. Raises LedgerError, StoreError, ReadModelError, LogError.
    """
    folder = ledger_folder(settings)
    with ExitStack() as stack:
        for path in books(folder):
            stack.enter_context(LogFiles(path.parent).locked())
        with closing(KafkaLog(kafka_of(settings))) as log, closing(store_of(settings)) as store:
            _require_caught_up(folder, log, [store.position(p) for p in range(log.partitions)])
        ids = touched(read, one)
        contents = sum(redact_book(path, one, ids) for path in books(folder))
        with closing(client_of(settings)) as client:
            gone = redact_store(client, one.assets, one.from_ms, one.to_ms)
        redactions.add(folder.redactions, one)
        if ids:
            readredact.redact(read, ids)
    return Redacted(gone.samples, len(ids), contents, gone.means)


class Wishes:
    """All that was ever redacted, as far as this role can see; what is new is seen within ``LOOK_S``."""

    def __init__(self, settings: Settings) -> None:
        self._path = _path(settings)
        self._looked_s, self._stamp = -LOOK_S, (0, 0)
        self._many: list[Redaction] = []

    def now(self) -> list[Redaction]:
        """The same list until there are more. Raises RedactionsError."""
        if self._path is not None and time.monotonic() - self._looked_s >= LOOK_S:
            stamp = _stamp(self._path)
            if stamp != self._stamp:
                self._many, self._stamp = redactions.load(self._path), stamp
            self._looked_s = time.monotonic()
        return self._many


class CleanEvents:
    """Keeps a role's copy of events free of what was redacted, also by those who ask while it runs.

    For the thread that fills the copy.
    """

    def __init__(self, settings: Settings) -> None:
        self._wishes, self._read = Wishes(settings), settings.data_dir / "read.db"
        self._done: list[Redaction] | None = None

    def __call__(self, came: Sequence[Event]) -> None:
        """Take out what is to go, of all or of what ``came``. Raises RedactionsError, ReadModelError."""
        many = self._wishes.now()
        if many is not self._done:
            ids = touched_by(self._read, many)
        else:
            ids = {(e.kind.value, e.id) for e in came if any(readredact.touches(e, one) for one in many)}
        if ids:
            readredact.redact(self._read, ids)
        self._done = many


class CleanLetters:
    """The same of a copy of the dead letters."""

    def __init__(self, settings: Settings, letters: DeadLetters) -> None:
        self._wishes, self._letters = Wishes(settings), letters
        self._done: list[Redaction] | None = None

    def __call__(self, came: Sequence[DeadLetter]) -> list[DeadLetter]:
        """Those of ``came`` that may be kept. Raises RedactionsError, DeadLettersError."""
        many = self._wishes.now()
        if many is not self._done:
            for one in many:
                self._letters.redact(one.devices, one.from_ms, one.to_ms + LATE_MS)
            self._done = many
        return [letter for letter in came if not any(_gone(letter, one) for one in many)]


def _path(settings: Settings) -> Path | None:
    root = settings.ledger_dir or settings.shared_dir
    return None if root is None else root / "redactions.jsonl"


def _stamp(path: Path) -> tuple[int, int]:
    try:
        found = path.stat()
    except FileNotFoundError:
        return 0, 0
    except OSError as error:
        raise RedactionsError(f"{path.name} can't be read: {error.strerror}") from error
    return found.st_mtime_ns, found.st_size


def _gone(letter: DeadLetter, one: Redaction) -> bool:
    return letter.device in one.devices and one.from_ms <= letter.received_ms < one.to_ms + LATE_MS


def _require_caught_up(folder: Folder, log: Log, stored: Sequence[int]) -> None:
    """What is in the log only would come back when it is read."""
    for partition in range(log.partitions):
        places = [stored[partition]]
        path = folder.ledger(current(folder.ledgers, partition)) / BOOK
        if path.exists():
            with closing(Book(path)) as book:
                places.append(book.place_of(LOG))
        at = min(places)
        while records := log.read(partition, at, _READ_BYTES):
            if any(record.kind is RecordKind.FRAME for record in records):
                raise LogError(
                    f"partition {partition} is not caught up: store and ledger are at {min(places)} of "
                    f"{log.end(partition)}; start them, wait, stop them"
                )
            at = records[-1].position
