"""``corridor up``: the embedded system for real use on one machine."""

from __future__ import annotations

import argparse
import asyncio

from corridor.cli.options import Verbs, add_folder, add_ports, run_async, settings_of
from corridor.embedded import System, running
from corridor.logs import set_up_logging


def add_to(verbs: Verbs) -> None:
    """Add the verb to the parser."""
    parser: argparse.ArgumentParser = verbs.add_parser("up", help="run the whole system on this machine")
    add_folder(parser)
    add_ports(parser)
    parser.add_argument(
        "--mqtt-url", metavar="URL", help="a broker of your own: mqtt://host:port, mqtts://host:port"
    )
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Run until Ctrl-C."""
    settings = settings_of(options)
    set_up_logging("corridor")

    async def work(stop: asyncio.Event) -> int:
        async with running(settings) as system:
            print(greeting(system), flush=True)
            await stop.wait()
            print("stopping ...", flush=True)
        return 0

    return run_async(work)


def greeting(system: System) -> str:
    """Where the system is, and once the key."""
    lines = [f"Corridor is up.  page and API: {system.local.url}/"]
    lines.append(f"                 MQTT: {system.local.mqtt_host}:{system.local.mqtt_port}")
    if system.recovered:
        lines.append(f"The log was damaged and recovered: {system.recovered}")
    if system.admin_key:
        lines.append(f"Admin key (shown this once, keep it): {system.admin_key}")
    lines.append("Ctrl-C ends it.")
    return "\n".join(lines)
