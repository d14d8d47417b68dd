"""Forged copies of an export, for teaching and for tests: what a clever liar without the keys would make.

Each copy is whole in itself: its manifest has the right hashes and counts, so only what can't be forged
tells.
"""

from __future__ import annotations

import json
import shutil
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import cbor2
import orjson
import pyarrow as pa
import pyarrow.parquet as pq

from feeds.ledger.checkpoint import Checkpoint, read
from feeds.ledger.merkle import HASH_BYTES, complete_root, leaf_hash
from feeds.ledger.note import Signer, parse
from feeds.ledger.tiles import WIDTH, Tile, width_at
from feeds.ledger.tree import TileNodes
from feeds.records.columns import GROUPS, SCHEMA
from feeds.records.export import MANIFEST, RECORDS, STATE, sealed
from feeds.verify.files import Export
from feeds.verify.finding import VerifyError


@dataclass(frozen=True, slots=True)
class Tampered:
    """What was done, and to which record."""

    kind: str
    says: str
    log: int | None = None
    place: int | None = None


Row = dict[str, Any]


def tamper(folder: Path, into: Path, kind: str, signer: Signer | None = None) -> Tampered:
    """A copy of the export ``folder`` in the new directory ``into``, forged by ``kind``, one of KINDS.

    ``signer``: the log's own key, for a fork by its owner; else forged heads are signed by a key of nobody.
    Raises VerifyError when the export has nothing to forge in that way.
    """
    export = Export(folder)
    if into.exists() and any(into.iterdir()):
        raise VerifyError(f"got {into} with files in it, want a new or an empty directory")
    into.mkdir(parents=True, exist_ok=True)
    shutil.copytree(folder, into, dirs_exist_ok=True)
    (into / STATE).unlink(missing_ok=True)
    rows = export.records().read().to_pylist()
    done = KINDS[kind](into, rows, signer)
    pq.write_table(pa.Table.from_pylist(rows, SCHEMA), into / RECORDS, compression="zstd")
    _reseal(into, rows)
    return done


def _reseal(into: Path, rows: Sequence[Row]) -> None:
    made = json.loads((into / MANIFEST).read_bytes())
    made.pop("files")
    reports = sum(row["kind"] == "report" for row in rows)
    redacted = sum(row["redacted"] for row in rows)
    counts = {"records": len(rows), "reports": reports, "events": len(rows) - reports, "redacted": redacted}
    (into / MANIFEST).unlink()
    sealed(into, {**made, "counts": counts})


