"""Stored samples of an asset as the engine's rows, those without a position too, and who was around."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from api.scope import Scope
from feeds.readmodel import StoredObject
from feeds.store.quality import engine_rows
from feeds.store.schema import WIRE
from geofences.geodesy import distance_mm
from streams.engine.columns import Array
from streams.engine.grades import Neighbours, lost_spans
from streams.engine.jamming import AROUND_MS, NEAR_MM, Place
from streams.engine.rows import EMPTY, Rows, joined
from streams.engine.units import DEGREE, NONE
from streams.events import Kind

_ALL: Final = 1 << 30
_SIGNALS: Final = {"wheel": "wheel_speed_kmh", "odometer": "odometer_m", "fix": "fix"}
_FASTEST_MM_PER_MS: Final = 36
_MOST: Final = 50
_NO_FLAGS: Final = np.empty(0, np.int64)


@dataclass(frozen=True, slots=True)
class Around:
    """Neighbours; how many assets were ``read``, and ``left_out`` because they were too many."""

    neighbours: Neighbours
    read: int
    left_out: int


def samples(scope: Scope, asset: StoredObject, start_ms: int, end_ms: int) -> tuple[Rows, Array]:
    """All samples of [start, end) that tell of position or wheels, in time order, and their flags (int64[n]).

    One without a position has NONE for all but wheels, odometer and fix, and no flag.
    """
    track = scope.track(asset, start_ms, end_ms, _ALL)
    flags = np.array(track["flags"].to_numpy(), np.int64)
    placed = engine_rows(track)
    bus = _unplaced(scope.signals(asset, tuple(_SIGNALS.values()), start_ms, end_ms, _ALL), placed.t)
    rows, flags = joined([placed, bus]), np.append(flags, np.zeros(len(bus), np.int64))
    order = np.argsort(rows.t, kind="stable")
    return rows.take(order), flags[order]


def around(scope: Scope, asset: StoredObject, rows: Rows, flags: Array) -> Around:
    """Other assets of the tenant that may have been near where ``rows`` lost the fix, 50 at most.

    Asked are those whose newest position they could have reached from there, the nearest first.
    """
    spans = lost_spans(rows, flags)
    if not spans:
        return Around(Neighbours(EMPTY, _NO_FLAGS), 0, 0)
    found = _reachable(scope, asset.id, spans)
    parts, theirs = [], []
    for number, other in enumerate(found[:_MOST], 1):
        held = scope.object(Kind.ASSET, other)
        for start, end in _merged(spans):
            some, marks = samples(scope, held, start, end)
            parts.append(replace(some, asset=np.full(len(some), number, np.int64)))
            theirs.append(marks)
    neighbours = Neighbours(joined(parts), np.concatenate([_NO_FLAGS, *theirs]))
    return Around(neighbours, min(len(found), _MOST), max(len(found) - _MOST, 0))


def _unplaced(signals: pa.Table, placed: Array) -> Rows:
    """The samples of ``signals`` beyond those with a position at the instants ``placed``: one an instant."""
    t = np.array(signals["t_ms"].to_numpy(), np.int64)
    instants, first, count = np.unique(t, return_index=True, return_counts=True)
    known = np.searchsorted(placed, instants, "right") - np.searchsorted(placed, instants, "left")
    more = count > known
    nothing = np.full(len(instants), NONE, np.int64)
    columns = {}
    if len(t):  # in time order
        columns = {name: np.maximum.reduceat(_whole(signals, of), first) for name, of in _SIGNALS.items()}
    zeros = np.zeros(len(instants), np.int64)
    names = ("lon", "lat", "speed", "heading", "hdop", "sats", "fix", "odometer", "wheel")
    filled = dict.fromkeys(names, nothing) | columns
    return Rows(asset=zeros, t=instants, received=instants, position=zeros, **filled).take(more)


def _whole(signals: pa.Table, name: str) -> Array:
    numbers = pc.round(pc.multiply(signals[name], float(WIRE[name][1]))).cast(pa.int64())
    return np.array(pc.fill_null(numbers, NONE).to_numpy(), np.int64)


def _reachable(scope: Scope, own: str, spans: list[tuple[int, int, list[Place]]]) -> list[str]:
    table, _ = scope.positions()
    nearest = np.full(len(table), np.inf)
    lons, lats = (column.astype(np.float64) * DEGREE for column in (table.lon_e7, table.lat_e7))
    for start, end, places in spans:
        apart = np.maximum(np.maximum(start - AROUND_MS - table.t_ms, table.t_ms - end - AROUND_MS), 0)
        for lon, lat in places:
            there = (np.full(len(table), value * DEGREE) for value in (lon, lat))
            mm = distance_mm(lons, lats, *there)
            may = (table.t_ms >= start - AROUND_MS) & (mm <= NEAR_MM + apart * _FASTEST_MM_PER_MS)
            nearest = np.where(may, np.minimum(nearest, mm), nearest)
    found = [
        (float(mm), asset)
        for mm, asset in zip(nearest.tolist(), table.asset, strict=True)
        if np.isfinite(mm) and asset != own
    ]
    return [asset for _, asset in sorted(found)]


def _merged(spans: list[tuple[int, int, list[Place]]]) -> Iterator[tuple[int, int]]:
    """The times to read of others: wider than they count, so that their losses have a beginning."""
    open_: tuple[int, int] | None = None
    for start, end, _ in sorted(spans, key=lambda span: span[0]):
        start, end = start - 2 * AROUND_MS, end + 2 * AROUND_MS
        if open_ is not None and start <= open_[1]:
            open_ = open_[0], max(end, open_[1])
            continue
        if open_ is not None:
            yield open_
        open_ = start, end
    if open_ is not None:
        yield open_
