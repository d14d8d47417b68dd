"""The key for acks: made once, kept private, and what it signs."""

from __future__ import annotations

import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, generate_private_key
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

from gateway.ackkey import AckKeyError, load, load_or_make, load_public
from streams.signing import cose, keys


def test_a_key_is_made_once_and_is_its_owners(tmp_path: Path) -> None:
    path = tmp_path / "keys" / "ack.pem"
    made = load_or_make(path)
    assert load_or_make(path).public == made.public == load(path).public == load_public(path)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert [one.name for one in path.parent.iterdir()] == ["ack.pem"]


def test_all_that_make_it_at_once_get_the_same(tmp_path: Path) -> None:
    path = tmp_path / "ack.pem"
    with ThreadPoolExecutor(8) as pool:
        made = list(pool.map(lambda _: load_or_make(path).public, range(16)))
    assert len(set(made)) == 1


def test_an_ack_is_signed_for_one_device(tmp_path: Path) -> None:
    key = load_or_make(tmp_path / "ack.pem")
    told = cose.read(key.signed("unit-1", b"\xa0"))
    assert (told.alg, told.kid, told.payload) == (cose.EDDSA, key.id.encode(), b"\xa0")
    for device, holds in (("unit-1", True), ("unit-2", False)):
        over = cose.signed_bytes(told.protected, f"corridor/v1/{device}/ack".encode(), told.payload)
        assert keys.holds("EdDSA", key.public, over, told.signature) is holds


def test_the_public_half_alone_can_be_told(tmp_path: Path) -> None:
    path, public = tmp_path / "ack.pem", tmp_path / "ack.pub.pem"
    key = load_or_make(path)
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

    half = Ed25519PublicKey.from_public_bytes(key.public)
    public.write_bytes(half.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo))
    assert load_public(public) == key.public
    with pytest.raises(AckKeyError):
        load(public)


def test_another_file_is_refused_and_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "ack.pem"
    path.write_bytes(b"not a key")
    with pytest.raises(AckKeyError, match="want an Ed25519 key"):
        load_or_make(path)
    assert path.read_bytes() == b"not a key"
    other = generate_private_key(SECP256R1())
    path.write_bytes(other.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    with pytest.raises(AckKeyError, match="ECPrivateKey"):
        load_or_make(path)


def test_a_folder_that_can_not_be_made_is_told(tmp_path: Path) -> None:
    (tmp_path / "keys").write_bytes(b"")
    with pytest.raises(AckKeyError, match="ack key not"):
        load_or_make(tmp_path / "keys" / "ack.pem")
    with pytest.raises(AckKeyError):
        load(tmp_path)
