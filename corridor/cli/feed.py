"""``corridor feed``: grant what others may read, list, revoke; export a feed, or mirror one from its URL.

An export is made of the data folder, so the system need not run; all else asks a running one.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import quote

from corridor import pulling
from corridor.cli.case import client_of
from corridor.cli.options import CliError, Verbs, add_folder, settings_of
from corridor.client import ClientError
from corridor.folder import Folder
from corridor.pulling import KEY_VARIABLE


def add_to(verbs: Verbs) -> None:
    """Add the verb with its actions to the parser."""
    parser: argparse.ArgumentParser = verbs.add_parser("feed", help="grant, export and mirror feeds")
    actions = parser.add_subparsers(dest="action", required=True, metavar="ACTION")
    grant = actions.add_parser("grant", help="let somebody read")
    grant.add_argument("--consumer", required=True, metavar="TENANT", help="who may read")
    grant.add_argument("--purpose", required=True, metavar="TEXT", help="for what; stands in the grant")
    grant.add_argument(
        "--assets",
        required=True,
        metavar="WHICH",
        help="VINs or ids by commas, fleet:NAME, tenant, cover, case",
    )
    grant.add_argument("--kinds", default="report,crossing", metavar="A,B", help="(report,crossing)")
    grant.add_argument("--fields", choices=["precise", "coarse", "crossings"], default="precise")
    grant.add_argument("--driver", action="store_true", help="show drivers too")
    grant.add_argument("--from", dest="start", metavar="INSTANT", help="records from then on (now)")
    grant.add_argument("--to", dest="end", metavar="INSTANT", help="records before then (no end)")
    grant.add_argument("--expires", required=True, metavar="INSTANT", help="read until then, RFC 3339")
    listing = actions.add_parser("list", help="feeds that this tenant granted or was granted")
    revoke = actions.add_parser("revoke", help="end a feed now")
    revoke.add_argument("feed", metavar="FEED")
    reads = actions.add_parser("reads", help="who read what of a feed, and when")
    reads.add_argument("feed", metavar="FEED")
    exporting = actions.add_parser("export", help="write a feed to a directory that verifies with no network")
    exporting.add_argument("feed", metavar="FEED")
    exporting.add_argument("into", type=Path, metavar="DIR", help="a new or an empty directory")
    pull = actions.add_parser(
        "pull", help="mirror a feed from its URL, verified as it comes; goes on where it was"
    )
    pull.add_argument("url", metavar="URL", help="https://HOST/v1/feeds/FEED")
    pull.add_argument("into", type=Path, metavar="DIR", help="the mirror, or a new directory")
    pull.add_argument("--api-key-file", type=Path, metavar="FILE", help=f"the API key (else {KEY_VARIABLE})")
    pull.add_argument(
        "--key",
        action="append",
        default=[],
        metavar="VKEY",
        help="a log's public key, by another way (repeat)",
    )
    pull.add_argument("--follow", action="store_true", help="wait for what comes, until Ctrl-C")
    pull.add_argument("--json", action="store_true", help="as JSON")
    for one in (grant, listing, revoke, reads, exporting):
        one.add_argument("--json", action="store_true", help="as JSON")
        add_folder(one)
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Do the action."""
    actions = {
        "grant": _grant,
        "list": _list,
        "revoke": _revoke,
        "reads": _reads,
        "export": _export,
        "pull": pulling.run,
    }
    try:
        return actions[options.action](options)
    except ClientError as error:
        raise CliError(str(error)) from None


def _grant(options: argparse.Namespace) -> int:
    body = {
        "consumer": options.consumer,
        "purpose": options.purpose,
        "assets": _assets(options.assets),
        "kinds": [kind.strip() for kind in options.kinds.split(",")],
        "fields": options.fields,
        "driver": options.driver,
        "from": options.start,
        "to": options.end,
        "expires": options.expires,
    }
    made = client_of(options).post("/v1/feeds", {name: one for name, one in body.items() if one is not None})
    print(json.dumps(made) if options.json else f"granted {_line(made)}")
    return 0


