"""Redaction in the read model's file: events and objects that say where a vehicle was, gone for good.

An object that touches the time asked for goes whole, with all its revisions. Others may
read the file meanwhile, and write it if they wait. Numbers of events that went are not given again.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any, TypeAlias

from feeds.readfile import ReadModelError, transaction
from feeds.readsql import span
from feeds.redactions import MOVEMENT, Redaction
from streams.codec import load_json
from streams.events import Event

Ids: TypeAlias = set[tuple[str, str]]
"""(kind, id) of objects."""


def assets_of(path: Path, names: Iterable[str]) -> dict[str, list[str]]:
    """The assets of each name, an id or a VIN. Raises ReadModelError."""
    query = (
        "SELECT id FROM objects WHERE kind = 'asset' AND (id = ?1 OR vin = ?1) "
        "UNION SELECT asset FROM objects WHERE asset = ?1"
    )
    with _opened(path) as db:
        return {name: [row[0] for row in db.execute(query, (name,))] for name in names if name}


def devices_of(path: Path, assets: Sequence[str]) -> list[str]:
    """The devices that were ever fitted to one of ``assets``, as far as is known. Raises ReadModelError."""
    found: set[str] = set()
    with _opened(path) as db:
        for table in ("objects", "events"):
            where = f"kind = 'device' AND asset IN ({_marks(assets)})"
            rows = db.execute(f"SELECT data FROM {table} WHERE {where}", tuple(assets))
            found.update(load_json(data)["device"] for (data,) in rows)
    return sorted(found)


def devices_in(deadletters: Path) -> list[str]:
    """All devices of which there are dead letters. Raises ReadModelError."""
    with _opened(deadletters) as db:
        return sorted(str(row[0]) for row in db.execute("SELECT DISTINCT device FROM letters"))


def touched(path: Path, assets: Sequence[str], from_ms: int, to_ms: int) -> Ids:
    """The objects of ``assets`` (empty: of all) that say where a vehicle was in that time."""
    which, values = (f"asset IN ({_marks(assets)}) AND ", [*assets]) if assets else ("", [])
    kinds = ",".join(f"'{kind.value}'" for kind in sorted(MOVEMENT))
    which += f"kind IN ({kinds}) AND "
    at = (*values, from_ms, to_ms)
    with _opened(path) as db:
        events = db.execute(f"SELECT DISTINCT kind, id FROM events WHERE {which} t_ms >= ? AND t_ms < ?", at)
        found: Ids = set(events.fetchall())
        spans = f"{which} coalesce(end_ms, max(start_ms, t_ms)) >= ? AND start_ms < ?"
        found.update(db.execute(f"SELECT kind, id FROM objects WHERE {spans}", at).fetchall())
    return found


def touches(event: Event, one: Redaction) -> bool:
    """Whether an event is of an object that ``one`` takes out; as ``touched`` finds it in a file."""
    if event.kind not in MOVEMENT or (one.assets and event.asset not in one.assets):
        return False
    start_ms, end_ms = span(event)
    last_ms = max(start_ms, event.t_ms) if end_ms is None else end_ms
    return one.covers(event.t_ms) or (last_ms >= one.from_ms and start_ms < one.to_ms)


def redact(path: Path, ids: Ids) -> int:
    """Delete all events and the newest revision of these objects; returns how many events went.

    What was deleted is overwritten in the file. Raises ReadModelError.
    """
    try:
        with closing(sqlite3.connect(path, isolation_level=None, timeout=10)) as db:
            db.execute("PRAGMA secure_delete = ON")
            with transaction(db):
                rows = sorted(ids)
                db.execute("CREATE TEMP TABLE gone (kind TEXT, id TEXT, PRIMARY KEY (kind, id))")
                db.executemany("INSERT INTO gone VALUES (?, ?)", rows)
                which = "WHERE (kind, id) IN (SELECT kind, id FROM gone)"
                count = db.execute(f"DELETE FROM events {which}").rowcount
                db.execute(f"DELETE FROM objects {which}")
            db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    except sqlite3.Error as error:
        raise ReadModelError(f"read model can't be written: {path}: {error}") from error
    return count


def _marks(values: Sequence[Any]) -> str:
    return ",".join("?" * len(values))


@contextmanager
def _opened(path: Path) -> Iterator[sqlite3.Connection]:
    """A connection that only reads; its errors are the read model's."""
    try:
        with closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)) as db:
            yield db
    except sqlite3.Error as error:
        raise ReadModelError(f"{path.name} can't be read: {error}") from error
