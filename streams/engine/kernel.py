"""The compiled fold: a column of samples, in order, to believed fixes, steps and marks.

One pass, one sample after the other, over the hot state of many assets. What happens rarely (a zone is
entered, a trip ends) is only marked here and worked out in Python. All numbers are integers.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from geofences.compiled import compiled
from geofences.geodesy import distance_mm_e7
from streams.engine.columns import Array
from streams.engine.quality import EPOCH_2000_MS, ROLLOVER_MS, ROLLOVER_SLACK_MS, Flag
from streams.engine.settings import Rules
from streams.engine.units import NEVER, NONE

STATE: Final = np.dtype(
    [
        ("t", "<i8"),  # the newest sample
        ("bt", "<i8"),  # the last believed fix, and the log record that brought it
        ("bpos", "<i8"),
        ("kt", "<i8"),  # the candidate after a jump
        ("cum", "<i8"),  # mm gone up to the last believed fix
        ("odo", "<i8"),  # the last odometer of a believed fix, and what was gone by then
        ("odo_cum", "<i8"),
        ("still_t", "<i8"),  # the last moving fix, or the asset's first
        ("still_cum", "<i8"),
        ("still_odo", "<i8"),
        ("trip_cum", "<i8"),  # what was gone when the open trip began
        ("wake", "<i8"),  # event time from which each fix matters
        ("doubt", "<i8"),  # the last sample that was not believed, or about which samples disagreed
        ("blon", "<i4"),
        ("blat", "<i4"),
        ("bspeed", "<i4"),  # -1 not known, as in heading
        ("heading", "<i4"),
        ("klon", "<i4"),
        ("klat", "<i4"),
        ("set", "<i4"),  # of the index in this process: a restored state finds it anew
        ("still_lon", "<i4"),
        ("still_lat", "<i4"),
        ("rest_lon", "<i4"),  # the first believed fix after the last moving one
        ("rest_lat", "<i4"),
        ("since", "<i4"),  # samples since the last kept state
        ("kn", "<i1"),
        ("phase", "<i1"),
        ("resting", "<i1"),
        ("metered", "<i1"),  # the last believed fix had an odometer
        ("told", "<i1"),  # the open trip has gone the minimum
    ]
)
"""The hot state of one asset."""

NEW: Final = np.zeros(1, STATE)
for _name in ("t", "bt", "kt", "odo", "still_t", "still_odo", "doubt"):
    NEW[_name] = NONE
NEW["wake"] = NEVER
for _name in ("bspeed", "heading", "set"):
    NEW[_name] = -1

UNKNOWN, DRIVING, STANDING = 0, 1, 2
"""Phases: neither a trip nor a stop yet, on a trip, in a stop."""

SET, PAUSE, BEGIN, FAR, WAKE, THROUGH = 1, 2, 4, 8, 16, 32
"""Marks of a step: another set of zones; a pause is long enough; a trip begins; the trip is long enough to be
told; a waiting time is over; the step itself was the movement (with BEGIN)."""

ASSET, INDEX, T0, LON0, LAT0, SPEED0, POS0, DIST, CUM, OLD, NEXT, CELL0, CELL1, MARK, TURN, ODO0 = range(16)
"""Columns of a step: row of the asset; index of the sample; the fix before; mm from it and in all; set and
cell before and now; marks; the row in the turns, or -1; the odometer at the fix before."""
STEP_WIDTH: Final = 16
AT, LON, LAT, GONE, ODO, PLACE_LON, PLACE_LAT, PHASE = range(8)
"""Columns of a turn: the last moving fix before it (time, place, mm gone, odometer), the place of rest, the
phase before."""
TURN_WIDTH: Final = 8

_NO_FIX, _POOR_HDOP, _NULL_ISLAND = int(Flag.NO_FIX), int(Flag.POOR_HDOP), int(Flag.NULL_ISLAND)
_AHEAD, _BEHIND = int(Flag.CLOCK_AHEAD), int(Flag.CLOCK_BEHIND)
_FROZEN, _JUMP, _SPEED, _ODOMETER = int(Flag.FROZEN), int(Flag.JUMP), int(Flag.SPEED), int(Flag.ODOMETER)

_NUMBERS: Final = (
    "clock_ahead_ms",
    "poor_hdop_c",
    "jump_believed_ms",
    "jump_slack_mm",
    "jump_mm_per_s",
    "jump_agree",
    "frozen_mm",
    "speed_differs_ckmh",
    "odometer_slack_mm",
    "odometer_slack_permille",
    "moving_ckmh",
    "trip_gap_ms",
    "trip_min_mm",
)


def numbers(rules: Rules) -> Array:
    """The rules that the kernels need, int64."""
    return np.array([getattr(rules, name) for name in _NUMBERS], np.int64)


@compiled
def alone(t: int, lon: int, lat: int, hdop: int, fix: int, received: int, rules: Array) -> int:
    """The flags of a sample that follow from itself."""
    flags = 0
    if fix == 0 or fix == 1:
        flags |= _NO_FIX
    if hdop >= rules[1]:
        flags |= _POOR_HDOP
    if lon == 0 and lat == 0:
        flags |= _NULL_ISLAND
    if t > received + rules[0]:
        flags |= _AHEAD
    if t < EPOCH_2000_MS or abs(received - t - ROLLOVER_MS) <= ROLLOVER_SLACK_MS:
        flags |= _BEHIND
    return flags


@compiled
def too_fast(t0: int, lon0: int, lat0: int, t1: int, lon1: int, lat1: int, rules: Array) -> bool:
    """Whether no truck gets from the one fix to the other in time."""
    dt = t1 - t0
    if dt >= rules[2]:
        return False
    return bool(distance_mm_e7(lon0, lat0, lon1, lat1) > rules[3] + dt * rules[4] // 1000)


@compiled
def follow(
    asset: Array,
    t: Array,
    lon: Array,
    lat: Array,
    speed: Array,
    heading: Array,
    hdop: Array,
    fix: Array,
    odometer: Array,
    wheel: Array,
    received: Array,
    position: Array,
    sets: Array,
    cells: Array,
    state: Array,
    cell: Array,
    rules: Array,
    flags: Array,
    steps: Array,
    turns: Array,
) -> tuple[int, int]:
    """Fold n samples, sorted by (asset, t), each newer than the state's; returns (steps, turns) written.

    ``state``, ``cell``: by asset, changed in place. ``flags``: int64[n], ``steps``: int64[n, 16], ``turns``:
    int64[n, 8], written.
    """
    count = turned = 0
    for i in range(len(t)):
        row = asset[i]
        s = state[row]
        now, x, y = t[i], lon[i], lat[i]
        s.t = now
        s.since += 1
        flag = alone(now, x, y, hdop[i], fix[i], received[i], rules)
        if flag:
            flags[i] = flag
            s.doubt = max(s.doubt, now)
            continue
        known = s.bt != NONE
        dt = now - s.bt if known else 0
        dist = 0
        if known:
            if x == s.blon and y == s.blat:
                if wheel[i] != NONE and wheel[i] * dt // 360 >= rules[6]:
                    flags[i] = _FROZEN
                    s.doubt = max(s.doubt, now)
                    continue
            else:
                dist = distance_mm_e7(s.blon, s.blat, x, y)
            if dt < rules[2] and dist > rules[3] + dt * rules[4] // 1000:
                if s.kn > 0 and not too_fast(s.kt, s.klon, s.klat, now, x, y, rules):
                    s.kn += 1
                else:
                    s.kn = 1
                s.kt, s.klon, s.klat = now, x, y
                if s.kn < rules[5]:
                    flags[i] = _JUMP
                    s.doubt = max(s.doubt, now)
                    continue
        s.kn = 0
        s.kt = NONE
        if speed[i] != NONE and wheel[i] != NONE and abs(speed[i] - wheel[i]) >= rules[7]:
            flag |= _SPEED
        cum = s.cum + dist
        odometer_before = s.odo if s.metered else NONE
        s.metered = odometer[i] != NONE
        if odometer[i] != NONE:
            if s.odo != NONE:
                way = cum - s.odo_cum
                if abs(odometer[i] - s.odo - way) > rules[8] + way * rules[9] // 1000:
                    flag |= _ODOMETER
            s.odo = odometer[i]
            s.odo_cum = cum
        flags[i] = flag
        step = steps[count]
        step[0] = row
        step[1] = i
        step[2] = s.bt
        step[3] = s.blon
        step[4] = s.blat
        step[5] = s.bspeed if s.bspeed >= 0 else NONE
        step[6] = s.bpos
        step[7] = dist
        step[8] = cum
        step[9] = s.set
        step[10] = sets[i]
        step[11] = cell[row]
        step[12] = cells[i]
        step[15] = odometer_before
        mark = 0
        if s.set != sets[i]:
            mark |= SET
        if now >= s.wake:
            mark |= WAKE
        implied = dist * 360 // dt if known and dt > 0 else 0
        moves = speed[i] >= rules[10] if speed[i] != NONE else implied >= rules[10]
        through = known and dt >= rules[11] and implied >= rules[10]
        moves = moves or through
        if not known:
            s.still_t, s.still_lon, s.still_lat = now, x, y
            s.still_cum, s.still_odo = cum, odometer[i]
            s.resting = 0
        pause = s.phase != STANDING and now - s.still_t >= rules[11] and not through
        begins = moves and (s.phase != DRIVING or pause)
        step[14] = -1
        if pause or begins:
            turn = turns[turned]
            step[14] = turned
            turned += 1
            turn[0] = s.still_t
            turn[1] = s.still_lon
            turn[2] = s.still_lat
            turn[3] = s.still_cum
            turn[4] = s.still_odo
            turn[7] = s.phase
            if s.resting:
                turn[5], turn[6] = s.rest_lon, s.rest_lat
            elif not moves:
                turn[5], turn[6] = x, y
            else:
                turn[5], turn[6] = s.still_lon, s.still_lat
            if pause:
                mark |= PAUSE
                s.phase = STANDING
            if begins:
                mark |= BEGIN
                if through:
                    mark |= THROUGH
                s.phase = DRIVING
                s.trip_cum = s.cum if through else cum
                s.told = 0
        if moves:
            s.still_t, s.still_lon, s.still_lat = now, x, y
            s.still_cum, s.still_odo = cum, odometer[i]
            s.resting = 0
            if s.told == 0 and cum - s.trip_cum >= rules[12]:
                mark |= FAR
                s.told = 1
        elif s.resting == 0:
            s.resting = 1
            s.rest_lon, s.rest_lat = x, y
        step[13] = mark
        s.bt, s.blon, s.blat = now, x, y
        s.bpos = position[i]
        s.bspeed = speed[i] if speed[i] >= 0 else -1
        s.heading = heading[i] if heading[i] >= 0 else -1
        s.cum = cum
        s.set = sets[i]
        cell[row] = cells[i]
        count += 1
    return count, turned


@compiled
def good(t: Array, lon: Array, lat: Array, hdop: Array, fix: Array, received: Array, rules: Array) -> Array:
    """Which samples have no fault of their own: bool[n]. The others move nothing, whatever else comes."""
    out = np.empty(len(t), np.bool_)
    for i in range(len(t)):
        out[i] = alone(t[i], lon[i], lat[i], hdop[i], fix[i], received[i], rules) == 0
    return out
