"""Finds out what kind of recording a file is, by its content, and reads it."""

from __future__ import annotations

import gzip
import re
from collections.abc import Callable
from pathlib import Path

from corridor.replay import canlog, events, gpx, nmea, table
from corridor.replay.errors import ReplayError
from corridor.replay.recording import Recording

MAX_BYTES = 256 << 20
KINDS = ("nmea", "candump", "gpx", "csv", "jsonl")

_READERS: dict[str, Callable[[bytes, str], Recording]] = {
    "nmea": nmea.read,
    "candump": canlog.read,
    "gpx": gpx.read,
    "csv": table.read,
    "jsonl": events.read,
}
_WANT = "want raw NMEA, a candump log, GPX, CSV with a header, or JSON lines"
_NMEA = re.compile(rb"^(\\[^\\]*\\)?[$!][A-Z]{2,}[^,\r\n]*,", re.MULTILINE)
_CAN = re.compile(
    rb"^\s*(\d+\s+)?(\(\d+\.\d+\)\s+)?(\S+\s+)?(<0x)?[0-9A-Fa-f]{1,8}>?(#|\s+\[\d\])", re.MULTILINE
)


def read(path: Path, kind: str | None = None) -> Recording:
    """Read a recording, gzipped or not; ``kind`` names its form where the content should not decide.

    Raises ``ReplayError`` when the file can't be read or is no recording.
    """
    data = _bytes(path)
    found = kind or _kind(data)
    if found is None:
        shown = ascii(data[:40].decode("latin-1"))
        raise ReplayError(f"not a recording: {path.name}: got {shown}, {_WANT}")
    if found not in _READERS:
        raise ReplayError(f"unknown kind of recording: got {found}, want one of {', '.join(KINDS)}")
    recording = _READERS[found](data, path.name)
    if not recording.pieces:
        raise ReplayError(f"empty recording: {path.name}: got nothing to play, want at least one sample")
    return recording


def _bytes(path: Path) -> bytes:
    try:
        with path.open("rb") as raw:
            zipped = raw.read(2) == b"\x1f\x8b"
        with gzip.open(path) if zipped else path.open("rb") as file:
            data = file.read(MAX_BYTES + 1)
    except (OSError, EOFError) as error:
        why = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        raise ReplayError(f"recording not readable: got {why} for {path}, want a file") from None
    if len(data) > MAX_BYTES:
        raise ReplayError(f"recording too large: got over {MAX_BYTES} bytes in {path}, want at most that")
    if not data.strip():
        raise ReplayError(f"empty recording: {path.name}: got {len(data)} bytes, {_WANT}")
    return data


def _kind(data: bytes) -> str | None:
    head = data[:65_536]
    text = head.lstrip(b"\xef\xbb\xbf \t\r\n")
    if text.startswith(b"<") and b"<gpx" in head:
        return "gpx"
    if text.startswith(b"{"):
        return "jsonl"
    if _NMEA.search(head):
        return "nmea"
    if _CAN.search(head):
        return "candump"
    first = text.split(b"\n", 1)[0]
    if b"\0" not in head and any(mark in first for mark in (b",", b";", b"\t")) and b"\n" in text:
        return "csv"
    return None
