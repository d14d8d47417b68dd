"""``corridor demo``: the whole system with simulated trucks over the Mohan-Boten gate, in one command."""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import time
import webbrowser
from pathlib import Path
from typing import Any

from corridor.cli.options import CliError, Verbs, add_folder, add_ports, run_async, settings_of
from corridor.client import Client, ClientError
from corridor.embedded import System, running
from corridor.fleetbook import register
from corridor.logs import set_up_logging
from corridor.recordings import recorded_trucks
from corridor.supervisor import Part

_LEGEND = """
  What to look at
    trucks      blue: moving, violet: standing, amber: in a port, grey: silent for ten minutes
    the gate    press "Mohan-Boten": ports, queue by direction, the last crossings
    one truck   click it: VIN, speed, signals, the track of its day with a slider
    events      the list fills as trucks enter ports, cross the line and leave
    real data   "{border}" replays a real truck along the border near Muse (it never crosses);
                "{machine}" carries a real J1939 log on its CAN bus
"""


def add_to(verbs: Verbs) -> None:
    """Add the verb to the parser."""
    parser: argparse.ArgumentParser = verbs.add_parser("demo", help="the whole system with simulated trucks")
    add_folder(parser)
    add_ports(parser)
    parser.add_argument("--duration", type=float, metavar="S", help="end by itself after S seconds")
    parser.add_argument("--trucks", type=int, default=40, metavar="N", help="simulated trucks (40)")
    parser.add_argument(
        "--speed-up", type=float, default=60, metavar="X", help="simulated seconds a second (60)"
    )
    parser.add_argument("--no-browser", action="store_true", help="don't open the page in a browser")
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Run until Ctrl-C or the duration is over."""
    if not 1 <= options.trucks <= 20_000:
        raise CliError(f"--trucks: got {options.trucks}, want 1 to 20000")
    if not 1 <= options.speed_up <= 10_000:
        raise CliError(f"--speed-up: got {options.speed_up:g}, want 1 to 10000")
    options.data_dir = options.data_dir or Path("corridor-demo")
    more: dict[str, Any] = {"log_level": "warning"}  # else its registrations hide the page's address
    if options.mqtt_port is None:
        more["mqtt_port"] = 0
    settings = settings_of(options, **more)
    set_up_logging("corridor")
    begun = time.monotonic()
    fleet = _fleet(options.trucks)

    async def work(stop: asyncio.Event) -> int:
        print("starting broker, gateway, engine and API ...", flush=True)
        async with running(settings) as system:
            trucks = await _trucks(system, fleet, settings.data_dir, options)
            try:
                _greet(system, fleet, time.monotonic() - begun, options)
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(stop.wait(), options.duration)
                print("stopping ...", flush=True)
            finally:
                for part, keeper in trucks:
                    keeper.cancel()
                    await part.stop()
        return 0

    return run_async(work)


def _fleet(trucks: int) -> list[dict[str, Any]]:
    """All trucks of the demo as they are registered, the first one with the recorded bus."""
    from firmware_sim.errors import SimError
    from firmware_sim.fleet import identities
    from firmware_sim.scenario_file import load

    try:
        return [who.to_json() for who in identities(load("demo", trucks=trucks))] + recorded_trucks()
    except SimError as error:
        raise CliError(f"the demo's scenario can't be used: {error}") from None


async def _trucks(
    system: System, fleet: list[dict[str, Any]], folder: Path, options: argparse.Namespace
) -> list[tuple[Part, asyncio.Task[None]]]:
    print(f"registering {len(fleet)} trucks ...", flush=True)
    try:
        await asyncio.to_thread(register, Client(system.local), fleet)
    except ClientError as error:
        raise CliError(f"the trucks could not be registered: {error}") from None
    hello = {
        "settings": {"data_dir": str(folder)},
        "mqtt_host": system.local.mqtt_host,
        "mqtt_port": system.local.mqtt_port,
        "trucks": options.trucks,
        "speed_up": options.speed_up,
        "state": str(folder / "trucks"),
    }
    part = Part("trucks", "corridor.parts", ["trucks"], hello)
    await part.start()
    return [(part, asyncio.create_task(part.keep(), name="keep trucks"))]


def _greet(system: System, fleet: list[dict[str, Any]], took_s: float, options: argparse.Namespace) -> None:
    address = f"{system.local.url}/#key={system.local.key}"
    machine, border = fleet[0]["name"], fleet[-1]["name"]
    print(
        f"Corridor's demo is up after {took_s:.1f} s: {options.trucks} trucks, "
        f"{options.speed_up:g} times real speed"
    )
    print(f"\n  page   {address}")
    print(f"  MQTT   {system.local.mqtt_host}:{system.local.mqtt_port}")
    if system.admin_key:
        print(f"  admin key (shown this once): {system.admin_key}")
    print(_LEGEND.format(border=border, machine=machine))
    print("Ctrl-C ends it; the same command goes on where it stopped.", flush=True)
    if not options.no_browser:
        webbrowser.open(address)
