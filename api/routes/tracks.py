"""An asset's track and signals over a period, in the format that the client wants."""

from __future__ import annotations

import re
import time
from typing import Annotated

from fastapi import APIRouter, Header, Query, Response

from api.auth import Scoped
from api.errors import Problem, shown
from api.formats import MEDIA_TYPES, Format, choose
from api.schemas import Page
from api.times import Instant
from api.tracks import SIGNAL_FORMATS, TRACK_FORMATS, in_units, write
from feeds.readmodel import StoredObject

router = APIRouter(tags=["history"])
_DAY_MS = 86_400_000
_NAME = re.compile(r"[a-z][a-z0-9_]{0,47}")
_MAX_NAMES = 32
_MAX_POINTS = 200_000

From = Annotated[Instant | None, Query(alias="from", description="A day before `to` when left out.")]
To = Annotated[Instant | None, Query(alias="to", description="Now when left out.")]
Points = Annotated[
    int, Query(ge=2, le=_MAX_POINTS, description="At most so many samples, chosen so that the shape stays.")
]
Named = Annotated[str | None, Query(alias="format", max_length=20)]
Accept = Annotated[str | None, Header()]


def _content(formats: tuple[Format, ...]) -> dict[int | str, dict[str, object]]:
    return {200: {"content": {MEDIA_TYPES[one]: {} for one in formats}, "description": "In one of these."}}


@router.get(
    "/v1/assets/{asset}/track", response_model=Page[dict[str, object]], responses=_content(TRACK_FORMATS)
)
def track(
    scope: Scoped,
    asset: str,
    start: From = None,
    end: To = None,
    points: Points = 5000,
    named: Named = None,
    accept: Accept = None,
) -> Response:
    """Where the asset was, in time order."""
    chosen = choose(named, accept, TRACK_FORMATS)
    held = scope.asset(asset)
    table = scope.track(held, *_period(start, end), points)
    return _answer(write(in_units(table), chosen, _title(held)), chosen, held, "track")


@router.get(
    "/v1/assets/{asset}/track.{extension}", responses=_content(TRACK_FORMATS), include_in_schema=False
)
def track_file(
    scope: Scoped, asset: str, extension: str, start: From = None, end: To = None, points: Points = 5000
) -> Response:
    """The same, with the format as an extension."""
    return track(scope, asset, start, end, points, extension, None)


@router.get(
    "/v1/assets/{asset}/signals", response_model=Page[dict[str, object]], responses=_content(SIGNAL_FORMATS)
)
def signals(
    scope: Scoped,
    asset: str,
    names: Annotated[str, Query(max_length=2000, description="Signals, separated by commas.")],
    start: From = None,
    end: To = None,
    points: Points = 5000,
    named: Named = None,
    accept: Accept = None,
) -> Response:
    """What the asset measured, in time order: `speed_kmh,engine_rpm,...` or a signal of its own."""
    chosen = choose(named, accept, SIGNAL_FORMATS)
    wanted = _names(names)
    held = scope.asset(asset)
    table = scope.signals(held, wanted, *_period(start, end), points)
    return _answer(write(in_units(table), chosen, _title(held)), chosen, held, "signals")


@router.get("/v1/assets/{asset}/signals.{extension}", include_in_schema=False)
def signals_file(
    scope: Scoped,
    asset: str,
    extension: str,
    names: Annotated[str, Query(max_length=2000)],
    start: From = None,
    end: To = None,
    points: Points = 5000,
) -> Response:
    """The same, with the format as an extension."""
    return signals(scope, asset, names, start, end, points, extension, None)


def _period(start: int | None, end: int | None) -> tuple[int, int]:
    end = int(time.time() * 1000) if end is None else end
    start = end - _DAY_MS if start is None else start
    if start >= end:
        raise Problem(422, "period is empty: got from at or after to, want from before to")
    return start, end


def _names(text: str) -> list[str]:
    names = list(dict.fromkeys(name.strip() for name in text.split(",")))
    for name in names:
        if not _NAME.fullmatch(name):
            raise Problem(422, f"names: got {shown(name)!r}, want signals such as speed_kmh,engine_rpm")
    if len(names) > _MAX_NAMES:
        raise Problem(422, f"names: got {len(names)} signals, want at most {_MAX_NAMES}")
    return names


def _title(asset: StoredObject) -> str:
    return str(asset.data.get("name") or asset.data["vin"])


def _answer(body: bytes, chosen: Format, asset: StoredObject, what: str) -> Response:
    headers = {"Vary": "Accept"}
    if chosen not in (Format.JSON, Format.GEOJSON):
        headers["Content-Disposition"] = f'attachment; filename="{asset.data["vin"]}-{what}.{chosen}"'
    return Response(body, headers=headers, media_type=MEDIA_TYPES[chosen])
