"""The envelope of a report, in both forms, and that nothing but a refusal comes of garbage."""

from __future__ import annotations

import base64
import tracemalloc
from collections.abc import Callable
from functools import reduce
from operator import xor
from typing import Any

import cbor2
import orjson
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gateway.errors import RefusedError
from gateway.payload import MAX_BYTES, decode, identify
from gateway.report import Report
from streams.records import Form

FUZZ = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
T0 = 1_795_330_800_000


def envelope(**more: Any) -> dict[str, Any]:
    return {"v": 1, "boot": "b1", "seq": 7, "t": [T0, T0 + 1000], "lon": [101.6, 101.7], **more}


def refusal(payload: bytes) -> RefusedError:
    with pytest.raises(RefusedError) as caught:
        decode(payload)
    return caught.value


def refused(**more: Any) -> RefusedError:
    return refusal(cbor2.dumps(envelope(**more)))


def test_both_forms_give_the_same_report() -> None:
    prev = bytes(range(32))
    sent = envelope(boot_n=3, prev=prev, fuel_level_pct=[50.5, None], cargo_c=[4, 4.5])
    by_cbor = decode(cbor2.dumps(sent))
    text = sent | {"prev": base64.urlsafe_b64encode(prev).decode().rstrip("=")}
    by_json = decode(orjson.dumps(text))
    assert by_cbor == Report(
        "b1",
        3,
        7,
        prev,
        "wgs84",
        Form.CBOR,
        {"t": [T0, T0 + 1000], "lon": [101.6, 101.7], "fuel_level_pct": [50.5, None]},
        {"cargo_c": [4, 4.5]},
    )
    by_json.form = Form.CBOR
    assert by_json == by_cbor


@pytest.mark.parametrize("body", [cbor2.dumps, orjson.dumps])
def test_the_datum_is_the_reports_own_or_else_the_devices(body: Callable[[Any], bytes]) -> None:
    assert decode(body(envelope())).datum == "wgs84"
    assert decode(body(envelope()), datum="bd09").datum == "bd09"
    assert decode(body(envelope(datum="gcj02")), datum="bd09").datum == "gcj02"
    assert decode(body(envelope(datum="wgs84")), datum="bd09").datum == "wgs84"


def test_an_indefinite_map_is_a_map() -> None:
    body = b"\xbf" + b"".join(cbor2.dumps(part) for pair in envelope().items() for part in pair) + b"\xff"
    assert decode(body) == decode(cbor2.dumps(envelope()))


def test_a_report_may_hold_facts_alone() -> None:
    fact = {"t": T0, "kind": "seal", "state": "open", "tag": b"\x01\x02"}
    report = decode(cbor2.dumps({"v": 1, "boot": "b", "seq": 0, "facts": [fact]}))
    assert report.columns == {"t": []}
    assert report.facts == [{"t": T0, "kind": "seal", "state": "open", "tag": "AQI"}]


