"""Public keys of devices: what is held of one, how a signature is checked, and the proof of possession.

A key's id is the first 16 hex characters of SHA-256 over its public bytes; COSE messages name it by these
characters. Of ES256 only the lower of the two values of s is taken: whoever sees a signature could make
the other one, and so other bytes of a signed report.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from hashlib import sha256
from typing import Any, Final, TypeAlias

import cbor2
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ec import (
    ECDSA,
    SECP256R1,
    EllipticCurvePrivateKey,
    EllipticCurvePublicKey,
)
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature, encode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256

from streams.signing import cose
from streams.signing.cose import CoseError

PrivateKey: TypeAlias = Ed25519PrivateKey | EllipticCurvePrivateKey
PublicKey: TypeAlias = Ed25519PublicKey | EllipticCurvePublicKey

ALGORITHMS: Final[Mapping[str, int]] = {"EdDSA": cose.EDDSA, "ES256": cose.ES256}
"""Names of the algorithms and their numbers in COSE."""
NAMES: Final = {number: name for name, number in ALGORITHMS.items()}
ID_CHARACTERS: Final = 16
_ECDSA: Final = ECDSA(SHA256())
_N: Final = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551  # order of P-256
_MAX_PROOF: Final = 1_024
# Ed25519 points of small order, without the sign bit: with one of these as key anything can be signed.
_SMALL_ORDER: Final = frozenset(
    bytes.fromhex(text)
    for text in (
        "00" * 32,
        "01" + "00" * 31,
        "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
        "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
        "ec" + "ff" * 30 + "7f",
        "ed" + "ff" * 30 + "7f",
        "ee" + "ff" * 30 + "7f",
    )
)


class KeyFormatError(ValueError):
    """A key or a proof that can't be used; says what was got and wanted."""


@dataclass(frozen=True, slots=True)
class DeviceKey:
    """A key enrolled for a device. It holds from ``from_ms`` until ``revoked_ms`` (None: still), by the time
    of receiving; ms since 1970. ``alg``: a name of ALGORITHMS; ``public``: 32 or 65 bytes."""

    id: str
    alg: str
    public: bytes
    from_ms: int
    revoked_ms: int | None = None

    def plain(self) -> dict[str, Any]:
        """As JSON values, as the read model and feeds have it."""
        revoked = self.revoked_ms
        public = encode(self.public)
        return {
            "id": self.id,
            "alg": self.alg,
            "public": public,
            "from_ms": self.from_ms,
            "revoked_ms": revoked,
        }


def device_keys(plain: Iterable[Mapping[str, Any]]) -> tuple[DeviceKey, ...]:
    """Keys from their JSON values. Raises KeyFormatError."""
    return tuple(
        DeviceKey(one["id"], one["alg"], decode(one["public"], "public"), one["from_ms"], one["revoked_ms"])
        for one in plain
    )


def encode(data: bytes) -> str:
    """Base64url without padding."""
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def decode(text: str, what: str) -> bytes:
    """The bytes of base64url with or without padding; ``what`` they are. Raises KeyFormatError."""
    try:
        bare = text.rstrip("=")
        return base64.b64decode(bare + "=" * (-len(bare) % 4), b"-_", validate=True)
    except (binascii.Error, ValueError) as error:
        raise KeyFormatError(f"{what}: want base64url: {error}") from None


def key_id(public: bytes) -> str:
    """The id of the key with these public bytes."""
    return sha256(public).hexdigest()[:ID_CHARACTERS]


@lru_cache(65_536)
def load(alg: str, public: bytes) -> PublicKey:
    """The key to check with. Raises KeyFormatError."""
    if alg == "EdDSA":
        if len(public) != 32:
            raise KeyFormatError(f"public key of EdDSA: got {len(public)} bytes, want 32")
        if public[:31] + bytes((public[31] & 0x7F,)) in _SMALL_ORDER:
            raise KeyFormatError(
                "public key of EdDSA: got a point of small order, with which anyone can sign"
            )
        return Ed25519PublicKey.from_public_bytes(public)
    if alg != "ES256":
        raise KeyFormatError(f"algorithm: got {alg!r:.40}, want EdDSA or ES256")
    if len(public) != 65 or public[0] != 4:
        raise KeyFormatError(f"public key of ES256: got {len(public)} bytes, want 65, an uncompressed point")
    try:
        return EllipticCurvePublicKey.from_encoded_point(SECP256R1(), public)
    except ValueError:
        raise KeyFormatError("public key of ES256: got a point that is not on P-256") from None


