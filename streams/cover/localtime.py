"""Hours of the local day, in whole milliseconds: night, and the hours that a policy excludes.

Local time is a fixed offset by country; where a country has several the one at its gates is taken, and a
policy may name another.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Final

DAY_MS: Final = 86_400_000
_MINUTE_MS: Final = 60_000
NIGHT: Final = (22 * 60, 6 * 60)
"""Night, in minutes of the local day: 22:00 to 06:00."""
_OFFSET_MIN: Final = {
    "CN": 480,
    "HK": 480,
    "KG": 360,
    "KH": 420,
    "KZ": 300,
    "LA": 420,
    "MM": 390,
    "MN": 480,
    "MY": 480,
    "RU": 540,
    "SG": 480,
    "TH": 420,
    "TJ": 300,
    "UZ": 300,
    "VN": 420,
}


def offset_ms(country: str, named: Mapping[str, int] | None = None) -> int:
    """What local time is ahead of UTC; ``named``: minutes by country that come first."""
    minutes = (named or {}).get(country, _OFFSET_MIN.get(country, 0))
    return minutes * _MINUTE_MS


def overlap(a: int, b: int, c: int, d: int) -> int:
    """How long [a, b) and [c, d) have in common."""
    return max(0, min(b, d) - max(a, c))


def within(begin: int, end: int, hours: tuple[int, int], ahead_ms: int) -> int:
    """How much of [begin, end) lies in ``hours`` (minutes of the local day; may go over midnight), ms."""
    if begin >= end:
        return 0
    first, last = hours[0] * _MINUTE_MS, hours[1] * _MINUTE_MS
    length = (last - first) % DAY_MS
    begin, end = begin + ahead_ms - first, end + ahead_ms - first  # so that the hours begin at 0
    return _up_to(end, length) - _up_to(begin, length)


def _up_to(t: int, length: int) -> int:
    days, rest = divmod(t, DAY_MS)
    return days * length + min(rest, length)


def month(t_ms: int, ahead_ms: int) -> str:
    """The local month of an instant, as 2026-11."""
    local = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=t_ms + ahead_ms)
    return f"{local.year:04d}-{local.month:02d}"
