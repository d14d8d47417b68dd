"""``corridor broker``: the access rules of a Mosquitto broker, for the devices that are fitted.

``rules`` prints the whole file for a broker that is about to start; ``apply`` changes a running one by the
topics of its dynamic security plugin, without a restart and only where it differs, once or every so often.
The devices are those of a list, else those fitted by the registry: in Kafka, or of the data folder.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import sqlite3
import sys
from pathlib import Path
from typing import Any, Final

from corridor.cli.options import CliError, Verbs, add_folder, run_async, settings_of
from corridor.settings import Settings, SettingsError

_ANSWER_S: Final = 60.0
_AT_ONCE: Final = 50  # commands of one message: with 10,000 devices the plugin takes 0.1 s for each


def add_to(verbs: Verbs) -> None:
    """Add the verb with its actions to the parser."""
    parser: argparse.ArgumentParser = verbs.add_parser("broker", help="access rules of a Mosquitto broker")
    actions = parser.add_subparsers(dest="action", required=True, metavar="ACTION")
    actions.add_parser("rules", help="print the file of the dynamic security plugin")
    apply = actions.add_parser("apply", help="bring a running broker to these rules")
    apply.add_argument("--mqtt-url", metavar="URL", help="its door for gateways and administrators")
    apply.add_argument(
        "--every", type=_seconds, metavar="S", help="do it again every S seconds, until it is told to stop"
    )
    apply.add_argument("--dry-run", action="store_true", help="only say what would change")
    for action in actions.choices.values():
        add_folder(action)
        action.add_argument(
            "--devices",
            metavar="FILE",
            help="names, one a line (-: standard input); else those fitted, by Kafka or in --data-dir",
        )
        action.add_argument(
            "--gateway",
            action="append",
            metavar="NAME",
            help="certificate name of a gateway (corridor-gateway); may be repeated",
        )
        action.add_argument(
            "--admin",
            action="append",
            metavar="NAME",
            help="certificate name of who may change the rules (corridor-admin)",
        )
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Print the rules, or apply them and say what was changed."""
    settings = settings_of(options)
    if options.action == "rules":
        json.dump(_wanted(options, settings), sys.stdout, indent=1)
        print()
        return 0
    if options.every is None:
        _apply(options, settings)
        return 0

    async def again(stop: asyncio.Event) -> int:
        while not stop.is_set():
            try:
                await asyncio.to_thread(_apply, options, settings)
            except CliError as error:  # a broker that is away comes back
                print(f"corridor broker: {error}", file=sys.stderr, flush=True)
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(stop.wait(), options.every)
        return 0

    return run_async(again)


def _wanted(options: argparse.Namespace, settings: Settings) -> dict[str, Any]:
    from corridor.brokerrules import rules

    devices = _devices(options.devices, settings)
    if not devices:
        raise CliError("no devices: got an empty list, want at least one (all would be shut out)")
    gateways, admins = options.gateway or ["corridor-gateway"], options.admin or ["corridor-admin"]
    return rules(devices, gateways, admins, settings.gateway_group or "corridor")


def _apply(options: argparse.Namespace, settings: Settings) -> None:
    wanted = _wanted(options, settings)
    try:
        done = asyncio.run(apply(settings, wanted, dry_run=options.dry_run))
    except SettingsError as error:
        raise CliError(str(error)) from None
    if options.every is None or done:
        for name, count in done.items():
            print(f"{name}: {count}")
        made = " to make" if options.dry_run else ""
        print(f"{len(wanted['clients'])} clients, {sum(done.values())} changes{made}", flush=True)


