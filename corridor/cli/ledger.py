"""``corridor ledger``: show the logs of a data folder, prove one record, verify a proof file.

Shown and proved is what lies in the folder, so the system need not run; to verify needs the file and a key.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from corridor.cli.options import CliError, Verbs, add_folder, settings_of
from corridor.cli.roles import add_role, distributed, run_role
from corridor.folder import Folder, FolderError
from feeds.ledger import proof, rotation
from feeds.ledger.book import EventKey, ReportKey
from feeds.ledger.checkpoint import read
from feeds.ledger.errors import FormatError, LedgerError, ProofError
from feeds.ledger.files import CHECKPOINT
from feeds.ledger.index import INDEX_KEY
from feeds.ledger.note import parse, parse_signer, parse_verifier
from feeds.ledger.opened import unpack
from feeds.ledger.reading import LedgerReader


def add_to(verbs: Verbs) -> None:
    """Add the verb with its actions to the parser."""
    parser: argparse.ArgumentParser = verbs.add_parser("ledger", help="show the ledger; prove records")
    actions = parser.add_subparsers(dest="action", required=True, metavar="ACTION")
    show = actions.add_parser("show", help="each log's origin, size, root and public key")
    show.add_argument("--json", action="store_true", help="JSON lines")
    prove = actions.add_parser("prove", help="write the proof file of one event or report")
    prove.add_argument("--event", metavar="ID", help="the object's id")
    prove.add_argument("--revision", type=int, metavar="N", help="its revision")
    prove.add_argument("--device", metavar="ID", help="of a report: device, boot, seq, hash")
    prove.add_argument("--boot", metavar="ID")
    prove.add_argument("--seq", type=int, metavar="N")
    prove.add_argument("--hash", metavar="HEX", help="SHA-256 of the report's bytes")
    prove.add_argument("--groups", metavar="A,B", help="the groups to open; the rest is only proved")
    prove.add_argument("--out", type=Path, metavar="FILE", help="where to write; else it is printed")
    for one in (show, prove):
        add_folder(one)
    verify = actions.add_parser("verify-proof", help="whether a proof file holds; needs nothing but the key")
    verify.add_argument("file", type=Path, metavar="FILE")
    verify.add_argument("--key", required=True, metavar="VKEY", help="the log's public key")
    verify.add_argument(
        "--witness", action="append", default=[], metavar="VKEY", help="that must have cosigned (repeat)"
    )
    verify.add_argument("--json", action="store_true", help="as one JSON object")
    rotate = actions.add_parser(
        "rotate", help="end each log and begin one with a new key; the system must be stopped"
    )
    add_folder(rotate)
    role = actions.add_parser("run", help="write the logs of the distributed system, from Kafka")
    add_role(role)
    role.add_argument("--data-dir", type=Path, metavar="DIR", help="folder of this process's copy of events")
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Do the action. ``verify-proof`` returns 1 when the proof does not hold."""
    actions = {"show": _show, "prove": _prove, "verify-proof": _verify, "rotate": _rotate, "run": _run}
    try:
        return actions[options.action](options)
    except LedgerError as error:
        raise CliError(str(error)) from None
    except OSError as error:
        raise CliError(f"{error.filename}: {error.strerror}") from None


def _run(options: argparse.Namespace) -> int:
    with distributed():
        from corridor.roles import ledger

    return run_role("ledger", options, ledger.run)


def _logs(folder: Folder) -> Iterator[tuple[int, LedgerReader]]:
    """The logs of a folder. Raises CliError when there are none."""
    found = rotation.numbers(folder.ledgers)
    if not found:
        raise CliError(
            f"no ledger here: got {folder.ledgers}, want the data folder of a system that keeps one"
        )
    for number in found:
        reader = LedgerReader(folder.ledger(number))
        try:
            yield number, reader
        finally:
            reader.close()


def _folder(options: argparse.Namespace) -> Folder:
    path = settings_of(options).data_dir
    if not path.exists():
        raise CliError(f"no data folder: got {path}, want one that exists")
    return Folder(path)


def _show(options: argparse.Namespace) -> int:
    folder = _folder(options)
    index_key = folder.ledgers / INDEX_KEY
    if index_key.exists() and not options.json:
        print(f"index      {index_key.read_text('utf-8').strip()}")
    chains = rotation.chains(folder.ledgers)
    for number, reader in _logs(folder):
        head = read(parse(reader.served(CHECKPOINT)).text)
        key = _public(options, folder, number, reader)
        told: dict[str, Any] = {
            "partition": number,
            "origin": head.origin,
            "size": head.size,
            "root": head.root.hex(),
            "key": key,
        }
        if number in chains:
            told["followed_by"] = chains[number]
        if options.json:
            print(json.dumps(told))
        else:
            print("\n".join(f"{name:<11} {value}" for name, value in told.items()))
    return 0


