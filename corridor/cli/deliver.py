"""``corridor deliver``: send events to webhooks; as many as it takes, each event by one of them."""

from __future__ import annotations

import argparse
from pathlib import Path

from corridor.cli.options import Verbs
from corridor.cli.roles import add_role, distributed, run_role


def add_to(verbs: Verbs) -> None:
    """Add the verb to the parser."""
    parser: argparse.ArgumentParser = verbs.add_parser("deliver", help="send events to webhooks")
    add_role(parser)
    parser.add_argument("--data-dir", type=Path, metavar="DIR", help="folder of this process's copies")
    parser.add_argument("--webhooks-file", type=Path, metavar="FILE", help="who is sent which events (TOML)")
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Run until Ctrl-C or SIGTERM."""
    with distributed():
        from corridor.roles import deliver

    return run_role("deliver", options, deliver.run, "webhooks_file")
