"""The rules applied to samples at rest: what their objects are, and what speaks against each sample.

No log, no ids, no state kept: for trying zones out on stored samples, and for showing why a fix was not
believed.
"""

from __future__ import annotations

import numpy as np

from streams.engine import kernel
from streams.engine.advance import advance
from streams.engine.columns import Array
from streams.engine.drafts import Draft, Notes
from streams.engine.journey import Journey
from streams.engine.order import settle
from streams.engine.quality import Flag
from streams.engine.rows import Rows
from streams.engine.settings import Rules
from streams.engine.units import NEVER, NONE
from streams.engine.world import World


def derive(rows: Rows, world: World, rules: Rules | None = None) -> list[Draft]:
    """The visits, crossings, trips and stops of one asset's samples, in any order, by time.

    What the engine's objects are when it has folded these samples and no others.
    """
    rules = rules or Rules()
    numbers = kernel.numbers(rules)
    rows = rows.take(_good(rows, numbers))
    rows, _ = settle(rows, numbers)
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
    n = len(rows)
    out = np.zeros(n, np.int64)
    lone = (rows.t, rows.lon, rows.lat, rows.hdop, rows.fix, rows.received)
    for i in np.flatnonzero(~_good(rows, numbers)).tolist():
        t, lon, lat, hdop, fix, received = (int(column[i]) for column in lone)
        out[i] = kernel.alone(t, lon, lat, hdop, fix, received, numbers)
    good = np.flatnonzero((out == 0) & (rows.lon != NONE) & (rows.lat != NONE))
    # the place in ``rows`` travels through the order as the log position
    named = rows.take(good)
    named.position[:] = good
    settled, _ = settle(named, numbers)
    out[np.setdiff1d(good, settled.position)] = _contested(named, settled, good)
    names, settled.asset[:] = np.unique(settled.asset, return_inverse=True)
    nowhere = np.zeros(len(settled), np.int32)
    found = np.zeros(len(settled), np.int64)
    kernel.follow(
        settled.asset,
        settled.t,
        settled.lon,
        settled.lat,
        settled.speed,
        settled.heading,
        settled.hdop,
        settled.fix,
        settled.odometer,
        settled.wheel,
        settled.received,
        settled.position,
        nowhere,
        nowhere.astype(np.int64),
        np.repeat(kernel.NEW, max(len(names), 1)),
        np.zeros(max(len(names), 1), np.int64),
        numbers,
        found,
        np.empty((len(settled), kernel.STEP_WIDTH), np.int64),
        np.empty((len(settled), kernel.TURN_WIDTH), np.int64),
    )
    out[settled.position] = found
    return out


def _good(rows: Rows, numbers: Array) -> Array:
    good: Array = kernel.good(rows.t, rows.lon, rows.lat, rows.hdop, rows.fix, rows.received, numbers)
    good &= (rows.lon != NONE) & (rows.lat != NONE)
    return good


def _contested(named: Rows, settled: Rows, good: Array) -> Array:
    """Of the samples that lost their instant: CONFLICT where the content differs from the one that counts."""
    lost = np.flatnonzero(~np.isin(good, settled.position))
    order = np.lexsort((settled.t, settled.asset))
    out = np.zeros(len(lost), np.int64)
    winners = (
        {(int(settled.asset[i]), int(settled.t[i])): int(settled.position[i]) for i in order.tolist()}
        if len(lost)
        else {}
    )
    place = {int(p): k for k, p in enumerate(good.tolist())} if len(lost) else {}
    for k, i in enumerate(lost.tolist()):
        winner = place[winners[int(named.asset[i]), int(named.t[i])]]
        same = all(
            getattr(named, name)[i] == getattr(named, name)[winner]
            for name in ("lon", "lat", "speed", "heading", "hdop", "sats", "fix", "odometer", "wheel")
        )
        out[k] = 0 if same else int(Flag.CONFLICT)
    return out
