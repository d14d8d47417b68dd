"""A mirror of a feed: fetched page by page, checked before it is kept, resumable at any point.

What is kept is an export (see ``export``) with ``state.json`` beside it: the cursor, and the heads that were
seen last. A page whose records, heads or history do not hold is not kept, and nothing after it. Nothing of
the server is trusted but, at the first time and unless keys are given, the logs' keys.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, TypeAlias
from urllib.parse import quote

import orjson
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from feeds.grants.grant import Grant
from feeds.ledger import merkle
from feeds.ledger.checkpoint import Checkpoint, open_checkpoint
from feeds.ledger.errors import FormatError, LedgerError, ProofError
from feeds.ledger.note import Verifier, parse_verifier
from feeds.ledger.tiles import WIDTH, Tile
from feeds.ledger.tree import ReadTile, VerifiedNodes
from feeds.records.beside import Beside
from feeds.records.columns import SCHEMA, page_of
from feeds.records.export import RECORDS, STATE, manifest, sealed, write_beside, write_log
from feeds.records.page import Head
from feeds.records.rows import RowError, check, table_of
from feeds.records.tilesof import tiles_for

Fetch: TypeAlias = Callable[[str], bytes]
"""The body of a path, under the server's root. Raises PullError when there is none."""
_PARTS: Final = "parts"
_COUNTS: Final = ("records", "reports", "events", "redacted")


class PullError(Exception):
    """The mirror can't go on: what came does not hold, or nothing came."""


class ForgedError(PullError):
    """What came does not hold."""


@dataclass(slots=True)
class _State:
    """How far a mirror is; as JSON in ``state.json``."""

    feed: str
    next: str | None = None
    keys: dict[str, str] = field(default_factory=dict)  # by log, decimal
    heads: dict[str, str] = field(default_factory=dict)  # notes, likewise
    last: dict[str, int] = field(default_factory=dict)  # place of the last record, likewise
    counts: dict[str, int] = field(default_factory=lambda: dict.fromkeys(_COUNTS, 0))
    parts: int = 0