def _assets(text: str) -> Any:
    if text in ("tenant", "cover", "case"):
        return text
    if text.startswith("fleet:"):
        return {"fleet": text.removeprefix("fleet:")}
    return {"list": [one.strip() for one in text.split(",") if one.strip()]}


def _list(options: argparse.Namespace) -> int:
    for one in client_of(options).get("/v1/feeds?limit=1000")["items"]:
        print(json.dumps(one) if options.json else _line(one))
    return 0


def _line(one: dict[str, Any]) -> str:
    return (
        f"{one['id']}  {one['state']:<8} {one['tenant']} to {one['consumer']}: {one['fields']} "
        f"{', '.join(one['kinds'])} until {one['expires']} ({one['purpose']})"
    )


def _revoke(options: argparse.Namespace) -> int:
    made = client_of(options).delete(f"/v1/feeds/{quote(options.feed, safe='')}")
    print(json.dumps(made) if options.json else f"revoked {made['id']} at {made['revoked']}")
    return 0


def _reads(options: argparse.Namespace) -> int:
    for one in client_of(options).get(f"/v1/feeds/{quote(options.feed, safe='')}/reads?limit=1000")["items"]:
        told = f"{one['at']}  {one['by']} of {one['tenant']} ({one['role']})  {one['how']:<8}"
        print(json.dumps(one) if options.json else f"{told} {one['sent']['records']} records")
    return 0


def _sign(into: Path, made: dict[str, Any], folder: Folder, keys: Path | None) -> None:
    """Sign the manifest by the first key of its logs that may be read here; else it stays unsigned."""
    from feeds.ledger.errors import FormatError
    from feeds.ledger.note import parse_signer
    from feeds.records.export import MANIFEST
    from feeds.records.signed import sign

    for log in made["logs"]:
        try:
            signer = parse_signer(folder.ledger_key(log["log"], keys).read_text("utf-8"))
        except (OSError, FormatError, UnicodeDecodeError):
            continue
        if str(signer.verifier) == log["key"]:
            sign(into / MANIFEST, signer)
            return


def _export(options: argparse.Namespace) -> int:
    from corridor.feedfolder import grants_of, source_of
    from feeds.grants import Ended
    from feeds.grants.reads import FeedRead, FeedReads, ReadsError
    from feeds.ledger.errors import LedgerError
    from feeds.readmodel import ReadModelError
    from feeds.records.export import ExportError, export

    path = settings_of(options).data_dir
    if not path.exists():
        raise CliError(f"no data folder: got {path}, want one that exists")
    folder, now_ms = Folder(path), int(time.time() * 1000)
    reads = FeedReads(folder.feed_reads)
    try:
        with source_of(folder) as source:
            grant = next((one for one in grants_of(source.read) if one.feed == options.feed), None)
            if grant is None:
                raise CliError(f"no such feed: got {options.feed}, want one of `corridor feed list`")
            grant.check_open(now_ms)
            made = export(source, grant, options.into, now_ms, _progress)
        _sign(options.into, made, folder, settings_of(options).ledger_keys_dir)
        sent = made["counts"]
        reads.add(
            FeedRead(grant.feed, now_ms, "feed export", grant.tenant, "", "export", None, made["next"], sent)
        )
    except (Ended, ExportError, LedgerError, ReadModelError, ReadsError) as error:
        raise CliError(str(error)) from None
    except OSError as error:
        raise CliError(f"{error.filename}: {error.strerror}") from None
    finally:
        reads.close()
        if sys.stderr.isatty():
            print(file=sys.stderr)
    if options.json:
        print(json.dumps({"directory": str(options.into), "counts": sent, "next": made["next"]}))
        return 0
    at = datetime.fromtimestamp(now_ms / 1000, UTC).isoformat(timespec="seconds")
    print(
        f"{options.into}: {sent['records']} records ({sent['reports']} reports, {sent['events']} events, "
        f"{sent['redacted']} redacted) as of {at}"
    )
    for log in made["logs"]:
        print(f"log {log['log']}: {log['size']} entries, key {log['key']}")
    return 0


def _progress(done: int, of: int) -> None:
    if sys.stderr.isatty():
        print(f"\r{done:,} of {of:,} places", end="", file=sys.stderr, flush=True)
