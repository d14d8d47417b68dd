"""Frames and JSON as bytes: what comes back equals what went in, and damage is told."""

from __future__ import annotations

import pyarrow as pa
import pytest

from streams.codec import CodecError, decode_frame, dump_json, encode_frame, load_json
from streams.records import EXTRAS, Frame
from tests.unit.streams.engine.small_world import Sample, build


def frame() -> Frame:
    made = build([Sample(i, 0.1 + i / 100, asset=f"a{i % 3}") for i in range(12)], {})
    extras = pa.RecordBatch.from_pydict(
        {"sample": [0, 3], "name": ["x", "x"], "value": [1.5, -2.0]}, schema=EXTRAS
    )
    return Frame(made.reports, made.samples, extras)


def test_a_frame_comes_back_with_every_column_also_those_that_are_null() -> None:
    one = frame()
    two = decode_frame(encode_frame(one))
    for a, b in ((one.reports, two.reports), (one.samples, two.samples), (one.extras, two.extras)):
        assert a.schema.equals(b.schema)
        assert a.to_pylist() == b.to_pylist()


def test_an_empty_frame_comes_back() -> None:
    empty = frame()
    none = Frame(empty.reports.slice(0, 0), empty.samples.slice(0, 0), empty.extras.slice(0, 0))
    assert decode_frame(encode_frame(none)).samples.num_rows == 0


def test_columns_that_are_null_throughout_take_no_room() -> None:
    one = frame()
    full = one.samples.set_column(
        one.samples.schema.get_field_index("battery_v"), "battery_v", pa.array([24.0] * 12, pa.float64())
    )
    saved = len(encode_frame(Frame(one.reports, full, one.extras))) - len(encode_frame(one))
    assert saved >= 12 * 8


@pytest.mark.parametrize(
    ("damage", "said"),
    [
        (lambda b: b"XXXX" + b[4:], "want b'CFR1'"),
        (lambda b: b[:-1], "wrong length"),
        (lambda b: b[:2], "frame not readable"),
        (lambda b: b[:16] + bytes(len(b) - 16), "frame not readable"),
    ],
)
def test_damage_is_told_as_a_codec_error(damage: object, said: str) -> None:
    with pytest.raises(CodecError, match=said):
        decode_frame(damage(encode_frame(frame())))  # type: ignore[operator]


def test_a_frame_of_another_schema_is_told() -> None:
    one = frame()
    with pytest.raises(CodecError, match="got no column t_ms"):
        decode_frame(encode_frame(Frame(one.reports, one.samples.drop_columns(["t_ms"]), one.extras)))
    odd = one.samples.append_column("odd", pa.array([1] * 12))
    with pytest.raises(CodecError, match="got columns odd"):
        decode_frame(encode_frame(Frame(one.reports, odd, one.extras)))


def test_json_is_canonical() -> None:
    assert dump_json({"b": 1, "a": [True, None, "é"]}) == '{"a":[true,null,"é"],"b":1}'.encode()
    assert load_json(b'{"a":1}') == {"a": 1}
    with pytest.raises(CodecError, match="not JSON"):
        load_json(b"{")
    with pytest.raises(CodecError, match="not JSON"):
        dump_json({"a": object()})
