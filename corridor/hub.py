"""The hub process of the embedded system: engine, store writer, read model, API and page.

It builds the parts, starts the threads (``corridor.threads``) and serves on the event loop.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import socket
import threading
import time
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from typing import Any, Final

import geofences
from api.app import create_app
from api.ports import Health, Ports
from corridor.ackkeys import public_ack_key
from corridor.commands import CommandPort
from corridor.dryrun import DryRunner, Sources, registered, stored
from corridor.folder import Folder
from corridor.ledger import LedgerThread, ledger_of, log_of, place_of
from corridor.live import LiveView
from corridor.metrics import SystemCollector
from corridor.pushes import pushes_of
from corridor.serving import serve
from corridor.settings import Settings
from corridor.threads import CompactThread, EngineThread, StoreThread
from feeds.beats import Beats
from feeds.deadletters import DeadLetters
from feeds.grants.reads import FeedReads
from feeds.keys import KeyRing, Principal, Role
from feeds.readmodel import ReadModel
from feeds.store.duck import DuckStore
from feeds.store.writer import StoreWriter
from streams.engine import World
from streams.homes import ZONES
from streams.runtime.embedded import LogBehindError, Runner
from streams.runtime.pastfolder import PastFolder
from streams.runtime.snapshots import SnapshotFiles
from streams.sqlite_log import SqliteLog
from streams.zones import ZoneBook

_TRIM_S: Final = 600.0
_BEAT_S: Final = 5.0
_STALLED_S: Final = 60.0
_DAY_MS: Final = 86_400_000
_TOLD: Final = ("late", "too_late", "refolds", "contested")
_READY_LAG: Final = 200  # records behind which the hub still calls itself caught up
_log = logging.getLogger("corridor.hub")


class Hub:
    """All parts of the hub, built once; ``serve`` runs until ``stop`` is set."""

    def __init__(
        self, settings: Settings, folder: Folder, local_key: str, loop: asyncio.AbstractEventLoop
    ) -> None:
        self._settings, self._folder = settings, folder
        zones, gates = geofences.world()
        self.log = SqliteLog(folder.log, settings.partitions, settings.min_free_mb << 20)
        self.read = ReadModel(folder.read, self.log.partitions)
        self.runners = [
            self._runner(partition, World(zones, gates)) for partition in range(self.log.partitions)
        ]
        self._recover()
        self.store = DuckStore(folder.store, memory_mb=settings.store_memory_mb)
        self.ledger_thread: LedgerThread | None = None
        if settings.ledger:
            self.ledger_thread = ledger_of(
                *(folder, self.log, self.read, settings.witnesses_file, settings.ledger_content_days),
                keys=settings.ledger_keys_dir,
            )
        self._keep_places()
        writer = StoreWriter(self.log, self.store, range(self.log.partitions))
        wake = threading.Event()
        self.live = LiveView(self.runner.world, loop, self.log.partitions)
        self.commands = CommandPort(self.log, loop, wake)
        self.engine_threads = [
            EngineThread(runner, self.live, self.commands, wake, settings.snapshot_s)
            for runner in self.runners
        ]
        self.store_thread = StoreThread(writer)
        self.compact_thread = CompactThread(self.store, *(runner.past for runner in self.runners))
        self._beats = Beats(folder.beats)
        self.keys = KeyRing(folder.keys)
        preset = settings.admin_key.get_secret_value() if settings.admin_key else None
        self.new_admin_key = self.keys.ensure_admin(preset, settings.tenant)
        self.keys.add_passing(local_key, Principal("local", settings.tenant, Role.ADMIN))
        self.ports = Ports(
            read=self.read,
            store=self.store,
            live=self.live,
            commands=self.commands,
            keys=self.keys,
            dead_letters=DeadLetters(folder.deadletters),
            zones=zones,
            gates=gates,
            health=self.health,
            uptime=self._beats.uptime,
            ledgers=self.ledger_thread.readers if self.ledger_thread is not None else (),
            feed_reads=FeedReads(folder.feed_reads),
            ack_key=public_ack_key(settings),
            zone_book=self._zone_book,
            pushed=pushes_of(settings, self.read, self.commands.submit),
            dry_run=DryRunner(
                Sources(
                    assets=registered(self.read),
                    samples=stored(self.store),
                    book=self._zone_book,
                    gates=gates,
                    now_ms=lambda: int(time.time() * 1000),
                )
            ),
        )
        self.ports.registry.register(SystemCollector(self.status))

    def _runner(self, partition: int, world: World) -> Runner:
        """Each has a world of its own: threads may not share one."""
        partitions, folder = self.log.partitions, self._folder
        files = SnapshotFiles(folder.snapshots, partition)
        past = PastFolder(folder.past_of(partition, partitions))
        return Runner(self.log, world, self.read, files, past, partition, speaks=True, partitions=partitions)

    @property
    def runner(self) -> Runner:
        """Of the partition that decides about zones."""
        return self.runners[ZONES]

    def _zone_book(self) -> ZoneBook:
        """All versions of zones as the engine has them; never changed once it is given out."""
        return self.runner.engine.world.book

    def _recover(self) -> None:
        try:
            said = [runner.recover() for runner in self.runners]
        except LogBehindError as error:
            aside = self._folder.read.with_name(f"read.db.ahead-{int(time.time())}")
            _log.error("read_model_ahead_of_log kept_as=%s reason=%s", aside.name, error)
            self.read.close()
            self._folder.read.rename(aside)
            for suffix in ("-wal", "-shm"):
                self._folder.read.with_name(f"read.db{suffix}").unlink(missing_ok=True)
            self.read = ReadModel(self._folder.read, self.log.partitions)
            for runner in self.runners:
                runner.sink = self.read
            said = [runner.recover() for runner in self.runners]
        for partition, one in enumerate(said):
            _log.info("engine_recovered partition=%s %s", partition, one)

    def _keep_places(self) -> None:
        """A log that lost records must not give their places to others: the store would pass them over."""
        for partition in range(self.log.partitions):
            stored, end = self.store.position(partition), self.log.end(partition)
            if self.ledger_thread is not None:
                stored = max(stored, place_of(self._folder.ledger(log_of(self._folder, partition))))
            if stored > end:
                _log.error("log_behind_store partition=%s end=%s stored=%s", partition, end, stored)
                self.log.skip(partition, stored)

    def status(self) -> dict[str, Any]:
        """What the system says of itself, all partitions together, as JSON values: for health and metrics."""
        engines = [runner.engine for runner in self.runners]
        pasts = [runner.past.figures() for runner in self.runners]
        troubles = [thread.trouble for thread in self.engine_threads if thread.trouble]
        try:
            gateway = json.loads(self._folder.gateway_health.read_text())
        except (OSError, ValueError):
            gateway = {"state": "unknown"}
        return {
            "engine": {
                "lag": sum(runner.lag() for runner in self.runners),
                "position": sum(engine.position for engine in engines),
                "assets": sum(len(engine.names) for engine in engines),
                "bad_records": sum(runner.bad_records for runner in self.runners),
                "trouble": troubles[0] if troubles else None,
                "counts": {
                    name: sum(getattr(engine.counts, name) for engine in engines)
                    for name in engines[0].counts.__slots__
                },
            },
            "past": {name: sum(past[name] for past in pasts) for name in pasts[0]},
            "store": {
                "lag": self.store_thread.writer.lag(),
                "trouble": self.store_thread.trouble or self.compact_thread.trouble,
            },
            "gateway": gateway,
            "ledger": self.ledger_thread.figures() if self.ledger_thread is not None else None,
        }

    def health(self) -> Health:
        """See api.ports.Health."""
        status = self.status()
        engine, store, gateway = status["engine"], status["store"], status["gateway"]
        checks = {
            "engine": "ok" if engine["trouble"] is None else "failing",
            "engine_lag_records": engine["lag"],
            "engine_counts": {name: engine["counts"][name] for name in _TOLD},
            "past_end": status["past"]["end"],
            "past_files": status["past"]["files"],
            "store": "ok" if store["trouble"] is None else "failing",
            "store_lag_records": store["lag"],
            "gateway": gateway.get("state", "unknown"),
        }
        ledger = status["ledger"]
        if ledger is not None:
            checks["ledger"] = "ok" if ledger["trouble"] is None else "failing"
            checks["ledger_size"] = ledger["size"]
            checks["ledger_lag_records"] = ledger["lag"]
        alive = all(thread.is_alive() for thread in self.engine_threads)
        ready = alive and engine["trouble"] is None and engine["lag"] <= _READY_LAG
        return Health(ready, checks)

    async def serve(self, listener: socket.socket, stop: asyncio.Event, ready: Callable[[], None]) -> None:
        """Run until ``stop``; ``ready`` is called when requests are answered."""
        for thread in self.engine_threads:
            thread.start()
        self.store_thread.start()
        self.compact_thread.start()
        if self.ledger_thread is not None:
            self.ledger_thread.start()
        trimming = asyncio.create_task(self._trim(), name="hub retention")
        beating = asyncio.create_task(self._beat(), name="hub beats")
        try:
            async with self._delivering():
                await serve(create_app(self.ports), listener, stop, ready, self.live.close)
        finally:
            trimming.cancel()
            beating.cancel()
            await asyncio.to_thread(self.close)

    @contextlib.asynccontextmanager
    async def _delivering(self) -> AsyncIterator[None]:
        """Send events to webhooks and messages to authorities while the block lasts, if there are any."""
        async with contextlib.AsyncExitStack() as stack:
            if self._settings.webhooks_file is not None or self._settings.authorities_file is not None:
                from corridor.lanes import LaneCollector  # what few need costs others nothing
            if self._settings.webhooks_file is not None:
                from corridor.deliveries import delivering

                deliveries = await stack.enter_async_context(
                    delivering(self._settings, self._folder.deliveries, self.read, list(self.ports.ledgers))
                )
                self.ports.registry.register(LaneCollector(deliveries, "webhooks"))
            if self._settings.authorities_file is not None:
                from corridor.connectors import connecting

                authorities = await stack.enter_async_context(
                    connecting(self._settings, self._folder.deliveries, self.read, self.commands.submit)
                )
                self.ports.registry.register(LaneCollector(authorities.lanes, "authorities"))
            yield

    async def _beat(self) -> None:
        """Note when the system runs: for the share of time in which it did."""
        last = time.monotonic()
        while True:
            try:
                ready = self.health().ready
                if not ready or time.monotonic() - last > _STALLED_S:
                    self._beats.miss()
                if ready:
                    await asyncio.to_thread(self._beats.beat, int(time.time() * 1000))
                last = time.monotonic()
            except Exception:  # a full disk: it is told as an outage
                _log.exception("beat_not_noted")
            await asyncio.sleep(_BEAT_S)

    async def _trim(self) -> None:
        while True:
            await asyncio.sleep(_TRIM_S)
            try:
                await asyncio.to_thread(self.trim_once)
            except Exception:  # a busy or full disk: what is too old stays a little longer
                _log.exception("retention_failed")

    def trim_once(self) -> None:
        """Let go of what every consumer has read and what is past its retention.

        Frames leave the log only below the oldest kept snapshot and the store's position.
        """
        now = int(time.time() * 1000)
        oldest = now - int(self._settings.log_retention_days * _DAY_MS)
        for runner in self.runners:
            snapshots = runner.files.positions()
            covered = min(self.store.position(runner.partition), snapshots[0] if snapshots else 0)
            if self.ledger_thread is not None:
                covered = self.ledger_thread.covered(runner.partition, covered)
            through = self.log.position_before(runner.partition, oldest, covered)
            if through:
                self.log.trim(runner.partition, through)
            runner.trim_past()
        self.read.trim_events(oldest)
        if self._settings.store_retention_days is not None:
            self.store.drop_before(now - int(self._settings.store_retention_days * _DAY_MS))

    def close(self) -> None:
        """End the threads and close the files."""
        threads: list[EngineThread | StoreThread | CompactThread | LedgerThread] = [*self.engine_threads]
        threads += [self.store_thread, self.compact_thread]
        if self.ledger_thread is not None:
            threads.append(self.ledger_thread)
        for thread in threads:
            thread.halt.set()
        for thread in threads:
            if thread.ident is not None:
                thread.join(20)
        self.store.close()
        self.read.close()
        self.log.close()


@dataclass(frozen=True, slots=True)
class Started:
    """What the hub tells its supervisor when it is ready."""

    admin_key: str | None
    recovered: str | None


async def run_hub(
    settings: Settings,
    folder: Folder,
    local_key: str,
    listener: socket.socket,
    stop: asyncio.Event,
    ready: Callable[[Started], None],
) -> None:
    """Build the hub and serve until ``stop``."""
    hub = await asyncio.to_thread(Hub, settings, folder, local_key, asyncio.get_running_loop())
    await hub.serve(listener, stop, lambda: ready(Started(hub.new_admin_key, hub.log.recovered)))
