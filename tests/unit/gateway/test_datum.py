"""Positions leave the gateway in WGS84, whatever datum they came in; what was sent stays in the frame."""

from __future__ import annotations

from functools import reduce
from operator import xor
from typing import Any

import cbor2
import numpy as np
import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.batch import Arrived, Batch, Buses, prepare
from gateway.frame import Admitted, build
from gateway.nmea_intake import Line, NmeaIntake
from gateway.payload import decode
from gateway.recent import Recent
from gateway.registry import Fitted, MemoryRegistry
from geofences import datum
from streams.codec import decode_frame
from streams.records import Frame
from tests.unit.gateway.reports import T0

KUNMING, VIENTIANE = (102.71833, 25.03889), (102.6, 17.96667)
SHIFTED = {"gcj02": 1.0, "bd09": 2.0}


def sent(place: tuple[float, float], name: str) -> tuple[float, float]:
    """What a device of this datum sends there."""
    lon, lat = datum.from_wgs84(np.array(place[:1]), np.array(place[1:]), name)
    return float(lon[0]), float(lat[0])


def report(seq: int, places: list[tuple[float, float] | None], **more: Any) -> dict[str, Any]:
    lon, lat = ([place and place[axis] for place in places] for axis in (0, 1))
    times = [T0 + 1_000 * n for n in range(len(places))]
    return {"v": 1, "boot": "b", "seq": seq, "t": times, "lon": lon, "lat": lat, **more}


def through(*raws: bytes, registered: str = "wgs84") -> Batch:
    fitted = Fitted("asset_d", "demo", 0, registered)
    return prepare([Arrived("d", fitted, raw, T0) for raw in raws], Recent(), Buses(), T0)


def frame_of(batch: Batch) -> Frame:
    assert batch.rejected == []
    frame = decode_frame(batch.records[0].body)
    for found in (frame.reports, frame.samples, frame.extras):
        found.validate(full=True)
    return frame


def positions(frame: Frame) -> list[tuple[int | None, int | None]]:
    rows = frame.samples.to_pylist()
    return [(row["lon_e7"], row["lat_e7"]) for row in rows]


def extras(frame: Frame) -> list[tuple[int, str, float]]:
    return [tuple(row.values()) for row in frame.extras.to_pylist()]


def near(found: tuple[int | None, int | None], place: tuple[float, float]) -> bool:
    """Within 2e-7 degree, some 2 cm."""
    assert found[0] is not None
    assert found[1] is not None
    return abs(found[0] - place[0] * 1e7) <= 2 and abs(found[1] - place[1] * 1e7) <= 2


@pytest.mark.parametrize("body", [cbor2.dumps, orjson.dumps], ids=["cbor", "json"])
@pytest.mark.parametrize("name", SHIFTED)
def test_a_report_that_declares_its_datum_is_converted_and_marked(name: str, body: Any) -> None:
    there = sent(KUNMING, name)
    assert abs(there[0] - KUNMING[0]) > 1e-3
    raw = body(report(0, [there, None, VIENTIANE, there], datum=name, cargo_c=[4, 5, None, 6]))
    frame = frame_of(through(raw))
    found = positions(frame)
    assert near(found[0], KUNMING)
    assert found[1] == (None, None)
    assert found[2] == (1_026_000_000, 179_666_700)  # a device of this datum shifts nothing in Laos
    assert near(found[3], KUNMING)
    assert extras(frame) == [
        (0, "cargo_c", 4.0),
        (0, "datum", SHIFTED[name]),
        (1, "cargo_c", 5.0),
        (3, "cargo_c", 6.0),
        (3, "datum", SHIFTED[name]),
    ]
    assert frame.reports.column("raw").to_pylist() == [raw]


@pytest.mark.parametrize("name", SHIFTED)
def test_what_was_sent_can_be_had_back(name: str) -> None:
    there = sent(KUNMING, name)
    frame = frame_of(through(orjson.dumps(report(0, [there], datum=name))))
    (raw,) = frame.reports.column("raw").to_pylist()
    assert decode(raw).columns["lon"] == [there[0]]
    (lon, lat), *_ = positions(frame)
    assert lon is not None
    assert lat is not None
    again = sent((lon / 1e7, lat / 1e7), name)
    assert again == pytest.approx(there, abs=2e-7, rel=0)


@pytest.mark.parametrize("name", SHIFTED)
def test_the_devices_datum_counts_where_the_report_declares_none(name: str) -> None:
    there = sent(KUNMING, name)
    frame = frame_of(
        through(
            orjson.dumps(report(0, [there])),
            orjson.dumps(report(1, [KUNMING], datum="wgs84")),
            orjson.dumps(report(2, [sent(KUNMING, "gcj02")], datum="gcj02")),
            registered=name,
        )
    )
    assert all(near(found, KUNMING) for found in positions(frame))
    assert extras(frame) == [(0, "datum", SHIFTED[name]), (2, "datum", 1.0)]


