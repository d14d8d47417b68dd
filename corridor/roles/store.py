"""The store writer as a role of the distributed system: frames from the log in Kafka into InfluxDB.

Partitions are shared out among the processes of the role. Two that write the same for a moment, in a change
of owner, do no harm: samples are known by asset, instant and hash, and positions never go back.
"""

from __future__ import annotations

import asyncio
import logging
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any, Final

from prometheus_client import CollectorRegistry
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

from corridor.kafka import kafka_of
from corridor.probe import serving
from corridor.roles.stores import store_of
from corridor.settings import Settings
from feeds.lettertopic import LettersOut
from feeds.store.influx.parked import letters
from feeds.store.port import Store
from feeds.store.writer import StoreWriter
from streams.kafka.log import KafkaLog
from streams.kafka.members import Members
from streams.kafka.topics import DEADLETTERS, LOG, check
from streams.log import Log

_IDLE_S: Final = 0.2
_LOOK_S: Final = 1.0
_STOP_S: Final = 30.0
_DAY_MS: Final = 86_400_000
_DROP_S: Final = 3_600.0
_log = logging.getLogger("corridor.store")


class WriterThread(threading.Thread):
    """Writes the partitions that this process owns, one after the other; ends when ``halt`` is set."""

    def __init__(self, log: Log, store: Store) -> None:
        super().__init__(name="store", daemon=True)
        self._log, self._store = log, store
        self._writers: dict[int, StoreWriter] = {}
        self._at_work = threading.Lock()
        self._parked = 0
        self.halt = threading.Event()
        self.trouble: str | None = None
        self.lag: dict[int, int] = {}

    @property
    def owned(self) -> list[int]:
        """The partitions that are ours."""
        return sorted(self._writers)

    @property
    def parked(self) -> int:
        """Frames that could not be read, so far."""
        return self._parked + sum(writer.parked for writer in list(self._writers.values()))

    def assigned(self, partitions: frozenset[int]) -> None:
        """Write these as well."""
        with self._at_work:
            self._writers |= {p: StoreWriter(self._log, self._store, [p]) for p in partitions}

    def revoked(self, partitions: frozenset[int]) -> None:
        """Write these no more; returns when the step that is under way has ended."""
        with self._at_work:
            for partition in partitions:
                writer = self._writers.pop(partition, None)
                self._parked += writer.parked if writer is not None else 0
                self.lag.pop(partition, None)

    def run(self) -> None:
        """Step until told to stop; what failed comes again, since the store's position did not move."""
        looked = 0.0
        while not self.halt.is_set():
            wait = 0.0
            try:
                with self._at_work:
                    written = sum(writer.step() for writer in self._writers.values())
                    if time.monotonic() - looked > _LOOK_S:
                        looked = time.monotonic()
                        self.lag = {p: writer.lag() for p, writer in self._writers.items()}
                self.trouble = None
                wait = 0.0 if written else _IDLE_S
            except Exception as error:
                if self.trouble is None:
                    _log.warning("store_step_failed reason=%s: %s", type(error).__name__, error)
                self.trouble = f"{type(error).__name__}: {error}"
                wait = getattr(error, "retry_after", 1.0)
            self.halt.wait(wait)


async def run(
    settings: Settings, stop: asyncio.Event, ready: Callable[[int], None] = lambda port: None
) -> None:
    """Write until ``stop``. ``ready`` is told the port of health and metrics.

    Raises SettingsError, TopicsError, OSError when the health port can't be had.
    """
    kafka = kafka_of(settings)
    letters_out = LettersOut(kafka)
    store = store_of(settings, lambda parked: letters_out.add(letters(parked)))
    await asyncio.to_thread(check, kafka, (LOG, DEADLETTERS))
    log = KafkaLog(kafka)
    writing = WriterThread(log, store)
    members = Members(kafka, "store", writing.assigned, writing.revoked)
    metrics = CollectorRegistry()
    metrics.register(StoreCollector(writing))
    try:
        async with serving(
            settings.health_host, settings.health_port, lambda: health(writing, members), metrics
        ) as port:
            writing.start()
            ready(port)
            while not stop.is_set():
                if members.error is not None:
                    raise members.error
                await asyncio.to_thread(_drop_old, settings, store, writing)
                try:
                    async with asyncio.timeout(_DROP_S if settings.store_retention_days else _LOOK_S):
                        await stop.wait()
                except TimeoutError:
                    continue
    finally:
        await asyncio.to_thread(members.close)
        writing.halt.set()
        if writing.ident is not None:
            await asyncio.to_thread(writing.join, _STOP_S)
        store.close()
        letters_out.close()
        log.close()


def health(writing: WriterThread, members: Members) -> tuple[bool, dict[str, Any]]:
    """Well: what is owned is written without trouble."""
    well = writing.trouble is None and members.error is None and writing.is_alive()
    lag = sum(writing.lag.values())
    checks = {"store": "ok" if well else "away", "store_lag_records": lag, "partitions": writing.owned}
    return well, checks


def _drop_old(settings: Settings, store: Store, writing: WriterThread) -> None:
    """Forget what is past its retention; the owner of partition 0 does it for all."""
    if settings.store_retention_days is None or 0 not in writing.owned:
        return
    try:
        store.drop_before(int(time.time() * 1000) - int(settings.store_retention_days * _DAY_MS))
    except Exception as error:  # what is too old stays a little longer
        _log.warning("retention_failed reason=%s: %s", type(error).__name__, error)


class StoreCollector(Collector):
    """Figures of the writer."""

    def __init__(self, writing: WriterThread) -> None:
        self._writing = writing

    def describe(self) -> list[Metric]:
        """Nothing is known before it is asked for."""
        return []

    def collect(self) -> Iterator[Metric]:
        """One family a figure."""
        lag = GaugeMetricFamily(
            "corridor_store_lag_records", "Log records not stored yet", labels=["partition"]
        )
        for partition, records in list(self._writing.lag.items()):
            lag.add_metric([str(partition)], records)
        yield lag
        up = 1.0 if self._writing.trouble is None else 0.0
        yield GaugeMetricFamily("corridor_store_ok", "Whether the store takes what is written", value=up)
        yield CounterMetricFamily(
            "corridor_store_parked_frames", "Frames that could not be read", value=self._writing.parked
        )
