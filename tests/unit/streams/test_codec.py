"""Frames and JSON as bytes: what comes back equals what went in, and damage is told."""

from __future__ import annotations

import struct

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from streams.codec import CodecError, decode_frame, dump_json, encode_frame, load_json, open_frame
from streams.records import EXTRAS, REPORTS, SAMPLES, Frame
from streams.texts import texts
from tests.unit.streams.engine.small_world import Sample, build

NULL = -(1 << 62)


def frame() -> Frame:
    made = build([Sample(i, 0.1 + i / 100, asset=f"a{i % 3}") for i in range(12)], {})
    extras = pa.RecordBatch.from_pydict(
        {"sample": [0, 3], "name": ["x", "x"], "value": [1.5, -2.0]}, schema=EXTRAS
    )
    return Frame(made.reports, made.samples, extras)


def batches(one: Frame) -> list[pa.RecordBatch]:
    """The three tables of a frame."""
    return [one.reports, one.samples, one.extras]


def same(one: Frame, two: Frame) -> None:
    """Both have the same columns and values."""
    for a, b in zip(batches(one), batches(two), strict=True):
        assert a.schema.equals(b.schema)
        assert a.to_pylist() == b.to_pylist()
        b.validate(full=True)


def first_layout(one: Frame) -> bytes:
    """A frame as the first layout had it: Arrow IPC streams without the columns that are null."""
    parts = []
    for batch in batches(one):
        kept = [
            f.name for f in batch.schema if not f.nullable or batch.column(f.name).null_count < batch.num_rows
        ]
        sink = pa.BufferOutputStream()
        with pa.ipc.new_stream(sink, batch.select(kept).schema) as writer:
            writer.write_batch(batch.select(kept))
        parts.append(sink.getvalue().to_pybytes())
    return b"".join((struct.pack("<4sIII", b"CFR1", *map(len, parts)), *parts))


@st.composite
def frames(draw: st.DrawFn) -> Frame:
    """Frames of any values, nulls anywhere, and batches cut out of longer ones."""
    made = []
    for schema in (REPORTS, SAMPLES, EXTRAS):
        rows, cut = draw(st.integers(0, 20)), draw(st.integers(0, 3))
        columns = []
        for field in schema:
            values = draw(st.lists(of(field.type), min_size=rows + cut, max_size=rows + cut))
            gone = draw(st.sampled_from(("none", "some", "all"))) if field.nullable else "none"
            kept = [None if gone == "all" or (gone == "some" and i % 3) else v for i, v in enumerate(values)]
            columns.append(pa.array(kept, field.type))
        made.append(pa.RecordBatch.from_arrays(columns, schema=schema).slice(cut))
    return Frame(*made)


def of(type_: pa.DataType) -> st.SearchStrategy[object]:
    """Values of a type."""
    if pa.types.is_dictionary(type_) or pa.types.is_string(type_):
        return st.sampled_from(("", "a", "device-1", "ä 中"))
    if pa.types.is_fixed_size_binary(type_):
        return st.binary(min_size=32, max_size=32)
    if pa.types.is_binary(type_):
        return st.binary(max_size=9)
    if pa.types.is_floating(type_):
        return st.floats(allow_nan=False)
    bits = type_.bit_width - (not pa.types.is_unsigned_integer(type_))
    return st.integers(0, 2**bits - 1)


@given(frames())
@settings(max_examples=60, deadline=None)
def test_any_frame_comes_back_from_both_layouts_and_equal_frames_are_equal_bytes(one: Frame) -> None:
    body = encode_frame(one)
    assert encode_frame(decode_frame(body)) == body
    same(decode_frame(body), one)
    same(decode_frame(first_layout(one)), one)


@given(frames())
@settings(max_examples=60, deadline=None)
def test_a_view_has_the_columns_of_the_frame_in_both_layouts(one: Frame) -> None:
    for body in (encode_frame(one), first_layout(one)):
        view = open_frame(body)
        assert (view.reports, view.samples) == (one.reports.num_rows, one.samples.num_rows)
        for batch in (one.reports, one.samples):
            for field in batch.schema:
                values = batch.column(field.name).to_pylist()
                if pa.types.is_integer(field.type):
                    want = [NULL if v is None else v for v in values]
                    assert view.numbers(field.name, NULL).tolist() == want
                elif pa.types.is_dictionary(field.type):
                    codes, words = view.names(field.name)
                    assert [words.strings()[code] for code in codes.tolist()] == values
                if field.nullable:
                    assert view.has(field.name) == any(v is not None for v in values)
        hashes = one.reports.column("hash").to_pylist()
        assert view.digests().tolist() == [int.from_bytes(h[:8], "little") for h in hashes]


def test_the_bytes_of_a_frame_stay_as_they_are() -> None:
    body = encode_frame(frame())
    _, described, *rows = struct.unpack_from("<4sIIII", body)
    assert rows == [3, 12, 2]
    assert body[20 : 20 + described].decode().split("\n") == [
        "",
        *("device name", "asset name", "tenant name", "boot name", "boot_n i4", "seq i8", "hash V32"),
        *("received_ms i8", "form u1", "samples i4", "dropped i4", "raw bytes"),
        "",
        *("report i4", "t_ms i8", "lon_e7 i4", "lat_e7 i4", "speed_ckmh i4", "hdop_c i4", "fix i1"),
        "",
        *("sample i4", "name name", "value f8"),
    ]
    lengths = struct.unpack_from("<33I", body, 20 + described)
    # device: numbers of 3 names, 4 ends, 12 bytes; the next is the asset's
    assert lengths[:4] == (12, 16, 12, 12)
    begin = (20 + described + 4 * 33 + 7) // 8 * 8
    assert struct.unpack_from("<3i", body, begin) == (0, 1, 2)
    assert body[begin + 32 : begin + 44] == b"d-a0d-a1d-a2"
    assert len(body) == begin + sum((length + 7) // 8 * 8 for length in lengths)


@given(st.data())
@settings(max_examples=300, deadline=None)
def test_no_damage_does_more_than_raise_a_codec_error(data: st.DataObject) -> None:
    body = bytearray(encode_frame(frame()))
    where = st.integers(0, data.draw(st.sampled_from((20, 600, len(body)))) - 1)
    for at in data.draw(st.lists(where, min_size=1, max_size=4)):
        body[at] = data.draw(st.integers(0, 255))
    damaged = bytes(body[: data.draw(st.sampled_from((len(body), len(body) - 8, 300)))])
    try:
        for batch in batches(decode_frame(damaged)):
            batch.validate()
        view = open_frame(damaged)
        for name in ("device", "boot"):
            codes, words = view.names(name)
            assert not len(codes) or codes.max() < len(words.ends) - 1
        view.numbers("lon_e7", NULL)
        view.digests()
    except CodecError:
        pass


def test_names_beyond_the_dictionary_are_told() -> None:
    body = bytearray(encode_frame(frame()))
    at = body.index(struct.pack("<3i", 0, 1, 2))
    body[at : at + 4] = struct.pack("<i", 3)
    for read in (decode_frame, lambda b: open_frame(b).names("device")):
        with pytest.raises(CodecError, match="beyond its 3 names"):
            read(bytes(body))


def test_texts_are_the_strings() -> None:
    assert texts(["", "ä", "b"]).strings() == ["", "ä", "b"]
    assert texts([]).strings() == []
    assert not texts(["a"]).ends.flags.writeable
    assert texts(["ä", "b"]).ends.dtype == np.int32


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
        (lambda b: b"XXXX" + b[4:], "want b'CFR2'"),
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
