"""The gateway's Ed25519 takes what every verifier takes, and nothing that one would refuse."""

from __future__ import annotations

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway import ed25519
from streams.signing import keys
from streams.signing.keys import KeyFormatError

ORDER = 2**252 + 27742317777372353535851937790883648493
SMALL = ("01" + "00" * 31, "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05", "00" * 32)


def both(public: bytes, message: bytes, signature: bytes) -> tuple[bool, bool]:
    try:
        other = keys.holds("EdDSA", public, message, signature)
    except KeyFormatError:
        other = False
    return ed25519.holds(public, message, signature), other


@given(st.binary(min_size=32, max_size=32), st.binary(max_size=300))
@settings(deadline=None)
def test_a_true_signature_holds_and_its_twin_does_not(seed: bytes, message: bytes) -> None:
    key = Ed25519PrivateKey.from_private_bytes(seed)
    public, signature = keys.public_of(key)[1], key.sign(message)
    assert both(public, message, signature) == (True, True)
    assert both(public, message + b"x", signature) == (False, False)
    s = int.from_bytes(signature[32:], "little") + ORDER
    twin = signature[:32] + s.to_bytes(32, "little")
    assert both(public, message, twin) == (False, False), "other bytes of the same report"


@given(st.data())
@settings(deadline=None, max_examples=200)
def test_no_damage_is_taken_by_either(data: st.DataObject) -> None:
    key = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
    parts = [keys.public_of(key)[1], b"message", key.sign(b"message")]
    which = data.draw(st.integers(0, 2))
    spoiled = bytearray(parts[which])
    at = data.draw(st.integers(0, len(spoiled) - 1))
    spoiled[at] ^= data.draw(st.integers(1, 255))
    parts[which] = bytes(spoiled)
    assert both(parts[0], parts[1], parts[2]) == (False, False)


def test_keys_and_signatures_of_other_sizes_and_of_small_order_hold_nothing() -> None:
    for public in (b"", bytes(31), bytes(33), *map(bytes.fromhex, SMALL)):
        for signature in (bytes(64), b"\x01" + bytes(63), bytes.fromhex(SMALL[1]) + bytes(32), b""):
            assert both(public, b"message", signature) == (False, False)
