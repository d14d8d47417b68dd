"""``corridor doctor``: what stands in the way of running here, and what to do about it."""

from __future__ import annotations

import argparse
import asyncio
import shutil
import socket
import sys
import time
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final

import gmqtt

from corridor.brokers import broker_of
from corridor.cli.options import Verbs, add_folder, add_ports, settings_of
from corridor.folder import Folder, FolderError
from corridor.settings import Settings, SettingsError
from gateway.mqtt import Broker

_WAIT_S: Final = 3.0


@dataclass(frozen=True, slots=True)
class Finding:
    """One check: what was looked at, whether it is well, and what to do when it is not."""

    check: str
    well: bool
    said: str


def add_to(verbs: Verbs) -> None:
    """Add the verb to the parser."""
    parser: argparse.ArgumentParser = verbs.add_parser("doctor", help="check this machine and say what to do")
    add_folder(parser)
    add_ports(parser)
    parser.add_argument(
        "--mqtt-url", metavar="URL", help="check this broker too, by trying both attacks on it"
    )
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Print each finding; 1 when one is not well."""
    settings = settings_of(options)
    findings = list(examine(settings))
    for finding in findings:
        print(f"{'ok  ' if finding.well else 'BAD '} {finding.check:<8} {finding.said}")
    return 0 if all(finding.well for finding in findings) else 1


def examine(settings: Settings) -> Iterator[Finding]:
    """All checks, one after the other."""
    version = ".".join(map(str, sys.version_info[:3]))
    yield Finding("python", sys.version_info >= (3, 11), f"got {version}, want 3.11 or newer")
    try:
        folder = Folder(settings.data_dir)
    except FolderError as error:
        yield Finding("folder", False, f"{error}; choose another by --data-dir")
        return
    local = folder.local()
    yield Finding(
        "folder", True, f"{folder.root} is writable" + (f"; process {local.pid} runs on it" if local else "")
    )
    yield _disk(settings)
    yield _clock()
    if local is None:
        yield _port("http", settings.http_host, settings.http_port, "--http-port")
        if settings.mqtt_url is None:
            yield _port("mqtt", settings.mqtt_host, settings.mqtt_port, "--mqtt-port")
    if settings.mqtt_url is not None:
        try:
            broker = broker_of(settings, 0)
        except SettingsError as error:
            yield Finding("broker", False, str(error))
            return
        yield from asyncio.run(attack(broker))


def _disk(settings: Settings) -> Finding:
    free, want = shutil.disk_usage(settings.data_dir).free >> 20, settings.min_free_mb * 2
    advice = "" if free >= want else "; free some, or point --data-dir to another disk"
    return Finding("disk", free >= want, f"got {free} MB free, want at least {want} MB{advice}")


def _clock() -> Finding:
    now, built = time.time(), 1_780_000_000  # 2026-05: older than this code can't be
    well = built < now < built + 20 * 365 * 86_400
    said = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(now))
    return Finding(
        "clock", well, f"got {said}" + ("" if well else "; set the clock: receive times order the log")
    )


def _port(name: str, host: str, port: int, flag: str) -> Finding:
    if port == 0:
        return Finding(name, True, "any free port")
    try:
        with socket.create_server((host, port)):
            return Finding(name, True, f"{host}:{port} is free")
    except OSError as error:
        return Finding(name, False, f"{host}:{port}: {error.strerror}; choose another by {flag}")


async def attack(broker: Broker) -> list[Finding]:
    """Try on ``broker`` what a malicious device would: publish as another, and read another's acks.

    Both use made-up device names, so no real device is touched.
    """
    victim, attacker = (f"doctor-{who}-{uuid.uuid4().hex[:8]}" for who in ("victim", "attacker"))
    got: list[str] = []
    try:
        gateway = await _client(broker, f"{victim}-watch", got.append)
        other = await _client(broker, attacker, got.append)
    except (OSError, TimeoutError, gmqtt.MQTTConnectError) as error:
        return [
            Finding("broker", False, f"{broker.host}:{broker.port} not reachable: {error or 'no answer'}")
        ]
    findings = [Finding("broker", True, f"{broker.host}:{broker.port} answers")]
    try:
        report, ack = f"corridor/v1/{victim}/report", f"corridor/v1/{victim}/ack"
        gateway.subscribe(report, qos=1)
        other.subscribe(ack, qos=1)
        await asyncio.sleep(0.5)
        other.publish(report, b"{}", qos=1)
        gateway.publish(ack, b"{}", qos=1)
        await _until(lambda: len(set(got)) == 2)
        findings.append(_attacked("publish", report not in got, "publish as another device"))
        findings.append(_attacked("read", ack not in got, "read another device's acks"))
    finally:
        await gateway.disconnect()
        await other.disconnect()
    return findings


def _attacked(name: str, held: bool, what: str) -> Finding:
    said = (
        f"these credentials can't {what}"
        if held
        else (
            f"these credentials can {what}: fine for the gateway's own, "
            "fatal for a device's; see docs/mqtt.md"
        )
    )
    return Finding(name, held, said)


async def _client(broker: Broker, name: str, heard: Callable[[str], None]) -> gmqtt.Client:
    client = gmqtt.Client(name)
    if broker.username:
        client.set_auth_credentials(broker.username, broker.password)

    def on_message(_client: object, topic: str, _payload: bytes, _qos: int, _properties: object) -> int:
        heard(topic)
        return 0

    client.on_message = on_message
    await asyncio.wait_for(client.connect(broker.host, broker.port, ssl=broker.context()), _WAIT_S)
    return client


async def _until(done: Callable[[], bool]) -> None:
    for _ in range(int(_WAIT_S / 0.05)):
        if done():
            return
        await asyncio.sleep(0.05)
