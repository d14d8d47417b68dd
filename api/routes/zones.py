"""Zones as GeoJSON."""

from __future__ import annotations

from typing import Annotated, Any

import orjson
import shapely
from fastapi import APIRouter, Query, Response

from api.auth import Scoped
from api.errors import Problem, shown
from api.schemas import FeatureCollection
from geofences.geojson import zone_properties
from geofences.zone import Zone, ZoneKind

router = APIRouter(tags=["zones"])
_GEOJSON = "application/geo+json"


@router.get(
    "/v1/zones",
    response_model=FeatureCollection,
    responses={200: {"content": {_GEOJSON: {}}, "description": "A polygon a zone."}},
)
def zones(
    scope: Scoped,
    kinds: Annotated[str | None, Query(max_length=200, description="Kinds, separated by commas.")] = None,
    gate: Annotated[str | None, Query(max_length=200)] = None,
) -> Response:
    """Zones; without `kinds` all but countries, whose outlines are large."""
    wanted = _kinds(kinds)
    chosen = [z for z in scope.zones if z.kind in wanted and (gate is None or z.gate == gate)]
    body = {"type": "FeatureCollection", "features": [_feature(zone) for zone in chosen]}
    return Response(orjson.dumps(body), media_type=_GEOJSON)


def _kinds(text: str | None) -> set[ZoneKind]:
    if text is None:
        return set(ZoneKind) - {ZoneKind.COUNTRY}
    known = {kind.value for kind in ZoneKind}
    for name in text.split(","):
        if name not in known:
            raise Problem(422, f"kinds: got {shown(name)!r}, want any of {','.join(sorted(known))}")
    return {ZoneKind(name) for name in text.split(",")}


def _feature(zone: Zone) -> dict[str, Any]:
    geometry = orjson.Fragment(shapely.to_geojson(zone.geometry))
    return {"type": "Feature", "id": zone.id, "geometry": geometry, "properties": zone_properties(zone)}
