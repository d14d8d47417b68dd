"""``corridor demo``: the whole system with simulated trucks over the Mohan-Boten gate, in one command."""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import logging
import time
import webbrowser
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

from corridor import democlock, demowindow
from corridor.cli.options import CliError, Verbs, add_folder, add_ports, run_async, settings_of
from corridor.client import Client, ClientError
from corridor.demofeeds import DemoFeed, granted
from corridor.demofilings import STORIES, Papers, register_trailer
from corridor.demokeys import enrol_trucks
from corridor.embedded import System, running
from corridor.fleetbook import register
from corridor.folder import Folder
from corridor.logs import set_up_logging
from corridor.recordings import recorded_trucks
from corridor.supervisor import Part
from corridor.trucks import fleets
from feeds.keys import KeysError
from firmware_sim.clock import SimClock

_log = logging.getLogger("corridor.demo")
_LAG_S: Final = 172_800.0
_PAPERS_EVERY_S: Final = 0.5
_ENDS: Final = "\nCtrl-C ends it; the same command goes on where it stopped."
_LEGEND: Final = """
  What to look at
    trucks      blue: moving, violet: standing, amber: in a port, grey: silent for ten minutes
    the gate    press "Mohan-Boten": ports, queue by direction, the last crossings
    one truck   click it: VIN, speed, signals, the track of its day with a slider
    events      the list fills as trucks enter ports, cross the line and leave
    real data   "{border}" replays a real truck along the border near Muse (it never crosses);
                "{machine}" carries a real J1939 log on its CAN bus

  About half of the units sign their reports with keys of their own:
    corridor device list --data-dir {folder}

  Twelve exporters' vehicles on their way to Laos: the page's gate board, or
    corridor case list --data-dir {folder}
    corridor case explain ID --data-dir {folder}
    corridor case report --gate mohan-boten --html report.html --data-dir {folder}
    corridor trace VIN --data-dir {folder}

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
    set_up_logging("corridor")
    demo = _Demo(options)
    return run_async(demo.run)


class _Demo:
    """One run of the demo: the single window, the system, the papers and the trucks, on one clock."""

    def __init__(self, options: argparse.Namespace) -> None:
        self._options, self._begun = options, time.monotonic()
        # else registrations hide the page's address
        self._more: dict[str, Any] = {"log_level": "warning", "ledger": True}
        if options.mqtt_port is None:
            self._more["mqtt_port"] = 0
        self._folder = settings_of(options, **self._more).data_dir
        self._fleet, self._exporters = _fleets(options.trucks)
        self._clock = democlock.start(_state(self._folder), _LAG_S, options.speed_up)
        self._keepers: list[asyncio.Task[None]] = []

    async def run(self, stop: asyncio.Event) -> int:
        """Until ``stop`` or the end of the duration."""
        print("starting broker, gateway, engine, API and single window ...", flush=True)
        place = Folder(self._folder)
        held = place.local()
        if held is not None:
            raise CliError(
                f"data folder in use: {place.root} is held by process {held.pid}; stop it or give --data-dir"
            )
        async with contextlib.AsyncExitStack() as parts:
            parts.push_async_callback(self._stop_keepers)
            officers, authorities = await self._window(parts)
            settings = settings_of(self._options, **self._more, authorities_file=authorities)
            system = await parts.enter_async_context(running(settings, democlock.plain(self._clock)))
            papers = await self._papers(system)
            read = await self._feeds(system)
            await self._part(parts, "trucks", self._trucks(system))
            if not _state(self._folder).exists():  # they set out now, for the first time
                papers.begun_s = democlock.now_s(self._clock)
            self._keepers.append(asyncio.create_task(_in_time(papers, self._clock), name="papers"))
            _greet(
                system, self._fleet, self._exporters, officers, time.monotonic() - self._begun, self._options
            )
            for feed in read:
                url = f"{system.local.url}/v1/feeds/{feed.id}"
                print(f"    feed   {url} ({feed.fields}), {feed.consumer}: {feed.key}")
            print(_ENDS, flush=True)
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(stop.wait(), self._options.duration)
            print("stopping ...", flush=True)
            await self._stop_keepers()
        return 0

    async def _part(
        self, parts: contextlib.AsyncExitStack, name: str, hello: dict[str, Any]
    ) -> tuple[Part, dict[str, Any]]:
        """Start a part that is kept until the end."""
        common = {"settings": {"data_dir": str(self._folder)}, "clock": democlock.plain(self._clock)}
        part = Part(name, "corridor.parts", [name], common | hello)
        said = await part.start()
        parts.push_async_callback(part.stop)
        self._keepers.append(asyncio.create_task(part.keep(), name=f"keep {name}"))
        return part, said

    async def _stop_keepers(self) -> None:
        for task in self._keepers:
            task.cancel()
        await asyncio.gather(*self._keepers, return_exceptions=True)
        self._keepers.clear()

    async def _window(self, parts: contextlib.AsyncExitStack) -> tuple[str, Path]:
        """The single window of both sides: where its officers' page is, and the file that names it."""
        folder = self._folder / "authorities"
        hello = {"rules": demowindow.prepare(folder), "database": str(folder / "window.db"), "port": 0}
        part, said = await self._part(parts, "window", hello)
        assert part.hello is not None
        part.hello = part.hello | {"port": said["port"]}  # kept over restarts
        return said["url"], demowindow.connectors(folder, said["url"])

    async def _papers(self, system: System) -> Papers:
        """Register all, and put in the papers that are there before the trucks set out."""
        count = len(self._fleet) + len(self._exporters)
        print(f"registering {count} trucks, lodging filings ...", flush=True)
        client = Client(system.local)

        def put() -> Papers:
            register(client, [*self._exporters, *self._fleet])
            register_trailer(client)
            enrol_trucks(client, self._folder / "trucks", self._options.trucks)
            now_s = democlock.now_s(self._clock)
            papers = Papers(client, self._exporters, self._set_out_s() or now_s)
            papers.skip_known()
            papers.due(max(papers.begun_s, now_s))
            _say(papers)
            return papers

        try:
            return await asyncio.to_thread(put)
        except ClientError as error:
            raise CliError(f"the trucks could not be registered: {error}") from None

    async def _feeds(self, system: System) -> Sequence[DemoFeed]:
        """What an insurer and customs may read."""
        try:
            return await asyncio.to_thread(granted, Client(system.local), self._folder)
        except (ClientError, KeysError, OSError) as error:
            raise CliError(f"the feeds could not be granted: {error}") from None

    def _set_out_s(self) -> float | None:
        """When the exporters' trucks set out, if they have."""
        try:
            return float(json.loads(_state(self._folder).read_text("utf-8"))["start_s"])
        except FileNotFoundError:
            return None

    def _trucks(self, system: System) -> dict[str, Any]:
        return {
            "mqtt_host": system.local.mqtt_host,
            "mqtt_port": system.local.mqtt_port,
            "trucks": self._options.trucks,
            "speed_up": self._options.speed_up,
            "state": str(self._folder / "trucks"),
        }


