"""A version of a zone: what holds from an instant on, and how it is written down."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import orjson
import shapely
from shapely.geometry import mapping, shape

from geofences.geojson import zone_properties
from geofences.zone import Zone, ZoneKind

_BESIDE: Final = frozenset({"valid_from_ms", "retired", "geometry", "why"})


@dataclass(frozen=True, slots=True)
class ZoneVersion:
    """A zone as it holds from ``valid_from_ms`` (None: ever since) until the next version of its id.

    ``retired``: from then on it does not hold at all; ``zone`` is what held before.
    """

    zone: Zone
    valid_from_ms: int | None
    retired: bool = False

    @property
    def version(self) -> str:
        """The hash of the zone's content."""
        return self.zone.version

    def data(self) -> dict[str, Any]:
        """The version as JSON values: what its event carries."""
        return {
            **zone_properties(self.zone),
            "valid_from_ms": self.valid_from_ms,
            "retired": self.retired,
            "geometry": orjson.loads(orjson.dumps(mapping(self.zone.geometry))),  # lists for tuples
        }


def plain(versions: Sequence[ZoneVersion]) -> list[list[Any]]:
    """Each as JSON values: its instant, whether retired, the zone's properties, its shape as hex WKB."""
    if not versions:
        return []
    shapes = shapely.to_wkb([v.zone.geometry for v in versions], hex=True, byte_order=1).tolist()
    return [
        [v.valid_from_ms, v.retired, zone_properties(v.zone), shape]
        for v, shape in zip(versions, shapes, strict=True)
    ]


def made(rows: Sequence[Sequence[Any]]) -> list[ZoneVersion]:
    """The versions that ``plain`` was given of."""
    if not rows:
        return []
    shapes = shapely.from_wkb([row[3] for row in rows]).tolist()
    return [
        ZoneVersion(_zone(properties, shape), from_ms, retired)
        for (from_ms, retired, properties, _), shape in zip(rows, shapes, strict=True)
    ]


def _zone(properties: Mapping[str, Any], geometry: Any) -> Zone:
    fields = {name: value for name, value in properties.items() if name not in ("version", "kind")}
    return Zone(kind=ZoneKind(properties["kind"]), geometry=geometry, **fields)


def told(data: Mapping[str, Any]) -> ZoneVersion:
    """The version whose ``data`` an event carries."""
    properties = {name: value for name, value in data.items() if name not in _BESIDE}
    return ZoneVersion(_zone(properties, shape(data["geometry"])), data["valid_from_ms"], data["retired"])