@pytest.mark.parametrize(
    ("change", "reason", "said"),
    [
        ({"v": 2}, "bad_field", "bad v: got 2, want 1"),
        ({"v": True}, "bad_field", "bad v: got True"),
        ({"boot_n": -1}, "bad_field", "bad boot_n: got -1"),
        ({"prev": b"short"}, "bad_field", "bad prev: got bytes of 5, want 32 bytes"),
        ({"datum": "nad27"}, "bad_field", "bad datum: got 'nad27', want wgs84, gcj02 or bd09"),
        ({"datum": ["gcj02"]}, "bad_field", "bad datum: got list of 1, want wgs84, gcj02 or bd09"),
        ({"datum": None}, "bad_field", "bad datum: got nothing, want wgs84, gcj02 or bd09"),
        ({"t": 5}, "bad_field", "bad t: got 5, want a list of instants"),
        ({"lat": [1.0]}, "unequal_columns", "got 1 values of lat, want 2 as in t"),
        ({"lat": 1.0}, "bad_field", "bad lat: got 1.0, want a list of numbers"),
        ({"Speed": [1, 2]}, "bad_field", "bad name: got 'Speed'"),
        ({"x" * 49: [1, 2]}, "bad_field", "bad name"),
        ({f"s{n}": [1, 2] for n in range(65)}, "bad_field", "got 65, want at most 64"),
        ({"facts": {}}, "bad_field", "bad facts: got dict, want a list of maps"),
        ({"facts": [{"t": T0}]}, "bad_field", "bad kind of a fact"),
        ({"facts": [{"t": 5, "kind": "seal"}]}, "impossible_value", "impossible t of a fact: got 5"),
        ({"facts": [{"t": T0, "kind": "a", "x": float("nan")}]}, "bad_field", "bad value in a fact"),
        ({"facts": [{"t": T0, "kind": "a", "x": cbor2.undefined}]}, "bad_field", "bad value in a fact"),
        ({"can": [[T0, 5]]}, "bad_field", "bad can: want frames of [t, id, bytes]"),
        ({"nmea": 5}, "bad_field", "bad nmea: got int, want text or bytes"),
    ],
)
def test_a_bad_report_is_refused_with_its_number(change: dict[str, Any], reason: str, said: str) -> None:
    error = refused(**change)
    assert (error.reason, error.boot, error.seq) == (reason, "b1", 7)
    assert said in error.detail


@pytest.mark.parametrize(
    "change", [{"boot": ""}, {"boot": 5}, {"boot": "a b"}, {"seq": -1}, {"seq": True}, {"seq": 2**53}]
)
def test_without_a_trustworthy_number_none_is_given(change: dict[str, Any]) -> None:
    error = refused(**change)
    assert (error.reason, error.boot, error.seq) == ("bad_field", None, None)


def test_size_and_samples_are_limited() -> None:
    assert refusal(b"\xa0" * (MAX_BYTES + 1)).reason == "too_large"
    many = {"v": 1, "boot": "b", "seq": 0, "t": list(range(1001))}
    assert refusal(cbor2.dumps(many)).reason == "too_many_samples"
    assert len(decode(cbor2.dumps(many | {"t": list(range(1000))})).columns["t"]) == 1000


def test_a_report_that_is_too_large_can_be_named() -> None:
    large = {"v": 1, "boot": "b", "seq": 3, "t": list(range(40_000))}
    assert identify(cbor2.dumps(large)) == identify(orjson.dumps(large)) == ("b", 3)
    for payload in (b"", b"{", b"\xa0", b"\xff" * 70_000, cbor2.dumps([large]), b"[" * 70_000):
        assert identify(payload) == (None, None)


def gll(second: int) -> bytes:
    body = (
        f"GPGLL,2111.30,N,10141.00,E,{second // 3600:02d}{second // 60 % 60:02d}{second % 60:02d},A".encode()
    )
    return b"$" + body + b"*%02X" % reduce(xor, body)


def test_embedded_sentences_count_as_samples() -> None:
    lines = b"".join(gll(second) for second in range(1001))
    error = refused(nmea=lines)
    assert (error.reason, error.seq) == ("too_many_samples", 7)
    assert "too many samples with the embedded ones: got 1003, want at most 1000" in error.detail


@pytest.mark.parametrize(
    ("payload", "said"),
    [
        (b"", "report empty"),
        (b"\x00", "got first byte 0x00"),
        (b"\xd9\xd9\xf7\xa0", "got first byte 0xd9"),
        (b"{", "broken JSON"),
        (b'{"v":NaN}', "broken JSON"),
        (cbor2.dumps(envelope()) + b"\x00", "got 1 bytes behind the map"),
        (b"\xa2\x61v\x01\x61v\x02", "Duplicate map key"),
        (b"\xa1\x01\x02", "map key must be"),
        (b"\xa1\x61t" + b"\x81" * 60_000, "nesting depth"),
        (b"\xa1\x61t\x9b\x7f\xff\xff\xff\xff\xff\xff\xff", "premature end"),
        (b"\xbb\x7f\xff\xff\xff\xff\xff\xff\xff", "premature end"),
        (b"\xa1\x61t\x5b\x7f\xff\xff\xff\xff\xff\xff\xff", "premature end"),
        (b"\xa1\x61t\xc2\x41\x01", "got a CBOR tag, want none"),
        (b"\xa1\x61t\xd8\x1c\x81\xd8\x1d\x00", "got a CBOR tag, want none"),
        (b"\xa1\x61t\xd8\x23\x63(a+", "got a CBOR tag, want none"),
        (b"\xa1\x61t\xd9\xff\xff\x01", "got a CBOR tag, want none"),
    ],
)
def test_what_is_no_report_is_not_readable(payload: bytes, said: str) -> None:
    error = refusal(payload)
    assert (error.reason, error.seq) == ("not_readable", None)
    assert said in error.detail


