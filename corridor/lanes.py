"""Lanes at work: those of every receiver and partition that this process has, stepped on one loop.

What people ask of a lane (``feeds.outbound.asks``) is looked for each second and done between two steps.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from typing import Any, Final, Generic

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

from feeds.outbound.asks import Ask, AskNotes, asked, heed
from feeds.outbound.lane import Items, ItemT, Lane, Rule, Send, TargetT

_IDLE_S: Final = 0.05
_ASKS_S: Final = 1.0
_TROUBLE_S: Final = 2.0
_log = logging.getLogger("corridor.deliver")
Key = tuple[str, int]


def now_ms() -> int:
    """The clock of lanes."""
    return time.time_ns() // 1_000_000


class Lanes(Generic[TargetT, ItemT]):
    """All lanes of this process to ``targets``; for use on one event loop. ``clock``: see ``now_ms``."""

    def __init__(
        self,
        targets: Sequence[TargetT],
        items: Items[TargetT, ItemT],
        notes: AskNotes,
        send: Send[TargetT, ItemT],
        rule: Rule[ItemT],
        clock: Callable[[], int] = now_ms,
    ) -> None:
        self.targets, self._notes, self._send = list(targets), notes, send
        self._items, self._rule, self._clock = items, rule, clock
        self.lanes: dict[Key, Lane[TargetT, ItemT]] = {}
        self.trouble: dict[Key, str] = {}
        self._asks: defaultdict[Key, list[Ask]] = defaultdict(list)
        self._tasks: dict[int, list[asyncio.Task[None]]] = {}

    async def take(self, partition: int) -> None:
        """Deliver the items of this partition from where it was left."""
        await self.leave(partition)
        tasks = [
            asyncio.create_task(self._run(target, partition), name=f"{target.name}/{partition}")
            for target in self.targets
        ]
        if tasks:
            tasks.append(asyncio.create_task(self._listen(partition), name=f"asks/{partition}"))
        self._tasks[partition] = tasks

    async def leave(self, partition: int) -> None:
        """Deliver them no more; what is under way is ended and noted first."""
        tasks = self._tasks.pop(partition, [])
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        for target in self.targets:
            self.lanes.pop((target.name, partition), None)
            self.trouble.pop((target.name, partition), None)
            self._asks.pop((target.name, partition), None)

    async def close(self) -> None:
        """Leave all."""
        for partition in list(self._tasks):
            await self.leave(partition)

    async def _run(self, target: TargetT, partition: int) -> None:
        """Step a lane for ever; what its notes or items can't do now is said and tried again."""
        key = target.name, partition
        while True:
            lane = Lane(target, partition, self._items, self._notes, self._send, self._clock, self._rule)
            try:
                await lane.begin()
                self.lanes[key] = lane
                await self._step(lane, key)
            except Exception as error:
                self.trouble[key] = f"{type(error).__name__}: {error}"
                _log.warning("not_delivering to=%s partition=%s reason=%s", *key, self.trouble[key])
                await asyncio.sleep(_TROUBLE_S)

    async def _step(self, lane: Lane[TargetT, ItemT], key: Key) -> None:
        while True:
            step = asyncio.ensure_future(self._turn(lane, key))
            try:
                worked = await asyncio.shield(step)
            except asyncio.CancelledError:
                lane.leaving = True
                try:
                    await step  # what is under way is told to the end, so that nobody sends it again
                except Exception as error:
                    _log.warning("not_noted to=%s partition=%s reason=%s", *key, error)
                raise
            self.trouble.pop(key, None)
            await asyncio.sleep(0 if worked else _IDLE_S)

    async def _turn(self, lane: Lane[TargetT, ItemT], key: Key) -> bool:
        asks = self._asks.pop(key, [])
        for one in asks:
            count = await heed(lane, one)
            _log.info("asked do=%s to=%s partition=%s number=%s found=%s", one.do, *key, one.number, count)
            await asyncio.to_thread(self._notes.put, key[1], {one.key: None})
        return await lane.step() or bool(asks)

    async def _listen(self, partition: int) -> None:
        """Hand what is asked to the lanes that it is meant for."""
        while True:
            try:
                kept = await asyncio.to_thread(self._notes.asks, partition)
                for one in asked(kept):
                    key = one.name, partition
                    if key in self.lanes and one not in self._asks[key]:
                        self._asks[key].append(one)
            except Exception as error:  # the lanes say what is wrong with the notes
                _log.warning("asks_not_read partition=%s reason=%s", partition, error)
            await asyncio.sleep(_ASKS_S)

    def status(self) -> list[dict[str, Any]]:
        """What each lane says of itself."""
        return [
            {"endpoint": name, "partition": partition, "held": lane.held, "gone": lane.gone, **lane.counts()}
            for (name, partition), lane in sorted(self.lanes.items())
        ]


class LaneCollector(Collector):
    """Figures of each receiver, named ``corridor_<what>_...``."""

    def __init__(self, lanes: Lanes[Any, Any], what: str) -> None:
        self._lanes, self._what = lanes, what

    def describe(self) -> list[Metric]:
        """Nothing is known before it is asked for."""
        return []

    def collect(self) -> Iterator[Metric]:
        """One family a figure, one sample a receiver."""
        status, prefix = self._lanes.status(), f"corridor_{self._what}"
        names = [target.name for target in self._lanes.targets]
        sent = CounterMetricFamily(f"{prefix}_delivered", "Deliveries that succeeded", labels=["to"])
        for name in names:
            sent.add_metric([name], sum(one["delivered"] for one in status if one["endpoint"] == name))
        yield sent
        texts = {
            "waiting": "Deliveries to be tried again",
            "parked": "Deliveries given up",
            "held": "Partitions of which the receiver is left alone for now",
        }
        for field, text in texts.items():
            family = GaugeMetricFamily(f"{prefix}_{field}", text, labels=["to"])
            for name in names:
                family.add_metric([name], sum(int(one[field]) for one in status if one["endpoint"] == name))
            yield family
