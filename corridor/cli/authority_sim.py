"""``corridor authority-sim``: a reference single window to connect to."""

from __future__ import annotations

import argparse

from corridor.cli.options import Verbs


def add_to(verbs: Verbs) -> None:
    """Add the verb to the parser, with the simulator's own options."""
    from authority_sim.__main__ import add_options

    parser: argparse.ArgumentParser = verbs.add_parser(
        "authority-sim", help="a reference single window for both sides of a border"
    )
    add_options(parser)
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Run the simulator's own command."""
    from authority_sim.__main__ import run

    return run(options)
