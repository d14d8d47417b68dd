"""Zones: listed, shown with their versions, checked, tried on the past, published, retired."""

from __future__ import annotations

import asyncio
import time
from typing import Annotated, Any

import orjson
from fastapi import APIRouter, Query, Request, Response

from api import paging, zones
from api.answer import answer
from api.auth import Clearing, Scoped
from api.errors import Problem, away, not_found, shown
from api.paging import After
from api.ports import DryRunChange, DryRunResult
from api.render import render
from api.schemas import FeatureCollection, Zone, ZoneCheck, ZoneDryRun, ZonesPublished
from api.scope import Scope
from api.times import Instant
from geofences.geojson import zone_feature
from geofences.imports import Options
from geofences.zone import ZoneKind
from streams.zones import ZoneBookError, batches

router = APIRouter(tags=["zones"])
_GEOJSON = "application/geo+json"
_MOST = 10_000
_JSON_BODY: dict[str, Any] = {
    "requestBody": {"required": True, "content": {"application/json": {"schema": {"type": "object"}}}}
}
_FILE_BODY: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "content": {
            "application/json": {"schema": {"type": "object"}},
            "application/octet-stream": {"schema": {"type": "string", "format": "binary"}},
        },
    }
}
At = Annotated[Instant | None, Query(description="In force at this instant; now when not given.")]


@router.get(
    "/v1/zones",
    response_model=FeatureCollection,
    responses={
        200: {"content": {_GEOJSON: {}}, "description": "A polygon a zone; `next` when there is more."}
    },
)
def list_zones(
    scope: Clearing,
    kinds: Annotated[str | None, Query(max_length=200, description="Kinds, separated by commas.")] = None,
    gate: Annotated[str | None, Query(max_length=200)] = None,
    at: At = None,
    limit: Annotated[int, Query(ge=1, le=_MOST, description="How many zones at most.")] = _MOST,
    after: After = None,
) -> Response:
    """Zones in force; without `kinds` all but countries, whose outlines are large."""
    wanted = _kinds(kinds)
    place = paging.decode_after("zones", after, (int, int))
    last, at_ms = place if place else (-1, _now() if at is None else at)
    found = [
        (number, version)
        for number, version in scope.zone_book.numbered(at_ms, last)
        if version.zone.kind in wanted and (gate is None or version.zone.gate == gate)
    ]
    body: dict[str, Any] = {
        "type": "FeatureCollection",
        "features": [zones.feature(v) for _, v in found[:limit]],
    }
    body["next"] = paging.encode_next("zones", (found[limit - 1][0], at_ms)) if len(found) > limit else None
    return Response(orjson.dumps(body), media_type=_GEOJSON)


@router.get("/v1/zones/{zone}", response_model=Zone, responses={200: {"content": {_GEOJSON: {}}}})
def get_zone(scope: Clearing, zone: str, at: At = None) -> Response:
    """One zone as it holds at an instant, with all its versions; `in_force` is false when it is retired."""
    return _zone(scope, zone, at)


@router.post("/v1/zones", response_model=ZonesPublished, openapi_extra=_JSON_BODY)
async def publish_zones(scope: Scoped, request: Request) -> Response:
    """Publish zones (`zones`: GeoJSON features) that hold from `valid_from` on, now when not given.

    All are checked before the first is published; what is not sound is refused, not repaired. An id that is
    known becomes a new version.
    """
    scope.may_edit_zones()
    document = zones.members(await request.body(), ("zones", "valid_from", "valid_from_ms"))
    from_ms = zones.instant(document, _now())
    sound = (await asyncio.to_thread(zones.check, document.get("zones"), scope.zone_book)).sound()
    if not sound:
        raise Problem(422, "zones: got none, want at least one feature")
    for part in await asyncio.to_thread(batches, map(zone_feature, sound)):
        await scope.command("zone.publish", {"zones": part, "valid_from_ms": from_ms})
    valid_from = zones.when(from_ms)
    published = [{"id": z.id, "version": z.version, "valid_from": valid_from} for z in sound]
    return answer({"zones": published, "valid_from": valid_from})


@router.delete("/v1/zones/{zone}", response_model=Zone, responses={200: {"content": {_GEOJSON: {}}}})
async def retire_zone(
    scope: Scoped,
    zone: str,
    valid_from: Annotated[Instant | None, Query(description="Now if not given.")] = None,
) -> Response:
    """Let a zone hold no more, from `valid_from` on; its versions stay known."""
    scope.may_edit_zones()
    from_ms = _now() if valid_from is None else valid_from
    _refuse_retiring(scope, zone, from_ms)
    await scope.command("zone.retire", {"ids": [zone], "valid_from_ms": from_ms})
    return await asyncio.to_thread(_zone, scope, zone, from_ms)