def public_of(key: PrivateKey) -> tuple[str, bytes]:
    """Algorithm and public bytes of a private key. Raises KeyFormatError."""
    if isinstance(key, Ed25519PrivateKey):
        return "EdDSA", key.public_key().public_bytes_raw()
    if not isinstance(key, EllipticCurvePrivateKey) or not isinstance(key.curve, SECP256R1):
        raise KeyFormatError("private key: want Ed25519 or P-256")
    point = key.public_key().public_numbers()
    return "ES256", b"\x04" + point.x.to_bytes(32, "big") + point.y.to_bytes(32, "big")


def sign(key: PrivateKey, message: bytes) -> bytes:
    """The 64 bytes of the signature, of ES256 with the lower s."""
    if isinstance(key, Ed25519PrivateKey):
        return key.sign(message)
    r, s = decode_dss_signature(key.sign(message, _ECDSA))
    return r.to_bytes(32, "big") + min(s, _N - s).to_bytes(32, "big")


def holds(alg: str, public: bytes, message: bytes, signature: bytes) -> bool:
    """Whether ``signature`` is the key's over ``message``. Runs without the interpreter's lock.

    Raises KeyFormatError for a key that can't be used.
    """
    key = load(alg, public)
    try:
        if isinstance(key, Ed25519PublicKey):
            key.verify(signature, message)
        else:
            r, s = int.from_bytes(signature[:32], "big"), int.from_bytes(signature[32:], "big")
            if len(signature) != cose.SIGNATURE_BYTES or s > _N // 2:
                return False
            key.verify(encode_dss_signature(r, s), message, _ECDSA)
    except InvalidSignature:
        return False
    return True


def proof_topic(device: str) -> bytes:
    """The external_aad of a proof of possession."""
    return f"corridor/v1/{device}/key".encode()


def make_proof(key: PrivateKey, device: str, made_ms: int) -> bytes:
    """The proof that whoever calls has the private key of ``device``."""
    alg, public = public_of(key)
    payload = cbor2.dumps({"device": device, "public": public, "made_ms": made_ms})
    kid = key_id(public).encode()
    return cose.write(ALGORITHMS[alg], kid, proof_topic(device), payload, lambda data: sign(key, data))


def check_proof(device: str, alg: str, public: bytes, proof: bytes) -> None:
    """Raises KeyFormatError unless ``proof`` shows that the maker has the key and means this device."""
    if len(proof) > _MAX_PROOF:
        raise KeyFormatError(f"proof: got {len(proof)} bytes, want at most {_MAX_PROOF}")
    try:
        told = cose.read(proof)
    except CoseError as error:
        raise KeyFormatError(f"proof: {error}") from None
    if NAMES.get(told.alg) != alg or told.kid != key_id(public).encode():
        raise KeyFormatError(
            f"proof: got algorithm {told.alg} and another key id, want those of the {alg} key"
        )
    over = cose.signed_bytes(told.protected, proof_topic(device), told.payload)
    if not holds(alg, public, over, told.signature):
        raise KeyFormatError(f"proof: not signed by this key for device {device}")
    try:
        payload = cbor2.loads(told.payload)
        same = payload["device"] == device and payload["public"] == public
        timed = type(payload["made_ms"]) is int
    except Exception as error:  # it was signed, not checked: whatever it does to the decoder is its fault
        raise KeyFormatError(f"proof: payload not readable: {error!r:.80}") from None
    if not same or not timed:
        raise KeyFormatError(f"proof: want a payload of device {device}, the public key and made_ms")
