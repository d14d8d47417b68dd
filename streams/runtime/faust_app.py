"""The Faust runtime: a worker that is given partitions of the log, and gives their records to their owners.

Faust keeps the membership of the group, fetches, and commits offsets; it decides nothing. What it delivers is
a hint: owners (see ``owner``) fold what follows and read the log themselves for what does not. The offset of
a partition is that of its owner's newest snapshot. It is handed to Faust as such, because what Faust makes of
acknowledgements stalls after a rebalance: records fetched before the seek back look like a gap to it, and the
records in that gap are counted twice.
"""

from __future__ import annotations

import asyncio
import logging
import ssl
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator
from typing import Any, Final

import faust
from faust.transport.drivers import aiokafka as driver
from faust.types import TP

from streams.kafka.settings import KafkaSettings
from streams.kafka.topics import EVENTS, LOG, POSITIONS, REGISTRY, check
from streams.kafka.wire import record_of
from streams.log import LogCorruptError
from streams.runtime.owner import Owner

SESSION_S: Final = 6.0
"""How long a worker that says nothing keeps its partitions; one that was killed keeps them so long too."""

GROUP: Final = "worker"
_HEARTBEAT_S: Final = 1.5
_COMMIT_S: Final = 2.0
_BUFFERED: Final = 64  # records that Faust holds for us; each may be of megabytes
_FETCH_BYTES: Final = 2 << 20
_ROOM_S: Final = 2.0  # an owner without room for so long reads the log itself then
_LAST_S: Final = 15.0
_LEAVE_S: Final = 5.0
_MOVING_S: Final = 4.0
_log = logging.getLogger(__name__)


class WorkerFailedError(Exception):
    """Faust ended by itself; the process is to be started again."""


