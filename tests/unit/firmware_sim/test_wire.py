import base64
import json

import cbor2
import pytest
from hypothesis import given
from hypothesis import strategies as st

from firmware_sim.wire import Ack, Content, Form, decode_ack, encode

CONTENT = Content(
    {"t": [1, 2], "lon": [101.5, None]},
    facts=[{"t": 1, "kind": "seal"}],
    nmea=["$A*00"],
    can=[(1, 2, b"\x01")],
)


def test_cbor_is_the_map_of_the_protocol() -> None:
    got = cbor2.loads(encode(Form.CBOR, "b", 2, 7, b"\x01" * 32, CONTENT))
    assert got == {
        "v": 1, "boot": "b", "boot_n": 2, "seq": 7, "prev": b"\x01" * 32, "t": [1, 2], "lon": [101.5, None],
        "nmea": "$A*00\r\n", "can": [[1, 2, b"\x01"]], "facts": [{"t": 1, "kind": "seal"}],
    }  # fmt: skip


def test_json_is_the_same_map_with_bytes_as_base64url() -> None:
    got = json.loads(encode(Form.JSON, "b", 2, 7, b"\xff" * 32, CONTENT))
    assert base64.urlsafe_b64decode(got["prev"] + "=") == b"\xff" * 32
    assert got["can"] == [[1, 2, "AQ"]]
    assert encode(Form.JSON, "b", 2, 7, None, CONTENT)[:1] == b"{"


def test_the_first_report_has_no_prev_and_empty_parts_are_left_out() -> None:
    assert set(cbor2.loads(encode(Form.CBOR, "b", 1, 0, None, Content({"t": []})))) == {
        "v", "boot", "boot_n", "seq", "t",
    }  # fmt: skip


@pytest.mark.parametrize("dump", [cbor2.dumps, lambda value: json.dumps(value).encode()])
def test_an_ack_is_read_in_both_forms(dump) -> None:  # type: ignore[no-untyped-def]
    told = {"boot": "b", "durable": [[0, 4]], "refused": [[5, "bad_field"]], "later": [[6, 7, 30, "rate"]]}
    assert decode_ack(dump(told)) == Ack("b", ((0, 4),), ((5, "bad_field"),), ((6, 7, 30.0, "rate"),))
    assert decode_ack(dump({"boot": "b"})) == Ack("b", (), (), ())


@given(st.binary(max_size=200))
def test_garbage_is_no_ack_and_no_error(data: bytes) -> None:
    found = decode_ack(data)
    assert found is None or isinstance(found, Ack)
