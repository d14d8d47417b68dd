"""A worker of the distributed system: partitions of the log in Kafka, folded by the engine under Faust."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import logging
import threading
from collections.abc import Callable, Iterator
from typing import Any, Final

from prometheus_client import CollectorRegistry
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

import geofences
from corridor.kafka import kafka_of
from corridor.probe import serving
from corridor.settings import Settings, SettingsError
from streams.engine import Rules, World
from streams.kafka.log import KafkaLog
from streams.kafka.positions import PositionsOut
from streams.kafka.sink import KafkaSink
from streams.kafka.table import Table
from streams.runtime.faust_app import Worker
from streams.runtime.owner import Owner, Parts, Turn
from streams.runtime.telling import Teller

_COMPACT_S: Final = 1.0
_READY_LAG: Final = 200  # records behind which a partition still counts as caught up
_log = logging.getLogger("corridor.worker")


async def run(
    settings: Settings,
    stop: asyncio.Event,
    ready: Callable[[int], None] = lambda port: None,
    world: Callable[[], World] | None = None,
    rules: Rules | None = None,
    speaks: bool = True,
) -> bool:
    """Work until ``stop``; False when threads are left that only end with the process.

    ``ready`` is told the port of health and metrics once partitions were given.
    ``world``: makes the zones that hold before any are published, of each partition its own; not given:
    those that ship. ``speaks``: False for a recorded log, which has its notes and ticks already.

    Raises SettingsError, TopicsError (see ``Worker.run``), OSError when the health port can't be had.
    """
    kafka = kafka_of(settings)
    if settings.shared_dir is None:
        raise SettingsError("setting shared_dir: got nothing, want a folder that every worker reaches")
    # what records leave behind are many short-lived objects: the default of 700 searches them all the time
    gc.set_threshold(50_000, 20, 20)
    shipped = geofences.world() if world is None else ((), ())
    log, positions = KafkaLog(kafka), PositionsOut(kafka)
    parts = Parts(
        log=log,
        shared=settings.shared_dir,
        world=world or (lambda: World(*shipped)),
        sink=lambda: KafkaSink(kafka),
        teller=lambda partition: Teller(partition, positions, Table(kafka)),
        partitions=kafka.partitions,
        speaks=speaks,
        snapshot_s=settings.snapshot_s,
        rules=rules or Rules(),
        turn=Turn(),
    )
    worker = Worker(kafka, lambda partition: Owner(partition, parts))
    metrics = CollectorRegistry()
    metrics.register(WorkerCollector(worker))
    compacting = Compacting(worker)
    try:
        async with serving(
            settings.health_host, settings.health_port, lambda: health(worker), metrics
        ) as port:
            compacting.start()
            await worker.run(stop, lambda: ready(port))
    finally:
        compacting.halt.set()
        with contextlib.suppress(RuntimeError):
            await asyncio.to_thread(compacting.join, 10)
        positions.close()
        await asyncio.to_thread(log.close)
    return not worker.stuck


def health(worker: Worker) -> tuple[bool, dict[str, Any]]:
    """Well: the group has given its partitions, and each is folded without trouble and without delay."""
    owned = worker.status()
    well = worker.assigned and all(
        one["trouble"] is None and one["caught_up"] and one["lag"] <= _READY_LAG for one in owned
    )
    troubled = [one["partition"] for one in owned if one["trouble"] is not None]
    checks = {
        "engine": "failing" if troubled else "ok" if worker.assigned else "not yet assigned",
        "partitions": [one["partition"] for one in owned],
        "partitions_failing": troubled,
        "partitions_unsaved": [one["partition"] for one in owned if one["unsaved"] is not None],
        "engine_lag_records": sum(one["lag"] for one in owned),
    }
    return well, checks


class Compacting(threading.Thread):
    """Merges files of the past of every partition that the worker owns, and lets them forget."""

    def __init__(self, worker: Worker) -> None:
        super().__init__(name="compact", daemon=True)
        self._worker = worker
        self.halt = threading.Event()

    def run(self) -> None:
        """A step for each partition every second until told to stop."""
        trimmed: dict[int, int] = {}
        while not self.halt.wait(_COMPACT_S):
            for partition, owner in list(self._worker.owners.items()):
                runner = owner.runner
                if runner is None or not owner.caught_up.is_set():
                    continue
                try:
                    if trimmed.get(partition) != owner.covered:
                        runner.trim_past()
                        trimmed[partition] = owner.covered
                    runner.past.compact()
                except Exception as error:  # nothing is lost: what it was to rewrite is still there
                    _log.warning("compact_step_failed partition=%s reason=%r", partition, error)


class WorkerCollector(Collector):
    """Figures of each partition that the worker owns."""

    def __init__(self, worker: Worker) -> None:
        self._worker = worker

    def describe(self) -> list[Metric]:
        """Nothing is known before it is asked for."""
        return []

    def collect(self) -> Iterator[Metric]:
        """One family a figure, one sample a partition."""
        owned = self._worker.status()
        gauges = {
            "corridor_engine_lag_records": ("Log records not folded yet", "lag"),
            "corridor_engine_position": ("Log position folded", "position"),
            "corridor_snapshot_position": ("Log position of the newest snapshot", "covered"),
            "corridor_assets": ("Assets that the engine follows", "assets"),
        }
        for name, (text, field) in gauges.items():
            family = GaugeMetricFamily(name, text, labels=["partition"])
            for one in owned:
                family.add_metric([str(one["partition"])], one[field])
            yield family
        counters = {
            "bad_records": "Records that could not be folded",
            "replays_differ": "Replays that decided otherwise than was served",
            "caught": "Records that were read from the log to catch up",
        }
        for name, text in counters.items():
            counter = CounterMetricFamily(f"corridor_engine_{name}", text, labels=["partition"])
            for one in owned:
                counter.add_metric([str(one["partition"])], one[name])
            yield counter
        failing = sum(one["trouble"] is not None for one in owned)
        yield GaugeMetricFamily("corridor_partitions", "Partitions owned", value=len(owned))
        yield GaugeMetricFamily("corridor_partitions_failing", "Partitions in trouble", value=failing)