class Mirror:
    """The mirror of the feed ``feed`` in the directory ``into``.

    ``keys``: texts of the logs' public keys; none: those that the server tells at the first time. Raises
    PullError when the directory is something else.
    """

    def __init__(self, fetch: Fetch, feed: str, into: Path, keys: Sequence[str] = ()) -> None:
        self._fetch, self._into = fetch, into
        try:
            self._given = {key.name: key for key in map(parse_verifier, keys)}
        except FormatError as error:
            raise PullError(str(error)) from None
        self._state = self._resumed(feed)
        self._drop_loose_parts()

    @property
    def counts(self) -> dict[str, int]:
        """What was kept until now."""
        return dict(self._state.counts)

    @property
    def trusted(self) -> dict[str, str]:
        """The keys gone by, by log."""
        return dict(self._state.keys)

    def pull(self, limit: int = 2_000, wait_s: int = 0) -> bool:
        """Fetch, check and keep one page; whether there is more. Raises PullError."""
        state = self._state
        after = "" if state.next is None else f"&after={quote(state.next, safe='')}"
        path = f"/v1/feeds/{state.feed}/records?format=arrow&limit={limit}&wait={wait_s}{after}"
        try:
            table = table_of(self._fetch(path))
            page = page_of(table.schema)
            heads = {int(one["log"]): str(one["note"]) for one in page["checkpoints"]}
            sent, next_, more = page["sent"], str(page["next"]), bool(page["more"])
            counts = {name: int(sent[name]) for name in _COUNTS}
        except (KeyError, TypeError, ValueError, LedgerError) as error:
            raise PullError(f"page after {state.next or 'the beginning'}: {error}") from None
        if table.num_rows != counts["records"]:
            raise ForgedError(f"page is not whole: got {table.num_rows} records, said {counts['records']}")
        self._learn_keys(heads)
        try:
            nodes = {log: self._checked_head(log, note) for log, note in heads.items()}
            gone = [log for log in state.heads if int(log) not in heads]
            if gone:
                raise ProofError(f"log {gone[0]}: its head is not told any more")
            last = check(table, nodes, {int(log): place for log, place in state.last.items()})
        except (LedgerError, RowError) as error:
            raise ForgedError(f"does not hold: {error}") from None
        self._keep(table, heads, next_, counts, last)
        return more

    def finish(self, made_ms: int) -> dict[str, Any]:
        """Make the directory an export of what was kept; returns its manifest. Raises PullError."""
        state = self._state
        try:
            told = orjson.loads(self._fetch(f"/v1/feeds/{state.feed}/beside?sizes={self._sizes()}"))
            grant = Grant.of(state.feed, told["feed"]["tenant"], told["feed"])
            names = ("device_keys", "completeness", "assets", "zones", "regimes")
            beside = Beside(**{name: told[name] for name in names})
            files = beside.files()
        except (KeyError, TypeError, AttributeError, ValueError) as error:
            raise PullError(f"what lies beside the records can't be read: {error}") from None
        if any(Path(path).parent.name not in ("", "regimes") or ".." in path for path in files):
            raise PullError("what lies beside the records names files elsewhere")
        self._merge()
        heads = []
        try:
            for log in sorted(int(one) for one in state.heads):
                head = self._head(log, state.heads[str(log)])
                tiles = tiles_for(self._tiles(log), head.size, self._places(log))
                heads.append(Head(log, head.origin, head.size, state.heads[str(log)]))
                wanted = write_log(self._into, heads[-1], tiles)
                for path in (self._into / "logs" / str(log)).rglob("*"):
                    if path.is_file() and path not in wanted:  # the edge of a head before
                        path.unlink()
        except LedgerError as error:
            raise ForgedError(f"does not hold: {error}") from None
        write_beside(self._into, beside)
        keys = {int(log): key for log, key in state.keys.items()}
        made = manifest(grant, heads, keys, state.next or "", state.counts, made_ms)
        return sealed(self._into, made)

    def _sizes(self) -> str:
        """The heads that the records end at, as the server is asked for completeness as of then."""
        try:
            heads = {int(log): self._head(int(log), note).size for log, note in self._state.heads.items()}
        except LedgerError as error:
            raise ForgedError(f"does not hold: {error}") from None
        return ",".join(f"{log}:{size}" for log, size in sorted(heads.items()))

    # -- keys, heads, tiles

    def _learn_keys(self, heads: dict[int, str]) -> None:
        unknown = [log for log in heads if str(log) not in self._state.keys]
        if not unknown:
            return
        try:
            told = orjson.loads(self._fetch(f"/v1/feeds/{self._state.feed}/beside"))["logs"]
            keys = {int(one["log"]): parse_verifier(one["key"]) for one in told}
            for log in unknown:
                key = keys[log]
                if self._given and str(self._given.get(key.name)) != str(key):
                    raise PullError(f"key of log {log}: got {key}, want one of those that were given")
                self._state.keys[str(log)] = str(key)
        except (KeyError, TypeError, ValueError, FormatError) as error:
            raise PullError(f"keys of the logs can't be read: {error}") from None

    def _head(self, log: int, note: str) -> Checkpoint:
        key: Verifier = parse_verifier(self._state.keys[str(log)])
        return open_checkpoint(note, key).checkpoint

    def _checked_head(self, log: int, note: str) -> VerifiedNodes:
        """The tree under a head that extends the one seen last."""
        head = self._head(log, note)
        nodes = VerifiedNodes(self._tiles(log), head.size, head.root)
        before = self._state.heads.get(str(log))
        if before is not None:
            old = self._head(log, before)
            if old.size > head.size:
                raise ProofError(f"log {log} became shorter: got {head.size}, saw {old.size} before")
            if old.size:
                proof = merkle.consistency_proof(old.size, head.size, nodes)
                merkle.verify_consistency(old.size, head.size, proof, old.root, head.root)
        return nodes

    def _tiles(self, log: int) -> ReadTile:
        folder = self._into / "logs" / str(log)

        def read(tile: Tile) -> bytes:
            kept = folder / tile.path
            if tile.width == WIDTH and kept.exists():
                return kept.read_bytes()
            return self._fetch(f"/ledger/{log}/{tile.path}")

        return read

    # -- the directory

    def _resumed(self, feed: str) -> _State:
        path = self._into / STATE
        try:
            self._into.mkdir(parents=True, exist_ok=True)
            if not path.exists():
                if any(self._into.iterdir()):
                    raise PullError(
                        f"directory: got {self._into} with other files, want a mirror or an empty one"
                    )
                return _State(feed)
            state = _State(**orjson.loads(path.read_bytes()))
        except (OSError, ValueError, TypeError) as error:
            raise PullError(f"{path} can't be read: {error}") from None
        if state.feed != feed:
            raise PullError(f"directory: got a mirror of {state.feed}, want one of {feed}")
        for log, key in state.keys.items():
            name = parse_verifier(key).name
            if self._given and str(self._given.get(name)) != key:
                raise PullError(f"key of log {log}: got {key} before, want one of those that were given")
        return state

    def _drop_loose_parts(self) -> None:
        """Parts that were written and not kept: the page comes again."""
        for path in (self._into / _PARTS).glob("*.parquet"):
            if not path.stem.isdigit() or int(path.stem) >= self._state.parts:
                path.unlink()

    def _keep(
        self, table: pa.Table, heads: dict[int, str], next_: str, counts: dict[str, int], last: dict[int, int]
    ) -> None:
        state = self._state
        try:
            if table.num_rows:
                part = self._into / _PARTS / f"{state.parts:06d}.parquet"
                part.parent.mkdir(exist_ok=True)
                pq.write_table(table.replace_schema_metadata(None), part, compression="zstd")
                state.parts += 1
            state.next = next_
            state.heads |= {str(log): note for log, note in heads.items()}
            state.last |= {str(log): place for log, place in last.items()}
            state.counts = {name: state.counts[name] + count for name, count in counts.items()}
            self._save()
        except OSError as error:
            raise PullError(f"the page can't be written: {error.strerror}") from None

    def _save(self) -> None:
        state = self._state
        plain = {name: getattr(state, name) for name in _State.__slots__}
        part = self._into / f".{STATE}.part"
        with part.open("wb") as file:
            file.write(orjson.dumps(plain, option=orjson.OPT_INDENT_2))
            file.flush()
            os.fsync(file.fileno())
        part.replace(self._into / STATE)

    def _merge(self) -> None:
        """Make ``records.parquet`` of what it was and the parts, by log and place."""
        held, state = self._into / RECORDS, self._state
        parts = sorted((self._into / _PARTS).glob("*.parquet"))
        if held.exists() and not parts:
            return
        part = self._into / f".{RECORDS}.part"
        files = [pq.ParquetFile(path) for path in ([held] if held.exists() else []) + parts]
        logs = sorted(int(log) for log in state.heads)
        known: dict[int, int] = {}
        with pq.ParquetWriter(part, SCHEMA, compression="zstd") as writer:
            for log in logs:
                for file in files:
                    for group in range(file.num_row_groups):
                        rows = file.read_row_group(group)
                        rows = rows.filter(
                            pc.and_(pc.equal(rows["log"], log), pc.greater(rows["place"], known.get(log, -1)))
                        )
                        if rows.num_rows:  # a part may be in it already: the process was stopped in between
                            known[log] = rows["place"][-1].as_py()
                            writer.write_table(rows)
        for file in files:
            file.close()
        part.replace(held)
        for path in parts:
            path.unlink()
        shutil.rmtree(self._into / _PARTS, ignore_errors=True)
        state.parts = 0
        self._save()

    def _places(self, log: int) -> list[int]:
        rows = pq.read_table(self._into / RECORDS, columns=["log", "place"])
        found: list[int] = rows.filter(pc.equal(rows["log"], log))["place"].to_pylist()
        return found
