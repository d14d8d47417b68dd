from typing import Any

import cbor2
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.frame import FrameResult, build
from streams.codec import decode_frame, encode_frame
from streams.records import EXTRAS, REPORTS, SAMPLES, Frame
from tests.unit.gateway.reports import T0, admitted, payload


def frame_of(*raws: bytes) -> Frame:
    result = build([admitted(raw, f"d{n}") for n, raw in enumerate(raws)])
    assert result.refused == []
    assert result.frame is not None
    for batch, schema in zip(
        (result.frame.reports, result.frame.samples, result.frame.extras),
        (REPORTS, SAMPLES, EXTRAS),
        strict=True,
    ):
        batch.validate(full=True)
        assert batch.schema.equals(schema)
    return result.frame


def rows(batch: pa.RecordBatch) -> list[dict[str, Any]]:
    return [{k: v for k, v in row.items() if v is not None} for row in batch.to_pylist()]


def test_values_are_stored_as_integers_in_fixed_units() -> None:
    frame = frame_of(
        payload(
            t=[T0],
            lon=[101.6830001],
            lat=[-21.1812345],
            alt_m=[-12.3456],
            speed_kmh=[88.125],
            heading_deg=[359.999],
            hdop=[0.9],
            sats=[12],
            fix=[3],
            odometer_m=[1234567890.123],
            wheel_speed_kmh=[87.5],
            engine_rpm=[1200.125],
        )
    )
    assert rows(frame.samples) == [
        {
            "report": 0,
            "t_ms": T0,
            "lon_e7": 1016830001,
            "lat_e7": -211812345,
            "alt_mm": -12346,
            "speed_ckmh": 8812,  # half to even
            "heading_cdeg": 0,  # 360 degrees are 0
            "hdop_c": 90,
            "sats": 12,
            "fix": 3,
            "odometer_mm": 1234567890123,
            "wheel_ckmh": 8750,
            "engine_rpm": 1200.125,
        }
    ]


def test_null_stays_null_and_absent_columns_are_null() -> None:
    frame = frame_of(
        payload(0, t=[T0, T0 + 1], speed_kmh=[None, 5], engine_rpm=[700, None]),
        payload(1, t=[T0 + 2], lon=[1], lat=[2]),
    )
    assert rows(frame.samples) == [
        {"report": 0, "t_ms": T0, "engine_rpm": 700.0},
        {"report": 0, "t_ms": T0 + 1, "speed_ckmh": 500},
        {"report": 1, "t_ms": T0 + 2, "lon_e7": 10_000_000, "lat_e7": 20_000_000},
    ]


def test_unknown_signals_are_kept_in_long_form_in_the_order_of_samples() -> None:
    frame = frame_of(
        payload(0, t=[T0, T0 + 1], tyre_kpa=[800, None], door_c=[1.5, 2.5]),
        payload(1, t=[T0 + 2], tyre_kpa=[810]),
    )
    found = [tuple(row.values()) for row in frame.extras.to_pylist()]
    assert found == [(0, "tyre_kpa", 800.0), (0, "door_c", 1.5), (1, "door_c", 2.5), (2, "tyre_kpa", 810.0)]


def test_a_report_keeps_its_bytes_its_sender_and_its_facts() -> None:
    raw = cbor2.dumps(
        {"v": 1, "boot": "b", "seq": 9, "prev": b"p" * 32, "facts": [{"t": T0, "kind": "door", "open": True}]}
    )
    (row,) = rows(frame_of(raw).reports)
    assert row["raw"] == raw
    assert (row["device"], row["asset"], row["tenant"], row["boot"], row["seq"]) == (
        "d0",
        "asset_d0",
        "demo",
        "b",
        9,
    )
    assert (row["prev"], row["samples"], row["form"]) == (b"p" * 32, 0, 2)
    assert row["facts"] == f'[{{"kind":"door","open":true,"t":{T0}}}]'