async def apply(settings: Settings, wanted: dict[str, Any], *, dry_run: bool = False) -> dict[str, int]:
    """Bring the broker of the settings to ``wanted``; returns how many commands of each kind it took.

    Raises CliError when the broker is away or refuses, SettingsError when none is named.
    """
    import aiomqtt

    from corridor.brokerrules import CONTROL, changes
    from corridor.brokers import broker_of

    if settings.mqtt_url is None:
        raise CliError("no broker: got no mqtt_url, want --mqtt-url mqtts://host:8884")
    broker = broker_of(settings, 0)
    context = broker.context()
    client = aiomqtt.Client(
        broker.host,
        broker.port,
        username=broker.username,
        password=broker.password,
        protocol=aiomqtt.ProtocolVersion.V5,
        tls_context=None if isinstance(context, bool) else context,
        timeout=10,
    )

    async def ask(*commands: dict[str, Any]) -> list[dict[str, Any]]:
        await client.publish(CONTROL, json.dumps({"commands": commands}), qos=1)
        try:
            message = await asyncio.wait_for(anext(client.messages), _ANSWER_S)
        except TimeoutError:
            raise CliError(f"no answer on {CONTROL}: these credentials may not change the rules") from None
        assert isinstance(message.payload, bytes)
        answers: list[dict[str, Any]] = json.loads(message.payload)["responses"]
        for answer in answers:
            if "error" in answer:
                raise CliError(f"the broker refuses {answer['command']}: {answer['error']}")
        return answers

    try:
        async with client:
            granted = await client.subscribe(f"{CONTROL}/response", qos=1)
            if any(getattr(code, "value", code) >= 0x80 for code in granted):
                raise CliError("these credentials may not change the rules: want those of an --admin")
            listing = [
                {"command": f"list{what}", "verbose": True, "count": -1} for what in ("Roles", "Clients")
            ]
            roles, clients = (answer["data"] for answer in await ask(*listing))
            todo = list(changes(roles["roles"], clients["clients"], wanted))
            for start in range(0, 0 if dry_run else len(todo), _AT_ONCE):
                await ask(*todo[start : start + _AT_ONCE])
    except aiomqtt.MqttError as error:
        raise CliError(f"{broker.host}:{broker.port} not reachable: {error}") from None
    done: dict[str, int] = {}
    for command in todo:
        done[command["command"]] = done.get(command["command"], 0) + 1
    return done


def _devices(file: str | None, settings: Settings) -> list[str]:
    from corridor.authority import NAME

    if file is None:
        return _fitted(settings) if settings.kafka_servers is None else _registered(settings)
    try:
        text = sys.stdin.read() if file == "-" else Path(file).read_text("utf-8")
    except OSError as error:
        raise CliError(f"{file} not readable: {error.strerror}") from None
    names = [line.strip() for line in text.splitlines() if line.strip()]
    for name in names:
        if not NAME.match(name):
            raise CliError(f"{file}: got {name!r}, want a device's name: 1 to 64 of A-Z a-z 0-9 _ . -")
    return names


def _fitted(settings: Settings) -> list[str]:
    """Devices that are fitted now, by the read model of the data folder."""
    from corridor.folder import Folder, FolderError
    from feeds.readmodel import ReadModel, ReadModelError

    try:
        devices, _ = ReadModel(Folder(settings.data_dir).read, read_only=True).devices_changed(0)
    except (FolderError, ReadModelError, sqlite3.Error) as error:
        raise CliError(f"registry not readable: {error}; give the names by --devices") from None
    return [device.device for device in devices if device.to_ms is None]


def _registered(settings: Settings) -> list[str]:
    """Devices that are fitted now, by the registry in Kafka."""
    from corridor.kafka import kafka_of
    from corridor.roles.gateway import Fittings
    from streams.kafka.table import Table
    from streams.log import LogError

    try:
        kafka = kafka_of(settings)
    except SettingsError as error:
        raise CliError(str(error)) from None
    table, fittings = Table(kafka), Fittings(kafka.partitions)
    following = table.follow(fittings.changed)
    try:
        known = following.caught_up.wait(_ANSWER_S)
    finally:
        following.close()
        table.close()
    if isinstance(following.error, LogError) or not known:
        raise CliError(f"registry not readable: {following.error or 'no answer from Kafka'}")
    return fittings.devices()


def _seconds(text: str) -> float:
    value = float(text)
    if not value > 0:
        raise argparse.ArgumentTypeError(f"got {text}, want a number above 0")
    return value
