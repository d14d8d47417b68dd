"""Signatures by the Standard Webhooks scheme, symmetric (v1): HMAC-SHA256 over id, time and body."""

from __future__ import annotations

import binascii
import hmac
from base64 import b64decode, b64encode
from hashlib import sha256
from typing import Final

_PREFIX: Final = "whsec_"
_LEAST, _MOST = 24, 64
_WINDOW_S: Final = 300


class SecretError(ValueError):
    """A secret that can't be used; the message does not hold it."""


def secret_of(text: str) -> bytes:
    """The bytes of a secret in its text form, ``whsec_`` and base64 of 24 to 64 bytes. Raises SecretError."""
    try:
        secret = b64decode(text.removeprefix(_PREFIX), validate=True)
    except (ValueError, binascii.Error):
        raise SecretError("secret not readable: want whsec_ and base64") from None
    if not text.startswith(_PREFIX) or not _LEAST <= len(secret) <= _MOST:
        want = f"want whsec_ and base64 of {_LEAST} to {_MOST} bytes"
        raise SecretError(f"secret can't be used: got {len(secret)} bytes, {want}")
    return secret


def headers(secret: bytes, id_: str, at_s: int, body: bytes) -> dict[str, str]:
    """The headers that sign ``body`` for this attempt; ``id_`` stays the same, and has no dot."""
    return {
        "webhook-id": id_,
        "webhook-timestamp": str(at_s),
        "webhook-signature": f"v1,{_signature(secret, id_, str(at_s), body)}",
    }


def verified(secret: bytes, given: dict[str, str], body: bytes, now_s: int) -> bool:
    """Whether the headers (names in lower case) sign ``body`` and are of the last or next five minutes."""
    id_, at, listed = (given.get(f"webhook-{name}", "") for name in ("id", "timestamp", "signature"))
    if not id_ or not at.isascii() or not at.isdigit() or abs(int(at) - now_s) > _WINDOW_S:
        return False
    want = _signature(secret, id_, at, body)
    found = False
    for one in listed.split(" "):
        version, _, signature = one.partition(",")
        found |= version == "v1" and hmac.compare_digest(signature.encode(), want.encode())
    return found


def _signature(secret: bytes, id_: str, at: str, body: bytes) -> str:
    return b64encode(hmac.digest(secret, f"{id_}.{at}.".encode() + body, sha256)).decode()
