"""Whether a start of a device has a report of a time, in the tables of a book."""

from __future__ import annotations

import sqlite3
from typing import Final

_NEAR: Final = 100
_JOINED: Final = "FROM reports p JOIN records r ON r.place = p.place WHERE p.device = ? AND p.boot = ? "
_WANTED: Final = f"SELECT 1 {_JOINED} AND r.asset = ? AND r.t_ms >= ? AND r.t_ms < ? AND p.place < ? "


def reported(
    db: sqlite3.Connection, start: tuple[int, int], asset: int, from_ms: int, to_ms: int, below: int
) -> bool:
    """Whether the start (numbers of device and boot) has a report of ``asset`` with ``from_ms`` <= t <
    ``to_ms`` in a place ``below``.

    Times grow with the numbers, but for what was measured by a wrong clock: so the first report of the time
    is searched by halves, and only when none is near are all looked at. Raises sqlite3.Error.
    """
    ends = [db.execute(f"SELECT p.seq {_JOINED} ORDER BY p.seq {way} LIMIT 1", start) for way in ("", "DESC")]
    first, last = (row.fetchone() for row in ends)
    if first is None or last is None:
        return False
    low, high = first[0], last[0] + 1
    while low < high:
        middle = (low + high) // 2
        sql = f"SELECT p.seq, r.t_ms {_JOINED} AND p.seq >= ? ORDER BY p.seq LIMIT 1"
        seq, t_ms = db.execute(sql, (*start, middle)).fetchone()
        low, high = (low, middle) if t_ms >= from_ms else (seq + 1, high)
    wanted = (*start, asset, from_ms, to_ms, below)
    near = db.execute(f"{_WANTED} AND p.seq >= ? AND p.seq < ? LIMIT 1", (*wanted, low, low + _NEAR))
    return near.fetchone() is not None or db.execute(f"{_WANTED} LIMIT 1", wanted).fetchone() is not None
