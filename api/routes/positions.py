"""Latest positions as GeoJSON, built from columns."""

from __future__ import annotations

from typing import Annotated, Any

import numpy as np
import orjson
from fastapi import APIRouter, Query, Response

from api.auth import Clearing
from api.directory import UNKNOWN, Label
from api.errors import Problem, shown
from api.ports import PositionTable
from api.schemas import FeatureCollection

router = APIRouter(tags=["positions"])
_GEOJSON = "application/geo+json"


@router.get(
    "/v1/positions",
    response_model=FeatureCollection,
    responses={200: {"content": {_GEOJSON: {}}, "description": "A point an asset."}},
)
def positions(
    scope: Clearing,
    bbox: Annotated[str | None, Query(max_length=100, description="west,south,east,north in degrees")] = None,
) -> Response:
    """Where every asset was last seen."""
    table, labels = scope.positions()
    if bbox is not None:
        table = table.take(_inside(table, _box(bbox)))
    features = _features(table, labels)
    return Response(orjson.dumps({"type": "FeatureCollection", "features": features}), media_type=_GEOJSON)


def _box(text: str) -> tuple[float, float, float, float]:
    try:
        west, south, east, north = (float(part) for part in text.split(","))
    except ValueError:
        raise Problem(422, f"bbox: got {shown(text)}, want west,south,east,north in degrees") from None
    if not (abs(west) <= 180 and abs(east) <= 180 and -90 <= south <= north <= 90):
        raise Problem(
            422, f"bbox: got {shown(text)}, want longitudes within 180 and latitudes south to north"
        )
    return west, south, east, north


def _inside(table: PositionTable, box: tuple[float, float, float, float]) -> np.ndarray[Any, Any]:
    west, south, east, north = box
    lon, lat = table.lon_e7 / 1e7, table.lat_e7 / 1e7
    across = (lon >= west) & (lon <= east) if west <= east else (lon >= west) | (lon <= east)
    return np.flatnonzero(across & (lat >= south) & (lat <= north))


def _features(table: PositionTable, labels: dict[str, Label]) -> list[dict[str, Any]]:
    times = np.datetime_as_string(table.t_ms.astype("datetime64[ms]"), unit="ms", timezone="UTC").tolist()
    columns = zip(
        table.asset,
        (table.lon_e7 / 1e7).tolist(),
        (table.lat_e7 / 1e7).tolist(),
        table.device,
        times,
        (table.speed_ckmh / 100).tolist(),
        (table.heading_cdeg / 100).tolist(),
        table.country,
        table.state,
        (table.trip_mm / 1000).tolist(),
        strict=True,
    )
    features = []
    for asset, lon, lat, device, t, speed, heading, country, state, trip in columns:
        label = labels.get(asset, UNKNOWN)
        properties = {
            "asset": asset,
            "vin": label.vin or None,
            "name": label.name,
            "fleet": label.fleet,
            "device": device or None,
            "t": t,
            "speed_kmh": speed if speed >= 0 else None,
            "heading_deg": heading if heading >= 0 else None,
            "country": country or None,
            "state": state,
            "trip_m": trip if trip >= 0 else None,
        }
        geometry = {"type": "Point", "coordinates": (lon, lat)}
        features.append({"type": "Feature", "id": asset, "geometry": geometry, "properties": properties})
    return features