def _first(rows: Sequence[Row], wanted: Callable[[Row], bool], what: str) -> Row:
    found = [row for row in rows if wanted(row)]
    if not found:
        raise VerifyError(f"the export has no {what}")
    return found[len(found) // 2]


def _shown(row: Row) -> str | None:
    """A group that is shown, the more telling first."""
    order = ("place", "body", "head", *GROUPS)
    return next((name for name in order if row[f"content_{name}"]), None)


def _edited(into: Path, rows: list[Row], signer: Signer | None) -> Tampered:
    row = _first(rows, lambda one: _shown(one) is not None, "record with content")
    name = f"content_{_shown(row)}"
    content = bytearray(row[name])
    content[len(content) // 2] ^= 1
    row[name] = bytes(content)
    return Tampered("edited", f"one bit of group {_shown(row)}", row["log"], row["place"])


def _dropped(into: Path, rows: list[Row], signer: Signer | None) -> Tampered:
    reports = [row for row in rows if row["kind"] == "report"]
    if len(reports) < 3:
        raise VerifyError("the export has not three reports")
    row = reports[len(reports) // 2]
    rows.remove(row)
    return Tampered("dropped", "a report was taken out", row["log"], row["place"])


def _reordered(into: Path, rows: list[Row], signer: Signer | None) -> Tampered:
    at = next((n for n in range(len(rows) // 2, len(rows)) if rows[n]["log"] == rows[n - 1]["log"]), 0)
    if at == 0:
        raise VerifyError("the export has not two records of one log")
    rows[at - 1], rows[at] = rows[at], rows[at - 1]
    return Tampered("reordered", "two records changed their places", rows[at]["log"], rows[at]["place"])


def _salted(into: Path, rows: list[Row], signer: Signer | None) -> Tampered:
    row = _first(rows, lambda one: _shown(one) is not None, "record with content")
    row[f"salt_{_shown(row)}"] = bytes(16)
    return Tampered("salt", f"the salt of group {_shown(row)}", row["log"], row["place"])


def _backdated(into: Path, rows: list[Row], signer: Signer | None) -> Tampered:
    row = _first(rows, lambda one: one["content_head"] is not None, "record with a head")
    row["t_ms"] -= 86_400_000
    return Tampered("backdated", "it says to be a day older", row["log"], row["place"])


def _truncated(into: Path, rows: list[Row], signer: Signer | None) -> Tampered:
    last = max((n for n, row in enumerate(rows) if row["kind"] == "report"), default=-1)
    if last < 1:
        raise VerifyError("the export has not two reports")
    row = rows[last]
    del rows[last:]
    return Tampered("truncated", "the end was cut off", row["log"], row["place"])


def _start(into: Path, rows: list[Row], signer: Signer | None) -> Tampered:
    """The smallest start: what is left out that one sees the least."""
    starts: dict[tuple[str, str], list[Row]] = {}
    for row in rows:
        if row["kind"] == "report" and row["content_head"] is not None:
            head = cbor2.loads(row["content_head"])
            starts.setdefault((head["device"], head["boot"]), []).append(row)
    if len(starts) < 2:
        raise VerifyError("the export has not two starts of devices")
    (device, boot), gone = min(starts.items(), key=lambda one: (len(one[1]), one[0]))
    rows[:] = [row for row in rows if all(row is not one for one in gone)]
    says = f"all {len(gone)} reports of start {boot} of device {device} were taken out"
    return Tampered("start", says, gone[0]["log"])


def _log(into: Path, rows: list[Row], signer: Signer | None) -> Tampered:
    logs = Counter(row["log"] for row in rows)
    if len({row["log"] for row in rows if row["kind"] == "report"}) < 2:
        raise VerifyError("the export has not reports of two logs")
    log = min(logs, key=lambda one: (logs[one], one))
    rows[:] = [row for row in rows if row["log"] != log]
    manifest = json.loads((into / MANIFEST).read_bytes())
    manifest["logs"] = [one for one in manifest["logs"] if one["log"] != log]
    (into / MANIFEST).write_bytes(orjson.dumps(manifest))
    shutil.rmtree(into / "logs" / str(log))
    return Tampered("log", f"log {log} was taken out with its {logs[log]} records", log)


def _granted(into: Path, rows: list[Row], signer: Signer | None) -> Tampered:
    """The beginning cut off, and a grant that says that it begins there."""
    later = sorted({row["t_ms"] for row in rows})
    if len(later) < 2:
        raise VerifyError("the export has not records of two times")
    from_ms = later[len(later) // 2]
    rows[:] = [row for row in rows if row["t_ms"] >= from_ms]
    manifest = json.loads((into / MANIFEST).read_bytes())
    manifest["feed"]["from_ms"] = from_ms
    (into / MANIFEST).write_bytes(orjson.dumps(manifest))
    return Tampered("grant", "the beginning was cut off, and the grant says that it begins there")


def _resigned(into: Path, rows: list[Row], signer: Signer | None) -> Tampered:
    manifest = json.loads((into / MANIFEST).read_bytes())
    log = manifest["logs"][0]
    path = into / "logs" / str(log["log"]) / "checkpoint"
    head = read(parse(path.read_bytes()).text)
    path.write_text(_sign(head, None))
    log["key"] = str(_nobody(head.origin).verifier)
    (into / MANIFEST).write_bytes(orjson.dumps(manifest))
    return Tampered("resigned", "the head is signed by another key of the same name", log["log"])


def _forked(into: Path, rows: list[Row], signer: Signer | None) -> Tampered:
    """Another entry in place of one, and a tree and head that have it: what a log's owner could do."""
    row = _first(rows, lambda one: one["kind"] != "report" or one["redacted"] is False, "record")
    entry = bytearray(row["entry"])
    entry[19] ^= 1  # its number within the log record: content and commitments stay
    row["entry"] = bytes(entry)
    folder = into / "logs" / str(row["log"])
    head = read(parse((folder / "checkpoint").read_bytes()).text)
    _replant(folder, head, row["place"], leaf_hash(row["entry"]))

    def tile(one: Tile) -> bytes:
        return (folder / one.path).read_bytes()

    forged = Checkpoint(head.origin, head.size, TileNodes(tile, head.size).root())
    (folder / "checkpoint").write_text(_sign(forged, signer))
    return Tampered("forked", "another entry, and a head of the same size over it", row["log"], row["place"])


def _replant(folder: Path, head: Checkpoint, place: int, made: bytes) -> None:
    """Put a hash into its tile, and what follows into the tiles above."""
    level, number, at = 0, place // WIDTH, place % WIDTH
    while True:
        width = width_at(level, number, head.size)
        path = folder / Tile(level, number, width).path
        data = bytearray(path.read_bytes())
        data[at * HASH_BYTES : (at + 1) * HASH_BYTES] = made
        path.write_bytes(bytes(data))
        if width < WIDTH:
            return
        made = complete_root([bytes(data[n : n + HASH_BYTES]) for n in range(0, len(data), HASH_BYTES)])
        level, number, at = level + 1, number // WIDTH, number % WIDTH


def _sign(head: Checkpoint, signer: Signer | None) -> str:
    return head.signed(signer or _nobody(head.origin)).format()


def _nobody(origin: str) -> Signer:
    return Signer(origin, b"\x42" * 32)


KINDS: Final[dict[str, Callable[[Path, list[Row], Signer | None], Tampered]]] = {
    "edited": _edited,
    "dropped": _dropped,
    "reordered": _reordered,
    "resigned": _resigned,
    "forked": _forked,
    "truncated": _truncated,
    "salt": _salted,
    "backdated": _backdated,
    "start": _start,
    "log": _log,
    "grant": _granted,
}
"""What can be done to a copy."""
