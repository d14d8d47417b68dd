"""The API as a role of the distributed system: nothing is its own but copies, rebuilt from topics."""

from __future__ import annotations

import asyncio
import logging
import socket
import time
from collections.abc import Callable
from typing import Any, Final

import geofences
from api.app import create_app
from api.ports import Health, Ports
from corridor.ackkeys import public_ack_key
from corridor.commands import CommandPort
from corridor.dryrun import DryRunner, Sources, registered, stored
from corridor.feedfolder import logs_of
from corridor.kafka import kafka_of
from corridor.probe import serving
from corridor.pushes import pushes_of
from corridor.roles.followers import Book, EventSource, Follower, LetterSource, PositionSource
from corridor.roles.ledgers import index_of, ledger_folder, readers_of
from corridor.roles.readcopy import read_copy
from corridor.roles.redact import CleanEvents, CleanLetters
from corridor.roles.remotelive import RemoteLive
from corridor.roles.stores import store_of
from corridor.serving import serve
from corridor.settings import Settings, SettingsError
from feeds.deadletters import DeadLetters
from feeds.grants.reads import FeedReads
from feeds.keys import KeyRing
from streams.kafka.log import KafkaLog
from streams.kafka.settings import KafkaSettings
from streams.kafka.topics import DEADLETTERS, EVENTS, LOG, POSITIONS, check
from streams.zones import ZoneBook

_JOIN_S: Final = 5.0
_log = logging.getLogger("corridor.api")


class Instance:
    """All parts of an API instance, built once."""

    def __init__(self, settings: Settings, kafka: KafkaSettings, loop: asyncio.AbstractEventLoop) -> None:
        if settings.admin_key is None:
            raise SettingsError("setting admin_key: got nothing, want the key that all instances accept")
        folder = settings.data_dir
        folder.mkdir(parents=True, exist_ok=True)
        zones, gates = geofences.world()
        self._store = store_of(settings)
        self._log = KafkaLog(kafka)
        self.read = read_copy(settings, kafka.partitions)
        self._letters = DeadLetters(folder / "deadletters.db")
        self.live = RemoteLive(loop)
        self.book = Book(ZoneBook(zones), self.read)
        commands = CommandPort(self._log, loop)
        shared = settings.shared_dir
        keys = KeyRing(folder / "keys.json", None if shared is None else shared / "keys.json")
        keys.ensure_admin(settings.admin_key.get_secret_value(), settings.tenant)
        heard = (self.book.heard, commands.answered, self.live.happened)
        self.events = Follower("events", lambda: EventSource(kafka, self.read, heard, CleanEvents(settings)))
        letters = CleanLetters(settings, self._letters)
        letters([])  # before anybody is shown one
        self.positions = Follower("positions", lambda: PositionSource(kafka, self.live))
        self._followers = [
            self.events,
            self.positions,
            Follower("deadletters", lambda: LetterSource(kafka, self._letters, letters)),
        ]
        ledger = ledger_folder(settings) if settings.ledger else None
        self._reads = FeedReads(folder / "feedreads.db" if ledger is None else ledger.feed_reads)
        self._ledgers = [] if ledger is None else readers_of(ledger, logs_of(ledger, kafka.partitions))
        self.ports = Ports(
            read=self.read,
            store=self._store,
            live=self.live,
            commands=commands,
            keys=keys,
            dead_letters=self._letters,
            zones=zones,
            gates=gates,
            health=self.health,
            ledgers=self._ledgers,
            ledger_index=None if ledger is None else index_of(ledger),
            feed_reads=self._reads,
            ack_key=public_ack_key(settings),
            zone_book=lambda: self.book.book,
            pushed=pushes_of(settings, self.read, commands.submit),
            dry_run=DryRunner(
                Sources(
                    assets=registered(self.read),
                    samples=stored(self._store),
                    book=lambda: self.book.book,
                    gates=gates,
                    now_ms=lambda: int(time.time() * 1000),
                )
            ),
        )

    def start(self) -> None:
        """Begin to follow the topics."""
        for follower in self._followers:
            follower.start()

    def health(self) -> Health:
        """Ready once all events that there were are in the read model."""
        checks: dict[str, Any] = {
            "events": "ok" if self.events.trouble is None else "not followed",
            "positions": "ok" if self.positions.trouble is None else "not followed",
            "caught_up": self.events.caught_up,
            "assets": len(self.live),
        }
        return Health(self.events.caught_up and self.events.trouble is None, checks)

    def close(self) -> None:
        """End the threads and close the files."""
        for follower in self._followers:
            follower.halt.set()
        for follower in self._followers:
            if follower.ident is not None:
                follower.join(_JOIN_S)
        close = getattr(self._store, "close", None)
        if close is not None:
            close()
        for reader in self._ledgers:
            reader.close()
        self._reads.close()
        self._letters.close()
        self.read.close()
        self._log.close()


async def run(
    settings: Settings, stop: asyncio.Event, ready: Callable[[int], None] = lambda port: None
) -> None:
    """Serve until ``stop``. ``ready`` is told the API's port when requests are answered.

    Raises SettingsError, TopicsError, OSError when a port can't be had.
    """
    kafka = kafka_of(settings)
    await asyncio.to_thread(check, kafka, (LOG, EVENTS, POSITIONS, DEADLETTERS))
    listener = _listener(settings.http_host, settings.http_port)
    port = listener.getsockname()[1]
    instance = await asyncio.to_thread(Instance, settings, kafka, asyncio.get_running_loop())
    try:
        instance.start()

        def health() -> tuple[bool, dict[str, Any]]:
            told = instance.health()
            return told.ready, dict(told.checks)

        metrics = instance.ports.registry
        async with serving(settings.health_host, settings.health_port, health, metrics):
            app = create_app(instance.ports)
            await serve(app, listener, stop, lambda: ready(port), instance.live.close)
    finally:
        await asyncio.to_thread(instance.close)


def _listener(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    return socket.create_server((host, port), family=family, backlog=512)
