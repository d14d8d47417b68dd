"""Tracks and signals as bytes in each format, from the store's columns. Pure.

Numbers are converted and texts written by Arrow as whole columns; only JSON, GeoJSON and GPX touch rows in
Python. Instants are RFC 3339 text, in Parquet and Arrow timestamps in UTC.
"""

from __future__ import annotations

from typing import Any, Final
from xml.sax.saxutils import escape

import orjson
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv
import pyarrow.parquet

from api.formats import Format

TRACK_FORMATS: Final = (
    Format.JSON,
    Format.GEOJSON,
    Format.CSV,
    Format.GPX,
    Format.PARQUET,
    Format.ARROW,
)
SIGNAL_FORMATS: Final = (Format.JSON, Format.CSV, Format.PARQUET, Format.ARROW)

_SCALED: Final = {
    "lon_e7": ("lon", 1e7),
    "lat_e7": ("lat", 1e7),
    "alt_mm": ("alt_m", 1000),
    "speed_ckmh": ("speed_kmh", 100),
    "heading_cdeg": ("heading_deg", 100),
    "hdop_c": ("hdop", 100),
    "odometer_mm": ("odometer_m", 1000),
    "wheel_ckmh": ("wheel_speed_kmh", 100),
}
_NO_EXPONENT: Final = "%Y-%m-%dT%H:%M:%SZ"


def in_units(table: pa.Table) -> pa.Table:
    """The store's columns in the API's units: ``t_ms`` a timestamp ``t``, fixed-point numbers doubles."""
    columns: dict[str, pa.ChunkedArray] = {}
    for name in table.column_names:
        column = table[name]
        if name == "t_ms":
            columns["t"] = column.cast(pa.timestamp("ms", tz="UTC"))
        elif name in _SCALED:
            new_name, divisor = _SCALED[name]
            columns[new_name] = pc.divide(column.cast(pa.float64()), float(divisor))
        else:
            columns[name] = column
    return pa.table(columns)


def write(table: pa.Table, format_: Format, name: str) -> bytes:
    """``table`` (of ``in_units``) in ``format_``; ``name`` is the asset's, for the formats that carry one."""
    match format_:
        case Format.JSON:
            return orjson.dumps({"items": _rows(table), "next": None})
        case Format.GEOJSON:
            return _geojson(table, name)
        case Format.GPX:
            return _gpx(table, name)
        case Format.CSV:
            sink = pa.BufferOutputStream()
            pyarrow.csv.write_csv(_with_texts(table), sink)
        case Format.PARQUET:
            sink = pa.BufferOutputStream()
            pyarrow.parquet.write_table(table, sink, compression="zstd")
        case Format.ARROW:
            sink = pa.BufferOutputStream()
            with pa.ipc.new_stream(sink, table.schema) as writer:
                writer.write_table(table)
    return bytes(sink.getvalue())


def _texts(table: pa.Table) -> pa.ChunkedArray:
    return pc.strftime(table["t"].cast(pa.timestamp("ms")), format=_NO_EXPONENT)


def _with_texts(table: pa.Table) -> pa.Table:
    return table.set_column(table.column_names.index("t"), "t", _texts(table))


def _rows(table: pa.Table) -> list[dict[str, Any]]:
    names = table.column_names
    columns = [column.to_pylist() for column in _with_texts(table).columns]
    return [dict(zip(names, row, strict=True)) for row in zip(*columns, strict=True)]


def _geojson(table: pa.Table, name: str) -> bytes:
    """One feature: a line, a point when there is one sample, no geometry when there is none."""
    lon, lat, alt = (table[n].to_pylist() for n in ("lon", "lat", "alt_m"))
    places = [[x, y] if z is None else [x, y, z] for x, y, z in zip(lon, lat, alt, strict=True)]
    geometry: dict[str, Any] | None = {"type": "LineString", "coordinates": places}
    if len(places) == 1:
        geometry = {"type": "Point", "coordinates": places[0]}
    if not places:
        geometry = None
    properties = {
        "name": name,
        "coordTimes": _texts(table).to_pylist(),
        "speed_kmh": table["speed_kmh"].to_pylist(),
        "heading_deg": table["heading_deg"].to_pylist(),
        "flags": table["flags"].to_pylist(),
    }
    feature = {"type": "Feature", "geometry": geometry, "properties": properties}
    return orjson.dumps({"type": "FeatureCollection", "features": [feature]})


def _gpx(table: pa.Table, name: str) -> bytes:
    """GPX 1.1; it has no field for speed or heading."""
    columns = (table[n].to_pylist() for n in ("lat", "lon", "alt_m"))
    points = "\n".join(
        f'<trkpt lat="{lat:.7f}" lon="{lon:.7f}">'
        f"{'' if alt is None else f'<ele>{alt:.3f}</ele>'}<time>{t}</time></trkpt>"
        for lat, lon, alt, t in zip(*columns, _texts(table).to_pylist(), strict=True)
    )
    return (
        '<?xml version="1.0" encoding="UTF-8"?>\n'
        '<gpx version="1.1" creator="Corridor" xmlns="http://www.topografix.com/GPX/1/1">'
        f"<trk><name>{escape(name)}</name><trkseg>\n{points}\n</trkseg></trk></gpx>\n"
    ).encode()
