"""Where things are: zones, gates, the index that finds zones by place, and distances on the ellipsoid."""

from geofences.errors import GeofenceError, GeometryRefusedError
from geofences.index import ZoneIndex
from geofences.iso3166 import ALPHA2, NUMERIC
from geofences.world import default_index, world
from geofences.zone import Gate, Office, Zone, ZoneKind

__all__ = [
    "ALPHA2",
    "NUMERIC",
    "Gate",
    "GeofenceError",
    "GeometryRefusedError",
    "Office",
    "Zone",
    "ZoneIndex",
    "ZoneKind",
    "default_index",
    "world",
]
