"""Zones and gates: the values that the rest of the house speaks of.

A zone is an area with a name: a country, the approach to a gate, a port, a yard, the surroundings of a
route, or one drawn by a customer. A gate is a place where a road crosses a border, with the zones on its
two sides and the piece of border line between them. Both are frozen; a zone's version is the hash of its
content, so an edit is a new version and a copy is the same one.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from hashlib import sha256

import orjson
import shapely
from shapely import MultiPolygon, Polygon
from shapely.geometry.base import BaseGeometry

from geofences.errors import GeometryRefusedError
from geofences.iso3166 import NUMERIC


class ZoneKind(StrEnum):
    """What a zone is for."""

    COUNTRY = "country"
    APPROACH = "approach"
    PORT = "port"
    YARD = "yard"
    ROUTE = "route"
    CUSTOM = "custom"


@dataclass(frozen=True, slots=True)
class Zone:
    """One area. ``country`` and ``side`` are ISO 3166-1 alpha-2; ``side`` is the gate's side it serves.

    ``grace_s``: gaps between two stays that are shorter are no gap; ``min_dwell_s``: a stay that is shorter
    is no visit. ``plausible`` says that the outline was drawn by plausibility, not surveyed. ``geometry``
    lies in WGS84 degrees, lon before lat; its border belongs to it.
    """

    id: str
    kind: ZoneKind
    name: str
    geometry: Polygon | MultiPolygon
    gate: str | None = None
    side: str | None = None
    country: str | None = None
    grace_s: int = 0
    min_dwell_s: int = 0
    plausible: bool = False
    version: str = field(init=False)

    def __post_init__(self) -> None:
        for code in (self.country, self.side):
            if code is not None and code not in NUMERIC:
                raise GeometryRefusedError(
                    f"zone {self.id!r}: country not known: got {code!r}, want ISO 3166-1 alpha-2"
                )
        if self.kind is ZoneKind.COUNTRY and self.country is None:
            raise GeometryRefusedError(f"zone {self.id!r}: a zone of kind country needs its country")
        object.__setattr__(self, "version", _content_hash(self))


@dataclass(frozen=True, slots=True)
class Office:
    """A code of a place at a gate in some authority's list, such as UN/LOCODE."""

    country: str
    scheme: str
    code: str
    note: str | None = None


@dataclass(frozen=True, slots=True)
class Gate:
    """A road border crossing between countries ``a`` and ``b`` (ISO 3166-1 alpha-2).

    Ports and approaches are zone ids. ``line`` is the border line near the gate, ``lon``/``lat`` the point
    of it where the road passes (plausible, not surveyed).
    """

    id: str
    name: str
    a_country: str
    b_country: str
    a_ports: tuple[str, ...]
    b_ports: tuple[str, ...]
    a_approaches: tuple[str, ...]
    b_approaches: tuple[str, ...]
    line: BaseGeometry
    lon: float
    lat: float
    offices: tuple[Office, ...] = ()


def _content_hash(zone: Zone) -> str:
    """SHA-256 of the zone's properties as canonical JSON and its coordinates as little-endian WKB."""
    names = [zone.id, zone.kind.value, zone.name, zone.gate, zone.side, zone.country]
    properties = [*names, zone.grace_s, zone.min_dwell_s, zone.plausible]
    return sha256(orjson.dumps(properties) + b"\n" + shapely.to_wkb(zone.geometry, byte_order=1)).hexdigest()
