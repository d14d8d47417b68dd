"""A reader for candump's log and screen notations, as small as these tests need."""

from __future__ import annotations

import gzip
import re
from pathlib import Path

DATA = Path(__file__).parents[3] / "data" / "can"
Frame = tuple[int, int, bytes]

_LOG = re.compile(r"\((\d+)\.(\d{6})\) \S+ ([0-9A-F]+)#([0-9A-F]*)")
_SCREEN = re.compile(r"\s*\S+\s+([0-9A-F]+)\s+\[\d\]\s+((?:[0-9A-F]{2} ?)*)")


def read_log(name: str) -> list[Frame]:
    path = DATA / name
    text = gzip.decompress(path.read_bytes()).decode() if name.endswith(".gz") else path.read_text()
    return [
        (int(seconds) * 1000 + int(micros[:3]), int(id29, 16), bytes.fromhex(data))
        for seconds, micros, id29, data in _LOG.findall(text)
    ]


def read_screen(name: str) -> list[Frame]:
    matches = [_SCREEN.match(line) for line in (DATA / name).read_text().splitlines()]
    return [
        (at, int(match[1], 16), bytes.fromhex(match[2]))
        for at, match in enumerate(matches)
        if match is not None
    ]


def frame(text: str, t_ms: int = 0) -> Frame:
    """A frame as the standard's tables write it: ``18FEE000 BB 00 ...``."""
    id29, data = text.split(" ", 1)
    return t_ms, int(id29, 16), bytes.fromhex(data)
