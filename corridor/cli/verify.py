"""``corridor verify``: whether a feed's export holds. Needs the directory and the log's key, no network.

Exit code 0: all holds; 1: something does not, each in a line; 2: it can't be checked.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from corridor.cli.options import CliError, Verbs
from feeds.ledger.errors import FormatError
from feeds.ledger.note import COSIGNATURE, ED25519, Verifier, parse_verifier


def add_to(verbs: Verbs) -> None:
    """Add the verb to the parser."""
    parser: argparse.ArgumentParser = verbs.add_parser("verify", help="whether a feed's export holds")
    parser.add_argument("path", metavar="PATH", help="directory of `feed export` or `feed pull`")
    parser.add_argument(
        "--key", action="append", required=True, metavar="VKEY", help="public key of a log (repeat)"
    )
    parser.add_argument(
        "--witness", action="append", default=[], metavar="VKEY", help="that must have cosigned (repeat)"
    )
    parser.add_argument(
        "--seen", type=Path, metavar="FILE", help="heads seen before (in the user's settings)"
    )
    parser.add_argument("--processes", type=int, metavar="N", help="to share the work (one a core)")
    parser.add_argument("--json", action="store_true", help="as one JSON object")
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Verify and tell."""
    from feeds.verify.finding import VerifyError
    from feeds.verify.seen import Seen
    from feeds.verify.verifier import verify

    if "://" in options.path:
        raise CliError(
            f"got {options.path}: mirror it first with `corridor feed pull`, then verify the directory"
        )
    if options.processes is not None and options.processes < 1:
        raise CliError(f"--processes: got {options.processes}, want at least 1")
    keys = keys_of(options.key, ED25519, "--key")
    witnesses = keys_of(options.witness, COSIGNATURE, "--witness")
    try:
        seen = Seen(options.seen or default_seen())
        result = verify(
            Path(options.path), keys, witnesses, seen=seen, processes=options.processes, progress=_progress
        )
        if not result.code:
            seen.save()
    except VerifyError as error:
        raise CliError(str(error)) from None
    finally:
        if sys.stderr.isatty():
            print("\r\033[K", end="", file=sys.stderr)
    if options.json:
        print(json.dumps(result.plain()))
    else:
        print("\n".join(result.lines()))
    return result.code


def keys_of(texts: Sequence[str], kind: int, flag: str) -> list[Verifier]:
    """The keys in ``texts``, all of one type. Raises CliError."""
    found = []
    for text in texts:
        try:
            key = parse_verifier(text)
        except FormatError as error:
            raise CliError(f"{flag}: {error}") from None
        if key.kind != kind:
            raise CliError(f"{flag}: key of {key.name}: got type {key.kind}, want {kind}")
        found.append(key)
    return found


def default_seen() -> Path:
    """Where heads are kept between runs, beside the user's other settings."""
    settings = os.environ.get("XDG_CONFIG_HOME") or os.environ.get("APPDATA")
    return (Path(settings) if settings else Path.home() / ".config") / "corridor" / "seen.json"


def _progress(done: int, of: int) -> None:
    if sys.stderr.isatty():
        print(f"\r{done:,} of {of:,} pages", end="", file=sys.stderr, flush=True)
