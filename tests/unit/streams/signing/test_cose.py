"""COSE_Sign1: read and written as RFC 9052 says, and nothing but the one form of it."""

from __future__ import annotations

import tracemalloc

import cbor2
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given
from hypothesis import strategies as st

from streams.signing import cose
from streams.signing.cose import CoseError

KEY = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
TOPIC = b"corridor/v1/unit-1/report"
MESSAGE = cose.write(cose.EDDSA, b"0123456789abcdef", TOPIC, b"\xa1avx1", KEY.sign)
LONG = cose.write(cose.EDDSA, b"0123456789abcdef", TOPIC, b"\xa1av" + bytes(300), KEY.sign)


def test_a_message_is_what_cbor2_makes_of_the_same_parts() -> None:
    """The layout of RFC 9052 section 4.2, made by a general encoder."""
    protected = cbor2.dumps({1: -8, 4: b"0123456789abcdef"})
    over = cbor2.dumps(["Signature1", protected, TOPIC, b"\xa1avx1"])
    want = cbor2.dumps(cbor2.CBORTag(18, [protected, {}, b"\xa1avx1", KEY.sign(over)]))
    assert want == MESSAGE


@given(
    st.binary(max_size=2_000) | st.integers(65_400, 65_700).map(bytes),
    st.binary(max_size=200),
    st.sampled_from([-7, -8, -19, -300]),
    st.sampled_from([b"kid", b"0123456789abcdef"]),
)
def test_what_is_written_is_read_again(payload: bytes, aad: bytes, alg: int, kid: bytes) -> None:
    signed = []

    def sign(data: bytes) -> bytes:
        signed.append(data)
        return bytes(64)

    told = cose.read(cose.write(alg, kid, aad, payload, sign))
    assert (told.alg, told.kid, told.payload, told.signature) == (alg, kid, payload, bytes(64))
    assert signed == [cose.signed_bytes(told.protected, aad, payload)]
    assert signed == [cbor2.dumps(["Signature1", told.protected, aad, payload])]


def test_the_header_is_read_in_either_order() -> None:
    protected = b"\xa2\x04\x42no\x01\x26"
    told = cose.read(b"\xd2\x84" + cbor2.dumps(protected) + b"\xa0\x41\xa0\x58\x40" + bytes(64))
    assert (told.alg, told.kid) == (-7, b"no")


BROKEN = {
    "empty": b"",
    "only the tag": b"\xd2",
    "another tag": b"\xd1" + MESSAGE[1:],
    "no tag": MESSAGE[1:],
    "three parts": b"\xd2\x83" + MESSAGE[2:],
    "an array of announced length": b"\xd2\x98\x04" + MESSAGE[2:],
    "an indefinite array": b"\xd2\x9f" + MESSAGE[2:] + b"\xff",
    "bytes behind": MESSAGE + b"\0",
    "cut": MESSAGE[:-1],
    "unprotected header": MESSAGE.replace(b"\xa0\x45", b"\xa1\x01\x26\x45", 1),
    "no payload": MESSAGE.replace(b"\x45\xa1avx1", b"\xf6", 1),
    "payload as text": MESSAGE.replace(b"\x45\xa1", b"\x65\xa1", 1),
    "a longer length than is needed": MESSAGE.replace(b"\x45\xa1", b"\x58\x05\xa1", 1),
    "a length of two bytes below 256": MESSAGE.replace(b"\x45\xa1", b"\x59\x00\x05\xa1", 1),
    "a length of the whole memory": MESSAGE.replace(
        b"\x45\xa1", b"\x5b\x7f\xff\xff\xff\xff\xff\xff\xff\xa1", 1
    ),
    "an indefinite payload": MESSAGE.replace(b"\x45\xa1avx1", b"\x5f\x45\xa1avx1\xff", 1),
    "a short signature": MESSAGE[:-66] + b"\x58\x3f" + bytes(63),
}


@pytest.mark.parametrize("what", BROKEN)
def test_anything_else_is_refused_with_a_reason(what: str) -> None:
    with pytest.raises(CoseError) as caught:
        cose.read(BROKEN[what])
    assert "want" in str(caught.value) or "got" in str(caught.value)


HEADERS = {
    "empty": b"",
    "an empty map": b"\xa0",
    "no key id": b"\xa1\x01\x27",
    "the algorithm twice": b"\xa2\x01\x27\x01\x27",
    "critical labels": b"\xa3\x01\x27\x02\x81\x04\x04\x41k",
    "another label": b"\xa2\x01\x27\x03\x41k",
    "the algorithm as text": b"\xa2\x01\x61a\x04\x41k",
    "an empty key id": b"\xa2\x01\x27\x04\x40",
    "a huge key id": b"\xa2\x01\x27\x04\x58\x45" + bytes(69),
    "a header of kilobytes": b"\xa2\x01\x27\x04\x59\x10\x00" + bytes(4096),
    "bytes behind": b"\xa2\x01\x27\x04\x41k\0",
    "cut": b"\xa2\x01\x27\x04\x42k",
}


@pytest.mark.parametrize("what", HEADERS)
def test_a_header_has_algorithm_and_key_id_and_nothing_else(what: str) -> None:
    with pytest.raises(CoseError):
        cose.read(b"\xd2\x84" + cbor2.dumps(HEADERS[what]) + b"\xa0\x41\xa0\x58\x40" + bytes(64))


@given(st.binary(max_size=300) | st.binary(max_size=300).map(lambda tail: b"\xd2\x84" + tail))
def test_any_bytes_are_read_or_refused(message: bytes) -> None:
    try:
        told = cose.read(message)
    except CoseError:
        return
    rebuilt = cose.read(message)
    assert rebuilt == told


@given(st.sampled_from([MESSAGE, LONG]), st.data(), st.integers(1, 255), st.booleans())
def test_no_other_bytes_say_the_same(message: bytes, data: st.DataObject, change: int, cut: bool) -> None:
    """Whoever changes one byte, or leaves one out, changes what is read: a message has one form."""
    edges = [*range(32), *range(len(message) - 70, len(message))]
    place = data.draw(st.sampled_from(edges) | st.integers(0, len(message) - 1))
    if cut:
        other = message[:place] + message[place + 1 :]
    else:
        other = message[:place] + bytes((message[place] ^ change,)) + message[place + 1 :]
    try:
        told = cose.read(other)
    except CoseError:
        return
    assert told != cose.read(message)
    assert other == written(told)


def written(told: cose.Sign1) -> bytes:
    """The message by a general encoder."""
    return cbor2.dumps(cbor2.CBORTag(18, [told.protected, {}, told.payload, told.signature]))


def test_an_announced_length_takes_no_memory() -> None:
    message = b"\xd2\x84\x5b\x00\x00\x7f\xff\xff\xff\xff\xff"
    tracemalloc.start()
    try:
        with pytest.raises(CoseError):
            cose.read(message)
        assert tracemalloc.get_traced_memory()[1] < 100_000
    finally:
        tracemalloc.stop()
