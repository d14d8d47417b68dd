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
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Final

import numpy as np
import numpy.typing as npt
import orjson

from api.casewatch import CaseWatch
from api.liveview import Box, TenantView
from api.metrics import Metrics
from api.ports import LiveBatch, Ports, PositionTable
from api.render import event_line
from feeds import cursor
from feeds.cursor import Vector
from feeds.readreach import AtGates, Reach
from streams.events import Event

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
        self._views: defaultdict[Reach, TenantView] = defaultdict(TenantView)
        self._clients: defaultdict[Reach, set[Client]] = defaultdict(set)
        self._news: defaultdict[Reach, asyncio.Event] = defaultdict(asyncio.Event)
        self._watch = CaseWatch()
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
    async def client(self, reach: Reach, max_hz: float) -> AsyncIterator[Client]:
        """A client while the context lasts. Raises HubFullError."""
        if sum(map(len, self._clients.values())) >= MAX_CLIENTS:
            raise HubFullError(f"too many live clients: got one more, want at most {MAX_CLIENTS}")
        if isinstance(reach, AtGates) and reach not in self._views:
            self._look(reach, self._ports.live.snapshot(None))
        client = Client(self._views[reach], cursor.encode(self._at), max_hz, asyncio.get_running_loop().time)
        self._clients[reach].add(client)
        self._metrics.live_clients.inc()
        try:
            yield client
        finally:
            self._clients[reach].discard(client)
            self._metrics.live_clients.dec()

    def news(self, reach: Reach) -> asyncio.Event:
        """Set at the next event in ``reach``; take it before looking whether there is one already."""
        return self._news[reach]

    async def _follow(self) -> None:
        while True:
            try:
                batches = self._ports.live.subscribe()
                self._at = await asyncio.to_thread(self._ports.read.head)
                await self._look_again()
                self._merge(self._ports.live.snapshot(None))
                self._lag_all()
                self.ready = True
                async for batch in batches:
                    if batch.missed:  # an end of a case may be among what was missed
                        await self._look_again()
                    self._take(batch)
                self._end()
                return
            except Exception:
                self.ready = False
                _LOG.exception("live_view_failed retry_s=%s", _PAUSE_S)
                await asyncio.sleep(_PAUSE_S)

    async def _look_again(self) -> None:
        """Which cases there are, out of the read model; officers are shown none of those that ended."""
        self._watch.load(await asyncio.to_thread(self._ports.read.case_places))
        table = self._ports.live.snapshot(None)
        for reach, view in self._views.items():
            if isinstance(reach, AtGates):
                for asset in view.assets:
                    if not self._watch.is_open(asset, reach):
                        view.drop(asset)
                self._look(reach, table)

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
        fresh = [event for event in batch.events if event.number > self._at[event.partition]]
        self._follow_cases(fresh)  # before any is told: a case opens what was said of its asset just before
        heard: set[Reach] = set()
        listening = self._listening() if fresh else set()
        for event in fresh:
            self._at = cursor.advance(self._at, event.partition, event.number)
            told = [reach for reach in listening if self._watch.sees(reach, event)]
            heard.update(told)
            self._tell(event, [reach for reach in told if self._clients.get(reach)])
        for reach in heard:
            self._news.pop(reach, asyncio.Event()).set()

    def _tell(self, event: Event, reaches: Sequence[Reach]) -> None:
        """Offer an event to the clients of these reaches; rendered once for all that see it alike."""
        if not reaches:
            return
        at, whole = cursor.encode(self._at), b""
        for reach in reaches:
            shown = self._watch.shown(reach, event)
            message = whole if shown is event and whole else b'{"type":"event",' + event_line(shown, at)[1:]
            whole = message if shown is event else whole
            for client in self._clients[reach]:
                if not client.offer(at, message):
                    self._metrics.live_dropped.inc()

    def _listening(self) -> set[Reach]:
        return {*self._news, *(reach for reach, clients in self._clients.items() if clients)}

    def _follow_cases(self, events: Sequence[Event]) -> None:
        """What an opened case lets officers see, and what an ended one lets them see no more."""
        assets = {event.asset for event in events if self._watch.take(event)}
        at_gates = [reach for reach in self._views if isinstance(reach, AtGates)]
        if not assets or not at_gates:
            return
        table = self._ports.live.snapshot(None)
        table = table.take(np.array([i for i, of in enumerate(table.asset) if of in assets], np.int64))
        for reach in at_gates:
            for asset in assets:
                if not self._watch.is_open(asset, reach):
                    self._views[reach].drop(asset)
            self._look(reach, table)

    def _merge(self, table: PositionTable) -> None:
        tenants = np.array(table.tenant, object)
        for tenant in set(table.tenant):
            self._put(tenant, table, np.flatnonzero(tenants == tenant))
        for reach in list(self._views):
            if isinstance(reach, AtGates):
                self._look(reach, table)

    def _look(self, reach: AtGates, table: PositionTable) -> None:
        """Put those rows that officers may see into their view."""
        self._put(reach, table, np.array(self._watch.open_rows(table.asset, reach), np.int64))

    def _put(self, reach: Reach, table: PositionTable, rows: npt.NDArray[np.int64]) -> None:
        if not len(rows):
            return
        self._views[reach].merge(table, rows)
        for client in self._clients[reach]:
            client.notify()

    def _lag_all(self) -> None:
        for clients in self._clients.values():
            for client in clients:
                client.drop()
                self._metrics.live_dropped.inc()
