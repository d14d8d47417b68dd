"""Keys of devices: what signs, what is refused as a key, and the proof that somebody has one."""

from __future__ import annotations

from typing import Any

import cbor2
import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given
from hypothesis import strategies as st

from streams.signing import cose, keys
from streams.signing.keys import DeviceKey, KeyFormatError, PrivateKey

ED = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
EC = ec.derive_private_key(0x1234_5678_9ABC, ec.SECP256R1())
BOTH: list[PrivateKey] = [ED, EC]
N = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551


@pytest.mark.parametrize("key", BOTH)
def test_a_signature_holds_for_its_message_and_key_only(key: PrivateKey) -> None:
    alg, public = keys.public_of(key)
    signature = keys.sign(key, b"message")
    assert len(signature) == 64
    assert keys.holds(alg, public, b"message", signature)
    assert not keys.holds(alg, public, b"massage", signature)
    other = Ed25519PrivateKey.generate() if alg == "EdDSA" else ec.generate_private_key(ec.SECP256R1())
    assert not keys.holds(*keys.public_of(other), b"message", signature)
    for bad in (b"", signature[:-1], signature + b"\0", bytes(64), b"\xff" * 64):
        assert not keys.holds(alg, public, b"message", bad)


@given(st.binary(max_size=64))
def test_the_other_s_of_an_es256_signature_is_refused(message: bytes) -> None:
    """Anybody can make it of a signature that was seen: it would be other bytes of the same report."""
    alg, public = keys.public_of(EC)
    signature = keys.sign(EC, message)
    s = int.from_bytes(signature[32:], "big")
    assert s <= N // 2
    assert keys.holds(alg, public, message, signature)
    assert not keys.holds(alg, public, message, signature[:32] + (N - s).to_bytes(32, "big"))


BAD_KEYS: dict[str, tuple[str, bytes]] = {
    "short": ("EdDSA", bytes(31)),
    "nothing": ("EdDSA", b""),
    "the neutral point": ("EdDSA", b"\x01" + bytes(31)),
    "the neutral point with a sign": ("EdDSA", b"\x01" + bytes(30) + b"\x80"),
    "compressed": ("ES256", b"\x02" + bytes(32)),
    "not on the curve": ("ES256", b"\x04" + b"\x07" * 64),
    "another algorithm": ("RS256", bytes(32)),
}


@pytest.mark.parametrize("what", BAD_KEYS)
def test_a_key_that_can_not_be_used_is_refused(what: str) -> None:
    with pytest.raises(KeyFormatError, match="got"):
        keys.load(*BAD_KEYS[what])


