"""Reports as JSON text (UTF-8), for devices and people without CBOR; bytes travel as base64url.

Of a repeated key the last one counts, as in ECMAScript: orjson can't tell them apart. A device that
wants repetition refused sends CBOR.
"""

from __future__ import annotations

import base64
import binascii
import re
from typing import Any, Final

import orjson

from gateway.errors import RefusedError

_BASE64URL: Final = re.compile(r"[A-Za-z0-9_-]*={0,2}", re.ASCII)


def read(payload: bytes) -> dict[str, Any]:
    """Parse a JSON object; raises ``RefusedError`` ``not_readable``."""
    try:
        value = orjson.loads(payload)
    except orjson.JSONDecodeError as error:
        raise RefusedError(
            "not_readable", f"report not readable: got broken JSON ({error}), want an object"
        ) from None
    if type(value) is not dict:
        raise RefusedError("not_readable", f"report not readable: got {type(value).__name__}, want an object")
    return value


def bytes_of(text: str) -> bytes | None:
    """Decode base64url with or without padding (RFC 4648 section 5); None when ``text`` is not that."""
    if not _BASE64URL.fullmatch(text):
        return None
    body = text.rstrip("=")
    try:
        return base64.urlsafe_b64decode(body + "=" * (-len(body) % 4))
    except (binascii.Error, ValueError):
        return None
