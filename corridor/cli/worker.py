"""``corridor worker``: fold partitions of the log in Kafka; as many of these as there is work for."""

from __future__ import annotations

import argparse
import asyncio
import os
import sys
from pathlib import Path

from corridor.cli.options import CliError, Verbs, run_async, settings_of
from corridor.cli.roles import add_kafka, distributed
from corridor.logs import set_up_logging


def add_to(verbs: Verbs) -> None:
    """Add the verb to the parser."""
    parser: argparse.ArgumentParser = verbs.add_parser("worker", help="fold partitions of the log in Kafka")
    add_kafka(parser)
    parser.add_argument("--shared-dir", type=Path, metavar="DIR", help="folder that every worker reaches")
    parser.add_argument(
        "--health-port", type=int, metavar="PORT", help="port of health and metrics (0: any free one)"
    )
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Run until Ctrl-C or SIGTERM; 1 when the stream ended by itself."""
    with distributed():
        from corridor import workerpart
        from streams.kafka.topics import TopicsError
        from streams.runtime.faust_app import WorkerFailedError

    names = ("kafka_servers", "partitions", "replication", "shared_dir", "health_port")
    settings = settings_of(options, **{name: getattr(options, name) for name in names})
    set_up_logging("worker")

    async def work(stop: asyncio.Event) -> int:
        said = False

        def ready(port: int) -> None:
            nonlocal said
            if not said:
                print(f"Worker is up.  health: http://{settings.health_host}:{port}/health", flush=True)
            said = True

        try:
            if not await workerpart.run(settings, stop, ready):
                sys.stdout.flush()
                os._exit(0)  # all is saved; what is left waits for a Kafka that is away
        except WorkerFailedError as error:
            print(f"corridor worker: {error}", flush=True)
            return 1
        except TopicsError as error:
            raise CliError(str(error)) from None
        return 0

    return run_async(work)
