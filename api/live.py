"""The live hub: one subscription to the engine, many WebSocket clients.

An event is rendered once and shared; a position is encoded once for all clients that have seen the same.
Memory is bounded for any number of slow clients: a client's positions are a version number, and its events
a queue that, when full, is emptied and replaced by a ``lag`` message with the cursor to catch up from.
"""

from __future__ import annotations

import asyncio
import logging
import math
from collections import defaultdict, deque
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Final

import numpy as np
import orjson

from api.liveview import Box, TenantView
from api.metrics import Metrics
from api.ports import LiveBatch, Ports, PositionTable
from api.render import event_line
from feeds import cursor
from feeds.cursor import Vector

MAX_CLIENTS: Final = 1000
MAX_EVENTS: Final = 1000
_PAUSE_S: Final = 1.0
_LOG = logging.getLogger("corridor.api.live")


class HubFullError(Exception):
    """There are as many clients as there may be."""


class Client:
    """One WebSocket's share of the live view; used on the loop only."""

    def __init__(self, view: TenantView, at: str, max_hz: float, now: Callable[[], float]) -> None:
        self._view = view
        self._interval_s = 1 / max_hz
        self._now = now
        self._wake = asyncio.Event()
        self._events: deque[tuple[str, bytes]] = deque()
        self._delivered = at
        self._dropped = 0
        self._seen = -1
        self._box: Box | None = None
        self._shown = np.zeros(0, bool)

    def look_at(self, box: Box | None) -> None:
        """Show only this box from now on; the next positions message is complete for it."""
        self._box, self._seen, self._shown = box, -1, np.zeros(0, bool)
        self._wake.set()

    def notify(self) -> None:
        """There may be new positions."""
        self._wake.set()

    def offer(self, at: str, message: bytes) -> bool:
        """An event message and the cursor after it. False when the client is too slow for it."""
        if self._dropped or len(self._events) >= MAX_EVENTS:
            self.drop(1)
            return False
        self._events.append((at, message))
        self._wake.set()
        return True

    def drop(self, more: int = 0) -> None:
        """Forget the events that wait, and ``more``; the client is told to catch up."""
        self._dropped += max(1, len(self._events) + more)
        self._events.clear()
        self._wake.set()

    async def messages(self) -> AsyncIterator[bytes]:
        """What to send, in order; waits while there is nothing. Never ends by itself."""
        yield orjson.dumps({"type": "welcome", "cursor": self._delivered})
        yield self._positions(complete=True) or b""
        due = self._next_due()
        while True:
            await self._wait(due)
            while self._events:
                self._delivered, message = self._events.popleft()
                yield message
            if self._dropped:
                lag = {"type": "lag", "cursor": self._delivered, "dropped": self._dropped}
                self._dropped = 0
                yield orjson.dumps(lag)
            if self._now() >= due:
                changed = self._positions(complete=False)
                due = self._next_due()
                if changed is not None:
                    yield changed

    async def _wait(self, due: float) -> None:
        """Until there is an event, or until ``due`` if there are positions, else until there is something."""
        while not self._events and not self._dropped:
            pending = self._seen < self._view.version
            left = due - self._now()
            if pending and left <= 0:
                return
            self._wake.clear()
            try:
                async with asyncio.timeout(left if pending else None):
                    await self._wake.wait()
            except TimeoutError:
                return

    def _next_due(self) -> float:
        """On a grid that all clients of one rate share, so that they ask for the same versions."""
        return (math.floor(self._now() / self._interval_s) + 1) * self._interval_s

    def _positions(self, complete: bool) -> bytes | None:
        view, seen = self._view, self._seen
        self._seen = view.version
        if self._box is None:
            message = view.since(seen)
        else:
            rows = view.changes(seen, self._box, self._shown)
            self._shown = view.inside(self._box)
            message = view.encode(rows) if len(rows) or seen < 0 else None
        return view.encode(np.zeros(0, np.int64)) if message is None and complete else message


class Hub:
    """The live view of one process. Make it on any thread, use it on the loop."""

    def __init__(self, ports: Ports, metrics: Metrics) -> None:
        self._ports = ports
        self._metrics = metrics
        self._views: defaultdict[str, TenantView] = defaultdict(TenantView)
        self._clients: defaultdict[str, set[Client]] = defaultdict(set)
        self._news: defaultdict[str, asyncio.Event] = defaultdict(asyncio.Event)
        self._at: Vector = ()
        self.ready = False
        self.ended = False

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Follows the engine inside the context."""
        task = asyncio.create_task(self._follow(), name="live-hub")
        try:
            yield
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
            self.ready = False

    @asynccontextmanager
    async def client(self, tenant: str, max_hz: float) -> AsyncIterator[Client]:
        """A client while the context lasts. Raises HubFullError."""
        if sum(map(len, self._clients.values())) >= MAX_CLIENTS:
            raise HubFullError(f"too many live clients: got one more, want at most {MAX_CLIENTS}")
        client = Client(self._views[tenant], cursor.encode(self._at), max_hz, asyncio.get_running_loop().time)
        self._clients[tenant].add(client)
        self._metrics.live_clients.inc()
        try:
            yield client
        finally:
            self._clients[tenant].discard(client)
            self._metrics.live_clients.dec()

    def news(self, tenant: str) -> asyncio.Event:
        """Set at the next event of ``tenant``; take it before looking whether there is one already."""
        return self._news[tenant]

    async def _follow(self) -> None:
        while True:
            try:
                batches = self._ports.live.subscribe()
                self._at = await asyncio.to_thread(self._ports.read.head)
                self._merge(self._ports.live.snapshot(None))
                self._lag_all()
                self.ready = True
                async for batch in batches:
                    self._take(batch)
                self._end()
                return
            except Exception:
                self.ready = False
                _LOG.exception("live_view_failed retry_s=%s", _PAUSE_S)
                await asyncio.sleep(_PAUSE_S)

    def _end(self) -> None:
        """The process stops: whoever waits for news is sent home."""
        self.ended = True
        for news in self._news.values():
            news.set()

    def _take(self, batch: LiveBatch) -> None:
        if batch.positions is not None:
            self._merge(batch.positions)
        if batch.missed:
            self._lag_all()
        heard = set()
        for event in batch.events:
            if event.number <= self._at[event.partition]:
                continue
            self._at = cursor.advance(self._at, event.partition, event.number)
            heard.add(event.tenant)
            if self._clients[event.tenant]:
                at = cursor.encode(self._at)
                message = b'{"type":"event",' + event_line(event, at)[1:]
                for client in self._clients[event.tenant]:
                    if not client.offer(at, message):
                        self._metrics.live_dropped.inc()
        for tenant in heard:
            self._news.pop(tenant, asyncio.Event()).set()

    def _merge(self, table: PositionTable) -> None:
        tenants = np.array(table.tenant, object)
        for tenant in set(table.tenant):
            rows = np.flatnonzero(tenants == tenant)
            self._views[tenant].merge(table, rows)
            for client in self._clients[tenant]:
                client.notify()

    def _lag_all(self) -> None:
        for clients in self._clients.values():
            for client in clients:
                client.drop()
                self._metrics.live_dropped.inc()
