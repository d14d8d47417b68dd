"""The port of the log: the one ordered, durable history that everything else is derived from."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from streams.records import LogRecord, NewRecord


class LogError(Exception):
    """Base of the log's errors."""


class LogFullError(LogError):
    """Nothing was appended, for want of space; try again after ``retry_after`` seconds."""

    def __init__(self, message: str, retry_after: float) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class LogCorruptError(LogError):
    """The log's files can't be used as they are; the message says where."""


class Log(Protocol):
    """A partitioned log. Implementations may be used from several threads and processes at once."""

    @property
    def partitions(self) -> int:
        """How many partitions there are; fixed when the log was made."""
        ...

    def append(self, records: Sequence[NewRecord]) -> list[int]:
        """Append all or none, and return each one's position.

        When it returns, they survive the loss of power. Appending twice is two records. Raises
        LogFullError (retry later) or LogError.
        """
        ...

    def read(self, partition: int, after: int, max_bytes: int) -> list[LogRecord]:
        """Records with positions above ``after`` in order, at least one if there is one.

        Stops before the record that would make the bodies exceed ``max_bytes``.
        """
        ...

    def end(self, partition: int) -> int:
        """Position of the newest record, 0 when there never was one."""
        ...

    def trimmed(self, partition: int) -> int:
        """Up to this position records were let go of by ``trim``; 0: none ever were."""
        ...

    def trim(self, partition: int, through: int) -> int:
        """Forget frames, ticks and notes to gates up to ``through``; commands stay, and what was decided
        by them elsewhere (``homes.DECIDING``). Returns how many went."""
        ...