def _public(options: argparse.Namespace, folder: Folder, number: int, reader: LedgerReader) -> str:
    try:
        return reader.key()
    except LedgerError:  # written by a version that did not write it down
        path = folder.ledger_key(number, settings_of(options).ledger_keys_dir)
        return str(parse_signer(path.read_text("utf-8")).verifier)


def _rotate(options: argparse.Namespace) -> int:
    folder, settings = _folder(options), settings_of(options)
    try:
        folder.hold()
    except FolderError as error:
        raise CliError(str(error)) from None
    try:
        chains, found = rotation.chains(folder.ledgers), rotation.numbers(folder.ledgers)
        if not found:
            raise CliError(f"no ledger here: got {folder.ledgers}, want one that was written")
        for number in (one for one in found if one not in chains):
            new = rotation.rotate(
                folder.ledgers,
                number,
                lambda log: folder.ledger_key(log, settings.ledger_keys_dir),
                settings.partitions,
                int(time.time() * 1000),
            )
            key = LedgerReader(folder.ledger(new)).key()
            print(f"log {number} has ended; log {new} follows it, its key: {key}")
    finally:
        folder.release()
    return 0


def _prove(options: argparse.Namespace) -> int:
    key = _key(options)
    names = None if options.groups is None else frozenset(options.groups.split(","))
    for _, reader in _logs(_folder(options)):
        kept = reader.find(key)
        if kept is None:
            continue
        made = reader.prove(kept, names)
        if made is None:
            raise CliError("no signed checkpoint holds the record yet: try again in a second")
        if options.out is None:
            sys.stdout.write(made.format())
        else:
            options.out.write_text(made.format(), "utf-8")
        return 0
    raise CliError("the record is not in the ledger")


def _key(options: argparse.Namespace) -> EventKey | ReportKey:
    if options.event is not None and options.revision is not None:
        return EventKey(options.event, options.revision)
    if None in (options.device, options.boot, options.seq, options.hash):
        raise CliError("which record: want --event and --revision, or --device, --boot, --seq and --hash")
    try:
        hash_ = bytes.fromhex(options.hash)
    except ValueError:
        raise CliError(f"--hash: got {options.hash!r}, want 64 hexadecimal digits") from None
    return ReportKey(options.device, options.boot, options.seq, hash_)


def _verify(options: argparse.Namespace) -> int:
    log = parse_verifier(options.key)
    witnesses = [parse_verifier(text) for text in options.witness]
    try:
        text = options.file.read_text("utf-8")
    except UnicodeDecodeError:
        raise CliError(f"{options.file} is no proof file: not UTF-8") from None
    told: dict[str, Any] = {"holds": False}
    try:
        made = proof.parse(text)
        opened = unpack(made.extra)
        found = made.verify(opened.entry.encode(), log, witnesses)
        missing = [key.name for key in witnesses if key.name not in found.witnesses]
        if missing:
            raise ProofError(f"not cosigned by {', '.join(missing)}")
    except (FormatError, ProofError) as error:
        told["reason"] = str(error)
    else:
        entry, opening = opened.entry, opened.opening
        told = {
            "holds": True,
            "origin": found.checkpoint.origin,
            "place": made.index,
            "size": found.checkpoint.size,
            "kind": entry.kind.name.lower(),
            "partition": entry.partition,
            "position": entry.position,
            "number": entry.number,
            "witnesses": found.witnesses,
            "redacted": opening is None,
            "shown": sorted(opening.shown) if opening is not None else [],
            "hidden": sorted(opening.hidden) if opening is not None else [],
        }
    if options.json:
        print(json.dumps(told))
    elif told["holds"]:
        print(
            f"holds: entry {told['place']} of {told['size']} in {told['origin']}: {told['kind']} of log "
            f"position {told['position']}, groups {', '.join(told['shown']) or 'none'} shown, "
            f"{', '.join(told['hidden']) or 'none'} hidden"
            + "".join(f"\ncosigned by {name} at {at} s" for name, at in told["witnesses"].items())
        )
    else:
        print(f"does not hold: {told['reason']}")
    return 0 if told["holds"] else 1
