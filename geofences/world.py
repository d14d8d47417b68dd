"""What ships with the package: the countries of the world and the gates with their zones.

The only module here that reads files. Countries are Natural Earth's, with OpenStreetMap's border lines
near the gates; see the notices beside the data.
"""

from __future__ import annotations

from functools import lru_cache
from importlib.resources import files

from geofences.geojson import read_gates, read_zones
from geofences.index import ZoneIndex
from geofences.zone import Gate, Zone

_FILES = ("osm/gates.geojson", "osm/countries.geojson", "natural-earth/countries.geojson")


@lru_cache(maxsize=1)
def world() -> tuple[tuple[Zone, ...], tuple[Gate, ...]]:
    """All shipped zones (gates' first, then countries by precision) and gates. Read once, some 0.3 s."""
    texts = [files("geofences").joinpath("data", name).read_bytes() for name in _FILES]
    return tuple(zone for text in texts for zone in read_zones(text)), read_gates(texts[0])


def default_index() -> ZoneIndex:
    """A new index of all shipped zones."""
    return ZoneIndex(world()[0])
