"""A feature as its file has it, before anything was checked, and what an import is told beside the file."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from shapely import MultiPolygon, Polygon

from geofences.zone import ZoneKind


@dataclass(frozen=True, slots=True)
class Options:
    """What a file may leave open, or what shall hold instead of what it says.

    ``prefix`` stands before every id; ``name`` is the property that holds the name. ``kind``, ``grace_s``
    and ``min_dwell_s`` are for features that say nothing themselves.
    """

    prefix: str | None = None
    kind: ZoneKind = ZoneKind.CUSTOM
    grace_s: int = 0
    min_dwell_s: int = 0
    name: str | None = None


@dataclass(slots=True)
class Draft:
    """One feature: its number in the file from 0, how messages call it, and what the file says of it.

    ``geometry`` is a GeoJSON geometry, or a polygon that was drawn here and is sound.
    """

    number: int
    label: str
    geometry: Mapping[str, Any] | Polygon | MultiPolygon
    id: str | None = None
    properties: Mapping[str, Any] = field(default_factory=dict)
