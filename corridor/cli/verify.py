"""``corridor verify``: whether a feed holds. Needs the directory of an export and the log's key, no network.

Of a URL it makes a mirror first, in ``--mirror DIR`` or in a folder that is gone afterwards.

Exit code 0: all holds; 1: something does not, each in a line; 2: it can't be checked.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from corridor.cli.options import CliError, Verbs
from corridor.pulling import KEY_VARIABLE, feed_of, mirror_of
from feeds.ledger.errors import FormatError
from feeds.ledger.note import COSIGNATURE, ED25519, Verifier, parse_verifier


def add_to(verbs: Verbs) -> None:
    """Add the verb to the parser."""
    parser: argparse.ArgumentParser = verbs.add_parser("verify", help="whether a feed's export holds")
    parser.add_argument("path", metavar="PATH", help="directory of `feed export` or `feed pull`, or URL")
    parser.add_argument(
        "--key", action="append", required=True, metavar="VKEY", help="public key of a log (repeat)"
    )
    parser.add_argument(
        "--witness", action="append", default=[], metavar="VKEY", help="that must have cosigned (repeat)"
    )
    parser.add_argument(
        "--quorum", type=int, metavar="N", help="how many of the witnesses must have cosigned (all)"
    )
    parser.add_argument(
        "--feed", metavar="ID", help="the feed that it must be of (of a URL: the one that it names)"
    )
    parser.add_argument(
        "--seen", type=Path, metavar="FILE", help="heads seen before (in the user's settings)"
    )
    parser.add_argument("--mirror", type=Path, metavar="DIR", help="where to keep what a URL gives")
    parser.add_argument(
        "--api-key-file", type=Path, metavar="FILE", help=f"API key for a URL (else {KEY_VARIABLE})"
    )
    parser.add_argument("--processes", type=int, metavar="N", help="to share the work (one a core)")
    parser.add_argument("--json", action="store_true", help="as one JSON object")
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Verify and tell."""
    from feeds.records.pull import ForgedError, PullError
    from feeds.verify.finding import Finding, Result, VerifyError
    from feeds.verify.seen import Seen
    from feeds.verify.verifier import verify

    if options.processes is not None and options.processes < 1:
        raise CliError(f"--processes: got {options.processes}, want at least 1")
    keys = keys_of(options.key, ED25519, "--key")
    witnesses = keys_of(options.witness, COSIGNATURE, "--witness")
    names = {one.name for one in witnesses}
    if options.quorum is not None and not 1 <= options.quorum <= len(names):
        raise CliError(f"--quorum: got {options.quorum} of {len(names)} witnesses, want 1 to all of them")
    try:
        with _folder(options) as (folder, feed):
            if options.feed not in (None, feed or options.feed):
                raise CliError(f"--feed: got {options.feed}, the URL names {feed}")
            seen = Seen(options.seen or default_seen())
            result = verify(
                folder,
                keys,
                witnesses,
                quorum=options.quorum,
                feed=feed or options.feed,
                seen=seen,
                processes=options.processes,
                progress=_progress,
            )
            if not result.code:
                seen.save()
    except ForgedError as error:
        result = Result([Finding("mirror", str(error))])
    except (VerifyError, PullError) as error:
        raise CliError(str(error)) from None
    finally:
        if sys.stderr.isatty():
            print("\r\033[K", end="", file=sys.stderr)
    if options.json:
        print(json.dumps(result.plain()))
    else:
        print("\n".join(result.lines()))
    return result.code


@contextlib.contextmanager
def _folder(options: argparse.Namespace) -> Iterator[tuple[Path, str | None]]:
    """The directory to verify: given, or mirrored from a URL, which names the feed. Raises CliError,
    PullError."""
    if "://" not in options.path:
        if options.mirror is not None or options.api_key_file is not None:
            raise CliError("--mirror and --api-key-file go with a URL")
        yield Path(options.path), None
        return
    with contextlib.ExitStack() as stack:
        into = options.mirror or Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="corridor-")))
        mirror = mirror_of(options.path, into, options.key, options.api_key_file)
        while mirror.pull():
            _progress(mirror.counts["records"], 0)
        mirror.finish(int(time.time() * 1000))
        yield into, feed_of(options.path)


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
        said = f"{done:,} of {of:,} pages" if of else f"{done:,} records"
        print(f"\r{said}", end="", file=sys.stderr, flush=True)
