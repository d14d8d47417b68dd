"""The port of the time-series store: every sample, by asset and time.

Every implementation passes ``tests/unit/feeds/store/contract.py``. Times are ms since 1970 UTC, intervals
are [start, end). Values come back as Arrow tables whose columns are named and typed as in
``feeds.store.schema``. An asset belongs to one tenant, so whoever may see an asset is decided by the caller.
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

        Idempotent: a sample is known by (asset, instant, report hash), whichever frame brings it, and a
        covered position never goes back. When it returns, both survive the loss of power. Raises
        StoreAwayError (nothing was stored; the same call may be repeated).
        """
        ...

    def position(self, partition: int) -> int:
        """The log position that is covered, 0 at first."""
        ...

    def track(self, asset: str, start_ms: int, end_ms: int, limit: int) -> pa.Table:
        """``schema.TRACK`` of one asset: its samples that have a position, by (instant, report hash).

        ``flags`` say what speaks against each (``streams.engine.quality.Flag``), judged among all that is
        stored now (``feeds.store.quality``). More than ``limit`` (at least 2) rows are thinned to at most
        that many, the first and the last kept, so that the line on the map keeps its shape; of those that
        are not part of the line some are kept, to be seen.
        """
        ...

    def signals(self, asset: str, names: Sequence[str], start_ms: int, end_ms: int, limit: int) -> pa.Table:
        """``t_ms`` and one double column a name, rows where any is present, by (instant, report hash).

        A name is a signal of the wire (``schema.WIRE``: "speed_kmh", "engine_rpm", ...) or an extra; one
        that was never measured is all null. Thinned like a track, keeping peaks.
        """
        ...

    def latest(self, assets: Sequence[str]) -> pa.Table:
        """``schema.LATEST``: the newest sample with a position of each of ``assets`` that has one.

        Not judged: ``flags`` is 0.
        """
        ...

    def drop_before(self, t_ms: int) -> None:
        """Forget samples of instants before ``t_ms``: unreadable at once, their space freed in time."""
        ...
