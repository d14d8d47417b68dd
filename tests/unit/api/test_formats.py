"""Which format is chosen, and that every format holds the same track."""

from __future__ import annotations

import io
import json
from xml.etree import ElementTree

import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet
import pytest

from api.errors import Problem
from api.formats import Format, choose
from api.tracks import SIGNAL_FORMATS, TRACK_FORMATS, in_units, write
from feeds.store.schema import TRACK
from tests.unit.api.world import T0


@pytest.mark.parametrize(
    ("accept", "chosen"),
    [
        (None, Format.JSON),
        ("", Format.JSON),
        ("*/*", Format.JSON),
        ("application/json", Format.JSON),
        ("text/csv", Format.CSV),
        ("TEXT/CSV ; charset=utf-8", Format.CSV),
        ("text/*", Format.CSV),
        ("application/gpx+xml;q=0.9, application/geo+json", Format.GEOJSON),
        ("application/json;q=0.1, */*;q=0.5", Format.GEOJSON),
        ("application/json;q=0, text/csv;q=0.2", Format.CSV),
        ("application/vnd.apache.arrow.stream", Format.ARROW),
    ],
)
def test_accept_chooses(accept: str | None, chosen: Format) -> None:
    assert choose(None, accept, TRACK_FORMATS) is chosen


@pytest.mark.parametrize("accept", ["image/png", "application/json;q=0", "application/geo+json", "json;q=x"])
def test_what_is_not_offered_is_refused(accept: str) -> None:
    with pytest.raises(Problem) as refused:
        choose(None, accept, SIGNAL_FORMATS[:1])
    assert refused.value.status_code == 406


def test_name_goes_before_accept() -> None:
    assert choose("gpx", "text/csv", TRACK_FORMATS) is Format.GPX


def track(samples: int) -> pa.Table:
    columns = {
        "t_ms": [T0 + i * 1000 for i in range(samples)],
        "lon_e7": [1_016_000_000 + i for i in range(samples)],
        "lat_e7": [211_000_000] * samples,
        "alt_mm": [812_500 if i % 2 else None for i in range(samples)],
        "speed_ckmh": [4250] * samples,
        "flags": [0] * samples,
    }
    nothing = [None] * samples
    return in_units(pa.table({f.name: columns.get(f.name, nothing) for f in TRACK}, schema=TRACK))


def places(body: bytes, format_: Format) -> list[tuple[str, float, float, float | None]]:
    """(t, lon, lat, alt_m) of each sample."""
    match format_:
        case Format.JSON:
            rows = json.loads(body)["items"]
        case Format.GEOJSON:
            (feature,) = json.loads(body)["features"]
            times = feature["properties"]["coordTimes"]
            shape = feature["geometry"] or {"coordinates": []}
            points = [shape["coordinates"]] if shape.get("type") == "Point" else shape["coordinates"]
            return [(t, p[0], p[1], p[2] if len(p) > 2 else None) for t, p in zip(times, points, strict=True)]
        case Format.GPX:
            space = "{http://www.topografix.com/GPX/1/1}"
            found = ElementTree.fromstring(body).findall(f".//{space}trkpt")
            return [
                (
                    str(p.findtext(f"{space}time")),
                    float(p.attrib["lon"]),
                    float(p.attrib["lat"]),
                    None if p.find(f"{space}ele") is None else float(str(p.findtext(f"{space}ele"))),
                )
                for p in found
            ]
        case Format.CSV:
            as_text = pyarrow.csv.ConvertOptions(column_types={"t": pa.string(), "alt_m": pa.float64()})
            rows = pyarrow.csv.read_csv(io.BytesIO(body), convert_options=as_text).to_pylist()
        case Format.PARQUET | Format.ARROW:
            table = (
                pyarrow.parquet.read_table(io.BytesIO(body))
                if format_ is Format.PARQUET
                else pa.ipc.open_stream(body).read_all()
            )
            assert table.schema.field("t").type == pa.timestamp("ms", tz="UTC")
            rows = table.to_pylist()
            for row in rows:
                row["t"] = row["t"].isoformat(timespec="milliseconds").replace("+00:00", "Z")
    return [(row["t"], row["lon"], row["lat"], row["alt_m"]) for row in rows]


@pytest.mark.parametrize("samples", [0, 1, 2, 5])
@pytest.mark.parametrize("format_", TRACK_FORMATS)
def test_every_format_holds_the_same_track(format_: Format, samples: int) -> None:
    want = [
        (f"2026-11-22T07:00:0{i}.000Z", round(101.6 + i / 1e7, 7), 21.1, 812.5 if i % 2 else None)
        for i in range(samples)
    ]
    assert places(write(track(samples), format_, "truck"), format_) == want


def test_name_can_not_break_gpx() -> None:
    body = write(track(1), Format.GPX, "<&'\"> 云")
    name = ElementTree.fromstring(body).find(".//{*}name")
    assert name is not None
    assert name.text == "<&'\"> 云"
