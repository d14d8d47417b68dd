"""The ledger of the embedded system: a log a partition, filled and signed by a thread of their own.

Once a second, when something is new, each log gets a signed head. Trouble is said and tried again; a log
that may not go on says so and stands still until the next start, and nothing else waits for it.
"""

from __future__ import annotations

import logging
import secrets
import threading
import time
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Final

from corridor.folder import Folder
from feeds.ledger.book import Book
from feeds.ledger.errors import LedgerError, LedgerStopError
from feeds.ledger.files import LogFiles
from feeds.ledger.keyfiles import load_or_make
from feeds.ledger.reading import BOOK, PUBLIC_KEY, LedgerReader
from feeds.ledger.rotation import current, numbers
from feeds.ledger.sequencer import Sequencer
from feeds.ledger.witnesses import Witnesses
from feeds.ledger.writer import LOG, Events, LedgerWriter
from streams.log import Log

_STEP_S: Final = 1.0
_LET_GO: Final = 2_000  # records at once
_DAY_MS: Final = 86_400_000
_log = logging.getLogger("corridor.ledger")


class PartitionLedger:
    """One log: opened by ``step`` when it is not, closed by ``close``. Of one thread."""

    def __init__(
        self,
        folder: Path,
        key: Path,
        origin: str,
        log: Log,
        events: Events,
        partition: int,
        policy: Path | None = None,
    ) -> None:
        self._folder, self._key, self._origin = folder, key, origin
        self._log, self._events, self._partition, self._policy = log, events, partition, policy
        self._stack = ExitStack()
        self._sequencer: Sequencer | None = None
        self._writer: LedgerWriter | None = None
        self._witnesses: Witnesses | None = None
        self.reader = LedgerReader(folder)
        self.place: int | None = None  # of the log, up to where everything is in the ledger
        self.figures: dict[str, Any] = {"size": 0, "lag": 0, "parked": 0, "missed": 0}

    def step(self, sign: bool) -> int:
        """Take what is next and with ``sign`` sign it. Returns how much was read; 0: caught up.

        Raises LedgerError, LogError, ReadModelError.
        """
        sequencer, writer = self._open()
        read = writer.step()
        self.place = sequencer.book.place_of(LOG)
        note = sequencer.publish() if sign else None
        if self._witnesses is not None and note is not None:
            self._witnesses.ask(note.format())
        head = sequencer.head
        self.figures = {
            "origin": sequencer.origin,
            "size": head.size if head is not None else 0,
            "lag": writer.lag(),
            "parked": writer.parked,
            "missed": writer.missed,
        }
        if self._witnesses is not None:
            self.figures["witnesses"] = self._witnesses.figures()
        return read

    @property
    def behind(self) -> bool:
        """Whether the last step could not take all that was there."""
        return self._writer is not None and self._writer.behind

    def let_go(self, before_ms: int) -> int:
        """Delete contents of records from before then, some at once; returns of how many, 0: no more.

        Raises LedgerError.
        """
        return self._open()[0].book.redact_before(before_ms, _LET_GO)

    def _open(self) -> tuple[Sequencer, LedgerWriter]:
        if self._sequencer is None or self._writer is None:
            with ExitStack() as stack:
                files = LogFiles(self._folder)
                stack.enter_context(files.locked())
                signer = load_or_make(self._key, self._origin, signed=files.signed() is not None)
                (self._folder / PUBLIC_KEY).write_text(f"{signer.verifier}\n", "utf-8")
                book = Book(self._folder / BOOK)
                stack.callback(book.close)
                sequencer = Sequencer(book, files, signer, serve=self._policy is None)
                if self._policy is not None:
                    self._witnesses = Witnesses.of_file(self._policy, signer.verifier, files)
                    stack.callback(self._witnesses.close)
                    self._witnesses.ask(files.signed() or "")
                self._writer = LedgerWriter(self._log, self._events, book, self._partition)
                self._stack = stack.pop_all()
            self._sequencer = sequencer
            _log.info("ledger_opened origin=%s size=%s", signer.name, book.size)
        return self._sequencer, self._writer

    def close(self) -> None:
        """Close what was opened."""
        self._sequencer = self._writer = self._witnesses = None
        self._stack.close()
        self.reader.close()


