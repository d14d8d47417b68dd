"""The rules applied to samples at rest: what their objects are, and what speaks against each sample.

No log, no ids, no state kept: for trying zones out on stored samples, and for showing why a fix was not
believed.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from geofences.compiled import compiled
from streams.engine import kernel
from streams.engine.advance import advance
from streams.engine.columns import Array
from streams.engine.drafts import Draft, Notes
from streams.engine.journey import Journey
from streams.engine.order import CONTENT, settle, winners
from streams.engine.quality import Flag
from streams.engine.rows import Rows
from streams.engine.settings import Rules
from streams.engine.units import NEVER, NONE
from streams.engine.world import World

_CHUNK: Final = 8192


def derive(rows: Rows, world: World, rules: Rules | None = None) -> list[Draft]:
    """The visits, crossings, trips and stops of one asset's samples, in any order, by time.

    What the engine's objects are when it has folded these samples and no others.
    """
    rules = rules or Rules()
    numbers = kernel.numbers(rules)
    rows = rows.take(_good(rows, numbers))
    rows, _ = settle(rows)
    rows.asset[:] = 0
    journey, notes = Journey(world, rules), Notes()
    course, _ = advance(world, numbers, rows, kernel.NEW.copy(), np.full(1, -1, np.int64))
    course.walk(journey, 0, len(course.steps), NEVER, notes)
    return sorted(notes.drafts.values(), key=lambda draft: (draft.t_ms, draft.kind, draft.place))


def flags(rows: Rows, rules: Rules | None = None) -> Array:
    """What speaks against each sample (``quality.Flag``): int64[n], in the order of ``rows``.

    Of all samples of the assets around; where the first ones of an asset lack their neighbours, a jump may
    go unseen.
    """
    numbers = kernel.numbers(rules or Rules())
    out, good = _lone(rows, numbers)
    counts, winner = winners(rows, good)
    out[counts] = _followed(rows, counts, numbers)
    lost = winner != good
    if lost.any():
        losers, won = good[lost], winner[lost]
        same = np.ones(len(losers), bool)
        for name in CONTENT:
            column = getattr(rows, name)
            same &= column[losers] == column[won]
        out[losers] = np.where(same, out[won], int(Flag.CONFLICT))
    return out


def firm(rows: Rows, rules: Rules | None = None, *, metered: bool = True) -> bool:
    """Whether the flags of what comes after ``rows`` are the same, whatever came before them.

    ``rows``: samples of one asset, in any order. Which fix was believed last is certain after
    ``jump_agree`` + 1 good ones in a row of which none is a jump from the one before it, nor can be frozen:
    the wheels stand or are not known, or the place is another than the one before. ``metered``: whether the
    last odometer has to be known too.
    """
    numbers = kernel.numbers(rules or Rules())
    counts, _ = winners(rows, np.flatnonzero(_good(rows, numbers)))
    held = rows.take(counts)
    return bool(_firm(held.t, held.lon, held.lat, held.wheel, held.odometer, metered, numbers))


@compiled
def _firm(
    t: Array, lon: Array, lat: Array, wheel: Array, odometer: Array, metered: bool, rules: Array
) -> bool:
    # What was believed before such a row is near its first fix, then that is believed; or far, then the fixes
    # are candidates, and the third is believed. One of them may be taken for frozen, when it lies where the
    # believed one does: then the one after it is near that, and believed.
    run = 0
    for i in range(len(t)):
        run += 1
        if i > 0:
            stays = lon[i] == lon[i - 1] and lat[i] == lat[i - 1]
            frozen = stays and wheel[i] > 0  # none is below
            if frozen or kernel.too_fast(t[i - 1], lon[i - 1], lat[i - 1], t[i], lon[i], lat[i], rules):
                run = 1
        if run > rules[5] and (not metered or odometer[i] != NONE):
            return True
    return False


def _good(rows: Rows, numbers: Array) -> Array:
    good: Array = kernel.good(rows.t, rows.lon, rows.lat, rows.hdop, rows.fix, rows.received, numbers)
    good &= (rows.lon != NONE) & (rows.lat != NONE)
    return good


def _lone(rows: Rows, numbers: Array) -> tuple[Array, Array]:
    """The flags that follow from each sample alone, and the places of those that have a position and none."""
    out = np.empty(len(rows), np.int64)
    _alone(rows.t, rows.lon, rows.lat, rows.hdop, rows.fix, rows.received, numbers, out)
    return out, np.flatnonzero((out == 0) & (rows.lon != NONE) & (rows.lat != NONE))


@compiled
def _alone(
    t: Array, lon: Array, lat: Array, hdop: Array, fix: Array, received: Array, rules: Array, out: Array
) -> None:
    for i in range(len(t)):
        out[i] = kernel.alone(t[i], lon[i], lat[i], hdop[i], fix[i], received[i], rules)


def _followed(rows: Rows, places: Array, numbers: Array) -> Array:
    """The flags of the samples at ``places``: good ones, in order, each instant once."""
    found = np.zeros(len(places), np.int64)
    if not len(places):
        return found
    asset = np.cumsum(np.diff(rows.asset[places], prepend=rows.asset[places[0]]) != 0)
    state, cell = np.repeat(kernel.NEW, asset[-1] + 1), np.zeros(asset[-1] + 1, np.int64)
    whole = places[-1] - places[0] + 1 == len(places) and bool((np.diff(places) == 1).all())
    most = min(len(places), _CHUNK)
    nowhere, nothing = np.zeros(most, np.int32), np.zeros(most, np.int64)
    steps = np.empty((most, kernel.STEP_WIDTH), np.int64)
    turns = np.empty((most, kernel.TURN_WIDTH), np.int64)
    for begin in range(0, len(places), _CHUNK):  # in pieces that stay in the processor's cache
        part = slice(begin, begin + _CHUNK)
        some = rows.take(slice(places[part][0], places[part][-1] + 1) if whole else places[part])
        kernel.follow(
            asset[part],
            some.t,
            some.lon,
            some.lat,
            some.speed,
            some.heading,
            some.hdop,
            some.fix,
            some.odometer,
            some.wheel,
            some.received,
            some.position,
            nowhere[: len(some)],
            nothing[: len(some)],
            state,
            cell,
            numbers,
            found[part],
            steps,
            turns,
        )
    return found
