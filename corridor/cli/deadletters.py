"""``corridor deadletters``: what the gateway refused, and why."""

from __future__ import annotations

import argparse
import json
import sys
from base64 import b64encode
from dataclasses import asdict
from datetime import UTC, datetime

from corridor.cli.options import CliError, Verbs, add_folder, settings_of
from feeds.deadletters import DeadLetters, DeadLettersError


def add_to(verbs: Verbs) -> None:
    """Add the verb to the parser."""
    parser: argparse.ArgumentParser = verbs.add_parser("deadletters", help="list what the gateway refused")
    add_folder(parser)
    parser.add_argument("--device", help="only this device's")
    parser.add_argument("--reason", help="only this reason's")
    parser.add_argument("--limit", type=int, default=50, metavar="N", help="at most N letters (50)")
    parser.add_argument("--json", action="store_true", help="JSON lines, payloads in base64")
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Print letters, newest last."""
    path = settings_of(options).data_dir / "deadletters.db"
    if not path.exists():
        raise CliError(f"no dead letters here: got {path}, want the data folder of a system that ran")
    try:
        letters = DeadLetters(path, read_only=True)
        found = letters.list(limit=options.limit, device=options.device, reason=options.reason)
        counts = letters.count()
    except DeadLettersError as error:
        raise CliError(str(error)) from None
    for letter in found:
        at = datetime.fromtimestamp(letter.received_ms / 1000, UTC).isoformat(timespec="milliseconds")
        if options.json:
            fields = asdict(letter) | {"payload": b64encode(letter.payload).decode(), "received": at}
            print(json.dumps(fields))
        else:
            print(f"{letter.id:>6}  {at}  {letter.device:<20} {letter.reason:<18} {letter.detail}")
    if not options.json:
        total = ", ".join(f"{count} {reason}" for reason, count in counts.items()) or "none"
        print(f"kept: {total}", file=sys.stderr)
    return 0
