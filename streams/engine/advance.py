"""From ordered samples to a course: zones, believed fixes, steps and cuts, in whole columns."""

from __future__ import annotations

import numpy as np

from streams.engine import kernel
from streams.engine.columns import Array
from streams.engine.journey import Course
from streams.engine.rows import Rows
from streams.engine.survey import ways
from streams.engine.world import World


def advance(
    world: World, rules: Array, rows: Rows, state: Array, cell: Array, places: Array | None = None
) -> tuple[Course, Array]:
    """Fold rows that are in order and newer than ``state`` (changed in place); the course, and the flags.

    ``state``: ``kernel.STATE`` by ``rows.asset``, or by ``places`` (int64[n]) when given; ``cell``: int64,
    each one's cell of the index, -1 where not known.
    """
    n = len(rows)
    sets, cells = world.sets(rows.lon, rows.lat, rows.t)
    flags, steps = np.zeros(n, np.int64), np.empty((n, kernel.STEP_WIDTH), np.int64)
    turns = np.empty((n, kernel.TURN_WIDTH), np.int64)
    count, turned = kernel.follow(
        rows.asset if places is None else places,
        rows.t,
        rows.lon,
        rows.lat,
        rows.speed,
        rows.heading,
        rows.hdop,
        rows.fix,
        rows.odometer,
        rows.wheel,
        rows.received,
        rows.position,
        sets,
        cells,
        state,
        cell,
        rules,
        flags,
        steps,
        turns,
    )
    steps, turns = steps[:count], turns[:turned]
    if places is not None:
        steps[:, kernel.ASSET] = rows.asset[steps[:, kernel.INDEX]]
    return Course(rows, steps, turns, _cuts(world, rows, steps)), flags


def _cuts(world: World, rows: Rows, steps: Array) -> dict[int, list[int]]:
    """Of each step the zones that it passes through while neither end lies in them."""
    maybe, lon0, lat0, lon1, lat1, cell0, cell1, old, new, t = ways(steps, rows.t, rows.lon, rows.lat)
    if not len(maybe):
        return {}
    sets = old.astype(np.int32), new.astype(np.int32)
    segment, zone = world.cuts((lon0, lat0), (lon1, lat1), t, (cell0, cell1), sets)
    cuts: dict[int, list[int]] = {}
    for at, number in zip(maybe[segment].tolist(), zone.tolist(), strict=True):
        cuts.setdefault(at, []).append(number)
    return cuts
