"""Harsh driving in the samples of reports, found as columns.

Two samples of one report at most PAIR_MS apart are judged by the change between them: of the wheels' speed
where both have it, else of the satellites'. A report is whole or absent, so what is found follows from the
set of reports alone. Each report gives at most one find of each sort, its hardest. All integers.
"""

from __future__ import annotations

from typing import Any, Final, TypeAlias

import numpy.typing as npt

from geofences.compiled import compiled

Array: TypeAlias = npt.NDArray[Any]

PAIR_MS: Final = 2_000
"""Samples further apart say nothing about how hard one braked."""
LEAST_MS: Final = 400
"""Of samples closer than that the noise of the speed says more than the speed."""
BRAKING: Final = 3_000
"""mm/s2, from here on braking is harsh: about 0.3 g, more than a laden truck needs in traffic."""
ACCELERATION: Final = 2_000
CORNERING: Final = 3_000
CRASH: Final = 6_000
"""mm/s2 of braking that no truck's brakes give on a dry road: crash suspected, if it then stands still."""
TURNING_CKMH: Final = 1_500
"""Below that speed the course of satellites says nothing."""
SORTS: Final = ("harsh_braking", "harsh_acceleration", "harsh_cornering")
WIDTH: Final = 10
"""Columns of ``told``: asset row; t, lon, lat of the first and of the last sample; how it was signed (0 not,
1 holds, 2 by a revoked key); ms between samples close enough to judge; samples."""


@compiled
def judge(
    report: Array,
    wanted: Array,
    signed: Array,
    t: Array,
    lon: Array,
    lat: Array,
    speed: Array,
    wheel: Array,
    heading: Array,
    told: Array,
    peaks: Array,
    places: Array,
) -> tuple[int, int]:
    """Sum up the wanted reports of a frame, and find what was harsh in them.

    All samples have a place. ``report``: of each sample its report, ascending; ``wanted``: of each report its
    asset's row or -1;
    ``told``: int64[reports, WIDTH], filled; ``peaks``: int64[samples], ``places``: int64[samples, 3] with
    the second sample of a find, its report and its sort. Returns how many of ``told`` and of ``places`` are
    filled. ``peaks``: mm/s2 of each find.
    """
    n, made, finds = len(report), 0, 0
    i = 0
    while i < n:
        number = report[i]
        end = i + 1
        while end < n and report[end] == number:
            end += 1
        if wanted[number] >= 0:
            seen, first, last = 0, i, i
            best0, best1, best2 = BRAKING - 1, ACCELERATION - 1, CORNERING - 1
            at0, at1, at2 = -1, -1, -1
            for k in range(i + 1, end):
                if t[k] < t[first]:
                    first = k
                if t[k] >= t[last]:
                    last = k
                gone = t[k] - t[k - 1]
                if gone < LEAST_MS or gone > PAIR_MS:
                    continue
                before, after = speed[k - 1], speed[k]
                if wheel[k - 1] >= 0 and wheel[k] >= 0:
                    before, after = wheel[k - 1], wheel[k]
                if before < 0 or after < 0:
                    continue
                seen += gone
                change = (after - before) * 25_000  # 0.01 km/h in ms is 25000/9 mm/s2
                if -change > best0 * 9 * gone and -change // (9 * gone) > best0:
                    best0, at0 = -change // (9 * gone), k
                if change > best1 * 9 * gone and change // (9 * gone) > best1:
                    best1, at1 = change // (9 * gone), k
                turns = heading[k - 1] >= 0 and heading[k] >= 0 and heading[k] != heading[k - 1]
                if turns and before >= TURNING_CKMH and after >= TURNING_CKMH:
                    turn = (heading[k] - heading[k - 1] + 18_000) % 36_000 - 18_000
                    # 0.01 km/h times 0.01 degree in ms is 0.484814 mm/s2
                    across = abs((before + after) // 2 * turn) * 48_481 // (100_000 * gone)
                    if across > best2:
                        best2, at2 = across, k
            told[made, 0] = wanted[number]
            told[made, 1], told[made, 2], told[made, 3] = t[first], lon[first], lat[first]
            told[made, 4], told[made, 5], told[made, 6] = t[last], lon[last], lat[last]
            told[made, 7], told[made, 8], told[made, 9] = signed[number], seen, end - i
            made += 1
            for sort in range(3):
                at, best = (at0, best0) if sort == 0 else (at1, best1) if sort == 1 else (at2, best2)
                if at >= 0:
                    peaks[finds] = best
                    places[finds, 0], places[finds, 1], places[finds, 2] = at, number, sort
                    finds += 1
        i = end
    return made, finds
