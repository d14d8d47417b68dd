"""Options that several verbs share, and how they become settings."""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import os
import signal
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any

from corridor.settings import Settings, SettingsError, load

Verbs = Any  # argparse's sub-parsers have no public type


class CliError(Exception):
    """The verb can't run as asked: one line, exit code 2."""


def add_folder(parser: argparse.ArgumentParser) -> None:
    """--config and --data-dir."""
    parser.add_argument("--config", type=Path, metavar="FILE", help="settings file (TOML)")
    parser.add_argument("--data-dir", type=Path, metavar="DIR", help="folder of all data")


def add_ports(parser: argparse.ArgumentParser) -> None:
    """--http-port and --mqtt-port."""
    parser.add_argument(
        "--http-port", type=int, metavar="PORT", help="port of API and page (0: any free one)"
    )
    parser.add_argument(
        "--mqtt-port", type=int, metavar="PORT", help="port of the embedded broker (0: any free one)"
    )


def settings_of(options: argparse.Namespace, **more: Any) -> Settings:
    """The settings in force: flags over environment over file. Raises CliError."""
    names = ("data_dir", "http_port", "mqtt_port", "mqtt_url")
    flags = {name: getattr(options, name, None) for name in names}
    try:
        return load(flags | more, options.config)
    except SettingsError as error:
        raise CliError(str(error)) from None


def run_async(work: Callable[[asyncio.Event], Awaitable[int]]) -> int:
    """Run ``work`` with an event that Ctrl-C or SIGTERM sets. What can't start becomes CliError."""
    from corridor.embedded import StartError  # servers are extras: `verify` runs without them
    from corridor.folder import FolderError
    from corridor.supervisor import PartError

    async def main() -> int:
        stop = asyncio.Event()
        with _signals(asyncio.get_running_loop(), stop):
            return await work(stop)

    try:
        return asyncio.run(main())
    except (StartError, FolderError, SettingsError, PartError) as error:
        raise CliError(str(error)) from None


@contextlib.contextmanager
def _signals(loop: asyncio.AbstractEventLoop, stop: asyncio.Event) -> Iterator[None]:
    if os.name == "nt":
        yield
        return
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    try:
        yield
    finally:
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.remove_signal_handler(number)
