"""Deliveries as a role of the distributed system, each by one process.

The events of Kafka to webhooks and, as messages, to authorities; what authorities decide into the log.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from typing import Any, Final

from prometheus_client import CollectorRegistry

from corridor.commands import CommandPort
from corridor.connectors import Authorities, connectors_of
from corridor.deliveries import body_of, deliveries_of, endpoints_of, push_of
from corridor.feedfolder import logs_of
from corridor.kafka import kafka_of
from corridor.lanes import LaneCollector
from corridor.probe import serving
from corridor.roles.followers import EventSource, Follower
from corridor.roles.ledgers import ledger_folder, readers_of
from corridor.roles.readcopy import read_copy
from corridor.roles.redact import CleanEvents
from corridor.settings import Settings
from feeds.outbound.topicnotes import TopicNotes
from feeds.webhooks.post import Poster
from streams.kafka.log import KafkaLog
from streams.kafka.members import Members
from streams.kafka.topics import DELIVERIES, EVENTS, LOG, check

_LOOK_S: Final = 0.5
_MOVE_S: Final = 120.0  # an attempt under way, and its note; Kafka gives an owner five minutes
_log = logging.getLogger("corridor.deliver")


async def run(
    settings: Settings, stop: asyncio.Event, ready: Callable[[int], None] = lambda port: None
) -> None:
    """Deliver until ``stop``. ``ready`` is told the port of health and metrics.

    Raises SettingsError, TopicsError, OSError when the health port can't be had.
    """
    kafka = kafka_of(settings)
    endpoints, connectors = endpoints_of(settings), connectors_of(settings)
    await asyncio.to_thread(check, kafka, (LOG, EVENTS, DELIVERIES))
    loop = asyncio.get_running_loop()
    read, notes = read_copy(settings, kafka.partitions), TopicNotes(kafka)
    ledger = ledger_folder(settings) if settings.ledger else None
    ledgers = [] if ledger is None else readers_of(ledger, logs_of(ledger, kafka.partitions))
    push = push_of(read, ledgers, endpoints)
    poster = Poster(body_of(kafka.partitions, push))
    deliveries = deliveries_of(endpoints, read, notes, poster.send, push)
    log = KafkaLog(kafka)
    commands = CommandPort(log, loop)
    authorities = Authorities(connectors, read, notes, commands.submit, kafka.partitions)
    events = Follower(
        "events", lambda: EventSource(kafka, read, (commands.answered,), clean=CleanEvents(settings))
    )

    def moved(partitions: frozenset[int], work: Callable[[int], Any]) -> None:
        async def all_of_them() -> None:
            await asyncio.gather(*(work(partition) for partition in sorted(partitions)))

        asyncio.run_coroutine_threadsafe(all_of_them(), loop).result(_MOVE_S)

    async def take(partition: int) -> None:
        await asyncio.gather(deliveries.take(partition), authorities.take(partition))

    async def leave(partition: int) -> None:
        await asyncio.gather(deliveries.leave(partition), authorities.leave(partition))

    metrics = CollectorRegistry()
    metrics.register(LaneCollector(deliveries, "webhooks"))
    metrics.register(LaneCollector(authorities.lanes, "authorities"))
    members: Members | None = None

    def health() -> tuple[bool, dict[str, Any]]:
        trouble = deliveries.trouble or authorities.lanes.trouble
        well = events.caught_up and events.trouble is None and not trouble
        well = well and members is not None and members.error is None
        status = deliveries.status()
        checks = {
            "events": "ok" if events.trouble is None else "not followed",
            "deliveries": "ok" if not trouble else "failing",
            "webhooks": len(endpoints),
            **{name: sum(one[name] for one in status) for name in ("waiting", "parked", "delivered")},
            **authorities.status(),
        }
        return well, checks

    try:
        async with serving(settings.health_host, settings.health_port, health, metrics) as port:
            events.start()
            while not events.caught_up and not stop.is_set():  # what is new is known by what was there
                await _wait(stop)
            members = Members(
                kafka, "deliver", lambda these: moved(these, take), lambda these: moved(these, leave)
            )
            ready(port)
            while not stop.is_set():
                if members.error is not None:
                    raise members.error
                await _wait(stop)
    finally:
        if members is not None:
            await asyncio.to_thread(members.close)
        await deliveries.close()
        await authorities.close()
        events.halt.set()
        if events.ident is not None:
            await asyncio.to_thread(events.join, _MOVE_S)
        await poster.close()
        notes.close()
        log.close()
        for reader in ledgers:
            reader.close()
        read.close()


async def _wait(stop: asyncio.Event) -> None:
    try:
        async with asyncio.timeout(_LOOK_S):
            await stop.wait()
    except TimeoutError:
        return
