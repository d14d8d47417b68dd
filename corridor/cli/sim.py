"""``corridor sim``: simulated trucks against any broker."""

from __future__ import annotations

import argparse

from corridor.cli.options import Verbs


def add_to(verbs: Verbs) -> None:
    """Add the verb to the parser: its words go to the simulator as they are."""
    parser: argparse.ArgumentParser = verbs.add_parser(
        "sim", help="simulated trucks: run SCENARIO, list SCENARIO", add_help=False
    )
    parser.add_argument("words", nargs=argparse.REMAINDER)
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Run the simulator's own command."""
    from firmware_sim.__main__ import main

    return main(options.words)
