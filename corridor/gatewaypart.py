"""The gateway process of the embedded system: what it is given, and the fittings it admits by."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import sqlite3
import threading
import time
from dataclasses import dataclass, field
from typing import Final

from corridor.ackkeys import ack_key_of
from corridor.brokers import broker_of
from corridor.folder import Folder
from corridor.settings import Settings
from feeds.deadletters import DeadLetters
from feeds.readmodel import ReadModel, ReadModelError
from gateway.ackkey import load_or_make
from gateway.admission import Bucket, Limits
from gateway.registry import Fitted
from gateway.service import GatewaySettings, run_gateway
from streams.homes import home
from streams.sqlite_log import SqliteLog

_REFRESH_S: Final = 0.2
_LOOKS_PER_S: Final = 100.0
_log = logging.getLogger("corridor.gateway")


@dataclass(slots=True)
class Fittings:
    """A gateway ``Registry`` kept up to date from the read model of another process.

    ``partitions``: of the log; an asset's reports go to its home.

    Fittings are in memory; for a device that is not among them the read model is looked at anew, some
    times a second, so that a device may send as soon as its fitting has been answered.
    """

    read: ReadModel
    partitions: int = 1
    ready: bool = False
    _fitted: dict[str, Fitted] = field(default_factory=dict)
    _since: int = 0
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _looks: Bucket = field(default_factory=lambda: Bucket(_LOOKS_PER_S, _LOOKS_PER_S, time.monotonic()))

    def lookup(self, device: str, key: str | None = None) -> Fitted | None:
        """Where the device is fitted now, None when it is not; looked at anew if it has no key ``key``."""
        found = self._fitted.get(device)
        lacks = found is None or (key is not None and all(one.id != key for one in found.keys))
        if lacks and self.ready and self._looks.take(time.monotonic()):
            with contextlib.suppress(ReadModelError, sqlite3.Error):
                self.refresh()
            found = self._fitted.get(device)
        return found

    async def follow(self) -> None:
        """Take over changes as they come, for ever; not ready until the read model could be read once."""
        while True:
            try:
                await asyncio.to_thread(self.refresh)
                self.ready = True
            except ReadModelError as error:
                _log.debug("registry_away reason=%s", error)
            except Exception:  # no fitting may be the last that is heard of
                _log.exception("registry_not_followed")
            await asyncio.sleep(_REFRESH_S)

    def refresh(self) -> None:
        """Take over what changed since the last time. Raises ReadModelError."""
        with self._lock:
            self._refresh()

    def _refresh(self) -> None:
        devices, change = self.read.devices_changed(self._since)
        if change < self._since:
            self._fitted.clear()
            devices, change = self.read.devices_changed(0)
        for one in devices:
            if one.to_ms is None:
                self._fitted[one.device] = Fitted(
                    one.asset, one.tenant, home(one.asset, self.partitions), one.datum, one.keys
                )
            else:
                self._fitted.pop(one.device, None)
        self._since = change


async def run(settings: Settings, folder: Folder, mqtt_port: int, stop: asyncio.Event) -> None:
    """Run the gateway until ``stop``."""
    log = SqliteLog(folder.log, settings.partitions, settings.min_free_mb << 20)
    deadletters = DeadLetters(folder.deadletters)
    fittings = Fittings(ReadModel(folder.read, read_only=True), log.partitions)
    gateway = GatewaySettings(
        broker_of(settings, mqtt_port),
        health_file=folder.gateway_health,
        group=settings.gateway_group,
        limits=Limits(rate=settings.device_rate, burst=max(2_000.0, settings.device_rate * 40)),
        ack_key=load_or_make(ack_key_of(settings)),
    )
    following = asyncio.create_task(fittings.follow(), name="gateway registry")
    try:
        await run_gateway(gateway, log, fittings, deadletters, stop)
    finally:
        following.cancel()
        deadletters.close()
        log.close()
