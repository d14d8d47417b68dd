"""What the verbs that run a role of the distributed system share."""

from __future__ import annotations

import argparse
import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any, Final

from corridor.cli.options import CliError, run_async, settings_of
from corridor.logs import set_up_logging
from corridor.settings import Settings

Role = Callable[[Settings, asyncio.Event, Callable[[int], None]], Awaitable[None]]
"""(settings, stop, told the port of health and metrics when it is ready): runs until ``stop`` is set."""

_PACKAGES: Final = frozenset({"confluent_kafka", "faust", "influxdb_client"})
_KAFKA: Final = ("kafka_servers", "partitions", "replication", "health_port")


def add_kafka(parser: argparse.ArgumentParser) -> None:
    """--config, --kafka-servers, --partitions and --replication."""
    parser.add_argument("--config", type=Path, metavar="FILE", help="settings file (TOML)")
    parser.add_argument("--kafka-servers", metavar="HOST:PORT,...", help="where Kafka is")
    parser.add_argument("--partitions", type=int, metavar="N", help="partitions of the log")
    parser.add_argument("--replication", type=int, metavar="N", help="copies of each partition")


@contextlib.contextmanager
def distributed() -> Iterator[None]:
    """Around imports of what only the distributed system needs: CliError says how to install it."""
    try:
        yield
    except ModuleNotFoundError as error:
        if error.name is None or error.name.partition(".")[0] not in _PACKAGES:
            raise
        want = 'want the extra "distributed": pip install "corridor[server,distributed]"'
        raise CliError(f"not installed: {error.name}; {want}") from None


def add_role(parser: argparse.ArgumentParser) -> None:
    """--config, where Kafka is, --health-port."""
    add_kafka(parser)
    parser.add_argument(
        "--health-port", type=int, metavar="PORT", help="port of health and metrics (0: any free one)"
    )


def run_role(name: str, options: argparse.Namespace, role: Role, *flags: str, **more: Any) -> int:
    """Run ``role`` until Ctrl-C or SIGTERM. ``flags``: settings that it takes as options besides Kafka's.

    What can't start as asked becomes CliError.
    """
    from streams.kafka.topics import TopicsError
    from streams.log import LogError

    given = {flag: getattr(options, flag, None) for flag in (*_KAFKA, *flags)}
    settings = settings_of(options, **given, **more)
    set_up_logging(name)

    async def work(stop: asyncio.Event) -> int:
        def ready(port: int) -> None:
            print(f"{name} is up.  health: http://{settings.health_host}:{port}/health", flush=True)

        try:
            await role(settings, stop, ready)
        except (TopicsError, LogError, OSError) as error:
            raise CliError(str(error)) from None
        return 0

    return run_async(work)
