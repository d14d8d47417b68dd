"""The log in memory: for tests and for trying things out. Nothing survives the process."""

from __future__ import annotations

from collections.abc import Sequence
from threading import Lock

from streams.homes import DECIDING
from streams.log import LogFullError
from streams.records import LogRecord, NewRecord, RecordKind


class MemoryLog:
    """A log of ``partitions`` lists that holds at most ``max_bytes`` of bodies; threads may share it."""

    def __init__(self, partitions: int = 1, max_bytes: int = 1 << 30) -> None:
        self._records: list[list[LogRecord]] = [[] for _ in range(partitions)]
        self._ends = [0] * partitions
        self._trimmed = [0] * partitions
        self._bytes = 0
        self._lock = Lock()
        self.max_bytes = max_bytes

    @property
    def partitions(self) -> int:
        """How many partitions there are."""
        return len(self._records)

    def append(self, records: Sequence[NewRecord]) -> list[int]:
        """Append all or none, and return each one's position. Raises LogFullError."""
        size = sum(len(record.body) for record in records)
        with self._lock:
            if self._bytes + size > self.max_bytes:
                want = f"want at most {self.max_bytes - self._bytes}"
                raise LogFullError(f"log full: got {size} bytes, {want}", retry_after=1.0)
            self._bytes += size
            return [self._append_one(record) for record in records]

    def read(self, partition: int, after: int, max_bytes: int) -> list[LogRecord]:
        """Records above ``after`` in order, at least one if there is one, up to ``max_bytes`` of bodies."""
        found: list[LogRecord] = []
        size = 0
        with self._lock:
            for record in self._records[partition]:
                if record.position <= after:
                    continue
                size += len(record.body)
                if found and size > max_bytes:
                    break
                found.append(record)
        return found

    def end(self, partition: int) -> int:
        """Position of the newest record, 0 when there never was one."""
        return self._ends[partition]

    def trimmed(self, partition: int) -> int:
        """Up to this position records were let go of by ``trim``; 0: none ever were."""
        return self._trimmed[partition]

    def trim(self, partition: int, through: int) -> int:
        """See Log.trim."""
        with self._lock:
            old = self._records[partition]
            kept = [r for r in old if r.position > through or _stays(r)]
            self._bytes -= sum(len(r.body) for r in old) - sum(len(r.body) for r in kept)
            self._records[partition] = kept
            if len(kept) < len(old):
                self._trimmed[partition] = max(self._trimmed[partition], min(through, self._ends[partition]))
            return len(old) - len(kept)

    def _append_one(self, new: NewRecord) -> int:
        self._ends[new.partition] += 1
        position = self._ends[new.partition]
        record = LogRecord(new.partition, position, new.kind, new.received_ms, new.key, new.body)
        self._records[new.partition].append(record)
        return position


def _stays(record: LogRecord) -> bool:
    return record.kind is RecordKind.COMMAND or (
        record.kind is RecordKind.NOTE and record.body.startswith(DECIDING)
    )
