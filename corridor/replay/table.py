"""CSV with a header: known columns by many names, other numeric ones under their own.

``speed`` is taken as km/h unless its name says m/s or knots. Rows without a usable time are skipped and
counted; cells that are no numbers are null.
"""

from __future__ import annotations

import csv
import math
import re
from collections.abc import Mapping

from corridor.replay.errors import ReplayError
from corridor.replay.instants import parse_instant
from corridor.replay.recording import Piece, Recording, place_ok

_NAMES: dict[str, tuple[str, ...]] = {
    "t": ("t", "time", "timestamp", "ts", "datetime", "date_time", "utc", "time_utc", "t_ms", "gps_time"),
    "lon": ("lon", "lng", "long", "longitude", "lon_deg", "x"),
    "lat": ("lat", "latitude", "lat_deg", "y"),
    "alt_m": ("alt_m", "alt", "altitude", "altitude_m", "ele", "elevation", "height"),
    "speed_kmh": ("speed_kmh", "speed", "velocity", "speed_km_h", "kmh", "gps_speed"),
    "heading_deg": ("heading_deg", "heading", "course", "bearing", "azimuth", "track", "direction"),
    "sats": ("sats", "satellites", "nsat", "num_sats", "sat"),
}
_MS = ("speed_m_s", "speed_ms", "speed_mps", "mps")
_KNOTS = ("speed_kn", "speed_knots", "knots")
_ALIAS = {alias: name for name, aliases in _NAMES.items() for alias in aliases}
_LEGAL = re.compile(r"[a-z][a-z0-9_]{0,47}")
MAX_SIGNALS = 64


def read(data: bytes, name: str) -> Recording:
    """The table's rows as samples; raises ``ReplayError`` when the header has no time or nothing to play."""
    lines = data.decode("utf-8-sig", "replace").splitlines()
    delimiter = max(",;\t", key=lines[0].count)
    rows = csv.reader(lines, delimiter=delimiter, skipinitialspace=True)
    try:
        header = [_column(cell) for cell in next(rows)]
        table = [row for row in rows if any(cell.strip() for cell in row)]
    except (csv.Error, StopIteration) as error:
        raise ReplayError(f"not CSV: {name}: got {error}, want a table with a header") from None
    shown = ", ".join(cell.strip() for cell in lines[0].split(delimiter))[:100]
    if "t" not in header:
        raise ReplayError(f"no time in CSV: {name}: got header {shown}, want a column t, time or timestamp")
    if len({column for column in header if column} - {"t"}) == 0:
        raise ReplayError(f"no values in CSV: {name}: got header {shown}, want lon, lat or signals")
    pieces = [piece for row in table if (piece := _piece(header, row)) is not None]
    if not pieces:
        raise ReplayError(
            f"no usable row in CSV: {name}: got {len(table)} rows, want ISO 8601 or epoch times"
        )
    pieces.sort(key=lambda piece: piece.at_ms)
    return Recording(name, "csv", pieces, len(table) - len(pieces))


def _column(cell: str) -> str:
    """The wire's name of a column, empty when it can have none."""
    plain = re.sub(r"[^a-z0-9]+", "_", cell.strip().lower()).strip("_")
    if plain in _MS or plain in _KNOTS:
        return plain
    plain = _ALIAS.get(plain, plain)
    return plain if _LEGAL.fullmatch(plain) else ""


def _piece(header: list[str], cells: list[str]) -> Piece | None:
    values: dict[str, float | int | None] = {}
    t_ms: int | None = None
    for column, cell in zip(header, cells, strict=False):
        if column == "t":
            t_ms = parse_instant(cell)
        elif column and column not in values and len(values) < MAX_SIGNALS:
            values[column] = _number(cell)
    row = _units(values)
    lon, lat = row.get("lon"), row.get("lat")
    if t_ms is None or not any(value is not None for value in row.values()):
        return None
    if lon is None or lat is None or not place_ok(lon, lat):
        row.pop("lon", None)
        row.pop("lat", None)
    return Piece(t_ms, rows=[(t_ms, row)])


def _units(values: Mapping[str, float | int | None]) -> dict[str, float | int | None]:
    row: dict[str, float | int | None] = {}
    for column, value in values.items():
        if column in _MS or column in _KNOTS:
            factor = 3.6 if column in _MS else 1.852
            row["speed_kmh"] = None if value is None else round(value * factor, 3)
        else:
            row[column] = value
    return row


def _number(cell: str) -> float | None:
    try:
        value = float(cell.strip())
    except ValueError:
        return None
    return value if math.isfinite(value) else None
