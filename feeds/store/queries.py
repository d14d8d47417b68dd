"""The SQL of reads, as text. Numbers are written into it; no text that came from outside ever is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from feeds.store.schema import JUDGED, WIRE
from feeds.store.segments import DAY_MS, PLACED, newest, union


def track(segments: Sequence[int], asset: int, start_ms: int, end_ms: int) -> str:
    """Rows of one asset that have a position: t_ms, hash, the rest of JUDGED; in no order.

    Sorting is left to ``serve``: nearly always the rows come sorted, which costs it nothing to see, while
    ORDER BY doubled the time of a day's query.
    """
    columns, where = ", ".join(["t_ms", "hash", *JUDGED.names[1:]]), _where(asset, start_ms, end_ms)
    return union([f"SELECT {columns} FROM s_{i} WHERE {where} AND {PLACED}" for i in segments])


def days(segments: Sequence[int], asset: int, start_ms: int, end_ms: int) -> str:
    """(day, rows) of one asset, doubles counted twice."""
    where = _where(asset, start_ms, end_ms)
    instants = union([f"SELECT t_ms FROM s_{i} WHERE {where}" for i in segments])
    return f"SELECT t_ms // {DAY_MS} AS day, count(*) FROM ({instants}) GROUP BY day ORDER BY day"


def signals(
    segments: Sequence[int],
    asset: int,
    start_ms: int,
    end_ms: int,
    names: Sequence[str],
    extras: Mapping[str, int],
) -> str:
    """``t_ms``, ``hash`` and a column v0, v1, ... for each of ``names``, in no order, samples perhaps twice.

    ``extras`` numbers those of ``names`` that are not of the wire.
    """
    where, rows = _where(asset, start_ms, end_ms), []
    known = [_known(name) for name in names]
    other = [_extra(extras.get(name)) for name in names]
    for i in segments:
        if any(name in WIRE for name in names):
            present = " OR ".join(f"{WIRE[name][0]} IS NOT NULL" for name in names if name in WIRE)
            rows.append(f"SELECT t_ms, hash, {_columns(known)} FROM s_{i} WHERE {where} AND ({present})")
        if extras:
            wanted = ", ".join(str(number) for number in extras.values())
            rows.append(
                f"SELECT t_ms, hash, {_columns(other)} FROM x_{i} WHERE {where} AND name IN ({wanted})"
            )
    if not extras:
        return union(rows)
    values = ", ".join(f"max(v{k}) AS v{k}" for k in range(len(names)))  # a sample's values in one row
    return f"SELECT t_ms, hash, {values} FROM ({union(rows)}) GROUP BY t_ms, hash"


def latest(segments: Sequence[int], assets: Sequence[int], floor_ms: int) -> str:
    """ROWS of the newest sample of each of ``assets``, from ``latest`` and the segments it leaves out."""
    wanted = ", ".join(str(asset) for asset in assets)
    where = f"asset IN ({wanted}) AND t_ms >= {floor_ms} AND {PLACED}"
    tables = ["latest", *(f"s_{i}" for i in segments)]
    return newest(union([f"SELECT * FROM {table} WHERE {where}" for table in tables])) + " ORDER BY asset"


def _where(asset: int, start_ms: int, end_ms: int) -> str:
    return f"asset = {asset} AND t_ms >= {start_ms} AND t_ms < {end_ms}"


def _columns(values: Sequence[str]) -> str:
    return ", ".join(f"{value} AS v{k}" for k, value in enumerate(values))


def _known(name: str) -> str:
    if name not in WIRE:
        return "NULL::DOUBLE"
    column, divisor = WIRE[name]
    return f"{column}::DOUBLE" if divisor == 1 else f"{column}::DOUBLE / {divisor}::DOUBLE"


def _extra(number: int | None) -> str:
    return "NULL::DOUBLE" if number is None else f"CASE WHEN name = {number} THEN value END"
