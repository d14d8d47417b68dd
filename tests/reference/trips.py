"""Rule 10: trips and stops."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from streams.engine.settings import Rules
from tests.reference.places import way_mm
from tests.reference.values import Sample


@dataclass(slots=True)
class Run:
    """A run of movement from fix ``begin`` to fix ``last``, whether far enough for a trip or not."""

    begin: int
    last: int
    over: bool = False


def implied_ckmh(p: Sample, x: Sample) -> int:
    """The speed that the way between two fixes implies."""
    return way_mm(p, x) * 360 // max(x.t - p.t, 1)


def leaps(fixes: Sequence[Sample], n: int, rules: Rules) -> bool:
    """A step with dt >= trip_gap_ms and implied >= moving_ckmh is movement itself."""
    if n == 0:
        return False
    p, x = fixes[n - 1], fixes[n]
    return x.t - p.t >= rules.trip_gap_ms and implied_ckmh(p, x) >= rules.moving_ckmh


def moving(fixes: Sequence[Sample], n: int, rules: Rules) -> bool:
    """speed >= moving_ckmh when known, else implied (first fix: not); the end of a leap moves."""
    speed = fixes[n].speed
    if leaps(fixes, n, rules):
        return True
    if speed is not None:
        return speed >= rules.moving_ckmh
    return n > 0 and implied_ckmh(fixes[n - 1], fixes[n]) >= rules.moving_ckmh


def runs(fixes: Sequence[Sample], rules: Rules) -> list[Run]:
    """Movement, pauses shorter than trip_gap_ms merged.

    Begins with a moving fix (with the begin of the step when the step itself was the movement), ends with the
    last moving fix when a believed fix comes trip_gap_ms or more after it, but for the end of a leap.
    """
    found: list[Run] = []
    for n, x in enumerate(fixes):
        leap = leaps(fixes, n, rules)
        if found and not leap and x.t - fixes[found[-1].last].t >= rules.trip_gap_ms:
            found[-1].over = True
        if moving(fixes, n, rules):
            if not found or found[-1].over:
                found.append(Run(n - 1 if leap else n, n))
            found[-1].last = n
    return found


def trips(
    fixes: Sequence[Sample], codes: Sequence[str | None], found: Sequence[Run], rules: Rules
) -> list[dict[str, Any]]:
    """A run is a trip when its way is at least trip_min_mm."""
    return [
        trip(fixes, codes, run) for run in found if way_along(fixes, run.begin, run.last) >= rules.trip_min_mm
    ]


def way_along(fixes: Sequence[Sample], begin: int, last: int) -> int:
    """The sum of the steps from one fix to a later one."""
    return sum(way_mm(fixes[n - 1], fixes[n]) for n in range(begin + 1, last + 1))


def trip(fixes: Sequence[Sample], codes: Sequence[str | None], run: Run) -> dict[str, Any]:
    """The content of a trip. Open trips: state open, sums null."""
    begin, last = fixes[run.begin], fixes[run.last]
    way = way_along(fixes, run.begin, run.last) if run.over else None
    driven = None
    if run.over and begin.odometer is not None and last.odometer is not None:
        driven = last.odometer - begin.odometer
    return {
        "state": "closed" if run.over else "open",
        "start_ms": begin.t,
        "end_ms": last.t if run.over else None,
        "distance_mm": way,
        "odometer_mm": driven,
        "difference_mm": None if driven is None or way is None else driven - way,
        "countries": in_countries(fixes, codes, run) if run.over else None,
        "start": {"lon_e7": begin.lon, "lat_e7": begin.lat},
        "end": {"lon_e7": last.lon, "lat_e7": last.lat} if run.over else None,
    }


def in_countries(fixes: Sequence[Sample], codes: Sequence[str | None], run: Run) -> dict[str, dict[str, int]]:
    """{code: mm and ms} over the steps; a step belongs to the country of its end fix."""
    known = last_known(codes)
    sums: dict[str, dict[str, int]] = {}
    for n in range(run.begin + 1, run.last + 1):
        one = sums.setdefault(known[n], {"mm": 0, "ms": 0})
        one["mm"] += way_mm(fixes[n - 1], fixes[n])
        one["ms"] += fixes[n].t - fixes[n - 1].t
    return sums


def last_known(codes: Sequence[str | None]) -> list[str]:
    """A fix in no single country counts to the country of the fix before it; "??" when there is none."""
    known: list[str] = []
    for code in codes:
        known.append(code or (known[-1] if known else "??"))
    return known


def stops(fixes: Sequence[Sample], found: Sequence[Run], rules: Rules) -> list[dict[str, Any]]:
    """From the last moving fix (or the asset's first believed fix) to the next begin of a trip, when some
    believed fix in it has t - its begin >= trip_gap_ms."""
    if not fixes:
        return []
    begins = [0, *(run.last for run in found)]
    ends: list[int | None] = [*(run.begin for run in found), None]
    result = []
    for number, (begin, end) in enumerate(zip(begins, ends, strict=True)):
        newest = len(fixes) - 1 if end is None else end
        if fixes[newest].t - fixes[begin].t >= rules.trip_gap_ms:
            result.append(stop(fixes, begin, end, number == 0, rules))
    return result


def stop(fixes: Sequence[Sample], begin: int, end: int | None, first: bool, rules: Rules) -> dict[str, Any]:
    """The content of a stop. Place: the first believed fix after the last moving one; that one itself when
    the next fix moves."""
    place = fixes[begin if first or moving(fixes, begin + 1, rules) else begin + 1]
    return {
        "state": "open" if end is None else "closed",
        "start_ms": fixes[begin].t,
        "end_ms": None if end is None else fixes[end].t,
        "duration_ms": None if end is None else fixes[end].t - fixes[begin].t,
        "lon_e7": place.lon,
        "lat_e7": place.lat,
        "open_beginning": first,
    }