def test_no_point_of_small_order_is_a_key() -> None:
    """All of them, found here as what 8 times any point leaves: with each the zero signature would hold."""
    p, d = 2**255 - 19, -121665 * pow(121666, -1, 2**255 - 19) % (2**255 - 19)

    def add(one: tuple[int, int], two: tuple[int, int]) -> tuple[int, int]:
        (x1, y1), (x2, y2) = one, two
        t = d * x1 * x2 * y1 * y2
        return (x1 * y2 + x2 * y1) * pow(1 + t, -1, p) % p, (y1 * y2 + x1 * x2) * pow(1 - t, -1, p) % p

    def times(n: int, point: tuple[int, int]) -> tuple[int, int]:
        sum_ = (0, 1)
        for bit in bin(n)[2:]:
            sum_ = add(sum_, sum_)
            if bit == "1":
                sum_ = add(sum_, point)
        return sum_

    def point_of(y: int) -> tuple[int, int] | None:
        square = (y * y - 1) * pow(d * y * y + 1, -1, p) % p
        x = pow(square, (p + 3) // 8, p)
        if x * x % p != square:
            x = x * pow(2, (p - 1) // 4, p) % p
        return (x, y) if x * x % p == square else None

    order = 2**252 + 27742317777372353535851937790883648493
    small = set()
    for y in range(2, 40):
        point = point_of(y)
        if point is not None:
            small.add(times(order, point)[1])
            small.add(times(2 * order, point)[1])
            small.add(times(4 * order, point)[1])
    assert len(small) == 5, "orders 8 (two y), 4, 2 and 1"
    for y in small:
        for same in (y, y + p):
            for sign in (0, 0x80):
                if same < 2**255:
                    raw = bytearray(same.to_bytes(32, "little"))
                    raw[31] |= sign
                    with pytest.raises(KeyFormatError, match="small order"):
                        keys.load("EdDSA", bytes(raw))


@pytest.mark.parametrize("key", BOTH)
def test_a_proof_is_of_one_device_and_one_key(key: PrivateKey) -> None:
    alg, public = keys.public_of(key)
    proof = keys.make_proof(key, "unit-1", 1_795_000_000_000)
    keys.check_proof("unit-1", alg, public, proof)
    with pytest.raises(KeyFormatError, match="not signed"):
        keys.check_proof("unit-2", alg, public, proof)
    with pytest.raises(KeyFormatError, match="another key id"):
        keys.check_proof("unit-1", *keys.public_of(Ed25519PrivateKey.generate()), proof)
    with pytest.raises(KeyFormatError):
        keys.check_proof("unit-1", alg, public, proof[:-1])
    with pytest.raises(KeyFormatError, match="at most"):
        keys.check_proof("unit-1", alg, public, bytes(2_000))


PAYLOADS: list[Any] = [
    {},
    [],
    None,
    {"device": "unit-2", "public": keys.public_of(ED)[1], "made_ms": 1},
    {"device": "unit-1", "public": bytes(32), "made_ms": 1},
    {"device": "unit-1", "public": keys.public_of(ED)[1], "made_ms": "now"},
    {"device": "unit-1", "public": keys.public_of(ED)[1]},
]


@pytest.mark.parametrize("payload", [*map(cbor2.dumps, PAYLOADS), b"", b"\xff", b"\xd8\x1d\x00"])
def test_a_proof_says_what_it_proves(payload: bytes) -> None:
    alg, public = keys.public_of(ED)
    kid, aad = keys.key_id(public).encode(), keys.proof_topic("unit-1")
    proof = cose.write(cose.EDDSA, kid, aad, payload, ED.sign)
    with pytest.raises(KeyFormatError, match="payload"):
        keys.check_proof("unit-1", alg, public, proof)


def test_a_report_is_no_proof() -> None:
    """Who listens to a device's reports can't enrol its key elsewhere: the topics differ."""
    alg, public = keys.public_of(ED)
    payload = cbor2.dumps({"device": "unit-1", "public": public, "made_ms": 1})
    kid, aad = keys.key_id(public).encode(), b"corridor/v1/unit-1/report"
    with pytest.raises(KeyFormatError, match="not signed"):
        keys.check_proof("unit-1", alg, public, cose.write(cose.EDDSA, kid, aad, payload, ED.sign))


def test_a_private_key_of_another_kind_is_refused() -> None:
    wrong: EllipticCurvePrivateKey = ec.generate_private_key(ec.SECP384R1())
    with pytest.raises(KeyFormatError):
        keys.public_of(wrong)


@given(st.binary(max_size=80), st.integers(0, 2**53), st.none() | st.integers(0, 2**53))
def test_plain_values_are_read_again(public: bytes, from_ms: int, revoked_ms: int | None) -> None:
    key = DeviceKey(keys.key_id(public), "ES256", public, from_ms, revoked_ms)
    assert keys.device_keys([key.plain()]) == (key,)
    assert keys.decode(keys.encode(public) + "=" * (-len(keys.encode(public)) % 4), "x") == public


@pytest.mark.parametrize("text", ["a", "a b c", "ab*c", "ä"])
def test_what_is_not_base64url_is_refused(text: str) -> None:
    with pytest.raises(KeyFormatError):
        keys.decode(text, "public")
