"""The port of the time-series store: every sample, by asset and time.

Every implementation passes ``tests/unit/feeds/store/contract.py``. Times are ms since 1970 UTC, intervals are
[start, end). Values come back as Arrow tables whose columns are named and typed as in
``feeds.store.schema``.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import pyarrow as pa

from streams.records import Frame


class StoreError(Exception):
    """Base of the store's errors."""


class StoreAwayError(StoreError):
    """The store can't be reached or written now; try again after ``retry_after`` seconds."""

    def __init__(self, message: str, retry_after: float) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class Store(Protocol):
    """Samples kept for reading. Writing twice what was written is one; threads may share it."""

    def write(self, partition: int, position: int, frames: Sequence[Frame]) -> None:
        """Store all samples of ``frames`` and, in the same commit, that log ``position`` is covered.

        Idempotent: a sample is known by (asset, instant, report hash). Raises StoreAwayError.
        """
        ...

    def position(self, partition: int) -> int:
        """The log position that is covered, 0 at first."""
        ...

    def track(self, asset: str, start_ms: int, end_ms: int, limit: int) -> pa.Table:
        """Samples of one asset that have a position, by time; at most ``limit`` rows, oldest first."""
        ...

    def signals(self, asset: str, names: Sequence[str], start_ms: int, end_ms: int, limit: int) -> pa.Table:
        """``t_ms`` and one double column a name (known signal or extra), rows where any is present."""
        ...

    def latest(self, assets: Sequence[str]) -> pa.Table:
        """The newest sample with a position of each asset that has one."""
        ...
