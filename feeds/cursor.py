"""The cursor of the event feed: how far a reader got, as one number a partition.

As text it is base64url of a small JSON list: a version, the partition count, then the numbers. Readers treat
it as opaque; it is valid on every instance and refused, with the reason, after a repartitioning.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Sequence
from typing import Final

import orjson

Vector = tuple[int, ...]
"""Number of the last event seen in each partition, 0 for none."""

_VERSION: Final = 1
_MAX_TEXT: Final = 4096
_MAX_NUMBER: Final = 2**63 - 1


class CursorError(ValueError):
    """A cursor that can't be used; the message says why."""


def start(partitions: int) -> Vector:
    """The cursor before the first event."""
    return (0,) * partitions


def advance(vector: Vector, partition: int, number: int) -> Vector:
    """The cursor after event ``number`` of ``partition`` was seen."""
    return (*vector[:partition], number, *vector[partition + 1 :])


def encode(vector: Sequence[int]) -> str:
    """The text of a cursor: URL-safe, without padding."""
    packed = orjson.dumps([_VERSION, len(vector), *vector])
    return base64.urlsafe_b64encode(packed).rstrip(b"=").decode()


def decode(text: str, partitions: int) -> Vector:
    """The cursor in ``text``, made for ``partitions`` partitions. Raises CursorError."""
    values = _values(text)
    version, count, *numbers = values
    if version != _VERSION:
        raise CursorError(f"cursor of another version: got {version}, want {_VERSION}")
    if count != len(numbers):
        raise CursorError(f"cursor is damaged: got {len(numbers)} numbers, want {count}")
    if count != partitions:
        raise CursorError(
            f"cursor is from before a repartitioning: got {count} partitions, want {partitions}"
        )
    return tuple(numbers)


def _values(text: str) -> list[int]:
    if len(text) > _MAX_TEXT:
        raise CursorError(f"cursor too long: got {len(text)} characters, want at most {_MAX_TEXT}")
    try:
        packed = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
        values: list[int] = orjson.loads(packed)
    except (ValueError, binascii.Error) as error:
        raise CursorError(f"cursor not readable: got {text[:40]!r}, want one that this API gave") from error
    plain = isinstance(values, list) and all(type(v) is int and 0 <= v <= _MAX_NUMBER for v in values)
    if not plain or len(values) < 2:
        raise CursorError(f"cursor not readable: got {text[:40]!r}, want one that this API gave")
    return values