def test_nothing_is_marked_where_nothing_is_converted() -> None:
    frame = frame_of(through(orjson.dumps(report(0, [VIENTIANE, None], datum="gcj02"))))
    assert extras(frame) == []
    frame = frame_of(through(orjson.dumps(report(0, [KUNMING]))))
    assert positions(frame) == [(1_027_183_300, 250_388_900)]
    assert extras(frame) == []


def test_one_impossible_position_costs_only_its_own_report() -> None:
    good = orjson.dumps(report(0, [sent(KUNMING, "gcj02")], datum="gcj02"))
    bad = orjson.dumps(report(1, [(102.0, 91.0)], datum="gcj02"))
    half = orjson.dumps(report(2, [KUNMING], datum="bd09") | {"lat": [None]})
    batch = through(bad, good, half, orjson.dumps(report(3, [KUNMING], datum="nad27")))
    assert [(r.seq, r.reason) for r in batch.rejected] == [
        (3, "bad_field"),
        (1, "impossible_value"),
        (2, "bad_field"),
    ]
    frame = decode_frame(batch.records[0].body)
    assert near(positions(frame)[0], KUNMING)
    assert extras(frame) == [(0, "datum", 1.0)]


def sentence(place: tuple[float, float], second: int) -> bytes:
    """RMC to 1e-6 minute."""
    lat, lon = (f"{int(v):0{n}d}{(v - int(v)) * 60:09.6f}" for v, n in ((place[1], 2), (place[0], 3)))
    body = f"GPRMC,1200{second:02d},A,{lat},N,{lon},E,10.0,90.0,221126,,,A".encode()
    return b"$" + body + b"*%02X\r\n" % reduce(xor, body)


@pytest.mark.parametrize("name", SHIFTED)
def test_sentences_inside_a_report_have_its_datum(name: str) -> None:
    lines = sentence(sent(KUNMING, name), 0).decode()
    frame = frame_of(through(orjson.dumps({"v": 1, "boot": "b", "seq": 0, "datum": name, "nmea": lines})))
    assert near(positions(frame)[0], KUNMING)
    assert extras(frame) == [(0, "datum", SHIFTED[name])]


@pytest.mark.parametrize("name", SHIFTED)
def test_raw_sentences_have_the_datum_of_their_device(name: str) -> None:
    intake = NmeaIntake(MemoryRegistry({"d": Fitted("asset_d", "demo", 0, name)}))
    lines = sentence(sent(KUNMING, name), 0) + sentence(sent(KUNMING, name), 1)
    intake.add(Line("d", lines, T0, lambda: None))
    first = intake.take(T0).arrived
    silent = intake.take(T0 + 10_000).arrived  # the second one's epoch is ended by silence
    batch = prepare(first + silent, Recent(), Buses(), T0)
    frame = frame_of(batch)
    assert len(positions(frame)) == 2
    assert all(near(found, KUNMING) for found in positions(frame))
    assert frame.reports.column("raw").to_pylist() == [lines, b""]


places = st.one_of(
    st.none(),
    st.tuples(st.floats(-180, 180), st.floats(-90, 90)),
    st.tuples(st.floats(101.6, 101.75), st.floats(21.1, 21.3)),  # around a gate
)


@given(
    st.lists(st.tuples(st.sampled_from(datum.DATUMS), st.lists(places, max_size=4)), min_size=1, max_size=5)
)
def test_a_report_is_converted_in_a_frame_as_alone(
    reports: list[tuple[str, list[tuple[float, float] | None]]],
) -> None:
    raws = [orjson.dumps(report(n, found, datum=name)) for n, (name, found) in enumerate(reports)]
    together = frame_of(through(*raws))
    apart = [frame_of(through(raw)) for raw in raws]
    assert positions(together) == [found for frame in apart for found in positions(frame)]
    begin = np.cumsum([0] + [frame.samples.num_rows for frame in apart]).tolist()
    assert extras(together) == [
        (sample + begin[n], name, value)
        for n, frame in enumerate(apart)
        for sample, name, value in extras(frame)
    ]


def test_an_admitted_report_is_left_as_it_was_sent() -> None:
    there = sent(KUNMING, "gcj02")
    raw = orjson.dumps(report(0, [there], datum="gcj02"))
    item = Admitted("d", "asset_d", "demo", T0, b"h" * 32, raw, decode(raw))
    for _ in range(2):
        frame = build([item]).frame
        assert frame is not None
        assert near(positions(frame)[0], KUNMING)
    assert item.report.columns["lon"] == [there[0]]
