"""CSV circles to drafts: a header with name, lat, lon and radius_m, in any order; a circle a row.

Comma, semicolon or tab. More columns are properties. A circle is drawn with 64 sides that enclose its area:
the fence is nowhere farther than 0.1 % of the radius from where it belongs.
"""

from __future__ import annotations

import csv
import io
from typing import Any, Final

import numpy as np
import shapely

from geofences import geodesy
from geofences.errors import GeometryRefusedError
from geofences.imports.draft import Draft
from geofences.seam import split, unwrapped

MAX_RADIUS_M: Final = 100_000.0
SIDES: Final = 64
_NORTHMOST: Final = 79.0
_SOUTHMOST: Final = -78.0
_CHUNK: Final = 8_192
_NEEDED: Final = ("lat", "lon", "radius_m")
_ALIASES: Final = {
    "latitude": "lat",
    "y": "lat",
    "longitude": "lon",
    "lng": "lon",
    "long": "lon",
    "x": "lon",
    "radius": "radius_m",
    "r_m": "radius_m",
}


def drafts_of(text: str) -> tuple[list[Draft], list[tuple[int | None, str]], list[tuple[int, str]]]:
    """The rows of a CSV text: drafts, repairs, refusals. Raises GeometryRefusedError for a bad header."""
    header, rows = _table(text)
    drafts: list[Draft] = []
    refused: list[tuple[int, str]] = []
    numbers: list[tuple[float, float, float]] = []
    for number, row in enumerate(rows):
        properties: dict[str, Any] = {n: v.strip() for n, v in zip(header, row, strict=False) if v.strip()}
        label = f"row {number + 2} ({properties['name']})" if "name" in properties else f"row {number + 2}"
        try:
            numbers.append(_numbers(properties, label))
        except GeometryRefusedError as error:
            refused.append((number, str(error)))
            continue
        drafts.append(Draft(number, label, shapely.Polygon(), properties.pop("id", None), properties))
    columns = np.array(numbers, dtype=np.float64).reshape(-1, 3)
    repaired: list[tuple[int | None, str]] = []
    if _swapped(columns):
        columns = columns[:, [1, 0, 2]]
        repaired.append((None, "lat and lon are swapped in every row: got columns that only fit so: swapped"))
    return _drawn(drafts, columns, refused), repaired, refused


def _table(text: str) -> tuple[list[str], list[list[str]]]:
    first = text.split("\n", 1)[0]
    delimiter = max(",;\t", key=first.count)
    try:
        records = [r for r in csv.reader(io.StringIO(text), delimiter=delimiter, strict=True) if any(r)]
    except csv.Error as error:
        raise GeometryRefusedError(f"not CSV: {error}") from None
    names = [name.strip().lower() for name in records[0]] if records else []
    header = [_ALIASES.get(name, name) for name in names]
    missing = [name for name in _NEEDED if header.count(name) != 1]
    if missing:
        raise GeometryRefusedError(
            f"header: got {', '.join(names)[:100]!r}, want name, lat, lon, radius_m in any order "
            f"({', '.join(missing)} is not there once)"
        )
    return header, records[1:]


def _numbers(properties: dict[str, Any], label: str) -> tuple[float, float, float]:
    found = []
    for name in ("lon", "lat", "radius_m"):
        text = properties.pop(name, "")
        try:
            found.append(float(text))
        except ValueError:
            raise GeometryRefusedError(f"{label}: {name}: got {text!r}, want a number") from None
    return found[0], found[1], found[2]


def _swapped(columns: Any) -> bool:
    """Whether some centre fits only with lat and lon swapped, and all would."""
    return bool(len(columns)) and not _fit(columns).all() and bool(_fit(columns[:, [1, 0, 2]]).all())


def _fit(columns: Any) -> Any:
    lon, lat = columns[:, 0], columns[:, 1]
    return (np.abs(lon) <= 180) & (lat >= _SOUTHMOST) & (lat <= _NORTHMOST)


def _drawn(drafts: list[Draft], columns: Any, refused: list[tuple[int, str]]) -> list[Draft]:
    """The drafts with their circles; those that can't be drawn go to ``refused``."""
    round_ = (columns[:, 2] > 0) & (columns[:, 2] <= MAX_RADIUS_M)
    fit = _fit(columns)
    for n in np.nonzero(~(round_ & fit))[0].tolist():
        lon, lat, radius = columns[n].tolist()
        what = f"centre is out of range: got lon {lon} lat {lat}, want lon -180..180 lat -78..79"
        if fit[n]:
            what = f"radius_m: got {radius}, want above 0 and at most {MAX_RADIUS_M:.0f}"
        elif -78 <= lon <= 79 and abs(lat) <= 180:
            what += "; lat and lon look swapped"
        refused.append((drafts[n].number, f"{drafts[n].label}: {what}"))
    good = np.nonzero(round_ & fit)[0]
    for start in range(0, len(good), _CHUNK):
        some = good[start : start + _CHUNK]
        for n, circle in zip(some.tolist(), circles(*columns[some].T).tolist(), strict=True):
            drafts[n].geometry = circle
    return [drafts[n] for n in good.tolist()]


def circles(lon: Any, lat: Any, radius_m: Any) -> Any:
    """Circles around (lon, lat) as polygons: float64[n] each, a column of n geometries."""
    turn = 2 * np.pi / SIDES
    same_area = float(np.sqrt(turn / np.sin(turn)))
    bearing = np.arange(0, -SIDES, -1) * (360.0 / SIDES) % 360.0  # against the clock, as RFC 7946 has it
    reach = np.asarray(radius_m * same_area, dtype=np.float64)[:, None]
    x, y = geodesy.destination(lon[:, None], lat[:, None], np.asarray(bearing, np.float64)[None, :], reach)
    x, y = (np.concatenate([side, side[:, :1]], axis=1) for side in (x, y))
    jumps = np.abs(np.diff(x, axis=1)).max(axis=1) > 180
    for n in np.nonzero(jumps)[0].tolist():
        x[n] = unwrapped(x[n])
    column = shapely.polygons(np.stack([x, y], axis=2))
    for n in np.nonzero(jumps)[0].tolist():
        column[n] = split(column[n])
    return column
