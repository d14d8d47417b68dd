"""Redaction in a DuckDB store that nobody has open: samples deleted and the file written anew without them.

A deletion alone leaves their bytes in blocks that are free; the new file takes the place of the old one when
it is whole.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import duckdb

from feeds.store.duckfile import connect, transaction, translated
from feeds.store.port import StoreError
from feeds.store.segments import ARRIVED, PLACED, newest, union

_FILE: Final = "samples.duckdb"


def redact(folder: Path, assets: Sequence[str], from_ms: int, to_ms: int, memory_mb: int = 192) -> int:
    """Delete samples of ``assets`` (empty: of all) with ``from_ms`` <= t < ``to_ms``; returns how many.

    Raises StoreError, also when the store is open elsewhere; what was there is there whole then.
    """
    path = folder / _FILE
    if not path.exists():
        return 0
    fresh = path.with_name(f"{_FILE}.new")
    for left in (fresh, fresh.with_name(f"{fresh.name}.wal")):
        left.unlink(missing_ok=True)
    connection = connect(path, memory_mb, 1)
    try:
        cursor = connection.cursor()
        with transaction(cursor):
            count = _delete(cursor, assets, from_ms, to_ms)
        if not count:
            return 0
        with translated():
            cursor.execute("CHECKPOINT")
            text = str(fresh).replace("'", "''")
            cursor.execute(f"ATTACH '{text}' AS fresh")
            ((name,),) = cursor.execute("SELECT current_database()").fetchall()
            cursor.execute(f'COPY FROM DATABASE "{name}" TO fresh')
            cursor.execute("CHECKPOINT fresh")
            cursor.execute("DETACH fresh")
    finally:
        connection.close()
    try:
        os.replace(fresh, path)
    except OSError as error:
        raise StoreError(f"the redacted store could not take its place: {error}") from error
    path.with_name(f"{_FILE}.wal").unlink(missing_ok=True)
    return count


def _delete(cursor: duckdb.DuckDBPyConnection, assets: Sequence[str], from_ms: int, to_ms: int) -> int:
    which = "t_ms >= ? AND t_ms < ?"
    if assets:
        marks = ",".join("?" * len(assets))
        rows = cursor.execute(f"SELECT id FROM names WHERE name IN ({marks})", [*assets]).fetchall()
        numbers = ",".join(str(int(number)) for (number,) in rows)
        if not numbers:
            return 0
        which += f" AND asset IN ({numbers})"
    count = 0
    segments = cursor.execute("SELECT id, level FROM segments").fetchall()
    for ident, _ in segments:
        for prefix in "sx":
            gone = cursor.execute(f"DELETE FROM {prefix}_{ident} WHERE {which}", [from_ms, to_ms]).fetchall()
            count += int(gone[0][0]) if prefix == "s" else 0
    cursor.execute(f"CREATE TEMP TABLE lost AS SELECT asset FROM latest WHERE {which}", [from_ms, to_ms])
    cursor.execute("DELETE FROM latest WHERE asset IN (SELECT asset FROM lost)")
    kept = [ident for ident, level in segments if level > ARRIVED]
    if kept:
        rows_of = "SELECT * FROM s_{} WHERE {} AND asset IN (SELECT asset FROM lost)"
        found = union([rows_of.format(ident, PLACED) for ident in kept])
        cursor.execute(f"INSERT INTO latest {newest(found)}")
    cursor.execute("DROP TABLE lost")
    return count