def _state(folder: Path) -> Path:
    """Where the exporters' trucks keep what they are. Raises CliError for the folder of an older demo."""
    state = folder / "trucks" / "clearance" / "fleet.json"
    if not state.exists() and (folder / "trucks" / "simulated" / "fleet.json").exists():
        raise CliError(
            f"the data folder is that of an older demo: got {folder} without the exporters' trucks, want an "
            "empty folder; remove it or give --data-dir"
        )
    return state


def _fleets(trucks: int) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """The demo's trucks as they are registered, the first one with the recorded bus; the exporters'."""
    from firmware_sim.errors import SimError
    from firmware_sim.fleet import identities

    try:
        found = {name: [who.to_json() for who in identities(one)] for name, one in fleets(trucks).items()}
        return found["simulated"] + recorded_trucks(), found["clearance"]
    except SimError as error:
        raise CliError(f"the demo's scenario can't be used: {error}") from None


def _say(papers: Papers) -> None:
    for reason in papers.refused:
        _log.warning("paper_refused reason=%s", reason)
    papers.refused.clear()


async def _in_time(papers: Papers, clock: SimClock) -> None:
    """Put in the other papers when their time has come."""
    while True:
        try:
            left = await asyncio.to_thread(papers.due, democlock.now_s(clock))
            _say(papers)
            if not left:
                return
        except ClientError as error:
            _log.warning("paper_not_taken reason=%s", error)
        await asyncio.sleep(_PAPERS_EVERY_S)


def _greet(
    system: System,
    fleet: list[dict[str, Any]],
    exporters: list[dict[str, Any]],
    officers: str,
    took_s: float,
    options: argparse.Namespace,
) -> None:
    address = f"{system.local.url}/#key={system.local.key}"
    machine, border = fleet[0]["name"], fleet[-1]["name"]
    print(
        f"Corridor's demo is up after {took_s:.1f} s: {options.trucks} trucks and twelve exporters', "
        f"{options.speed_up:g} times real speed"
    )
    print(f"\n  page   {address}")
    print(f"  MQTT   {system.local.mqtt_host}:{system.local.mqtt_port}")
    print(f"  customs of both sides, simulated: {officers}/")
    if system.admin_key:
        print(f"  admin key (shown this once): {system.admin_key}")
    print(_LEGEND.format(border=border, machine=machine, folder=options.data_dir), end="")
    for story in STORIES:
        vehicle = exporters[story.truck]["device"]
        print(f"    {story.reference}  {vehicle}  {story.title:<21} {story.state:<20} {story.where}")
    if not options.no_browser:
        webbrowser.open(address)
