"""``corridor webhooks``: what waits for receivers and what is parked; send it again."""

from __future__ import annotations

import argparse

from corridor.cli.asking import add_actions, run_action
from corridor.cli.options import Verbs
from feeds.authority.connectors import NOTES


def add_to(verbs: Verbs) -> None:
    """Add the verb to the parser."""
    parser: argparse.ArgumentParser = verbs.add_parser(
        "webhooks", help="deliveries to webhooks: list, resend, park"
    )
    add_actions(parser, "WEBHOOK")
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """List, or ask whoever delivers; works on a running system and on one that is away."""
    return run_action(options, lambda name: name, lambda name: not name.startswith(NOTES))
