"""What is read many at once is read as one by one, or left to that."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from hashlib import sha256
from typing import Any

import cbor2
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gateway.batch import Arrived, Buses, prepare
from gateway.columns import SPECS
from gateway.errors import RefusedError
from gateway.frame import Admitted, build
from gateway.payload import decode
from gateway.plain import Plain, read_plain
from gateway.recent import Recent
from gateway.registry import Fitted
from streams.codec import decode_frame
from streams.records import Form, Frame
from tests.unit.gateway.reports import T0
from tests.unit.gateway.reports import payload as as_json

FUZZ = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
FULL: dict[str, Any] = {
    "v": 1,
    "boot": "load-boot-1",
    "boot_n": 3,
    "seq": 2**53 - 1,
    "prev": bytes(range(32)),
    "datum": "wgs84",
    "t": [T0, T0 + 1_000, T0 + 2_000],
    "lon": [101.6830001, None, -180],
    "lat": [21.5, None, 90],
    "alt_m": [-12.3456, 500, 1e5],
    "speed_kmh": [88.125, 0, None],
    "heading_deg": [359.999, 360, 0.0],
    "hdop": [0.9, 1, 99.5],
    "sats": [12, 0.0, None],
    "fix": [3, 2, 0],
    "odometer_m": [1234567890.123, 3e10, 0],
    "wheel_speed_kmh": [87.5, 1.005, 2.675],
    "fuel_level_pct": [-0.0, 50, 0.1],
    "coolant_c": [-273, -1, 90.5],
}


def one_by_one(payloads: Sequence[bytes]) -> Frame | None:
    """The frame by the way that knows the rules; None when any of them is refused."""
    try:
        reports = [decode(raw) for raw in payloads]
    except RefusedError:
        return None
    found = build(
        [
            Admitted(f"d{n}", f"a{n}", "demo", T0 + n, sha256(raw).digest(), raw, report)
            for n, (raw, report) in enumerate(zip(payloads, reports, strict=True))
        ]
    )
    return None if found.refused else found.frame


def at_once(payloads: Sequence[bytes]) -> Plain:
    return read_plain(payloads, [True] * len(payloads))


def same_if_taken(payloads: Sequence[bytes]) -> Plain:
    """Whatever is taken is what it is by the other way."""
    plain = at_once(payloads)
    taken = [raw for raw, is_taken in zip(payloads, plain.taken.tolist(), strict=True) if is_taken]
    if not taken:
        return plain
    frame = one_by_one(taken)
    assert frame is not None
    plain.samples.validate(full=True)
    assert plain.samples.equals(frame.samples)
    assert frame.extras.num_rows == 0
    reports = frame.reports.to_pydict()
    assert reports["boot"] == plain.boot
    assert reports["boot_n"] == [None if n < 0 else n for n in plain.boot_n.tolist()]
    assert reports["seq"] == plain.seq.tolist()
    assert reports["prev"] == plain.prev
    assert reports["samples"] == plain.counts.tolist()
    assert reports["facts"] == [None] * len(taken)
    assert set(reports["form"]) == {Form.CBOR}
    assert set(reports["dropped"]) == {0}
    return plain


def test_a_report_with_everything_that_is_plain_is_taken() -> None:
    least = {"v": 1, "boot": "b", "seq": 0, "t": []}
    turned = dict(reversed(FULL.items()))
    wide = cbor2.dumps({"v": 1, "boot": "b", "seq": 1, "t": [T0] * 1_000, "engine_rpm": [700] * 1_000})
    plain = same_if_taken([cbor2.dumps(FULL), cbor2.dumps(least), cbor2.dumps(turned), wide])
    assert plain.taken.all()
    assert plain.counts.tolist() == [3, 0, 3, 1_000]


@pytest.mark.parametrize("code", ["e", "f", "d"])
def test_floats_of_every_width_are_read(code: str) -> None:
    kept = {"e": (0xF9, 2), "f": (0xFA, 4), "d": (0xFB, 8)}[code]
    values = (0.5, -2.25, 0.0, 2**-24, 1000.0, -0.0)
    numbers = [bytes([kept[0]]) + struct.pack(f">{code}", value) for value in values]
    head = cbor2.dumps({"v": 1, "boot": "b", "seq": 0, "t": [T0] * 6})
    body = b"\xa5" + head[1:] + cbor2.dumps("ambient_c") + b"\x86" + b"".join(numbers)
    plain = same_if_taken([body])
    assert plain.samples.column("ambient_c").to_pylist() == list(values)


LEFT: dict[str, dict[str, Any]] = {
    "an unknown signal": {"cargo_c": [1, 2, 3]},
    "facts": {"facts": []},
    "raw nmea": {"nmea": "$GP"},
    "raw can": {"can": []},
    "another datum": {"datum": "gcj02"},
    "no version": {"v": 2},
    "a boot that is not one": {"boot": "a b"},
    "a boot that is too long": {"boot": "b" * 65},
    "a seq beyond what a double holds": {"seq": 2**53},
    "a seq below zero": {"seq": -1},
    "a boot_n that no counter reaches": {"boot_n": 2**31},
    "a prev of another length": {"prev": b"1"},
    "a value that can't be": {"speed_kmh": [1, 401, 2]},
    "not a number": {"speed_kmh": [1, float("nan"), 2]},
    "infinite": {"engine_rpm": [1, float("inf"), 2]},
    "a bool": {"speed_kmh": [1, True, 2]},
    "a text": {"speed_kmh": [1, "2", 2]},
    "satellites in halves": {"sats": [1.5, 1, 1]},
    "a null instant": {"t": [T0, None, T0]},
    "an instant as a float": {"t": [T0, float(T0), T0]},
    "an instant before 1990": {"t": [T0, 0, T0]},
    "unequal columns": {"speed_kmh": [1, 2]},
    "half a position": {"lat": [None, 21.5, 22]},
    "a column that is null": {"speed_kmh": None},
    "a huge number": {"engine_rpm": [2**64 - 1, 1, 2]},
    "too many samples": {"t": [T0] * 1_001, "lon": [1] * 1_001},
}


@pytest.mark.parametrize("why", LEFT)
def test_what_is_not_plain_is_left(why: str) -> None:
    plain = at_once([cbor2.dumps(FULL | LEFT[why])])
    assert not plain.taken.any()
    assert plain.samples.num_rows == 0


def test_other_bytes_are_left() -> None:
    body = cbor2.dumps({"v": 1, "boot": "b", "seq": 0, "t": [T0]})
    twice = b"\xa5" + body[1:] + body[1:4]
    longer = b"\xa5" + body[1:] + b"\x78\x09" + b"speed_kmh" + b"\x81\x01"
    shadow = b"\xa5" + body[1:] + b"\x65" + b"hdop\0" + b"\x81\x01"
    spread = b"\xbf" + body[1:] + b"\xff"
    large = b"\xa5" + body[1:] + cbor2.dumps("hdop") + b"\x99\xff\xff" + bytes(65_535)
    parts = [body[:cut] for cut in range(len(body))]
    strange = [b"", b"\xa0", as_json(1), b"\xd2" + body, body + b"\0", twice, longer, shadow, spread, large]
    assert at_once([body]).taken.all()
    assert not at_once([*parts, *strange]).taken.any()
    assert not read_plain([body], [False]).taken.any()


_NUMBER = st.one_of(
    st.integers(-300, 400), st.floats(width=16), st.floats(-200, 200, width=32), st.floats(0, 99), st.none()
)


@st.composite
def reports(draw: st.DrawFn) -> dict[str, Any]:
    """Mostly plain reports, some of them with something that is not."""
    samples = draw(st.integers(0, 4))
    lists = st.lists(_NUMBER, min_size=samples, max_size=samples)
    got: dict[str, Any] = {"v": 1, "boot": draw(st.text("ab-", min_size=1, max_size=30)), "seq": 1}
    got["t"] = draw(st.lists(st.integers(T0, T0 + 10**6), min_size=samples, max_size=samples))
    chosen = draw(st.sets(st.sampled_from(SPECS), max_size=5))
    for spec in chosen:
        low, high = max(spec.low, -1e9), min(spec.high, 1e9)
        fair = st.integers(int(low), int(high)) | (st.nothing() if spec.whole else st.floats(low, high))
        full = st.lists(fair | st.none(), min_size=samples, max_size=samples)
        got[spec.wire] = draw(full if draw(st.integers(0, 9)) else lists)
    got |= draw(
        st.fixed_dictionaries(
            {},
            optional={
                "boot_n": st.integers(-1, 2**31) | st.none(),
                "prev": st.binary(min_size=32, max_size=32) | st.none(),
                "seq": st.integers(0, 2**53),
            },
        )
    )
    return dict(draw(st.permutations(list(got.items()))))


@FUZZ
@given(st.lists(reports(), min_size=1, max_size=4), st.booleans())
def test_reports_are_read_as_one_by_one(sent: list[dict[str, Any]], short: bool) -> None:
    payloads = [cbor2.dumps(report, canonical=short) for report in sent]
    plain = same_if_taken(payloads)
    for raw, taken in zip(payloads, plain.taken.tolist(), strict=True):
        assert taken == (one_by_one([raw]) is not None), raw.hex()


@FUZZ
@given(st.lists(st.tuples(st.integers(0, 600), st.integers(0, 255)), min_size=1, max_size=6), st.integers(0))
def test_damaged_reports_are_read_as_one_by_one_or_left(damage: list[tuple[int, int]], cut: int) -> None:
    whole = cbor2.dumps(FULL)
    body = bytearray(whole)
    for at, value in damage:
        body[at % len(body)] = value
    keep = len(body) if cut % 3 else cut % (len(body) + 1)
    same_if_taken([whole, bytes(body[:keep]), whole])


@FUZZ
@given(st.data())
def test_plain_and_other_reports_lie_in_one_frame_in_the_order_of_arrival(data: st.DataObject) -> None:
    kinds = data.draw(
        st.lists(st.sampled_from(["plain", "extras", "json", "bad", "facts"]), min_size=1, max_size=8)
    )
    base = {"v": 1, "boot": "b"}
    payloads = []
    for n, kind in enumerate(kinds):
        count = data.draw(st.integers(0, 3))
        times = [T0 + i for i in range(count)]
        sent = base | {"seq": n, "t": times, "lon": [100 + n] * count, "lat": [20 + n] * count}
        sent |= {"speed_kmh": [n] * count} if data.draw(st.booleans()) else {}
        if kind == "extras":
            sent |= {"cargo_c": [n] * count, "axle_9_kg": [None] * count}
        elif kind == "facts":
            sent |= {"facts": [{"t": T0, "kind": "seal"}]}
        elif kind == "bad":
            sent["lon"] = [999] * (count + 1)
        payloads.append(as_json(n, t=times, hdop=[1] * count) if kind == "json" else cbor2.dumps(sent))
    arrived = [
        Arrived(f"d{n % 3}", Fitted(f"a{n % 3}", "demo", 0), raw, T0 + n) for n, raw in enumerate(payloads)
    ]
    batch = prepare(arrived, Recent(), Buses(), T0)
    sound = [n for n, kind in enumerate(kinds) if kind != "bad"]
    assert sorted(kept.known.seq for kept in batch.kept) == sound
    assert [found.seq for found in batch.rejected] == [n for n, kind in enumerate(kinds) if kind == "bad"]
    if not sound:
        assert batch.records == []
        return
    frame = decode_frame(batch.records[0].body)
    reports = [
        Admitted(
            a.device,
            a.fitted.asset,
            "demo",
            a.received_ms,
            sha256(a.payload).digest(),
            a.payload,
            decode(a.payload),
        )
        for a in (arrived[n] for n in sound)
    ]
    want = build(reports).frame
    assert want is not None
    for got, wanted in zip(
        (frame.reports, frame.samples, frame.extras), (want.reports, want.samples, want.extras), strict=True
    ):
        got.validate(full=True)
        assert got.to_pydict() == wanted.to_pydict()


def test_reports_of_another_datum_are_converted() -> None:
    body = cbor2.dumps({"v": 1, "boot": "b", "seq": 0, "t": [T0], "lon": [116.4], "lat": [39.9]})
    fitted = [Fitted("a", "demo", 0, "gcj02"), Fitted("a", "demo", 0)]
    batch = prepare(
        [Arrived(f"d{n}", found, body, T0) for n, found in enumerate(fitted)], Recent(), Buses(), T0
    )
    frame = decode_frame(batch.records[0].body)
    lon = frame.samples.column("lon_e7").to_pylist()
    assert lon[0] != lon[1] == 1_164_000_000
    assert frame.extras.to_pydict() == {"sample": [0], "name": ["datum"], "value": [1.0]}


def test_validity_is_a_bitmap_of_what_was_measured() -> None:
    sent = {"v": 1, "boot": "b", "seq": 0, "t": [T0] * 11, "hdop": [None if n % 3 else 1 for n in range(11)]}
    column = at_once([cbor2.dumps(sent)]).samples.column("hdop_c")
    assert np.flatnonzero(column.is_valid().to_numpy(zero_copy_only=False)).tolist() == [0, 3, 6, 9]
