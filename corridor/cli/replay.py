"""``corridor replay``: recordings of real receivers and trucks, published as devices over MQTT."""

from __future__ import annotations

import argparse
import asyncio
import hashlib
import re
import sys
from pathlib import Path
from typing import Any

from corridor.cli.options import CliError, Verbs, add_folder, run_async, settings_of
from corridor.client import Client, ClientError
from corridor.fleetbook import register
from corridor.folder import Folder, Local
from corridor.replay import KINDS, ReplayError, Result, replay
from firmware_sim.link import Broker

_BAR = 40


def add_to(verbs: Verbs) -> None:
    """Add the verb to the parser."""
    parser: argparse.ArgumentParser = verbs.add_parser(
        "replay", help="publish recordings as devices over MQTT"
    )
    add_folder(parser)
    parser.add_argument(
        "files", nargs="+", type=Path, metavar="FILE", help="NMEA, candump, GPX, CSV, JSON lines"
    )
    parser.add_argument("--device", metavar="ID", help="the device's name (from the first file's name)")
    parser.add_argument("--kind", choices=sorted(KINDS), help="what the files are, when their looks mislead")
    parser.add_argument("--mqtt", metavar="HOST:PORT", help="the broker (that of the system on --data-dir)")
    parser.add_argument(
        "--speed-up", type=float, default=1.0, metavar="X", help="recorded seconds a second (1)"
    )
    parser.add_argument("--at-once", action="store_true", help="as fast as it goes")
    parser.add_argument("--retime", action="store_true", help="shift all times so that the last one is now")
    parser.add_argument("--vin", help="register the truck under this VIN (one is invented otherwise)")
    parser.add_argument("--no-register", action="store_true", help="don't register a truck for the device")
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Replay and tell what became of it; 1 when something was refused or got no answer."""
    missing = [str(path) for path in options.files if not path.is_file()]
    if missing:
        raise CliError(f"no such file: {', '.join(missing)}")
    if not 0 < options.speed_up <= 1_000_000:
        raise CliError(f"--speed-up: got {options.speed_up:g}, want above 0 and at most 1000000")
    device = options.device or _device_name(options.files[0])
    local = Folder(settings_of(options).data_dir).local()
    broker = _broker(options, local)
    if local is not None and not options.no_register:
        _register(local, device, options)

    async def work(stop: asyncio.Event) -> int:
        playing = asyncio.create_task(
            replay(
                options.files,
                device,
                broker,
                speed_up=None if options.at_once else options.speed_up,
                retime=options.retime,
                kind=options.kind,
                show=_show if sys.stderr.isatty() else None,
            )
        )
        stopped = asyncio.create_task(stop.wait())
        await asyncio.wait({playing, stopped}, return_when=asyncio.FIRST_COMPLETED)
        stopped.cancel()
        if not playing.done():
            playing.cancel()
            await asyncio.gather(playing, return_exceptions=True)
            return 0
        return _tell(device, playing.result())

    try:
        return run_async(work)
    except ReplayError as error:
        raise CliError(str(error)) from None


def _device_name(path: Path) -> str:
    name = re.sub(r"[^A-Za-z0-9_.-]+", "-", path.name.split(".")[0]) or "file"
    return f"replay-{name}"[:64]


def _broker(options: argparse.Namespace, local: Local | None) -> Broker:
    if options.mqtt is None:
        if local is None:
            raise CliError("no system runs on the data folder: start `corridor up`, or give --mqtt HOST:PORT")
        return Broker(local.mqtt_host, local.mqtt_port)
    host, colon, port = options.mqtt.rpartition(":")
    if not colon or not host or not port.isdigit() or not 0 < int(port) < 65_536:
        raise CliError(f"--mqtt: got {options.mqtt!r}, want HOST:PORT")
    return Broker(host.strip("[]"), int(port))


def _register(local: Local, device: str, options: argparse.Namespace) -> None:
    client = Client(local)
    truck: dict[str, Any] = {
        "device": device,
        "vin": options.vin or _invented_vin(device),
        "name": device,
        "fleet": "recordings",
    }
    try:
        client.get(f"/v1/devices/{device}")
    except ClientError as error:
        if error.status != 404:
            raise CliError(f"the device could not be looked up: {error}") from None
    else:
        return
    try:
        register(client, [truck])
    except ClientError as error:
        raise CliError(f"the truck could not be registered: {error}") from None
    print(f"registered a truck for {device}: VIN {truck['vin']}" + ("" if options.vin else " (invented)"))


def _invented_vin(device: str) -> str:
    """A VIN without check digit that no maker has: XREPAY and eleven digits of the name's hash."""
    return "XREPAY" + hashlib.sha256(device.encode()).hexdigest()[:11].upper()


def _show(played: int, total: int) -> None:
    filled = _BAR * played // max(total, 1)
    sys.stderr.write(
        f"\r[{'#' * filled}{'.' * (_BAR - filled)}] {played}/{total}" + ("\n" if played == total else "")
    )
    sys.stderr.flush()


def _tell(device: str, result: Result) -> int:
    print(
        f"{device}: {result.samples} samples and {result.frames} CAN frames in {result.messages} messages, "
        f"{result.durable} answered, {result.refused} refused, {result.kept} without an answer"
    )
    if result.skipped:
        print(f"  {result.skipped} lines or points of the files were unusable and left out")
    for reason, count in sorted(result.reasons.items()):
        print(f"  {reason}: {count}")
    return 1 if result.refused or result.kept else 0
