"""The ledger as a role of the distributed system: one log a partition, each written by one process.

What comes is read from the log and, through a copy of its own, from the events in Kafka.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterator
from typing import Any, Final

from prometheus_client import CollectorRegistry
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

from corridor.kafka import kafka_of
from corridor.probe import serving
from corridor.roles.followers import EventSource, Follower
from corridor.roles.ledgers import LedgerKeeper, ledger_folder
from corridor.roles.readcopy import read_copy
from corridor.roles.redact import CleanEvents
from corridor.settings import Settings
from streams.kafka.log import KafkaLog
from streams.kafka.members import Members
from streams.kafka.topics import EVENTS, LOG, check

_LOOK_S: Final = 0.5
_STOP_S: Final = 30.0


async def run(
    settings: Settings, stop: asyncio.Event, ready: Callable[[int], None] = lambda port: None
) -> None:
    """Write until ``stop``. ``ready`` is told the port of health and metrics.

    Raises SettingsError, FolderError, TopicsError, OSError when the health port can't be had.
    """
    kafka, folder = kafka_of(settings), ledger_folder(settings)
    await asyncio.to_thread(check, kafka, (LOG, EVENTS))
    read = read_copy(settings, kafka.partitions)
    log = KafkaLog(kafka)
    events = Follower("events", lambda: EventSource(kafka, read, clean=CleanEvents(settings)))
    keeper = LedgerKeeper(settings, folder, log, read)
    metrics = CollectorRegistry()
    metrics.register(LedgerCollector(keeper))
    members: Members | None = None

    def health() -> tuple[bool, dict[str, Any]]:
        well = events.caught_up and events.trouble is None and keeper.trouble is None
        well = well and keeper.is_alive() and members is not None and members.error is None
        logs, now_ms = list(keeper.figures.values()), int(time.time() * 1000)
        trouble = keeper.trouble or keeper.late(now_ms, kafka.retention_days)
        return well and trouble is None, {
            "events": "ok" if events.trouble is None else "not followed",
            "ledger": "ok" if trouble is None else trouble,
            "ledger_size": sum(one["size"] for one in logs),
            "ledger_lag_records": sum(one["lag"] for one in logs),
            "ledger_behind_s": max(keeper.behind_s(now_ms).values(), default=0.0),
            "ledger_lost_records": sum(keeper.lost.values()),
            "partitions": keeper.owned,
        }

    try:
        async with serving(settings.health_host, settings.health_port, health, metrics) as port:
            events.start()
            while not events.caught_up and not stop.is_set():  # what the copy lacks would be read again
                await _wait(stop)
            keeper.start()
            members = Members(kafka, "ledger", keeper.assigned, keeper.revoked)
            ready(port)
            while not stop.is_set():
                if members.error is not None:
                    raise members.error
                await _wait(stop)
    finally:
        if members is not None:
            await asyncio.to_thread(members.close)
        keeper.halt.set()
        events.halt.set()
        for thread in (keeper, events):
            if thread.ident is not None:
                await asyncio.to_thread(thread.join, _STOP_S)
        log.close()
        read.close()


async def _wait(stop: asyncio.Event) -> None:
    try:
        async with asyncio.timeout(_LOOK_S):
            await stop.wait()
    except TimeoutError:
        return


class LedgerCollector(Collector):
    """Figures of the logs that this process writes."""

    def __init__(self, keeper: LedgerKeeper) -> None:
        self._keeper = keeper

    def describe(self) -> list[Metric]:
        """Nothing is known before it is asked for."""
        return []

    def collect(self) -> Iterator[Metric]:
        """One family a figure."""
        size = GaugeMetricFamily("corridor_ledger_size", "Entries under a signed head", labels=["partition"])
        lag = GaugeMetricFamily(
            "corridor_ledger_lag_records", "Log records not in the ledger yet", labels=["partition"]
        )
        for partition, told in list(self._keeper.figures.items()):
            size.add_metric([str(partition)], told["size"])
            lag.add_metric([str(partition)], told["lag"])
        yield size
        yield lag
        behind = GaugeMetricFamily(
            "corridor_ledger_behind_seconds",
            "Age of what was read last, where there is more",
            labels=["partition"],
        )
        for partition, seconds in self._keeper.behind_s(int(time.time() * 1000)).items():
            behind.add_metric([str(partition)], seconds)
        yield behind
        lost = CounterMetricFamily(
            "corridor_ledger_lost_records", "Records that retention took first", labels=["partition"]
        )
        for partition, records in self._keeper.lost.items():
            lost.add_metric([str(partition)], records)
        yield lost
        up = 1.0 if self._keeper.trouble is None else 0.0
        yield GaugeMetricFamily("corridor_ledger_ok", "Whether the ledger goes on", value=up)
