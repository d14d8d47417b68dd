"""The installation's key for acks: one PEM file, readable by its owner only, made where there is none.

Devices that have a key believe no other ack, so all gateways of an installation have the same one. Its public
half is given to a device when its key is enrolled. A lost key is a round to every truck: keep a copy.
"""

from __future__ import annotations

import os
import secrets
from pathlib import Path
from typing import Final

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
    load_pem_public_key,
)

from gateway.errors import GatewayError
from gateway.topic import Channel, topic
from streams.signing import cose
from streams.signing.keys import key_id, public_of

_WANT: Final = "an Ed25519 key (PEM, PKCS 8, without a password)"


class AckKeyError(GatewayError):
    """The key can't be read or made; says which file and why."""


class AckKey:
    """Signs acks."""

    def __init__(self, private: Ed25519PrivateKey) -> None:
        self._private = private
        self.public = public_of(private)[1]
        self.id = key_id(self.public)

    def signed(self, device: str, ack: bytes) -> bytes:
        """The message for the device's ack topic."""
        aad = topic(device, Channel.ACK).encode()
        return cose.write(cose.EDDSA, self.id.encode(), aad, ack, self._private.sign)


def load(path: Path) -> AckKey:
    """The key in ``path``. Raises AckKeyError, FileNotFoundError."""
    try:
        key = load_pem_private_key(path.read_bytes(), None)
    except FileNotFoundError:
        raise
    except OSError as error:
        raise AckKeyError(f"ack key not readable: {path}: {error.strerror}") from None
    except (ValueError, TypeError, UnsupportedAlgorithm):
        raise AckKeyError(f"ack key not usable: got other bytes in {path}, want {_WANT}") from None
    if not isinstance(key, Ed25519PrivateKey):
        raise AckKeyError(f"ack key not usable: got {type(key).__name__} in {path}, want {_WANT}")
    return AckKey(key)


def load_public(path: Path) -> bytes:
    """The public bytes of the key in ``path``, of which the public half is enough.

    Raises AckKeyError, FileNotFoundError.
    """
    try:
        key = load_pem_public_key(path.read_bytes())
    except (ValueError, TypeError, UnsupportedAlgorithm, OSError):
        return load(path).public
    if not isinstance(key, Ed25519PublicKey):
        raise AckKeyError(f"ack key not usable: got {type(key).__name__} in {path}, want {_WANT}")
    return key.public_bytes_raw()


def load_or_make(path: Path) -> AckKey:
    """The key in ``path``, made if there is none; of several that make it at once all get the same.

    Raises AckKeyError.
    """
    try:
        return load(path)
    except FileNotFoundError:
        pass
    pem = Ed25519PrivateKey.generate().private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    new = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        with os.fdopen(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            file.write(pem)
            file.flush()
            os.fsync(file.fileno())
        _publish(new, path)
        return load(path)
    except OSError as error:
        raise AckKeyError(f"ack key not made: {path}: {error.strerror}") from None
    finally:
        new.unlink(missing_ok=True)


def _publish(new: Path, path: Path) -> None:
    """Give ``new`` its name unless another process was faster."""
    try:
        os.link(new, path)
    except FileExistsError:
        return
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
