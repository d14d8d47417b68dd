"""Reports between arrival and append: a bounded queue, and batches that grow with the load."""

from __future__ import annotations

import asyncio
import contextlib
from collections import deque
from dataclasses import dataclass
from typing import Any

from gateway.batch import Arrived


@dataclass(frozen=True, slots=True)
class Bounds:
    """What a batch and the whole queue may hold, and how long a batch waits for more.

    ``linger_s``; when ``busy_reports`` have come by then, ``busy_linger_s`` more: a batch of 500 costs all
    that come after it much less than five of 100.
    """

    linger_s: float = 0.02
    busy_linger_s: float = 0.04
    busy_reports: int = 50
    batch_reports: int = 1_000
    batch_bytes: int = 4 << 20
    reports: int = 20_000
    bytes: int = 64 << 20


class ReportQueue:
    """A queue for one event loop."""

    def __init__(self, bounds: Bounds) -> None:
        self._bounds = bounds
        self._waiting: deque[Arrived] = deque()
        self._bytes = 0
        self._some = asyncio.Event()
        self._enough = asyncio.Event()

    def __len__(self) -> int:
        return len(self._waiting)

    def put(self, arrived: Arrived) -> bool:
        """Take a report in; False when there is no room for it."""
        size = len(arrived.payload)
        if self._bytes + size > self._bounds.bytes or len(self._waiting) >= self._bounds.reports:
            return False
        self._waiting.append(arrived)
        self._bytes += size
        self._some.set()
        if self._full():
            self._enough.set()
        return True

    def wake(self) -> None:
        """Let ``gather`` return although there may be nothing in the queue."""
        self._some.set()

    async def gather(self, appending: asyncio.Future[None]) -> None:
        """Wait for a report, then for more: see ``Bounds``, until ``appending`` is done, or a full batch."""
        bounds = self._bounds
        await self._some.wait()
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._enough.wait(), bounds.linger_s)
        if len(self._waiting) >= bounds.busy_reports:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._enough.wait(), bounds.busy_linger_s)
        if self._enough.is_set() or appending.done():
            return
        enough = asyncio.ensure_future(self._enough.wait())
        waiting: set[asyncio.Future[Any]] = {appending, enough}
        try:
            await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
        finally:
            enough.cancel()

    def take(self) -> list[Arrived]:
        """The oldest reports, at most one batch."""
        taken: list[Arrived] = []
        size = 0
        while self._waiting and len(taken) < self._bounds.batch_reports and size < self._bounds.batch_bytes:
            taken.append(self._waiting.popleft())
            size += len(taken[-1].payload)
        self._bytes -= size
        if not self._waiting:
            self._some.clear()
        if not self._full():
            self._enough.clear()
        return taken

    def _full(self) -> bool:
        return len(self._waiting) >= self._bounds.batch_reports or self._bytes >= self._bounds.batch_bytes