class LedgerThread(threading.Thread):
    """Fills and signs the logs until ``halt`` is set. ``stopped`` logs may not go on.

    A step takes what came in a second in one transaction: its pages are those of the devices that were heard,
    however often, so more and smaller ones would write each of them more often.
    """

    def __init__(
        self,
        logs: Sequence[PartitionLedger],
        content_days: float | None = None,
        readers: Sequence[LedgerReader] = (),
    ) -> None:
        """``readers``: of all logs by number, those that ended too; else those of ``logs``."""
        super().__init__(name="ledger", daemon=True)
        self.logs = logs
        self.readers = list(readers) or [log.reader for log in logs]
        self._content_ms = None if content_days is None else int(content_days * _DAY_MS)
        self.halt = threading.Event()
        self.troubles: dict[int, str] = {}
        self.stopped: set[int] = set()

    @property
    def trouble(self) -> str | None:
        """What is wrong with one of the logs, if anything is."""
        return next(iter(self.troubles.values()), None)

    def run(self) -> None:
        """Step until told to stop."""
        signed = float("-inf")
        while not self.halt.is_set():
            begun = time.monotonic()
            sign = begun - signed >= _STEP_S
            if sign:
                signed = begun
            for number, log in enumerate(self.logs):
                self._step(number, log, sign)
            if not any(log.behind for log in self.logs):
                self.halt.wait(signed + _STEP_S - time.monotonic())
        for number, log in enumerate(self.logs):
            self._step(number, log, True)
            log.close()
        for reader in self.readers:
            reader.close()

    def _step(self, number: int, log: PartitionLedger, sign: bool) -> int:
        if number in self.stopped:
            return 0
        try:
            read = log.step(sign)
            if sign and self._content_ms is not None:
                log.let_go(int(time.time() * 1000) - self._content_ms)
        except LedgerStopError as error:
            self.stopped.add(number)
            self.troubles[number] = f"stopped: {error}"
            _log.error("ledger_stopped partition=%s reason=%s", number, error)
            return 0
        except Exception as error:
            # log and read model have what is to come, and the book how far it is: the same come again
            self.troubles[number] = f"{type(error).__name__}: {error}"
            _log.warning("ledger_step_failed partition=%s reason=%s", number, self.troubles[number])
            self.halt.wait(min(5.0, getattr(error, "retry_after", 1.0)))
            return 0
        self.troubles.pop(number, None)
        return read

    def covered(self, partition: int, position: int) -> int:
        """The least of ``position`` and what the ledger has: what may leave the log. A log that is stopped
        for good holds nothing back."""
        if partition in self.stopped:
            return position
        return min(position, self.logs[partition].place or 0)

    def figures(self) -> dict[str, Any]:
        """For health and metrics."""
        logs = [log.figures for log in self.logs]
        told = {name: sum(one[name] for one in logs) for name in ("size", "lag", "parked", "missed")}
        witnesses = [one["witnesses"] for one in logs if "witnesses" in one]
        return {**told, "trouble": self.trouble, **({"witnesses": witnesses} if witnesses else {})}


def ledger_of(
    folder: Folder,
    log: Log,
    events: Events,
    policy: Path | None = None,
    content_days: float | None = None,
    keys: Path | None = None,
) -> LedgerThread:
    """The ledger of a data folder; nothing is opened before the thread runs.

    ``content_days``: how long contents are kept; None: for ever. ``keys``: the folder of keys, see
    ``Folder.ledger_key``."""
    house = secrets.token_hex(6)
    written = [log_of(folder, partition) for partition in range(log.partitions)]
    logs = [
        PartitionLedger(
            folder.ledger(number),
            folder.ledger_key(number, keys),
            f"corridor-{house}/ledger/{partition}",
            log,
            events,
            partition,
            policy,
        )
        for partition, number in enumerate(written)
    ]
    held = {number: one.reader for number, one in zip(written, logs, strict=True)}
    count = max(log.partitions, *(number + 1 for number in (0, *numbers(folder.ledgers))))
    return LedgerThread(
        logs,
        content_days,
        [held.get(number) or LedgerReader(folder.ledger(number)) for number in range(count)],
    )


def log_of(folder: Folder, partition: int) -> int:
    """The log of a partition that is written now. Where that can't be told it is the first, which, once it
    has ended, takes nothing and says so."""
    try:
        return current(folder.ledgers, partition)
    except LedgerStopError as error:
        _log.error("ledger_chain_unknown partition=%s reason=%s", partition, error)
        return partition


def place_of(folder: Path) -> int:
    """Up to where of the log everything is in the ledger of ``folder``; 0 when that can't be told."""
    if not (folder / BOOK).exists():
        return 0
    try:
        book = Book(folder / BOOK)
    except LedgerError:
        return 0  # the thread says what is wrong with it
    try:
        return book.place_of(LOG)
    finally:
        book.close()
