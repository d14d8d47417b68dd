"""Reports as one CBOR map (RFC 8949).

Refused: tags (references amplify, dates and regular expressions are code), repeated keys, keys that are
not text, nesting deeper than a report needs, bytes behind the map. cbor2 reads a container as its items
arrive, never by its announced length, so memory is bounded by a constant times the payload's size.
"""

from __future__ import annotations

from io import BytesIO
from typing import Any, Final, NoReturn

import cbor2

from gateway.errors import RefusedError

MAX_DEPTH: Final = 10


class _TagError(Exception):
    """A tag inside a report; cbor2 wraps it."""


def _refuse_tag(*_: object) -> NoReturn:
    raise _TagError


_BUILT_IN_TAGS: Final = (
    *range(6),
    *(25, 28, 29, 30, 35, 36, 37, 52, 54, 100, 256, 258, 260, 261, 1004, 43000, 55799),
)
_NO_TAGS: Final = dict.fromkeys(_BUILT_IN_TAGS, _refuse_tag)


def read(payload: bytes) -> dict[str, Any]:
    """Parse exactly one CBOR map; raises ``RefusedError`` ``not_readable``."""
    if payload[0] >> 5 != 5:
        raise RefusedError(
            "not_readable",
            f"report not readable: got first byte 0x{payload[0]:02x}, want a CBOR map or a JSON object",
        )
    stream = BytesIO(payload)
    decoder = cbor2.CBORDecoder(
        stream,
        tag_hook=_refuse_tag,
        semantic_decoders=_NO_TAGS,
        max_depth=MAX_DEPTH,
        allow_duplicate_keys=False,
        strict_hashable_types=True,
    )
    try:
        value = decoder.decode()
    except cbor2.CBORDecodeError as error:
        raise RefusedError("not_readable", f"report not readable: {_said(error)}") from None
    if stream.tell() != len(payload):
        behind = len(payload) - stream.tell()
        raise RefusedError("not_readable", f"report not readable: got {behind} bytes behind the map, want 0")
    result: dict[str, Any] = value
    return result


def _said(error: cbor2.CBORDecodeError) -> str:
    if isinstance(error.__cause__, _TagError):
        return "got a CBOR tag, want none"
    return f"got broken CBOR ({error})"
