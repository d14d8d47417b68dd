"""The embedded runtime: one thread reads one partition of the log and folds it."""

from __future__ import annotations

from typing import Final

from streams.runtime.runner import Folded, LogBehindError, LogTrimmedError, PartitionRunner

__all__ = ["Folded", "LogBehindError", "LogTrimmedError", "Runner"]

_READ_BYTES: Final = 4 << 20


class Runner(PartitionRunner):
    """Folds one partition by reading; not for two threads at once. ``recover`` before the first ``step``."""

    def step(self) -> Folded:
        """Fold what is there (some megabytes at most) and commit it; see ``take`` for errors."""
        return self.take(self.log.read(self.partition, self.engine.position, _READ_BYTES))
