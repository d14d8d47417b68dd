"""The embedded system: broker, gateway and hub as children of one supervisor, from start to end.

Nothing but Python is needed. Each part may die at any instant; it is started again and goes on from what
is on disk.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import secrets
import socket
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from corridor.ackkeys import ack_key_of
from corridor.brokers import broker_of
from corridor.folder import Folder, Local
from corridor.settings import SECRETS, Settings
from corridor.supervisor import Part, PartError
from corridor.swap import finish


class StartError(Exception):
    """The system can't start as asked; the message says what to change."""


@dataclass(frozen=True, slots=True)
class System:
    """A running embedded system: where it is, and its parts by name."""

    local: Local
    admin_key: str | None
    recovered: str | None
    parts: dict[str, Part]


@contextlib.asynccontextmanager
async def running(settings: Settings, clock: dict[str, float] | None = None) -> AsyncIterator[System]:
    """The system, ready to serve; it ends with the block. ``clock``: the demo's, see ``corridor.democlock``.

    Raises StartError, FolderError, SettingsError.
    """
    folder = Folder(settings.data_dir)
    folder.hold()
    finish(folder)
    _require_ack_key(settings)
    values = _plain(settings)
    parts: dict[str, Part] = {}
    keepers: list[asyncio.Task[None]] = []
    try:
        _require_free(settings.http_host, settings.http_port, "http_port", "--http-port")
        broker = broker_of(settings, settings.mqtt_port)
        if settings.webhooks_file is not None:
            _require_webhooks(settings.webhooks_file)
        if settings.authorities_file is not None:
            _require_authorities(settings.authorities_file)
        if settings.mqtt_url is None:
            _require_free(settings.mqtt_host, settings.mqtt_port, "mqtt_port", "--mqtt-port")
        else:
            await _require_reachable(broker.host, broker.port)
        key = f"local_{secrets.token_urlsafe(32)}"
        hello = {"settings": values, "local_key": key, "http_port": settings.http_port, "clock": clock}
        hub = parts["hub"] = Part("hub", "corridor.parts", ["hub"], hello)
        try:
            async with asyncio.TaskGroup() as group:
                hub_start = group.create_task(_started(hub), name="start hub")
                ingest = group.create_task(_start_ingest(settings, parts, hello, broker.port))
        except* (StartError, PartError) as errors:
            raise errors.exceptions[0] from None
        started, mqtt_port = hub_start.result(), ingest.result()
        hub.hello = hello | {"http_port": started["port"]}
        keepers = [asyncio.create_task(part.keep(), name=f"keep {name}") for name, part in parts.items()]
        host = f"[{settings.http_host}]" if ":" in settings.http_host else settings.http_host
        mqtt_host = broker.host if settings.mqtt_url else settings.mqtt_host
        local = Local(f"http://{host}:{started['port']}", key, mqtt_host, mqtt_port, os.getpid())
        folder.announce(local)
        yield System(local, started["admin_key"], started["recovered"], parts)
    finally:
        folder.retract()
        for keeper in keepers:
            keeper.cancel()
        await asyncio.gather(*keepers, return_exceptions=True)
        for name in ("gateway", "hub", "broker"):
            if name in parts:
                await parts[name].stop()
        folder.release()


async def _start_ingest(
    settings: Settings, parts: dict[str, Part], hello: dict[str, Any], mqtt_port: int
) -> int:
    """Start the broker, if it is ours, and the gateway; returns the broker's port."""
    if settings.mqtt_url is None:
        bind = ["--bind", settings.mqtt_host]
        broker = parts["broker"] = Part("broker", "gateway.broker", ["--port", str(mqtt_port), *bind], None)
        mqtt_port = int((await _started(broker))["public"])
        broker.arguments = ("--port", str(mqtt_port), *bind)  # kept over restarts, also if any was free
    gateway = parts["gateway"] = Part(
        "gateway", "corridor.parts", ["gateway"], hello | {"mqtt_port": mqtt_port}
    )
    await _started(gateway)
    return mqtt_port


async def _started(part: Part) -> dict[str, Any]:
    try:
        return await part.start()
    except PartError as error:
        raise StartError(f"{part.name} did not start: {error}") from None


def _plain(settings: Settings) -> dict[str, object]:
    values = settings.model_dump(mode="json", exclude_none=True)
    for name in SECRETS:
        secret = getattr(settings, name)
        if secret is not None:
            values[name] = secret.get_secret_value()
    return values


def _require_webhooks(path: Path) -> None:
    from feeds.webhooks.endpoints import EndpointsError, load

    try:
        load(path)
    except EndpointsError as error:
        raise StartError(str(error)) from None


def _require_authorities(path: Path) -> None:
    from feeds.authority.connectors import ConnectorsError, load

    try:
        load(path)
    except ConnectorsError as error:
        raise StartError(str(error)) from None


def _require_ack_key(settings: Settings) -> None:
    """Made before any part starts, for gateway and API need the same."""
    from gateway.ackkey import AckKeyError, load_or_make

    try:
        load_or_make(ack_key_of(settings))
    except AckKeyError as error:
        raise StartError(str(error)) from None


def _require_free(host: str, port: int, setting: str, flag: str) -> None:
    if port == 0:
        return
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        with socket.create_server((host, port), family=family):
            return
    except OSError as error:
        raise StartError(
            f"{setting} can't be used: got {host}:{port}: {error.strerror}; "
            f"want a free port, choose one by {flag}"
        ) from None


async def _require_reachable(host: str, port: int) -> None:
    try:
        _, writer = await asyncio.wait_for(asyncio.open_connection(host, port), 10)
    except (OSError, TimeoutError) as error:
        reason = getattr(error, "strerror", None) or "no answer within 10 s"
        raise StartError(
            f"broker not reachable: got {host}:{port}: {reason}; want a broker at mqtt_url"
        ) from None
    writer.close()
