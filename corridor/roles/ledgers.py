"""The ledger's logs of one process of the distributed system: those of the partitions that it owns.

Two processes never write one log: each holds the log's lock while it does. One that was only paused keeps
it, so the next owner waits, and says so.
"""

from __future__ import annotations

import contextlib
import logging
import os
import secrets
import threading
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

from corridor.folder import Folder
from corridor.ledger import PartitionLedger
from corridor.settings import Settings, SettingsError
from feeds.ledger import index
from feeds.ledger.errors import LedgerError, LedgerHeldError, LedgerStopError
from feeds.ledger.reading import LedgerReader
from feeds.ledger.rotation import current
from feeds.ledger.writer import Events
from streams.log import Log
from streams.records import LogRecord, NewRecord

_SIGN_S: Final = 1.0
_GATHER_S: Final = 0.2
_DAY_MS: Final = 86_400_000
_DAY_S: Final = 86_400
_NEAR: Final = 0.5  # of the log's retention
_NAME: Final = "installation"
_log = logging.getLogger("corridor.ledger")


def ledger_folder(settings: Settings) -> Folder:
    """Where the logs of all partitions lie. Raises SettingsError, FolderError."""
    root = settings.ledger_dir or settings.shared_dir
    if root is None:
        raise SettingsError("setting ledger_dir: got nothing, nor shared_dir; want a folder that all share")
    return Folder(root)


def house_of(folder: Folder) -> str:
    """The name of the installation, the same for all its processes: made by whoever comes first.

    Raises OSError.
    """
    path = folder.ledgers / _NAME
    path.parent.mkdir(parents=True, exist_ok=True)
    if not path.exists():
        part = path.with_name(f".{_NAME}-{secrets.token_hex(8)}")
        with part.open("w", encoding="utf-8") as file:
            file.write(f"corridor-{secrets.token_hex(6)}\n")
            file.flush()
            os.fsync(file.fileno())
        with contextlib.suppress(FileExistsError):
            os.link(part, path)
        part.unlink()
    return path.read_text("utf-8").strip()


class GapLog:
    """A log that counts what its retention took before it was read, by partition.

    ``reached``: when the newest record that was read had come, ms since 1970.
    """

    def __init__(self, log: Log) -> None:
        self._log = log
        self.lost: dict[int, int] = {}
        self.reached: dict[int, int] = {}

    @property
    def partitions(self) -> int:
        """See Log."""
        return self._log.partitions

    def append(self, records: Sequence[NewRecord]) -> list[int]:
        """See Log."""
        return self._log.append(records)

    def read(self, partition: int, after: int, max_bytes: int) -> list[LogRecord]:
        """See Log."""
        found = self._log.read(partition, after, max_bytes)
        gone = found[0].position - after - 1 if found else 0
        if gone:
            self.lost[partition] = self.lost.get(partition, 0) + gone
            _log.error("ledger_records_gone partition=%d after=%d records=%d", partition, after, gone)
        if found:
            self.reached[partition] = found[-1].received_ms
        return found

    def end(self, partition: int) -> int:
        """See Log."""
        return self._log.end(partition)

    def trimmed(self, partition: int) -> int:
        """See Log."""
        return self._log.trimmed(partition)

    def trim(self, partition: int, through: int) -> int:
        """See Log."""
        return self._log.trim(partition, through)


