"""The gateway as a role of the distributed system: reports of a shared broker into the log in Kafka."""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Final

from prometheus_client import CollectorRegistry

from corridor.brokers import broker_of
from corridor.kafka import kafka_of
from corridor.metrics import GatewayCollector
from corridor.probe import serving
from corridor.settings import Settings, SettingsError
from feeds.lettertopic import LettersOut
from gateway.ackkey import AckKey, AckKeyError, load_or_make
from gateway.admission import Limits
from gateway.registry import Fitted
from gateway.service import Gateway, GatewaySettings, calm
from streams.codec import load_json
from streams.homes import home
from streams.kafka.log import KafkaLog
from streams.kafka.table import Changes, Following, Table
from streams.kafka.topics import DEADLETTERS, LOG, REGISTRY, check
from streams.signing.keys import device_keys

_DEVICE: Final = "device:"
_log = logging.getLogger("corridor.gateway")


@dataclass(slots=True)
class Fittings:
    """A gateway ``Registry`` out of the table of registered devices, for ``partitions`` partitions."""

    partitions: int
    ready: bool = False
    _fitted: dict[str, Fitted] = field(default_factory=dict)
    _places: dict[str, int] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def lookup(self, device: str, key: str | None = None) -> Fitted | None:
        """Where the device is fitted now, None when it is not."""
        return self._fitted.get(device)

    def devices(self) -> list[str]:
        """All that are fitted now."""
        with self._lock:
            return sorted(self._fitted)

    def changed(self, changes: Changes) -> None:
        """Take over what the table says; of a device the highest log position counts."""
        with self._lock:
            for key, value in changes:
                if not key.startswith(_DEVICE):
                    continue
                device = key.removeprefix(_DEVICE)
                if value is None:
                    self._fitted.pop(device, None)
                    continue
                try:
                    self._take(device, load_json(value))
                except Exception as error:  # one entry that can't be used may not keep all others out
                    _log.error("fitting_unusable device=%s reason=%r", device, error)

    def _take(self, device: str, told: dict[str, Any]) -> None:
        if told["position"] < self._places.get(device, 0):
            return
        self._places[device] = told["position"]
        data, asset = told["data"], told["data"]["asset"]
        if data.get("to_ms") is None:
            at = home(asset, self.partitions)
            keys = device_keys(data.get("keys", ()))
            self._fitted[device] = Fitted(asset, told["tenant"], at, data.get("datum", "wgs84"), keys)
        else:
            self._fitted.pop(device, None)


async def run(
    settings: Settings, stop: asyncio.Event, ready: Callable[[int], None] = lambda port: None
) -> None:
    """Take reports until ``stop``; nothing is subscribed to before every fitting is known.

    ``ready`` is told the port of health and metrics. Raises SettingsError, TopicsError, LogError, OSError.
    """
    kafka = kafka_of(settings)
    if settings.mqtt_url is None:
        raise SettingsError("setting mqtt_url: got nothing, want mqtt://host:port or mqtts://host:port")
    await asyncio.to_thread(check, kafka, (LOG, REGISTRY, DEADLETTERS))
    ack_key = _ack_key(settings)
    log, table, letters = KafkaLog(kafka), Table(kafka), LettersOut(kafka)
    fittings = Fittings(kafka.partitions)
    following = table.follow(fittings.changed)
    gateway = Gateway(
        GatewaySettings(
            broker_of(settings, 0),
            limits=Limits(rate=settings.device_rate, burst=max(2_000.0, settings.device_rate * 40)),
            group=settings.gateway_group,
            ack_key=ack_key,
        ),
        log,
        fittings,
        letters,
    )
    metrics = CollectorRegistry()
    metrics.register(GatewayCollector(gateway.snapshot))
    try:
        async with serving(
            settings.health_host, settings.health_port, lambda: health(gateway, following), metrics
        ) as port:
            if await _caught_up(following, stop):
                fittings.ready = True
                ready(port)
                with calm():
                    await gateway.run(stop)
    finally:
        await asyncio.to_thread(following.close)
        table.close()
        letters.close()
        log.close()


def _ack_key(settings: Settings) -> AckKey | None:
    """The key that all gateways share. Their own folders may come and go with them, so it has to be named."""
    if settings.ack_key_file is None:
        _log.warning("devices_with_keys_not_answered want=ack_key_file")
        return None
    try:
        return load_or_make(settings.ack_key_file)
    except AckKeyError as error:
        raise SettingsError(f"setting ack_key_file: {error}") from None


async def _caught_up(following: Following, stop: asyncio.Event) -> bool:
    """Wait until every fitting is known; False when it is to stop before."""
    while not following.caught_up.is_set() and not stop.is_set():
        if following.error is not None:
            raise following.error
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(0.1):
                await stop.wait()
    return not stop.is_set()


def health(gateway: Gateway, following: Following) -> tuple[bool, dict[str, Any]]:
    """Well: reports are taken and kept, and fittings are followed."""
    told = gateway.snapshot()
    state = told["state"]
    if following.error is not None:
        state = "registry_not_followed"
    elif not following.caught_up.is_set():
        state = "registry_not_ready"
    checks = {
        "gateway": state,
        "detail": told["detail"],
        "broker": told["broker"],
        "waiting": told["waiting"],
    }
    return state == "ok", json.loads(json.dumps(checks))
