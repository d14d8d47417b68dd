"""Grades of an asset's signals over a period: computed from its stored samples when asked."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any, Final

from fastapi import APIRouter, Response

from api.answer import answer
from api.auth import Scoped
from api.errors import Problem
from api.routes.tracks import From, To
from api.samples import Around, around, samples
from api.schemas import Quality
from api.times import format_instant
from streams.engine.grades import Datum, Grades, grade
from streams.engine.jamming import JammedSpan
from streams.engine.spoofing import OddSpan

router = APIRouter(tags=["history"])
_DAY_MS: Final = 86_400_000
_MOST_DAYS: Final = 7


@router.get("/v1/assets/{asset}/quality", response_model=Quality)
def quality(scope: Scoped, asset: str, start: From = None, end: To = None) -> Response:
    """How far the asset's signals can be trusted: jamming, spoofing, frozen fixes, clock, datum."""
    start_ms, end_ms = _period(start, end)
    held = scope.asset(asset)
    rows, flags = samples(scope, held, start_ms, end_ms)
    others = around(scope, held, rows, flags)
    found = grade(rows, flags, others.neighbours)
    head = {"asset": held.id, "from": format_instant(start_ms), "to": format_instant(end_ms)}
    return answer(head | shown(found, others))


def shown(found: Grades, others: Around) -> dict[str, Any]:
    """Grades as JSON values in the units of the API."""
    jamming, spoofing, frozen, clock = found.jamming, found.spoofing, found.frozen, found.clock
    return {
        "samples": found.samples,
        "positions": found.placed,
        "believed": found.believed,
        "believed_share": _share(found.believed, found.placed),
        "flags": {name.lower(): count for name, count in found.flags.items()},
        "jamming": {
            "grade": jamming.grade,
            "why": jamming.why,
            "assets_read": others.read,
            "assets_left_out": others.left_out,
            "spans": [_jammed(span) for span in jamming.spans],
        },
        "spoofing": {
            "grade": spoofing.grade,
            "why": spoofing.why,
            "windows": spoofing.windows,
            "compared": spoofing.compared,
            "not_used": list(spoofing.not_used),
            "spans": [_odd(span) for span in spoofing.spans],
        },
        "frozen": {
            "grade": frozen.grade,
            "samples": frozen.samples,
            "share": _share(frozen.samples, found.placed),
            "longest_s": frozen.longest_ms / 1000,
        },
        "clock": {
            "grade": clock.grade,
            "ahead_share": _share(clock.ahead, found.placed),
            "behind_share": _share(clock.behind, found.placed),
        },
        "datum": _datum(found.datum),
    }


def _jammed(span: JammedSpan) -> dict[str, Any]:
    loss = span.loss
    return {
        "grade": span.grade,
        "why": span.why,
        "from": format_instant(loss.start_ms),
        "to": format_instant(loss.end_ms),
        "lost_s": loss.lost_ms / 1000,
        "turning_s": loss.turning_ms / 1000,
        "wheels_m": loss.wheels_mm / 1000,
        "before": _place(loss.before),
        "after": _place(loss.after),
        "fits_wheels": loss.fits,
        "neighbours_with_fix": span.neighbours_with_fix,
        "neighbours_without": span.neighbours_without,
    }


def _odd(span: OddSpan) -> dict[str, Any]:
    return {
        "grade": span.grade,
        "from": format_instant(span.start_ms),
        "to": format_instant(span.end_ms),
        "windows": span.windows,
        "off": span.off,
        "path_m": span.path_mm / 1000,
        "beeline_m": span.beeline_mm / 1000,
        "wheels_m": span.wheels_mm / 1000,
        "turn_deg": span.turn_deg,
        "faster_kmh": None if span.faster_ckmh is None else span.faster_ckmh / 100,
    }


def _datum(found: Datum) -> Mapping[str, Any]:
    told = found.suspicion
    return {
        "grade": found.grade,
        "why": found.why,
        "datum": None if told is None else told.datum,
        "places": None if told is None else told.places,
    }


def _place(place: tuple[int, int] | None) -> dict[str, float] | None:
    return None if place is None else {"lon": place[0] / 1e7, "lat": place[1] / 1e7}


def _share(count: int, of: int) -> float | None:
    return count / of if of else None


def _period(start: int | None, end: int | None) -> tuple[int, int]:
    end = int(time.time() * 1000) if end is None else end
    start = end - _DAY_MS if start is None else start
    if start >= end:
        raise Problem(422, "period is empty: got from at or after to, want from before to")
    if end - start > _MOST_DAYS * _DAY_MS:
        raise Problem(422, f"period: got {(end - start) / _DAY_MS:.1f} days, want at most {_MOST_DAYS}")
    return start, end