@router.post("/v1/zones/check", response_model=ZoneCheck, openapi_extra=_FILE_BODY)
async def check_zones(
    scope: Scoped,
    request: Request,
    file: Annotated[str | None, Query(max_length=200, description="The body is a file of this name.")] = None,
    prefix: Annotated[str | None, Query(max_length=50)] = None,
    kind: ZoneKind = ZoneKind.CUSTOM,
    grace_s: Annotated[int, Query(ge=0, le=2_592_000)] = 0,
    min_dwell_s: Annotated[int, Query(ge=0, le=2_592_000)] = 0,
    name: Annotated[str | None, Query(max_length=100, description="The property with the name.")] = None,
) -> Response:
    """Check zones and give their repaired form; nothing is published.

    The body is JSON with `zones`, or with `?file=` a file: GeoJSON, KML, WKT, CSV circles.
    """
    body = await request.body()
    if file is None:
        features = zones.members(body, ("zones",)).get("zones")
        checked = await asyncio.to_thread(zones.check, features, scope.zone_book)
    else:
        options = Options(prefix, kind, grace_s, min_dwell_s, name)
        checked = await asyncio.to_thread(zones.check_file, file, body, options, scope.zone_book)
    findings = [zones.finding(one) for one in checked.findings]
    return answer({"zones": [zones.repaired(zone) for zone in checked.zones], "findings": findings})


@router.post("/v1/zones/dry-run", response_model=ZoneDryRun, openapi_extra=_JSON_BODY)
async def try_zones(scope: Scoped, request: Request) -> Response:
    """Which visits and crossings of the last `days` publishing `zones` and retiring `retire` would change."""
    scope.may_edit_zones()
    run = scope.ports.dry_run
    if run is None:
        raise away("dry runs are not offered by this installation", 3600)
    document = zones.members(await request.body(), ("zones", "retire", "days"))
    days = zones.days(document.get("days", 7))
    ids = document.get("retire") or []
    if not isinstance(ids, list) or not all(isinstance(id_, str) for id_ in ids):
        raise Problem(422, f"retire: got {shown(ids)}, want a list of zone ids")
    for id_ in ids:
        _refuse_retiring(scope, id_, _now())
    features = document.get("zones") or []
    sound = (await asyncio.to_thread(zones.check, features, scope.zone_book)).sound()
    if not sound and not ids:
        raise Problem(422, "nothing to try: got neither zones nor retire")
    result = await asyncio.to_thread(run, scope.tenant, sound, ids, days)
    return answer(_result(result))


def _zone(scope: Scope, id_: str, at_ms: int | None) -> Response:
    made = zones.whole(scope.zone_book, id_, _now() if at_ms is None else at_ms)
    if made is None:
        raise not_found("zone", id_)
    return Response(orjson.dumps(made), media_type=_GEOJSON)


def _refuse_retiring(scope: Scope, id_: str, from_ms: int) -> None:
    try:
        scope.zone_book.allow_retiring(id_, from_ms)
    except ZoneBookError as error:
        if error.code == "unknown":
            raise not_found("zone", id_) from None
        raise Problem(422, str(error), error.code) from None


def _result(result: DryRunResult) -> dict[str, Any]:
    return {
        "added": [_change(one) for one in result.added],
        "removed": [_change(one) for one in result.removed],
        "moved": [_change(one) for one in result.moved],
        "assets": result.assets,
        "samples": result.samples,
    }


def _change(one: DryRunChange) -> dict[str, Any]:
    return {
        "kind": one.kind,
        "id": one.id,
        "asset": one.asset,
        "what": list(one.what),
        "before": None if one.before is None else render(dict(one.before)),
        "after": None if one.after is None else render(dict(one.after)),
    }


def _kinds(text: str | None) -> set[ZoneKind]:
    if text is None:
        return set(ZoneKind) - {ZoneKind.COUNTRY}
    known = {kind.value for kind in ZoneKind}
    for name in text.split(","):
        if name not in known:
            raise Problem(422, f"kinds: got {shown(name)!r}, want any of {','.join(sorted(known))}")
    return {ZoneKind(name) for name in text.split(",")}


def _now() -> int:
    return int(time.time() * 1000)
