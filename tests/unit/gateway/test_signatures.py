"""Signed reports: whose signature counts, and all that does not pass for one."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from hashlib import sha256
from typing import Any

import cbor2
import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.batch import Arrived, Batch, Buses, prepare
from gateway.recent import Known, Recent
from gateway.registry import Fitted, MemoryRegistry
from gateway.signatures import Checked, Signatures, claimed
from streams.codec import decode_frame
from streams.records import Form
from streams.signing import cose, keys
from streams.signing.keys import DeviceKey, PrivateKey
from tests.unit.gateway.reports import T0

ED = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
EC = ec.derive_private_key(0x1234_5678_9ABC, ec.SECP256R1())
STRANGER = Ed25519PrivateKey.from_private_bytes(bytes(32))
TOPIC = "corridor/v1/d/report"


def enrolled(key: PrivateKey, from_ms: int = T0 - 1_000, revoked_ms: int | None = None) -> DeviceKey:
    alg, public = keys.public_of(key)
    return DeviceKey(keys.key_id(public), alg, public, from_ms, revoked_ms)


def body(seq: int = 0, **more: Any) -> bytes:
    plain: dict[str, Any] = {"v": 1, "boot": "b1", "seq": seq, "t": [T0], "lon": [101.5], "lat": [21.5]}
    return cbor2.dumps(plain | more)


def signed(payload: bytes, key: PrivateKey = ED, topic: str = TOPIC, by: PrivateKey | None = None) -> bytes:
    """``by``: who signs in truth."""
    alg, public = keys.public_of(key)
    sign: Callable[[bytes], bytes] = lambda data: keys.sign(by or key, data)  # noqa: E731
    return cose.write(keys.ALGORITHMS[alg], keys.key_id(public).encode(), topic.encode(), payload, sign)


FITTED = Fitted("asset_d", "demo", 0, keys=(enrolled(ED), enrolled(EC)))


def arrived(payload: bytes, device: str = "d", fitted: Fitted = FITTED, received_ms: int = T0) -> Arrived:
    return Arrived(device, fitted, payload, received_ms)


@pytest.fixture
def signatures() -> Iterator[Signatures]:
    made = Signatures(MemoryRegistry({"d": FITTED}), threads=2)
    yield made
    made.close()


def run(signatures: Signatures, *messages: Arrived, recent: Recent | None = None) -> Checked:
    return asyncio.run(signatures.check(list(messages), recent or Recent()))


def batch_of(checked: Checked) -> Batch:
    return prepare(checked.sound, Recent(), Buses(), T0 + 5_000)


def reports(batch: Batch) -> list[Mapping[str, Any]]:
    return [row for record in batch.records for row in decode_frame(record.body).reports.to_pylist()]


@pytest.mark.parametrize("key", [ED, EC])
def test_a_signed_report_is_kept_as_it_was_published_with_who_signed_it(
    signatures: Signatures, key: PrivateKey
) -> None:
    message = signed(body(7, prev=bytes(32)), key)
    batch = batch_of(run(signatures, arrived(message)))
    (row,) = reports(batch)
    assert (row["signature"], row["key"]) == (1, enrolled(key).id)
    assert (row["raw"], row["hash"]) == (message, sha256(message).digest())
    assert (row["form"], row["seq"], row["prev"]) == (Form.COSE, 7, bytes(32))
    (kept,) = batch.kept
    assert kept.known == Known(Form.COSE, "b1", 7)


def test_a_signed_report_has_the_rows_of_the_same_report_unsigned(signatures: Signatures) -> None:
    """Also one that is not plain, with facts and a signal of its own; in order, beside unsigned ones."""
    rich = body(1, tyre_kpa=[800], facts=[{"t": T0, "kind": "seal", "id": "x"}])
    bare = Fitted("asset_e", "demo", 0)
    messages = [
        arrived(signed(body(0))),
        arrived(body(0), "e", bare),
        arrived(signed(rich, EC)),
        arrived(rich, "e", bare),
    ]
    batch = batch_of(run(signatures, *messages))
    (record,) = batch.records
    frame = decode_frame(record.body)
    rows = frame.reports.to_pylist()
    assert [row["signature"] for row in rows] == [1, None, 1, None]
    assert [row["raw"] for row in rows] == [one.payload for one in messages]
    samples = [{**row, "report": None} for row in frame.samples.to_pylist()]
    assert (samples[0], samples[2]) == (samples[1], samples[3])
    assert rows[2]["facts"] == rows[3]["facts"] is not None


def test_what_is_not_signed_passes_untouched(signatures: Signatures) -> None:
    messages = [arrived(body(0)), arrived(b"{}"), arrived(b"")]
    assert run(signatures, *messages) == Checked(messages)


def altered(message: bytes) -> bytes:
    return message.replace(cbor2.dumps(101.5), cbor2.dumps(101.6), 1)


REFUSED: dict[str, tuple[bytes, str]] = {
    "another signs with this name": (signed(body(), ED, by=STRANGER), "bad_signature"),
    "a key that nobody enrolled": (signed(body(), STRANGER), "unknown_key"),
    "another truck's topic": (signed(body(), ED, "corridor/v1/e/report"), "bad_signature"),
    "the ack topic": (signed(body(), ED, "corridor/v1/d/ack"), "bad_signature"),
    "the proof's topic": (signed(body(), ED, "corridor/v1/d/key"), "bad_signature"),
    "edited": (altered(signed(body())), "bad_signature"),
    "no signature": (signed(body())[:-64] + bytes(64), "bad_signature"),
    "the id of one key, the algorithm of another": (
        cose.write(cose.ES256, enrolled(ED).id.encode(), TOPIC.encode(), body(), lambda _: bytes(64)),
        "bad_signature",
    ),
    "another algorithm": (
        cose.write(-37, enrolled(ED).id.encode(), TOPIC.encode(), body(), lambda _: bytes(64)),
        "not_supported",
    ),
    "cut": (signed(body())[:-1], "not_readable"),
    "garbage": (b"\xd2signed", "not_readable"),
    "JSON inside": (signed(b'{"v": 1}'), "not_readable"),
    "a signed report inside": (signed(signed(body())), "not_readable"),
    "nothing inside": (signed(b""), "not_readable"),
    "bytes behind": (signed(body()) + b"\0", "not_readable"),
}


@pytest.mark.parametrize("what", REFUSED)
def test_anything_else_is_refused_and_never_answered(signatures: Signatures, what: str) -> None:
    """Not answered, since nobody knows who sent it: an answer would let the device forget its own report."""
    message, reason = REFUSED[what]
    good = arrived(signed(body(3)))
    checked = run(signatures, good, arrived(message), good._replace(payload=signed(body(4), EC)))
    (refused,) = checked.rejected
    assert (refused.reason, refused.boot, refused.seq) == (reason, None, None)
    assert (refused.form, refused.arrived.payload) == (Form.COSE, message)
    assert ("got" in refused.detail and "want" in refused.detail) or reason == "bad_signature"
    assert [row["seq"] for row in reports(batch_of(checked))] == [3, 4]


def test_a_report_that_was_signed_well_and_is_wrong_inside_is_refused_by_name(signatures: Signatures) -> None:
    checked = run(signatures, arrived(signed(body(9, speed_kmh=[900]))))
    (refused,) = batch_of(checked).rejected
    assert (refused.reason, refused.boot, refused.seq) == ("impossible_value", "b1", 9)
    assert refused.form is Form.COSE


def test_what_is_received_after_the_key_was_revoked_is_marked(signatures: Signatures) -> None:
    fitted = replace(FITTED, keys=(enrolled(ED, revoked_ms=T0),))
    messages = [arrived(signed(body(n)), fitted=fitted, received_ms=T0 + n) for n in range(2)]
    rows = reports(batch_of(run(signatures, *messages)))
    assert [row["signature"] for row in rows] == [1, 2]
    assert {row["key"] for row in rows} == {enrolled(ED).id}


def test_a_key_does_not_count_before_it_holds(signatures: Signatures) -> None:
    fitted = replace(FITTED, keys=(enrolled(ED, from_ms=T0 + 1),))
    checked = run(signatures, arrived(signed(body()), fitted=fitted))
    assert [one.reason for one in checked.rejected] == ["unknown_key"]


def test_a_key_that_was_enrolled_a_moment_ago_is_asked_for(signatures: Signatures) -> None:
    checked = run(signatures, arrived(signed(body()), fitted=Fitted("asset_d", "demo", 0)))
    assert not checked.rejected
    assert [row["signature"] for row in reports(batch_of(checked))] == [1]


def test_a_report_that_is_durable_is_answered_without_a_look_at_its_signature(signatures: Signatures) -> None:
    message, recent = signed(body(5)), Recent()
    known = Known(Form.COSE, "b1", 5)
    recent.add("d", sha256(message).digest(), known)
    checked = run(signatures, arrived(message), arrived(message, "e"), recent=recent)
    assert [(one.device, found) for one, found in checked.known] == [("d", known)]
    assert [one.arrived.device for one in checked.rejected] == ["e"], "another's copy is no repetition"


def test_many_are_checked_in_their_order_by_all_threads(signatures: Signatures) -> None:
    messages = [
        arrived(signed(body(n), ED, by=STRANGER if n % 7 == 0 else None), received_ms=T0 + n)
        for n in range(200)
    ]
    checked = run(signatures, *messages)
    assert [one.received_ms - T0 for one in checked.sound] == [n for n in range(200) if n % 7]
    assert [one.arrived.received_ms - T0 for one in checked.rejected] == list(range(0, 200, 7))


@given(st.binary(max_size=200) | st.binary(max_size=200).map(lambda tail: b"\xd2\x84" + tail), st.data())
@settings(max_examples=200, deadline=None)
def test_any_bytes_are_refused_with_a_reason(tail: bytes, data: st.DataObject) -> None:
    """Garbage, and real messages with one place overwritten: none of it is taken, none is a traceback."""
    message = signed(body())
    at = data.draw(st.integers(0, len(message)))
    spoiled = message[:at] + tail + message[at + len(tail) :]
    with_pool = Signatures(MemoryRegistry({"d": FITTED}), threads=1)
    try:
        for one in (b"\xd2" + tail, b"\xd2" + spoiled[1:]):
            checked = run(with_pool, arrived(one))
            assert len(checked.rejected) + len(checked.sound) == 1
            if checked.sound:
                assert one == message
    finally:
        with_pool.close()


def test_a_claim_is_read_of_messages_that_name_a_key_of_the_device_only() -> None:
    assert claimed(signed(body()), FITTED.keys) == body()
    assert claimed(signed(body(), by=STRANGER), FITTED.keys) == body(), "nothing is checked"
    assert claimed(signed(body(), STRANGER), FITTED.keys) is None
    assert claimed(b"\xd2", FITTED.keys) is None
