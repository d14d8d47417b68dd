"""Deliveries at work: lanes of every endpoint and partition that this process has, stepped on one loop."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections.abc import AsyncIterator, Iterator, Sequence
from pathlib import Path
from typing import Any, Final

import orjson
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

from api.render import event_line
from api.times import format_instant
from corridor.settings import Settings, SettingsError
from feeds import cursor
from feeds.readmodel import ReadModel
from feeds.webhooks.endpoints import Endpoint, EndpointsError, load
from feeds.webhooks.filenotes import FileNotes
from feeds.webhooks.lane import Lane, Notes, Send
from feeds.webhooks.post import Poster
from streams.events import Event, Kind

_IDLE_S: Final = 0.05
_TROUBLE_S: Final = 2.0
_SOURCE: Final = "urn:corridor"
_log = logging.getLogger("corridor.deliver")


class Kept:
    """Events of a read model by their numbers (``Events`` of ``feeds.webhooks.lane``)."""

    def __init__(self, read: ReadModel) -> None:
        self._read = read

    def newest(self, partition: int) -> int:
        """See Events.newest."""
        return self._read.last_number(partition)

    def after(self, partition: int, number: int, endpoint: Endpoint, limit: int) -> Sequence[Event]:
        """See Events.after."""
        kinds = sorted(endpoint.kinds or {kind for kind in Kind if kind is not Kind.COMMAND})
        return self._read.partition_after(partition, number, endpoint.tenant, kinds, limit)

    def one(self, partition: int, number: int) -> Event | None:
        """See Events.one."""
        return self._read.event(partition, number)


class Deliveries:
    """All lanes of this process; for use on one event loop."""

    def __init__(self, endpoints: Sequence[Endpoint], read: ReadModel, notes: Notes, send: Send) -> None:
        self.endpoints, self._notes, self._send = list(endpoints), notes, send
        self._kept = Kept(read)
        self.lanes: dict[tuple[str, int], Lane] = {}
        self.trouble: dict[tuple[str, int], str] = {}
        self._tasks: dict[int, list[asyncio.Task[None]]] = {}

    async def take(self, partition: int) -> None:
        """Deliver the events of this partition from where it was left."""
        await self.leave(partition)
        self._tasks[partition] = [
            asyncio.create_task(self._run(endpoint, partition), name=f"{endpoint.name}/{partition}")
            for endpoint in self.endpoints
        ]

    async def leave(self, partition: int) -> None:
        """Deliver them no more; what is under way is ended and noted first."""
        tasks = self._tasks.pop(partition, [])
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        for endpoint in self.endpoints:
            self.lanes.pop((endpoint.name, partition), None)
            self.trouble.pop((endpoint.name, partition), None)

    async def close(self) -> None:
        """Leave all."""
        for partition in list(self._tasks):
            await self.leave(partition)

    async def _run(self, endpoint: Endpoint, partition: int) -> None:
        """Step a lane for ever; what its notes or events can't do now is said and tried again."""
        key = endpoint.name, partition
        while True:
            lane = Lane(endpoint, partition, self._kept, self._notes, self._send, _now_ms)
            try:
                await lane.begin()
                self.lanes[key] = lane
                await self._step(lane, key)
            except Exception as error:
                self.trouble[key] = f"{type(error).__name__}: {error}"
                _log.warning("not_delivering to=%s partition=%s reason=%s", *key, self.trouble[key])
                await asyncio.sleep(_TROUBLE_S)

    async def _step(self, lane: Lane, key: tuple[str, int]) -> None:
        while True:
            step = asyncio.ensure_future(lane.step())
            try:
                worked = await asyncio.shield(step)
            except asyncio.CancelledError:
                await step  # what is under way is told to the end, so that nobody sends it again
                raise
            self.trouble.pop(key, None)
            await asyncio.sleep(0 if worked else _IDLE_S)

    def status(self) -> list[dict[str, Any]]:
        """What each lane says of itself."""
        return [
            {"endpoint": name, "partition": partition, "held": lane.held, "gone": lane.gone, **lane.counts()}
            for (name, partition), lane in sorted(self.lanes.items())
        ]


@contextlib.asynccontextmanager
async def delivering(settings: Settings, path: Path, read: ReadModel) -> AsyncIterator[Deliveries]:
    """Deliver every partition of ``read`` while the block lasts; how far it got is in the file ``path``.

    Raises SettingsError when the file of webhooks can't be used.
    """
    endpoints = endpoints_of(settings)
    notes, poster = FileNotes(path), Poster(body_of(read.partitions))
    deliveries = Deliveries(endpoints, read, notes, poster.send)
    try:
        for partition in range(read.partitions):
            await deliveries.take(partition)
        yield deliveries
    finally:
        await deliveries.close()
        await poster.close()
        notes.close()


def endpoints_of(settings: Settings) -> list[Endpoint]:
    """The endpoints that the settings name; none without a file. Raises SettingsError."""
    if settings.webhooks_file is None:
        return []
    try:
        return load(settings.webhooks_file)
    except EndpointsError as error:
        raise SettingsError(str(error)) from None


class DeliveryCollector(Collector):
    """Figures of each endpoint."""

    def __init__(self, deliveries: Deliveries) -> None:
        self._deliveries = deliveries

    def describe(self) -> list[Metric]:
        """Nothing is known before it is asked for."""
        return []

    def collect(self) -> Iterator[Metric]:
        """One family a figure, one sample an endpoint."""
        status = self._deliveries.status()
        names = [endpoint.name for endpoint in self._deliveries.endpoints]
        sent = CounterMetricFamily("corridor_webhooks_delivered", "Deliveries that succeeded", labels=["to"])
        for name in names:
            sent.add_metric([name], sum(one["delivered"] for one in status if one["endpoint"] == name))
        yield sent
        texts = {
            "waiting": "Deliveries to be tried again",
            "parked": "Deliveries given up",
            "held": "Partitions of which the receiver is left alone for now",
        }
        for field, text in texts.items():
            family = GaugeMetricFamily(f"corridor_webhooks_{field}", text, labels=["to"])
            for name in names:
                family.add_metric([name], sum(int(one[field]) for one in status if one["endpoint"] == name))
            yield family


def body_of(partitions: int) -> Any:
    """What makes an event a CloudEvent (JSON); ``cursor`` is that of its partition after it."""

    def body(event: Event) -> bytes:
        at = cursor.encode(cursor.advance(cursor.start(partitions), event.partition, event.number))
        line = orjson.loads(event_line(event, at))
        told = {
            "specversion": "1.0",
            "id": f"{event.id}-r{event.revision}",
            "source": f"{_SOURCE}:{event.tenant}",
            "type": f"corridor.{event.kind.value}.{event.change.value}.v1",
            "subject": event.asset or event.id,
            "time": format_instant(event.t_ms),
            "recordedtime": format_instant(event.recorded_ms),
            "partitionkey": event.asset or event.id,
            "sequence": f"{event.number:016d}",
            "datacontenttype": "application/json",
            "data": line,
        }
        return orjson.dumps(told)

    return body


def _now_ms() -> int:
    return time.time_ns() // 1_000_000
