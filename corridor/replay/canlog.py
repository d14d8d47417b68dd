"""candump logs: frames in pieces that never cut a transport-protocol transfer.

A report holds 29-bit frames; those of 11 bits and lines that are none are counted as skipped. Frames without
a recorded time are laid 10 ms apart, from a fixed day (2000-01-01) on: only a re-timed replay makes sense of
them.
"""

from __future__ import annotations

from corridor.replay.errors import ReplayError
from corridor.replay.recording import Frame, Piece, Recording, instant_ok
from firmware_sim.candump import CandumpError, parse

MAX_FRAMES = 900
SPAN_MS = 1_000
TRANSFER_MS = 750
_NO_TIME_MS = 946_684_800_000
_CM, _DT = 0xEC, 0xEB


def read(data: bytes, name: str) -> Recording:
    """The log's frames; raises ``ReplayError`` when most lines are none or none has 29 bits."""
    try:
        found, bad = parse(data.decode("utf-8", "replace").splitlines(), name)
    except CandumpError as error:
        raise ReplayError(str(error)) from None
    frames: list[Frame] = []
    for frame in found:
        t_ms = round(frame.t_s * 1000)
        t_ms += 0 if instant_ok(t_ms) else _NO_TIME_MS
        if frame.extended and instant_ok(t_ms):
            frames.append((t_ms, frame.ident, frame.data))
    if not frames:
        raise ReplayError(f"no 29-bit frames: {name}: got {len(found)} frames, want J1939 ones")
    frames.sort(key=lambda frame: frame[0])
    return Recording(name, "candump", _cut(frames), bad + len(found) - len(frames))


def _cut(frames: list[Frame]) -> list[Piece]:
    pieces: list[Piece] = []
    chunk: list[Frame] = []
    open_: dict[tuple[int, int], tuple[int, int]] = {}  # (source, destination) -> packets left, last time
    for frame in frames:
        full = bool(chunk) and frame[0] - chunk[0][0] >= SPAN_MS
        under_way = any(frame[0] - last <= TRANSFER_MS for _, last in open_.values())
        if (full and not under_way) or len(chunk) >= MAX_FRAMES:
            pieces.append(Piece(chunk[-1][0], frames=chunk))
            chunk = []
        _follow(open_, frame)
        chunk.append(frame)
    pieces.append(Piece(chunk[-1][0], frames=chunk))
    return pieces


def _follow(open_: dict[tuple[int, int], tuple[int, int]], frame: Frame) -> None:
    """Keep count of the transfers that are under way (J1939-21: BAM and RTS open one, packets use it up)."""
    t_ms, ident, data = frame
    group, where = ident >> 16 & 0xFF, (ident & 0xFF, ident >> 8 & 0xFF)
    if group == _CM and len(data) == 8 and data[0] in (0x20, 0x10):
        open_[where] = (data[3], t_ms)
    elif group == _DT and where in open_:
        left = open_[where][0] - 1
        if left > 0:
            open_[where] = (left, t_ms)
        else:
            del open_[where]