@pytest.mark.parametrize(
    ("column", "value", "reason", "detail"),
    [
        ("lat", 90.1, "impossible_value", "lat[1]: got 90.1, want -90 to 90"),
        ("speed_kmh", -1, "impossible_value", "speed_kmh[1]: got -1, want 0 to 400"),
        ("fix", 2.5, "impossible_value", "fix[1]: got 2.5, want a whole number"),
        ("hdop", "1", "bad_field", "hdop[1]: got '1', want float or int or null"),
        ("engine_rpm", True, "bad_field", "engine_rpm[1]: got True, want float or int or null"),
        ("t", T0 + 0.5, "bad_field", f"t[1]: got {T0 + 0.5}, want int"),
        ("t", 0, "impossible_value", "t[1]: got 0, want 6.31152e+11 to 4.10244e+12"),
        ("t", None, "bad_field", "t[1]: got None, want int"),
        ("tyre_kpa", [1], "bad_field", "tyre_kpa[1]: got [1], want float or int or null"),
        ("lon", None, "bad_field", "position: got one of lon and lat, want both or none"),
    ],
)
def test_one_impossible_value_costs_only_its_own_report(
    column: str, value: Any, reason: str, detail: str
) -> None:
    columns: dict[str, list[Any]] = {"t": [T0, T0 + 1], "lon": [1.5, 1], "lat": [1.5, 1]}
    columns[column] = [columns.get(column, [1.5])[0], value]
    if column == "fix":
        columns["fix"][0] = 3
    bad = admitted(payload(1, "b1", **columns))
    good = [admitted(payload(seq)) for seq in (0, 2)]
    result = build([good[0], bad, good[1]])
    assert result.kept == good
    assert result.frame is not None
    assert result.frame.samples.column("report").to_pylist() == [0, 0, 1, 1]
    (refusal,) = result.refused
    assert (refusal.admitted, refusal.reason, refusal.detail) == (bad, reason, detail)


@pytest.mark.parametrize("value", [float("nan"), float("inf"), 2**63, -(2**60), "x", b"x", {}])
def test_cbor_can_say_more_than_a_number_and_is_refused(value: Any) -> None:
    raw = cbor2.dumps({"v": 1, "boot": "b", "seq": 0, "t": [T0], "engine_rpm": [value]})
    result = build([admitted(raw)])
    assert result.frame is None
    assert [r.admitted.raw for r in result.refused] == [raw]


def test_all_refused_is_no_frame() -> None:
    assert build([]) == FrameResult(None, [], [])
    result = build([admitted(payload(0, t=[T0], lon=[200], lat=[0]))])
    assert (result.frame, result.kept, len(result.refused)) == (None, [], 1)


sample = st.tuples(
    st.one_of(st.none(), st.floats(0, 400)),
    st.one_of(st.none(), st.integers(0, 100)),
)


@given(st.lists(st.lists(sample, max_size=4), max_size=6))
def test_a_frame_says_of_each_report_what_it_says_alone(reports: list[list[tuple[Any, Any]]]) -> None:
    raws = [
        payload(
            seq,
            t=[T0 + n for n in range(len(found))],
            speed_kmh=[s for s, _ in found],
            sats=[s for _, s in found],
            tyre_kpa=[s for s, _ in found],
        )
        for seq, found in enumerate(reports)
    ]
    if not raws:
        return
    together = frame_of(*raws)
    decoded = decode_frame(encode_frame(together))
    assert (decoded.reports, decoded.samples, decoded.extras) == (
        together.reports,
        together.samples,
        together.extras,
    )
    apart = [frame_of(raw) for raw in raws]
    samples = [row | {"report": n} for n, one in enumerate(apart) for row in one.samples.to_pylist()]
    assert together.samples.to_pylist() == samples
    counts = [one.samples.num_rows for one in apart]
    assert together.reports.column("samples").to_pylist() == counts
    extras = [
        row | {"sample": row["sample"] + sum(counts[:n])}
        for n, one in enumerate(apart)
        for row in one.extras.to_pylist()
    ]
    assert together.extras.to_pylist() == extras
