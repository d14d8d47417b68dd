"""Reads candump recordings, in all notations, plain or gzipped, and plays one in an endless loop.

``(1622547830.084000) can0 0CF00300#FFFE00`` is what ``candump -l`` writes, ``can0  18EEFF00   [8]  8E F2``
what it shows (with or without a time in front), ``<0x18eeff01> [8] 05`` what old versions show. Identifiers
of more than three digits are 29 bits long. Comments (``#``) and empty lines are skipped; any other line that
is not a frame is counted.
"""

from __future__ import annotations

import bisect
import gzip
import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from firmware_sim.errors import SimError

_LOGGED = re.compile(r"(?:\d+\s+)?\((\d+\.\d+)\)\s+\S+\s+([0-9A-Fa-f]{1,8})#([0-9A-Fa-f]*)(?:\s.*)?$")
_SHOWN = re.compile(
    r"(?:\((\d+\.\d+)\)\s+)?(?:\S+\s+)?(?:<0x)?([0-9A-Fa-f]{1,8})>?\s+\[(\d)\]\s*((?:[0-9A-Fa-f]{2}(?:\s+|$))*)(?:'.*)?$"
)
_SHOWN_STEP_S = 0.01  # frames without a time are played 10 ms apart
MAX_FILE_BYTES = 256 << 20


class CandumpError(SimError):
    """A file that is no candump recording."""


class LogFrame(NamedTuple):
    """One recorded frame: seconds as recorded (or counted up), identifier, whether it has 29 bits, data."""

    t_s: float
    ident: int
    extended: bool
    data: bytes


def parse_line(line: str, t_s: float = 0.0) -> LogFrame | None:
    """The frame in one line, None when there is none; ``t_s`` stands in for a missing time."""
    line = line.strip()
    if logged := _LOGGED.match(line):
        time, ident, text = logged[1], logged[2], logged[3]
    elif shown := _SHOWN.match(line):
        time, ident, text = shown[1], shown[2], "".join(shown[4].split())
        if len(text) != 2 * int(shown[3]):
            return None
    else:
        return None
    if len(text) % 2 or len(text) > 16:
        return None
    number, extended = int(ident, 16), len(ident) > 3
    if number > (0x1FFFFFFF if extended else 0x7FF):
        return None
    return LogFrame(t_s if time is None else float(time), number, extended, bytes.fromhex(text))


def read(path: Path) -> tuple[list[LogFrame], int]:
    """All frames of a recording and the number of lines that are none; raises ``CandumpError``."""
    try:
        with path.open("rb") as raw:
            zipped = raw.read(2) == b"\x1f\x8b"
        with gzip.open(path) if zipped else path.open("rb") as file:
            data = file.read(MAX_FILE_BYTES + 1)
    except (OSError, EOFError) as error:
        raise CandumpError(f"recording not readable: got {error}, want a candump log: {path}") from None
    if len(data) > MAX_FILE_BYTES:
        raise CandumpError(f"recording too large: got over {MAX_FILE_BYTES} bytes, want at most that: {path}")
    return parse(data.decode("utf-8", "replace").splitlines(), path.name)


def parse(lines: Iterable[str], name: str) -> tuple[list[LogFrame], int]:
    """As ``read``, from lines; raises ``CandumpError`` when most of them are no frames."""
    frames: list[LogFrame] = []
    bad = 0
    first_bad = ""
    for line in lines:
        text = line.strip()
        if not text or text.startswith("#"):
            continue
        frame = parse_line(text, len(frames) * _SHOWN_STEP_S)
        if frame is None:
            bad += 1
            first_bad = first_bad or text
        else:
            frames.append(frame)
    if len(frames) <= bad:
        raise CandumpError(
            f"not a candump log: {name}: got {first_bad[:60]!r}, want lines like '(1.0) can0 0CF00300#FFFE00'"
        )
    return frames, bad


@dataclass(slots=True)
class CanLog:
    """A recording as an endless loop; identifiers of 11 bits are left out (a report holds 29-bit ones)."""

    frames: list[LogFrame]
    times: list[float]

    @classmethod
    def open(cls, path: Path) -> CanLog:
        """Load a recording; raises ``CandumpError``, also when it holds no 29-bit frame."""
        frames = sorted((f for f in read(path)[0] if f.extended), key=lambda f: f.t_s)
        if not frames:
            raise CandumpError(f"no 29-bit frames: got none in {path}, want a J1939 recording")
        return cls(frames, [frame.t_s - frames[0].t_s for frame in frames])

    @property
    def length_s(self) -> float:
        return self.times[-1] + 0.1

    def between(self, from_s: float, to_s: float) -> list[tuple[float, LogFrame]]:
        """The frames of the loop's time ``[from_s, to_s)``, each with the time at which it falls."""
        found: list[tuple[float, LogFrame]] = []
        turn = from_s // self.length_s
        while turn * self.length_s < to_s:
            base = turn * self.length_s
            first = bisect.bisect_left(self.times, from_s - base)
            last = bisect.bisect_left(self.times, to_s - base)
            found += [(base + self.times[i], self.frames[i]) for i in range(first, last)]
            turn += 1
        return found
