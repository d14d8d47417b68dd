"""Raw NMEA logs, as receivers write them and gpsd keeps them: played as they are, one epoch at a time.

Comments (``#``) at a line's start are left out; every other byte is kept, broken sentences too: what to make
of them is the gateway's affair. A sentence's time of day decides when it is played.
"""

from __future__ import annotations

import re

from corridor.replay.errors import ReplayError
from corridor.replay.recording import Piece, Recording

MAX_CHUNK = 16_384
DAY_MS = 86_400_000
# The field that holds hhmmss.sss, by sentence.
_TIME_FIELD = {b"RMC": 1, b"GGA": 1, b"GNS": 1, b"ZDA": 1, b"GLL": 5, b"GBS": 1, b"GST": 1}
_TIME = re.compile(rb"(\d\d)(\d\d)(\d\d)(?:\.(\d{1,3}))?")


def read(data: bytes, name: str) -> Recording:
    """The log as chunks of one epoch; raises ``ReplayError`` when it holds no sentence."""
    pieces: list[Piece] = []
    chunk: list[bytes] = []
    size = now = 0
    clock: int | None = None
    sentences = 0
    for line in data.splitlines(keepends=True):
        if line.startswith(b"#"):
            continue
        sentences += line[:1] in b"$!\\"
        time = _time_of_day(line)
        if time is not None and time != clock:
            if chunk:
                pieces.append(Piece(now, lines=b"".join(chunk)))
                chunk, size = [], 0
            now += _step(clock, time)
            clock = time
        if size + len(line) > MAX_CHUNK and chunk:
            pieces.append(Piece(now, lines=b"".join(chunk)))
            chunk, size = [], 0
        for start in range(0, len(line), MAX_CHUNK):
            chunk.append(line[start : start + MAX_CHUNK])
        size += len(line)
    if chunk:
        pieces.append(Piece(now, lines=b"".join(chunk)))
    if not sentences:
        raise ReplayError(f"not an NMEA log: {name}: got no line that starts with $ or !, want sentences")
    return Recording(name, "nmea", pieces)


def _step(before: int | None, after: int) -> int:
    """How much later an epoch is played; a clock that jumps (cut log, midnight missed) counts as 1 s."""
    if before is None:
        return 0
    step = (after - before) % DAY_MS
    return step if step <= 60_000 else 1_000


def _time_of_day(line: bytes) -> int | None:
    start = line.find(b"$")
    fields = line[start + 1 :].split(b",") if start >= 0 else []
    at = _TIME_FIELD.get(fields[0][-3:]) if fields else None
    if at is None or at >= len(fields):
        return None
    match = _TIME.match(fields[at])
    if match is None:
        return None
    hours, minutes, seconds = (int(match[i]) for i in (1, 2, 3))
    return ((hours * 60 + minutes) * 60 + seconds) * 1000 + int((match[4] or b"0").ljust(3, b"0"))
