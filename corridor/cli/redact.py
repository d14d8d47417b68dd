"""``corridor redact``: what is known of a vehicle's way in some time is deleted; the ledger's entries stay.

It says what went at once and when the rest will have gone: the log with its retention, the engine's state
once the vehicle has reported for longer than the window for late data.
"""

from __future__ import annotations

import argparse
import json
import time
from contextlib import closing
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from corridor.cli.options import CliError, Verbs, add_folder, settings_of
from corridor.cli.roles import distributed
from corridor.folder import Folder, FolderError
from corridor.redact import DAY_MS, LATE_MS, books, redact, touched
from corridor.settings import Settings, SettingsError
from feeds import readredact, redactions
from feeds.deadletters import DeadLettersError
from feeds.ledger.book import Book
from feeds.ledger.errors import LedgerError
from feeds.ledger.rotation import current
from feeds.ledger.writer import LOG
from feeds.readfile import ReadModelError
from feeds.redactions import Redaction, RedactionsError
from feeds.store.duck import DuckStore
from feeds.store.port import StoreError
from streams.log import LogError
from streams.records import RecordKind
from streams.sqlite_log import SqliteLog

_ENDS: Final = (0, 32_503_680_000_000)  # before and after all times that are given
_READ_BYTES: Final = 4 << 20


