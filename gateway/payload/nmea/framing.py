"""Finding sentences in a stream of bytes: cut, glued, mixed with binary data or a tracker's own text.

A sentence counts only with its checksum: a receiver's line is short and serial lines lose bytes, so a
sentence without one is as good as a guess. It may have lost its ``$`` (some trackers leave it out).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

MAX_SENTENCE: Final = 200
"""Bytes of a sentence; NMEA allows 82, but high-precision receivers send more."""

_CANDIDATE: Final = re.compile(
    rb"(?:\$|(?=[A-OQ-Z][A-Z](?:RMC|GGA|VTG|GSA|ZDA|GNS|GLL),))"
    rb"([A-Z]{2}[^$*\r\n]{1,%d})(?:\*([0-9A-Fa-f]{2}))?" % MAX_SENTENCE
)


@dataclass(frozen=True, slots=True)
class Framed:
    """``bodies``: text between ``$`` and ``*`` of good sentences, in order; ``dropped``: how many were
    not; ``rest``: the beginning of a sentence that more bytes may complete."""

    bodies: list[bytes]
    dropped: int
    rest: bytes


def checksum(body: bytes) -> int:
    """XOR of all bytes, folded in halves as one number."""
    number = int.from_bytes(body, "big")
    shift = 8 << max(0, (len(body) - 1).bit_length() - 1)
    while shift >= 8:
        number ^= number >> shift
        shift >>= 1
    return number & 0xFF


def frame(data: bytes) -> Framed:
    """Split ``data`` into sentences with a right checksum."""
    bodies: list[bytes] = []
    dropped = 0
    for match in _CANDIDATE.finditer(data):
        body, want = match.groups()
        if want is not None and checksum(body) == int(want, 16):
            bodies.append(body)
        elif want is None and _open(data, match.start()):
            return Framed(bodies, dropped, data[match.start() :])
        else:
            dropped += 1
    return Framed(bodies, dropped, _tail(data))


def _open(data: bytes, start: int) -> bool:
    """Whether the sentence at ``start`` reaches the data's end, so that more bytes may complete it."""
    if len(data) - start > MAX_SENTENCE + 4:
        return False
    behind = data[start + 1 :]
    return not re.search(rb"[\r\n$]", behind) and b"*" not in behind[:-2]


def _tail(data: bytes) -> bytes:
    """A ``$`` with too little behind it to be a candidate yet."""
    start = data.rfind(b"$", max(0, len(data) - 3))
    return data[start:] if start >= 0 and not re.search(rb"[^A-Z]", data[start + 1 :]) else b""
