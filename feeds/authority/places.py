"""Where a gate's two sides are, as messages say it: UN/LOCODE and the clock of the port.

None of these ports changes its clock in summer, so an offset is enough; it is that of the port, which of
Russian gates is not that of the capital. An unknown place has UTC, which is told as such.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from typing import Final

_BY_COUNTRY: Final = {"CN": 8 * 60, "LA": 7 * 60, "KZ": 5 * 60, "MN": 8 * 60, "HK": 8 * 60}
_BY_GATE: Final = {
    ("manzhouli-zabaikalsk", "RU"): 9 * 60,
    ("suifenhe-pogranichny", "RU"): 10 * 60,
    ("heihe-blagoveshchensk", "RU"): 9 * 60,
}


def offset_of(gate: str, country: str) -> timezone:
    """The offset of the port of ``gate`` in ``country`` (ISO 3166-1 alpha-2)."""
    minutes = _BY_GATE.get((gate, country), _BY_COUNTRY.get(country))
    return UTC if minutes is None else timezone(timedelta(minutes=minutes))


def instant(t_ms: int, offset: timezone) -> str:
    """An instant as ISO 8601 with the explicit offset, to the second: ``2026-11-22T14:05:00+08:00``."""
    return datetime.fromtimestamp(t_ms // 1000, UTC).astimezone(offset).isoformat(timespec="seconds")


def sides(direction: str) -> tuple[str, str]:
    """The countries left and entered, of a direction ``CN>LA``. "" for what it does not say."""
    left, _, entered = direction.partition(">")
    return left, entered
