"""The cursor of a feed: which feed it is of, and the next place to read in each log.

As text it is base64url of a small JSON list; readers treat it as opaque. It is the same on every instance,
and refused with the reason when it is of another feed, of before a repartitioning, or ahead of the logs.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Sequence
from typing import Final

import orjson

from feeds.cursor import CursorError, Vector

_WORD: Final = "feed"
_VERSION: Final = 1
_MAX_TEXT: Final = 4_096
_MOST: Final = 2**63 - 1


def encode(feed: str, places: Sequence[int]) -> str:
    """The text of a place in the feed ``feed``: of each log the next place to read."""
    packed = orjson.dumps([_WORD, _VERSION, feed, *places])
    return base64.urlsafe_b64encode(packed).rstrip(b"=").decode()


def decode(text: str, feed: str, sizes: Sequence[int]) -> Vector:
    """The place in ``text``; ``sizes``: what is signed of each log. Raises CursorError."""
    if len(text) > _MAX_TEXT:
        raise CursorError(f"cursor too long: got {len(text)} characters, want at most {_MAX_TEXT}")
    try:
        packed = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
        values = orjson.loads(packed)
    except (ValueError, binascii.Error) as error:
        raise CursorError(f"cursor not readable: got {text[:40]!r}, want one that this feed gave") from error
    if not isinstance(values, list) or len(values) < 4 or values[0] != _WORD:
        raise CursorError(f"cursor of something else: got {text[:40]!r}, want one that this feed gave")
    _, version, of, *places = values
    if version != _VERSION:
        raise CursorError(f"cursor of another version: got {version!r:.20}, want {_VERSION}")
    if of != feed:
        raise CursorError(f"cursor of another feed: got one of {of!r:.60}, want {feed}")
    if any(type(one) is not int or not 0 <= one <= _MOST for one in places):
        raise CursorError(f"cursor is damaged: got {text[:40]!r}, want one that this feed gave")
    if len(places) > len(sizes):
        raise CursorError(
            f"cursor is from before a repartitioning: got {len(places)} logs, want {len(sizes)}"
        )
    places += [0] * (len(sizes) - len(places))  # logs that follow others since
    for log, (place, size) in enumerate(zip(places, sizes, strict=True)):
        if place > size:
            raise CursorError(f"cursor is ahead of log {log}: got place {place}, and {size} are signed")
    return tuple(places)
