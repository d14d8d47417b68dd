"""``corridor doctor``: what stands in the way of running here, and what to do about it."""

from __future__ import annotations

import argparse
import asyncio
import shutil
import socket
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from corridor.attacks import attack
from corridor.brokers import broker_of
from corridor.cli.options import CliError, Verbs, add_folder, add_ports, settings_of
from corridor.folder import Folder, FolderError
from corridor.settings import Settings, SettingsError
from gateway.mqtt import Broker


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
        "--mqtt-url", metavar="URL", help="check this broker too, by trying on it what a bad device would"
    )
    parser.add_argument(
        "--device",
        metavar="NAME",
        help="attack as this device, whose certificate is given by --device-cert and --device-key",
    )
    parser.add_argument("--device-cert", type=Path, metavar="FILE", help="the device's certificate (PEM)")
    parser.add_argument("--device-key", type=Path, metavar="FILE", help="its key (PEM)")
    parser.add_argument(
        "--device-port", type=int, metavar="PORT", help="the devices' port, where it is not the gateways'"
    )
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Print each finding; 1 when one is not well."""
    settings = settings_of(options)
    findings = list(examine(settings, options))
    for finding in findings:
        print(f"{'ok  ' if finding.well else 'BAD '} {finding.check:<8} {finding.said}")
    return 0 if all(finding.well for finding in findings) else 1


def examine(settings: Settings, options: argparse.Namespace) -> Iterator[Finding]:
    """All checks, one after the other. ``options`` say which device's credentials attack the broker."""
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
        for attacked in asyncio.run(attack(broker, _device(options, broker), options.device)):
            yield Finding(attacked.check, attacked.well, attacked.said)


def _device(options: argparse.Namespace, broker: Broker) -> Broker:
    """What the attacking device connects to; the gateway's own credentials when none are given."""
    if options.device is None:
        return broker
    if options.device_cert is None or options.device_key is None:
        raise CliError("--device needs --device-cert and --device-key")
    port = options.device_port or broker.port
    return replace(
        broker,
        port=port,
        tls_cert=str(options.device_cert),
        tls_key=str(options.device_key),
        username=None,
        password=None,
    )


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
