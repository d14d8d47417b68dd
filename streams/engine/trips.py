"""Trips: maximal runs of moving fixes, standstills shorter than the trip gap merged.

A trip begins with its first moving fix and ends with its last one. Which fixes begin or end a trip is
found in columns; only those few are looked at one by one.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from streams.engine.columns import Array, Columns
from streams.engine.fixes import NONE, Fixes, Steps
from streams.engine.objects import Announce
from streams.engine.settings import Rules
from streams.events import Change, Kind, object_id

COLUMNS = {
    "move_t": ("<i8", NONE),
    "move_lon": ("<i4", 0),
    "move_lat": ("<i4", 0),
    "move_cum": ("<i8", 0),
    "move_odo": ("<i8", NONE),
    "trip_t": ("<i8", NONE),
    "trip_lon": ("<i4", 0),
    "trip_lat": ("<i4", 0),
    "trip_cum": ("<i8", 0),
    "trip_odo": ("<i8", NONE),
    "trip_said": ("<i1", 0),
}
"""Columns of the asset state: the last moving fix, the first of the open trip (NONE: no trip), and whether
that trip was announced, which it is when it has gone the minimum."""


@dataclass(frozen=True, slots=True)
class Turn:
    """At fix ``index`` the open trip has ended, and perhaps a new one begins."""

    index: int
    last: int  # fix that moved last before it in this frame, -1: the state's
    begins: bool


def moving(fixes: Fixes, way: Steps, rules: Rules) -> Array:
    """Which fixes move: by GNSS speed, or by the way since the last fix where there is none: bool[n]."""
    dt = np.maximum(fixes.t - way.t0, 1)
    implied = np.where(way.t0 == NONE, 0, way.dist * 360 // dt)  # mm/ms * 360 = 0.01 km/h
    return np.where(fixes.speed != NONE, fixes.speed, implied) >= rules.moving_ckmh


def turns(fixes: Fixes, moves: Array, heads: Array, state: Columns, rules: Rules) -> tuple[list[Turn], Array]:
    """Fixes that may end or begin a trip, in order; and for each fix the last moving one up to it.

    ``heads``: int64[n], number of the first fix of the same asset in this frame. Of the second result -1
    stands for none in this frame.
    """
    n = len(fixes)
    last = np.maximum.accumulate(np.where(moves, np.arange(n), -1))
    last = np.where(last >= heads, last, -1)
    before = np.empty(n, np.int64)
    before[:1] = -1
    before[1:] = last[:-1]
    before = np.where(before >= heads, before, -1)
    held = state["move_t"][fixes.row]
    before_t = np.where(before >= 0, fixes.t[before], held)
    running = (before >= 0) | (state["trip_t"][fixes.row] != NONE)
    pause = fixes.t - before_t >= rules.trip_gap_ms
    at = np.flatnonzero((running & pause) | (moves & (~running | pause)))
    return [Turn(i, int(before[i]), bool(moves[i])) for i in at.tolist()], last


def turn(
    turn: Turn, fixes: Fixes, cum: Array, state: Columns, asset: str, say: Announce, rules: Rules
) -> None:
    """Close the open trip of the asset at its last moving fix and begin the next one, if so."""
    row, i = int(fixes.row[turn.index]), turn.index
    if turn.last >= 0:
        _mark(state, "move", row, fixes, cum, turn.last)
    if state["trip_t"][row] != NONE:
        if far_enough(state, np.array([row]), rules)[0]:
            announce(row, state, asset, say)
            start, end = int(state["trip_t"][row]), int(state["move_t"][row])
            say(Kind.TRIP, _id(asset, start), 2, Change.AMENDED, end, _data(state, row, closed=True))
        state["trip_t"][row] = NONE
    if turn.begins:
        _mark(state, "trip", row, fixes, cum, i)
        _mark(state, "move", row, fixes, cum, i)
        state["trip_said"][row] = 0


def far_enough(state: Columns, rows: Array, rules: Rules) -> Array:
    """Which of ``rows`` have an open trip that has gone the minimum: bool[n]."""
    gone = state["move_cum"][rows] - state["trip_cum"][rows] >= rules.trip_min_mm
    verdict: Array = gone & (state["trip_t"][rows] != NONE)
    return verdict


def announce(row: int, state: Columns, asset: str, say: Announce) -> None:
    """Say that the open trip has begun, once."""
    if not state["trip_said"][row]:
        state["trip_said"][row] = 1
        start = int(state["trip_t"][row])
        say(Kind.TRIP, _id(asset, start), 1, Change.CREATED, start, _data(state, row, closed=False))


def remember(last: Array, tails: Array, fixes: Fixes, cum: Array, state: Columns) -> None:
    """Keep the last moving fix of each asset of the frame; ``tails``: each asset's last fix."""
    index = last[tails]
    index = index[index >= 0]
    row = fixes.row[index]
    for name, values in (("t", fixes.t), ("lon", fixes.lon), ("lat", fixes.lat), ("cum", cum)):
        state[f"move_{name}"][row] = values[index]
    state["move_odo"][row] = fixes.odometer[index]


def _mark(state: Columns, prefix: str, row: int, fixes: Fixes, cum: Array, i: int) -> None:
    values = (("t", fixes.t), ("lon", fixes.lon), ("lat", fixes.lat), ("cum", cum), ("odo", fixes.odometer))
    for name, column in values:
        state[f"{prefix}_{name}"][row] = column[i]


def _id(asset: str, start: int) -> str:
    return object_id(Kind.TRIP, asset, start)


def _data(state: Columns, row: int, closed: bool) -> dict[str, Any]:
    def value(name: str) -> int:
        return int(state[name][row])

    odometers = value("trip_odo"), value("move_odo")
    driven = odometers[1] - odometers[0] if closed and NONE not in odometers else None
    return {
        "state": "closed" if closed else "open",
        "start_ms": value("trip_t"),
        "end_ms": value("move_t") if closed else None,
        "distance_mm": value("move_cum") - value("trip_cum") if closed else 0,
        "odometer_mm": driven,
        "start": {"lon_e7": value("trip_lon"), "lat_e7": value("trip_lat")},
        "end": {"lon_e7": value("move_lon"), "lat_e7": value("move_lat")} if closed else None,
    }
