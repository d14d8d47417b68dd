"""``corridor api``: API and page over Kafka and the store; as many as it takes, behind any balancer."""

from __future__ import annotations

import argparse
from pathlib import Path

from corridor.cli.options import Verbs
from corridor.cli.roles import add_role, distributed, run_role


def add_to(verbs: Verbs) -> None:
    """Add the verb to the parser."""
    parser: argparse.ArgumentParser = verbs.add_parser(
        "api", help="serve API and page over Kafka and the store"
    )
    add_role(parser)
    parser.add_argument("--data-dir", type=Path, metavar="DIR", help="folder of this instance's copies")
    parser.add_argument(
        "--http-port", type=int, metavar="PORT", help="port of API and page (0: any free one)"
    )
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Run until Ctrl-C or SIGTERM."""
    with distributed():
        from corridor.roles import api

    return run_role("api", options, api.run)