class LedgerKeeper(threading.Thread):
    """Fills and signs the logs of the owned partitions, one after the other, until ``halt`` is set.

    ``troubles`` says by partition what is wrong; ``stopped`` logs may not go on.
    """

    def __init__(self, settings: Settings, folder: Folder, log: Log, events: Events) -> None:
        super().__init__(name="ledger", daemon=True)
        self._settings, self._folder, self._events = settings, folder, events
        self._source, self._house = GapLog(log), house_of(folder)
        self._logs: dict[int, PartitionLedger | None] = {}
        self._at_work = threading.Lock()
        self._days = settings.ledger_content_days
        self._keys = settings.ledger_keys_dir
        self._readers: dict[int, LedgerReader] = {}
        self.halt = threading.Event()
        self.troubles: dict[int, str] = {}
        self.stopped: set[int] = set()
        self.index_trouble: str | None = None
        self.figures: dict[int, dict[str, Any]] = {}

    @property
    def owned(self) -> list[int]:
        """The partitions that are ours."""
        return sorted(self._logs)

    @property
    def lost(self) -> dict[int, int]:
        """Log records that retention deleted before they were read, by partition."""
        return dict(self._source.lost)

    def behind_s(self, now_ms: int) -> dict[int, float]:
        """By partition how long ago what was read last had come, where there is more to read; seconds."""
        reached = self._source.reached
        return {
            partition: max(0, now_ms - reached[partition]) / 1000
            for partition, told in list(self.figures.items())
            if told["lag"] and partition in reached
        }

    def late(self, now_ms: int, retention_days: float) -> str | None:
        """Which partition is so far behind that the log's retention comes near, if one is."""
        for partition, seconds in sorted(self.behind_s(now_ms).items()):
            if seconds > retention_days * _DAY_S * _NEAR:
                days = f"{seconds / _DAY_S:.1f} days behind, and the log keeps {retention_days:g}"
                return f"partition {partition}: {days}: what is not read until then is never in the ledger"
        return None

    @property
    def trouble(self) -> str | None:
        """What is wrong, if anything is."""
        found = sorted(self.troubles.items())
        return f"partition {found[0][0]}: {found[0][1]}" if found else self.index_trouble

    def assigned(self, partitions: frozenset[int]) -> None:
        """Write these as well."""
        with self._at_work:
            self._logs |= dict.fromkeys(partitions)

    def revoked(self, partitions: frozenset[int]) -> None:
        """Write these no more; returns when they are closed."""
        with self._at_work:
            for partition in partitions:
                self._drop(partition)
                for told in (self._logs, self.troubles, self.figures):
                    told.pop(partition, None)
                self.stopped.discard(partition)

    def run(self) -> None:
        """Step until told to stop; what failed comes again, since the book's places did not move."""
        signed = 0.0
        while not self.halt.is_set():
            sign = time.monotonic() - signed >= _SIGN_S
            if sign:
                signed = time.monotonic()
            read = sum(self._step(partition, sign) for partition in self.owned)
            if sign:
                self._index()
            self.halt.wait(0.0 if read else _GATHER_S)
        for partition in self.owned:
            self._step(partition, True)
        self.revoked(frozenset(self.owned))
        for reader in self._readers.values():
            reader.close()

    def _step(self, partition: int, sign: bool) -> int:
        with self._at_work:
            if partition not in self._logs or partition in self.stopped:
                return 0
            try:
                log = self._logs[partition] = self._logs[partition] or self._make(partition)
                read = log.step(sign)
                if sign and self._days is not None:
                    log.let_go(int(time.time() * 1000 - self._days * _DAY_MS))
                self.figures[partition] = dict(log.figures)
            except LedgerHeldError as error:  # a former owner that does not know yet, or a rotation
                self._drop(partition)
                self._say(partition, str(error))
                return 0
            except LedgerStopError as error:
                self.stopped.add(partition)
                self._drop(partition)
                self._say(partition, f"stopped: {error}")
                return 0
            except Exception as error:
                self._say(partition, f"{type(error).__name__}: {error}")
                return 0
            self.troubles.pop(partition, None)
            return read

    def _make(self, partition: int) -> PartitionLedger:
        number = current(self._folder.ledgers, partition)
        return PartitionLedger(
            self._folder.ledger(number),
            self._folder.ledger_key(number, self._keys),
            f"{self._house}/ledger/{partition}",
            self._source,
            self._events,
            partition,
            self._settings.witnesses_file,
        )

    def _drop(self, partition: int) -> None:
        log = self._logs.get(partition)
        if log is not None:
            self._logs[partition] = None
            log.close()

    def _say(self, partition: int, text: str) -> None:
        if self.troubles.get(partition) != text:
            _log.warning("ledger_step_failed partition=%d reason=%s", partition, text)
        self.troubles[partition] = text

    def _index(self) -> None:
        """Who writes the log of partition 0, and so holds its lock, signs the index."""
        with self._at_work:
            if 0 not in self.figures or 0 in self.troubles:
                return
            key = self._folder.ledger_key(0, self._keys).with_name("ledger-index.key")
            try:
                index.write(self._folder.ledgers, key, f"{self._house}/ledger/index", self._reader)
                self.index_trouble = None
            except (LedgerError, OSError) as error:
                if self.index_trouble is None:
                    _log.warning("index_not_written reason=%s", error)
                self.index_trouble = f"index: {error}"

    def _reader(self, number: int) -> LedgerReader:
        return self._readers.setdefault(number, LedgerReader(self._folder.ledger(number)))


def readers_of(folder: Folder, count: range) -> list[LedgerReader]:
    """A reader of each log by number, also of those that nobody has written yet."""
    return [LedgerReader(folder.ledger(number)) for number in count]


def index_of(folder: Folder) -> Path:
    """The signed index of the logs."""
    return folder.ledgers / index.INDEX
