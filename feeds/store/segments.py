"""The tables that a DuckDB store is made of, and which of them to rewrite next. Decides, touches nothing.

A segment is two tables: samples ``s_<id>`` and extras ``x_<id>``. One segment is OPEN and takes what arrives.
When it is full, or its hour is over, it is left ARRIVED; then its rows are rewritten sorted by (asset, t_ms,
hash) as level 1. FAN sorted segments of one level and one day of arrival are merged into one of the next
level; when the day is over, all of it into one.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import pyarrow as pa

from feeds.store.schema import EXTRA_ROWS, ROWS

OPEN: Final = -1
ARRIVED: Final = 0
FAN: Final = 16
DAY_MS: Final = 86_400_000
HOUR_MS: Final = 3_600_000

_SQL_TYPES: Final = {
    pa.int8(): "TINYINT",
    pa.int16(): "SMALLINT",
    pa.int32(): "INTEGER",
    pa.int64(): "BIGINT",
    pa.uint32(): "UINTEGER",
    pa.float64(): "DOUBLE",
}

KEY: Final = "asset, t_ms, hash"
EXTRA_KEY: Final = "asset, t_ms, hash, name, value"
PLACED: Final = "lon_e7 IS NOT NULL AND lat_e7 IS NOT NULL"
FORMAT: Final = 1


@dataclass(frozen=True, slots=True)
class Segment:
    """One row of the catalog. ``day`` is the day of arrival; the instants span its samples, both ends in."""

    id: int
    level: int
    day: int
    min_ms: int
    max_ms: int


@dataclass(frozen=True, slots=True)
class Work:
    """Segments to rewrite into one of ``level``."""

    sources: tuple[Segment, ...]
    level: int


def next_work(segments: Sequence[Segment], today: int) -> Work | None:
    """What to rewrite first: what slows reading most. None when all is well."""
    arrived = [s for s in segments if s.level == ARRIVED]
    if arrived:
        return Work((min(arrived, key=lambda s: s.id),), 1)
    levels: defaultdict[tuple[int, int], list[Segment]] = defaultdict(list)
    days: defaultdict[int, list[Segment]] = defaultdict(list)
    for segment in segments:
        if segment.level > ARRIVED:
            levels[segment.day, segment.level].append(segment)
            days[segment.day].append(segment)
    for (_, level), alike in sorted(levels.items()):
        if len(alike) >= FAN:
            return Work(tuple(alike[:FAN]), level + 1)
    for day, parts in sorted(days.items()):
        if day < today and len(parts) > 1:
            return Work(tuple(parts), max(s.level for s in parts) + 1)
    return None


def catalog() -> list[str]:
    """The statements that make an empty store, without its first segment."""
    return [
        "CREATE TABLE meta (format INTEGER, floor_ms BIGINT)",
        f"INSERT INTO meta VALUES ({FORMAT}, NULL)",
        "CREATE TABLE names (id INTEGER, name VARCHAR)",
        "CREATE TABLE positions (partition INTEGER, position BIGINT)",
        "CREATE TABLE segments (id INTEGER, level INTEGER, day INTEGER, min_ms BIGINT, max_ms BIGINT)",
        f"CREATE TABLE latest ({columns(ROWS)})",  # of all segments that are sorted
    ]


def create(prefix: str, ident: int) -> str:
    """The statement that makes one table of a segment, ``prefix`` s or x."""
    return f"CREATE TABLE {prefix}_{ident} ({columns(ROWS if prefix == 's' else EXTRA_ROWS)})"


def columns(schema: pa.Schema) -> str:
    """``schema`` as SQL column definitions."""
    return ", ".join(f"{f.name} {_SQL_TYPES[f.type]}" for f in schema)


def union(selects: Sequence[str]) -> str:
    """``selects`` as one; at least one."""
    return " UNION ALL ".join(selects)


def newest(rows: str) -> str:
    """Of ``rows`` (ROWS) the newest of each asset."""
    when = f"SELECT asset, max(t_ms) AS t_ms FROM ({rows}) GROUP BY asset"
    nth = "row_number() OVER (PARTITION BY asset ORDER BY hash DESC)"
    return f"SELECT * FROM ({rows}) SEMI JOIN ({when}) USING (asset, t_ms) QUALIFY {nth} = 1"
