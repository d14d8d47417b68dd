"""A feed as a directory that verifies with no network: records, tiles, heads, keys, manifest.

The heads are read once, at the beginning; everything stands on them. ``manifest.json`` is written last, with
the hash of every other file: a directory without it is not whole.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, Final

import orjson
import pyarrow.parquet as pq

from feeds.cursor import Vector
from feeds.grants.assets import assets_of
from feeds.grants.grant import Grant
from feeds.ledger.reading import LedgerReader
from feeds.ledger.tiles import WIDTH, Tile
from feeds.readmodel import ReadModel
from feeds.records import cursor
from feeds.records.beside import Beside, gather
from feeds.records.columns import SCHEMA, table
from feeds.records.page import Head, heads_of, read_page
from feeds.records.signed import SIGNATURE
from feeds.records.surroundings import Surroundings
from feeds.records.tilesof import tiles_for
from streams.zones import ZoneBook

FORMAT: Final = 1
MANIFEST: Final = "manifest.json"
RECORDS: Final = "records.parquet"
_PAGE: Final = 2_000
_COUNTS: Final = ("records", "reports", "events", "redacted")


class ExportError(Exception):
    """The directory can't be written; the message says why."""


@dataclass(frozen=True, slots=True)
class Source:
    """Where an export is made of."""

    read: ReadModel
    ledgers: Sequence[LedgerReader]
    zones: ZoneBook | None


def export(
    source: Source,
    grant: Grant,
    into: Path,
    now_ms: int,
    progress: Callable[[int, int], None] = lambda done, of: None,
) -> dict[str, Any]:
    """Write what is in the feed now to the new directory ``into``; returns the manifest.

    ``progress``: (places looked at, places). Raises ExportError, LedgerError, ReadModelAwayError.
    """
    fresh(into)
    heads = heads_of(source.ledgers)
    assets = assets_of(source.read, grant)
    around = Surroundings(source.read, source.ledgers, grant.tenant)
    around.prepare(assets)
    places: dict[int, list[int]] = {head.log: [] for head in heads}
    counts = dict.fromkeys(_COUNTS, 0)
    at: Vector = (0,) * len(heads)
    end = sum(head.size for head in heads)
    with pq.ParquetWriter(into / RECORDS, SCHEMA, compression="zstd") as writer:
        more = True
        while more:
            page = read_page(source.ledgers, heads, grant, assets, at, _PAGE)
            writer.write_table(table(page, around.told))
            for one in page.found:
                places[one.log].append(one.row[0])
            counts = {name: counts[name] + count for name, count in page.sent().items()}
            at, more = page.places, page.more
            progress(sum(at), end)
    for head, ledger in zip(heads, source.ledgers, strict=True):
        if head.note:

            def read(tile: Tile, ledger: LedgerReader = ledger) -> bytes:
                return ledger.served(tile.path)

            write_log(into, head, tiles_for(read, head.size, places[head.log]))
    sizes = {head.log: head.size for head in heads}
    beside = gather(source.read, source.ledgers, grant, assets, source.zones, sizes)
    keys = {head.log: ledger.key() for head, ledger in zip(heads, source.ledgers, strict=True) if head.note}
    write_beside(into, beside)
    made = manifest(grant, heads, keys, cursor.encode(grant.feed, at), counts, now_ms)
    return sealed(into, made)


def fresh(into: Path) -> None:
    """Make a directory that has nothing in it. Raises ExportError."""
    try:
        into.mkdir(parents=True, exist_ok=True)
        if any(into.iterdir()):
            raise ExportError(f"directory: got {into} with files in it, want a new or an empty one")
    except OSError as error:
        raise ExportError(f"directory can't be made: {into}: {error.strerror}") from None


def write_log(into: Path, head: Head, tiles: Iterable[tuple[Tile, bytes]]) -> set[Path]:
    """The head of a log and some of its tiles; returns the files that they are in."""
    folder = into / "logs" / str(head.log)
    files = {folder / "checkpoint"}
    for tile, data in tiles:
        path = folder / tile.path
        files.add(path)
        if tile.width < WIDTH or not path.exists():
            _write(path, data)
    _write(folder / "checkpoint", head.note.encode())
    return files


def write_beside(into: Path, beside: Beside) -> None:
    """What a verifier needs besides."""
    for path, data in beside.files().items():
        _write(into / path, data)


def manifest(
    grant: Grant,
    heads: Iterable[Head],
    keys: dict[int, str],
    next_: str,
    counts: dict[str, int],
    now_ms: int,
) -> dict[str, Any]:
    """What ``manifest.json`` says, but for the hashes of the files."""
    logs = [
        {"log": head.log, "origin": head.origin, "key": keys[head.log], "size": head.size}
        for head in heads
        if head.note
    ]
    return {
        "format": FORMAT,
        "feed": grant.plain(),
        "made_ms": now_ms,
        "corridor": software(),
        "engine": software(),
        "logs": logs,
        "next": next_,
        "counts": counts,
    }


def sealed(into: Path, made: dict[str, Any]) -> dict[str, Any]:
    """Write the manifest with the hash of each file in the directory; returns it. A signature of an earlier
    manifest goes."""
    (into / SIGNATURE).unlink(missing_ok=True)
    files = {}
    for path in sorted(into.rglob("*")):
        name = path.relative_to(into).as_posix()
        if path.is_file() and name not in (MANIFEST, STATE) and path.suffix != ".part":
            files[name] = _digest(path)
    made = {**made, "files": files}
    part = into / f"{MANIFEST}.part"
    _write(part, orjson.dumps(made, option=orjson.OPT_INDENT_2))
    os.replace(part, into / MANIFEST)
    return made


STATE: Final = "state.json"
"""What a mirror keeps to go on; no part of what is proved."""


def software() -> str:
    """The version of this software."""
    try:
        return version("corridor")
    except PackageNotFoundError:
        return "0"


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _write(path: Path, data: bytes) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    except OSError as error:
        raise ExportError(f"{path.name} can't be written: {error.strerror}") from None
