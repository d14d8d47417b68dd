"""``corridor deliver``: events to webhooks and authorities; as many as it takes, each by one of them."""

from __future__ import annotations

import argparse
from pathlib import Path

from corridor.cli.options import Verbs
from corridor.cli.roles import add_role, distributed, run_role


def add_to(verbs: Verbs) -> None:
    """Add the verb to the parser."""
    parser: argparse.ArgumentParser = verbs.add_parser(
        "deliver", help="send events to webhooks, messages to authorities"
    )
    add_role(parser)
    parser.add_argument("--data-dir", type=Path, metavar="DIR", help="folder of this process's copies")
    parser.add_argument("--webhooks-file", type=Path, metavar="FILE", help="who is sent which events (TOML)")
    parser.add_argument("--authorities-file", type=Path, metavar="FILE", help="which authorities there are")
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Run until Ctrl-C or SIGTERM."""
    with distributed():
        from corridor.roles import deliver

    return run_role("deliver", options, deliver.run, "webhooks_file", "authorities_file")