def test_a_signed_report_is_not_read_before_its_signature_was_checked() -> None:
    error = refusal(b"\xd2\x84\x43\xa1\x01\x27")
    assert error.reason == "not_supported"
    assert "COSE_Sign1" in error.detail


@pytest.mark.parametrize(
    "filler",
    [
        b"\x80",
        b"\xa0",
        b"\x60",
        b"\x40",
        b"\xf6",
        b"\xfb\x7f\xf0\x00\x00\x00\x00\x00\x00",
        b"\x9f\xff",
        b"\x00",
    ],
)
def test_memory_is_bounded_by_a_constant_times_the_size(filler: bytes) -> None:
    items = (MAX_BYTES - 8) // len(filler)
    payload = b"\xa1\x61t\x9a" + items.to_bytes(4, "big") + filler * items
    tracemalloc.start()
    try:
        refusal(payload)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 100 * MAX_BYTES


VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**64), 2**64 - 1)
    | st.floats()
    | st.text(max_size=8)
    | st.binary(max_size=40),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=8,
)
KEYS = st.sampled_from(
    ["v", "boot", "boot_n", "seq", "prev", "datum", "t", "lon", "nmea", "can", "facts", "cargo_c", "Bad"]
)


def only_refuses(payload: bytes) -> None:
    report = decoded(payload)
    if isinstance(report, RefusedError):
        assert report.reason
        assert len(report.detail) < 400
        return
    lengths = {len(values) for lists in (report.columns, report.extras) for values in lists.values()}
    assert lengths == {len(report.columns["t"])}
    orjson.dumps(report.facts)


def decoded(payload: bytes) -> Report | RefusedError:
    try:
        return decode(payload)
    except RefusedError as error:
        return error


@FUZZ
@given(st.binary(max_size=200), st.sampled_from([b"", b"{", b"\xa1", b"\xbf", b"\xb8\x20"]))
def test_any_bytes_give_a_report_or_a_refusal(tail: bytes, head: bytes) -> None:
    only_refuses(head + tail)


@settings(FUZZ, max_examples=300)
@given(st.dictionaries(KEYS, VALUES, max_size=6), st.booleans())
def test_any_map_gives_a_report_or_a_refusal(changes: dict[str, Any], whole: bool) -> None:
    only_refuses(cbor2.dumps((envelope() if whole else {}) | changes))


@FUZZ
@given(st.data())
def test_any_damage_to_a_report_gives_a_report_or_a_refusal(data: st.DataObject) -> None:
    sent = envelope(nmea="$GPGLL,5119.881,N,00125.169,E,164326,A,D*52", can=[[T0, 0x0CF00400, b"\x01" * 8]])
    sent["facts"] = [{"t": T0, "kind": "door", "state": "open"}]
    body = bytearray(cbor2.dumps(sent))
    at = data.draw(st.integers(0, len(body) - 1))
    body[at : at + data.draw(st.integers(0, 3))] = data.draw(st.binary(max_size=3))
    only_refuses(bytes(body))


@FUZZ
@given(VALUES)
def test_any_json_gives_a_report_or_a_refusal(value: Any) -> None:
    try:
        payload = orjson.dumps({"v": 1, "boot": "b", "seq": 1, "t": value, "facts": value, "lon": value})
    except TypeError:
        return
    only_refuses(payload)
