"""Zones from the files that people have: GeoJSON, KML, WKT, CSV circles.

`read_zone_file` gives the zones that are sound or could be mended, and a finding for everything that was
refused, repaired or looks odd. Pure: bytes in, values out.
"""

from geofences.imports.draft import Options
from geofences.imports.files import Form, read_document, read_zone_file
from geofences.imports.findings import Finding, Severity

__all__ = ["Finding", "Form", "Options", "Severity", "read_document", "read_zone_file"]