def add_to(verbs: Verbs) -> None:
    """Add the verb to the parser."""
    parser: argparse.ArgumentParser = verbs.add_parser(
        "redact",
        help="delete where vehicles were in some time; the system must be stopped",
        description="Deletes samples, visits, crossings, trips, stops and what covers made of them, dead "
        "letters and the ledger's contents. Assets, bindings, filings and cases stay, and so do the "
        "ledger's entries and every proof.",
    )
    add_folder(parser)
    which = parser.add_mutually_exclusive_group(required=True)
    which.add_argument("--asset", action="append", metavar="ID|VIN", help="of this vehicle (repeat)")
    which.add_argument("--all", action="store_true", help="of every vehicle")
    parser.add_argument(
        "--from", dest="begin", metavar="TIME", help="from then on (ISO 8601); else from ever"
    )
    parser.add_argument("--to", dest="end", metavar="TIME", help="before then; else until now")
    parser.add_argument("--reason", required=True, metavar="TEXT", help="why: it is kept with the data")
    parser.add_argument("--dry-run", action="store_true", help="only say which objects would go")
    parser.add_argument("--json", action="store_true", help="as one JSON object")
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Redact and tell; 0 when all of it was done."""
    settings = settings_of(options)
    if settings.kafka_servers is not None:
        return _distributed(options, settings)
    if not settings.data_dir.exists():
        raise CliError(f"no data folder: got {settings.data_dir}, want that of a system that ran")
    try:
        folder = Folder(settings.data_dir)
        folder.hold()
    except FolderError as error:
        raise CliError(str(error)) from None
    try:
        return _redact(options, settings, folder)
    except (LedgerError, ReadModelError, StoreError, LogError, DeadLettersError, RedactionsError) as error:
        raise CliError(f"{error}; what was done stays done, ask for the same again") from None
    except OSError as error:
        raise CliError(f"{error.filename}: {error.strerror}; ask for the same again") from None
    finally:
        folder.release()


def _distributed(options: argparse.Namespace, settings: Settings) -> int:
    with distributed():
        from corridor.roles import redact as roles
    try:
        read = roles.copied(settings)
        one = _wish(options, settings, read, read.with_name("deadletters.db"))
        if options.dry_run:
            print(f"{len(touched(read, one)):,} objects would go, of {_whose(one)}")
            return 0
        found = roles.redact(settings, read, one)
    except (SettingsError, FolderError) as error:
        raise CliError(str(error)) from None
    except (LedgerError, ReadModelError, StoreError, LogError, RedactionsError) as error:
        raise CliError(f"{error}; what was done stays done, ask for the same again") from None
    except OSError as error:
        raise CliError(f"{error.filename}: {error.strerror}; ask for the same again") from None
    if options.json:
        told = asdict(found) | {"from_ms": one.from_ms, "to_ms": one.to_ms, "assets": list(one.assets)}
        print(json.dumps(told | {"log_ms": one.log_ms, "engine_ms": one.to_ms + LATE_MS}))
        return 0
    print(
        f"gone now, of {_whose(one)}, {_text(one.from_ms)} to {_text(one.to_ms)}: {found.samples:,} samples "
        f"in InfluxDB, the ledger's contents of {found.contents:,} records"
    )
    print(f"gone from each role's copies in seconds or as it starts: {found.objects:,} objects, dead letters")
    print(f"gone from topics log and deadletters by {_text(one.log_ms)}: their retention")
    print(f"gone from the workers' state once the vehicles have reported after {_text(one.to_ms + LATE_MS)}")
    print("left: topic events, which keeps all; no role shows it")
    if not found.means:
        print("left: the bucket of means, which the token does not see")
    return 0


def _wish(options: argparse.Namespace, settings: Settings, read: Path, letters: Path) -> Redaction:
    now = int(time.time() * 1000)
    begin = _ENDS[0] if options.begin is None else _instant("--from", options.begin)
    end = min(now if options.end is None else _instant("--to", options.end), _ENDS[1])
    if begin >= end:
        raise CliError(f"an empty time: got {_text(begin)} to {_text(end)}, want --from before --to")
    assets = [] if options.all else _assets(read, options.asset)
    devices = readredact.devices_of(read, assets) if assets else _all_devices(letters)
    log_ms = now + int(settings.log_retention_days * DAY_MS)
    return Redaction(now, options.reason, tuple(assets), tuple(devices), begin, end, log_ms)


def _redact(options: argparse.Namespace, settings: Settings, folder: Folder) -> int:
    if not folder.read.exists():
        raise CliError(f"no read model here: got {folder.read}, want the data folder of a system that ran")
    one = _wish(options, settings, folder.read, folder.deadletters)
    begin, end, assets, log_ms = one.from_ms, one.to_ms, list(one.assets), one.log_ms
    if options.dry_run:
        print(f"{len(touched(folder.read, one)):,} objects would go, of {_whose(one)}")
        return 0
    _require_caught_up(settings, folder)
    redactions.add(folder.redactions, one)
    found = redact(folder, one, settings.store_memory_mb)
    if options.json:
        told = asdict(found) | {"from_ms": begin, "to_ms": end, "assets": assets, "log_ms": log_ms}
        print(json.dumps(told | {"engine_ms": end + LATE_MS}))
        return 0
    print(
        f"gone now, of {_whose(one)}, {_text(begin)} to {_text(end)}: {found.samples:,} samples, "
        f"{found.objects:,} objects with {found.events:,} events, the ledger's contents of "
        f"{found.contents:,} records, {found.dead_letters:,} dead letters, {found.snapshots:,} old snapshots"
    )
    print(f"gone from the log by {_text(log_ms)}: its retention")
    print(
        f"gone from the engine's state once the vehicles have reported after {_text(end + LATE_MS)}: until "
        "then late data may amend"
    )
    for name in found.asides:
        print(f"left, delete it yourself: {name}")
    return 0


def _whose(one: Redaction) -> str:
    return ", ".join(one.assets) if one.assets else "every vehicle"


def _assets(read: Path, names: list[str]) -> list[str]:
    found = readredact.assets_of(read, names)
    unknown = [name for name, ids in found.items() if not ids]
    if unknown:
        raise CliError(f"no such asset: got {', '.join(unknown)}, want an id or a VIN that is registered")
    return sorted({id_ for ids in found.values() for id_ in ids})


def _all_devices(letters: Path) -> list[str]:
    return readredact.devices_in(letters) if letters.exists() else []


def _require_caught_up(settings: Settings, folder: Folder) -> None:
    """What is in the log only would come back when it is read."""
    with (
        closing(SqliteLog(folder.log, settings.partitions)) as log,
        DuckStore(folder.store, memory_mb=settings.store_memory_mb) as store,
    ):
        for partition in range(log.partitions):
            places = [store.position(partition)]
            path = folder.ledger(current(folder.ledgers, partition)) / "book.db"
            if path in books(folder):
                with closing(Book(path)) as book:
                    places.append(book.place_of(LOG))
            at = min(places)
            while records := log.read(partition, at, _READ_BYTES):
                if any(record.kind is RecordKind.FRAME for record in records):
                    raise CliError(
                        f"partition {partition} is not caught up: store and ledger are at {min(places)} of "
                        f"{log.end(partition)}; start the system, wait, stop it, and ask again"
                    )
                at = records[-1].position


def _instant(name: str, text: str) -> int:
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        raise CliError(f"{name}: got {text!r}, want a time as 2026-11-22 or 2026-11-22T10:00:00Z") from None
    return int((found if found.tzinfo else found.replace(tzinfo=UTC)).timestamp() * 1000)


def _text(t_ms: int) -> str:
    return datetime.fromtimestamp(t_ms / 1000, UTC).isoformat(timespec="minutes").replace("+00:00", "Z")
