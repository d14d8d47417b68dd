"""What a vehicle's reports prove by their coming alone: hours with counts, and runs without a silence.

Both are sums and unions, so the order in which reports come can't change them.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

HOUR_MS: Final = 3_600_000
SILENCE_MS: Final = 15 * 60_000
"""A silence longer than that ends a run."""
LONGEST_MS: Final = 31 * 86_400_000
"""Of what a device says it had no coverage for."""
MOVED_MM: Final = 1_000_000
"""A silence over which the vehicle went further than that is a gap of proof; a shorter one is a rest."""


Run = list[int]
"""t0, lon0, lat0, t1, lon1, lat1: the first and the last sample of reports without a silence between."""
Span = list[int]
"""From, to: ms."""
Sums = list[int]
"""Of an hour's reports: how many, of them signed, of them by a revoked key, ms of samples close enough to
judge the driving by, samples."""


def counted(hours: dict[str, Sums], hour: int, sums: Sums) -> None:
    """Add the sums of some reports to the hour that they began in."""
    held = hours.get(str(hour))
    hours[str(hour)] = sums if held is None else [a + b for a, b in zip(held, sums, strict=True)]


def united(runs: Iterable[Run], more: Iterable[Run]) -> list[Run]:
    """The runs with some more, in order; silences up to SILENCE_MS are no end."""
    out: list[Run] = []
    for part in sorted([*runs, *more]):
        if out and part[0] - out[-1][3] <= SILENCE_MS:
            out[-1] = out[-1][:3] + max(out[-1][3:], part[3:])
        else:
            out.append(part)
    return out


def said(spans: list[Span], begin: Any, end: Any) -> list[Span]:
    """The spans for which a device said that it had no coverage, with one more; what is none is left out."""
    if type(begin) is not int or type(end) is not int or not 0 < end - begin <= LONGEST_MS:
        return spans
    out: list[Span] = []
    for one in sorted([*spans, [begin, end]]):
        if out and one[0] <= out[-1][1]:
            out[-1] = [out[-1][0], max(out[-1][1], one[1])]
        else:
            out.append(one)
    return out


def within(hours: dict[str, Sums], begin: int, end: int) -> list[int]:
    """The sums over the hours whose middle lies in [begin, end)."""
    sums = [0, 0, 0, 0, 0]
    for name, held in hours.items():
        if begin <= int(name) * HOUR_MS + HOUR_MS // 2 < end:
            sums = [a + b for a, b in zip(sums, held, strict=True)]
    return sums


def shares(sums: Sums) -> dict[str, Any]:
    """Of some hours' reports how many were signed, and the share in permille; None without a report."""
    reports, signed, suspect, _, _ = sums
    attributed = reports - signed - suspect

    def share(n: int) -> int | None:
        return n * 1000 // reports if reports else None

    return {
        "reports": reports,
        "counts": {"signed": signed, "attributed": attributed, "suspect": suspect},
        "shares": {
            "signed_permille": share(signed),
            "attributed_permille": share(attributed),
            "suspect_permille": share(suspect),
        },
    }
