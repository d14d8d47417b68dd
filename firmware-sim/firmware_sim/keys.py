"""The unit's own key, made by the unit and never given away, and the key that its answers are signed with.

A folder holds ``DEVICE.pem`` of each device and ``ack.pub``: the public keys of the installation, one a line,
base64url. What leaves the unit is a public key with its proof of possession. A unit that signs believes no
answer that none of these keys has signed; without ``ack.pub`` it believes none.
"""

from __future__ import annotations

import base64
import hashlib
import os
from pathlib import Path
from typing import Any

import cbor2
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
)

from firmware_sim import cose
from firmware_sim.errors import KeyFileError

ACK_FILE = "ack.pub"
_P256_BYTES = 32
_P256_ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551


class DeviceKey:
    """A private key, Ed25519 (``EdDSA``) or P-256 (``ES256``). ``id``: 16 hexadecimal characters."""

    def __init__(self, private: Ed25519PrivateKey | ec.EllipticCurvePrivateKey) -> None:
        self._private = private
        self.alg = "EdDSA" if isinstance(private, Ed25519PrivateKey) else "ES256"
        self.public = _public(private)
        self.id = key_id(self.public)

    @classmethod
    def make(cls, alg: str) -> DeviceKey:
        """A new one from the system's randomness."""
        return cls(
            Ed25519PrivateKey.generate() if alg == "EdDSA" else ec.generate_private_key(ec.SECP256R1())
        )

    @classmethod
    def load(cls, path: Path) -> DeviceKey:
        """Of a PEM file. Raises ``KeyFileError``."""
        want = "an Ed25519 or P-256 key (PEM, without a password)"
        try:
            private = load_pem_private_key(path.read_bytes(), None)
        except OSError as error:
            raise KeyFileError(f"key not readable: got {error.strerror} for {path}, want {want}") from None
        except (ValueError, TypeError, UnsupportedAlgorithm):
            raise KeyFileError(f"key not readable: got other bytes in {path}, want {want}") from None
        if isinstance(private, ec.EllipticCurvePrivateKey) and isinstance(private.curve, ec.SECP256R1):
            return cls(private)
        if not isinstance(private, Ed25519PrivateKey):
            raise KeyFileError(f"key not usable: got {type(private).__name__} in {path}, want {want}")
        return cls(private)

    def save(self, path: Path) -> None:
        """Write it, for its owner only. Raises ``KeyFileError``."""
        data = self._private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        new = path.with_suffix(".new")
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            new.unlink(missing_ok=True)
            with os.fdopen(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            os.replace(new, path)
        except OSError as error:
            raise KeyFileError(f"key not writable: got {error.strerror}, want to write {path}") from None

    def sign(self, data: bytes) -> bytes:
        """64 bytes, as COSE has them; of P-256 with the lower of the two values that s may have."""
        if isinstance(self._private, Ed25519PrivateKey):
            return self._private.sign(data)
        r, s = decode_dss_signature(self._private.sign(data, ec.ECDSA(hashes.SHA256())))
        s = min(s, _P256_ORDER - s)  # the gateway takes the lower one: the other, anybody could make of it
        return r.to_bytes(_P256_BYTES, "big") + s.to_bytes(_P256_BYTES, "big")

    def proof(self, device: str, made_ms: int) -> dict[str, Any]:
        """What the installation wants for enrolling this key: plain values for JSON."""
        said = cbor2.dumps({"device": device, "public": self.public, "made_ms": made_ms})
        message = cose.sign1(self, f"corridor/v1/{device}/key", said)
        key = {"id": self.id, "alg": self.alg, "public": _text(self.public), "proof": _text(message)}
        return {"device": device, **key}


class AckKeys:
    """The installation's keys in a file, read again when the file has changed."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._seen: tuple[int, int] | None = None
        self._keys: dict[str, Ed25519PublicKey] = {}

    def check(self, message: bytes, topic: str) -> bytes | None:
        """What ``message`` says on ``topic``; None unless one of the keys has signed just that."""
        opened = cose.open1(message, topic)
        if opened is None or opened.alg != "EdDSA":
            return None
        self._refresh()
        key = self._keys.get(opened.kid)
        if key is None:
            return None
        try:
            key.verify(opened.signature, opened.signed)
        except InvalidSignature:
            return None
        return opened.payload

    def _refresh(self) -> None:
        try:
            state = self.path.stat()
            seen = (state.st_mtime_ns, state.st_size)
            if seen == self._seen:
                return
            lines = self.path.read_text("ascii").split()
            found = [_bytes(line) for line in lines]
            self._keys = {key_id(raw): Ed25519PublicKey.from_public_bytes(raw) for raw in found}
            self._seen = seen
        except FileNotFoundError:
            self._keys, self._seen = {}, None
        except (OSError, ValueError):
            raise KeyFileError(
                f"ack key not readable: got other bytes in {self.path}, want Ed25519 public keys, base64url"
            ) from None


class KeyFolder:
    """The keys of a fleet's devices. Raises ``KeyFileError``."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.acks = AckKeys(folder / ACK_FILE)

    def key(self, device: str, alg: str) -> DeviceKey:
        """The device's key; the device makes it where there is none."""
        path = self._path(device)
        if not path.exists():
            DeviceKey.make(alg).save(path)
        return DeviceKey.load(path)

    def renew(self, device: str, alg: str) -> DeviceKey:
        """A new key in place of the device's, from its next start on; the old one is kept beside it."""
        path = self._path(device)
        if path.exists():
            DeviceKey.load(path).save(path.with_suffix(".old"))
        DeviceKey.make(alg).save(path)
        return DeviceKey.load(path)

    def adopt(self, device: str, certs: Path) -> str:
        """Take the key of the device's certificate (DEVICE.key in ``certs``); returns the certificate."""
        DeviceKey.load(certs / f"{device}.key").save(self._path(device))
        path = certs / f"{device}.crt"
        try:
            return path.read_text("ascii")
        except (OSError, ValueError) as error:
            raise KeyFileError(f"certificate not readable: got {error}, want PEM in {path}") from None

    def believe(self, public: str) -> None:
        """Take ``public`` (base64url) as the installation's ack key, beside those that are there."""
        path = self.acks.path
        try:
            if len(_bytes(public)) != 32:
                raise ValueError
            path.parent.mkdir(parents=True, exist_ok=True)
            lines = path.read_text("ascii").split() if path.exists() else []
            if public not in lines:
                new = path.with_suffix(".new")
                new.write_text("".join(f"{line}\n" for line in [*lines, public]), "ascii")
                os.replace(new, path)
        except ValueError:
            raise KeyFileError(
                f"ack key not usable: got {public[:60]!r}, want an Ed25519 public key, base64url"
            ) from None
        except OSError as error:
            raise KeyFileError(f"ack key not writable: got {error.strerror}, want to write {path}") from None

    def _path(self, device: str) -> Path:
        return self.folder / f"{device}.pem"


def key_id(public: bytes) -> str:
    """The name of a public key: 16 characters of its SHA-256."""
    return hashlib.sha256(public).hexdigest()[:16]


def _public(private: Ed25519PrivateKey | ec.EllipticCurvePrivateKey) -> bytes:
    if isinstance(private, Ed25519PrivateKey):
        return private.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
    return private.public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)


def _text(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode("ascii")


def _bytes(text: str) -> bytes:
    return base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