class Worker:
    """One member of the group of workers; ``run`` it once, on an event loop."""

    def __init__(self, settings: KafkaSettings, make_owner: Callable[[int], Owner]) -> None:
        self.settings, self._make_owner = settings, make_owner
        self.topic = settings.topic(LOG)
        self.owners: dict[int, Owner] = {}
        self.assigned = False  # whether the group has given us what we own, be it nothing
        self.stuck = False  # Faust did not end: it waits for a Kafka that is away
        self._lost: list[Owner] = []

    async def run(self, stop: asyncio.Event, ready: Callable[[], None] = lambda: None) -> None:
        """Work until ``stop``; then write last snapshots and leave the group.

        ``ready`` is called when partitions were given for the first time. Raises TopicsError when topics are
        missing or have other numbers of partitions, WorkerFailedError.
        """
        await asyncio.to_thread(check, self.settings, (LOG, EVENTS, REGISTRY, POSITIONS))
        with tempfile.TemporaryDirectory(prefix="corridor-worker-") as folder:
            app = self._app(folder, ready)
            app.finalize()
            try:
                await app.start()
                ended = asyncio.create_task(app.wait_until_stopped(), name="faust")
                stopped = asyncio.create_task(stop.wait(), name="stop")
                await asyncio.wait({ended, stopped}, return_when=asyncio.FIRST_COMPLETED)
                for task in (ended, stopped):
                    task.cancel()
            finally:
                await self._end(app)
        if not stop.is_set():
            raise WorkerFailedError(f"the stream ended by itself: {app.crash_reason!r}")

    def status(self) -> list[dict[str, Any]]:
        """What the owners say of themselves, by partition."""
        return [self.owners[partition].status() for partition in sorted(self.owners)]

    def _app(self, folder: str, ready: Callable[[], None]) -> faust.App:
        settings = self.settings
        app = faust.App(
            settings.topic(GROUP),
            broker=[f"kafka://{server.strip()}" for server in settings.servers.split(",")],
            broker_credentials=_credentials(settings),
            broker_session_timeout=SESSION_S,
            broker_heartbeat_interval=_HEARTBEAT_S,
            broker_commit_interval=_COMMIT_S,
            broker_commit_livelock_soft_timeout=1e9,  # offsets move by snapshots, not by records
            consumer_auto_offset_reset="earliest",
            consumer_max_fetch_size=_FETCH_BYTES,
            stream_buffer_maxsize=_BUFFERED,
            stream_wait_empty=False,
            topic_partitions=settings.partitions,
            topic_replication_factor=settings.replication,
            topic_allow_declare=False,
            topic_disable_leader=True,
            key_serializer="raw",
            value_serializer="raw",
            store="memory://",
            datadir=folder,
            web_enabled=False,
            worker_redirect_stdouts=False,
        )
        app.transport = _transport(app, self._offsets)
        topic = app.topic(self.topic, key_type=bytes, value_type=bytes, partitions=settings.partitions)

        async def fold(stream: Any) -> None:
            async for event in stream.noack().events():
                await self._give(event.message)

        app.agent(topic, name="fold")(fold)

        async def revoked(*_: Any, **__: Any) -> None:
            await self._hand_over()

        async def assigned(*given: Any, **_: Any) -> None:
            await self._own({tp.partition for tp in given[1] if tp.topic == self.topic})
            ready()

        app.on_partitions_revoked.connect(revoked, weak=False)
        app.on_partitions_assigned.connect(assigned, weak=False)
        return app

    async def _give(self, message: Any) -> None:
        """Hand a record to the owner of its partition; wait for room, but not for ever."""
        owner = self.owners.get(message.partition)
        if owner is None:
            return
        try:
            record = record_of(message.partition, message.offset, message.key, message.value, message.headers)
        except LogCorruptError as error:
            _log.error("record_unreadable reason=%s", error)
            owner.inbox.seen = max(owner.inbox.seen, message.offset + 1)
            owner.inbox.give_up()  # it comes to the same place by the log, and says so there
            return
        deadline = time.monotonic() + _ROOM_S
        while not owner.offer(record):
            if time.monotonic() > deadline:
                owner.inbox.give_up()
                return
            await asyncio.sleep(0.005)

    async def _hand_over(self) -> None:
        """A rebalance begins: who gets a partition of ours finds it as it is now."""
        owners = [owner for owner in self.owners.values() if owner.caught_up.is_set()]
        await asyncio.gather(*(asyncio.to_thread(owner.save, _MOVING_S) for owner in owners))

    async def _own(self, partitions: set[int]) -> None:
        """Own these from now on; owners of partitions that stay go on."""
        self.assigned = True
        for partition in set(self.owners) - partitions:
            owner = self.owners.pop(partition)
            owner.let_go(keep=False)
            self._lost.append(owner)
        self._lost = [owner for owner in self._lost if owner.is_alive()]
        for partition in sorted(partitions):
            held = self.owners.get(partition)
            if held is not None and not await asyncio.to_thread(held.superseded):
                continue
            if held is not None:  # it was another's meanwhile, while we were away
                held.let_go(keep=False)
                self._lost.append(held)
            owner = self.owners[partition] = self._make_owner(partition)
            owner.start()
        _log.info("partitions_owned %s", ",".join(map(str, sorted(partitions))) or "none")

    def _offsets(self) -> dict[TP, int]:
        return {TP(self.topic, partition): owner.covered for partition, owner in self.owners.items()}

    async def _end(self, app: faust.App) -> None:
        owners = [*self.owners.values(), *self._lost]
        for owner in self.owners.values():
            owner.let_go(keep=True)
        deadline = time.monotonic() + _LAST_S
        for owner in owners:
            await asyncio.to_thread(owner.join, max(0.0, deadline - time.monotonic()))
        leaving = asyncio.ensure_future(app.stop())  # commits the offsets of the last snapshots as well
        await asyncio.wait({leaving}, timeout=_LEAVE_S)
        self.stuck = not leaving.done()
        if self.stuck:
            _log.warning("group_not_left reason=Kafka does not answer")


def _transport(app: faust.App, offsets: Callable[[], dict[TP, int]]) -> driver.Transport:
    """Faust's own, with a consumer that commits the offsets it is told, and knows of no gaps."""

    class Consumer(driver.Consumer):
        async def _add_gap(self, tp: TP, offset_from: int, offset_to: int) -> None:
            return

        def _filter_tps_with_pending_acks(self, topics: Any = None) -> Iterator[TP]:
            return iter(self.assignment())

        def _filter_committable_offsets(self, tps: Iterable[TP]) -> dict[TP, int]:
            told, wanted = offsets(), set(tps)
            return {
                tp: offset
                for tp, offset in told.items()
                if tp in wanted and offset > (self._committed_offset[tp] or 0)
            }

    class Transport(driver.Transport):
        pass

    Consumer.logger = driver.logger
    Transport.Consumer = Consumer
    return Transport(app.conf.broker_consumer, app)


def _credentials(settings: KafkaSettings) -> Any:
    """How Faust says who we are; None on a plain connection."""
    if settings.username is None and not (settings.ca_file or settings.cert_file or settings.key_file):
        return None
    context = ssl.create_default_context(cafile=str(settings.ca_file) if settings.ca_file else None)
    if settings.cert_file is not None:
        context.load_cert_chain(settings.cert_file, settings.key_file)
    if settings.username is None:
        return faust.SSLCredentials(context=context)
    return faust.SASLCredentials(
        username=settings.username,
        password=settings.password or "",
        ssl_context=context,
        mechanism="SCRAM-SHA-512",
    )
