"""What a vehicle's reports prove by their coming alone: hours with counts, and runs without a silence.

Both are sums and unions, so the order in which reports come can't change them.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final, NamedTuple

from streams.cover.localtime import overlap

HOUR_MS: Final = 3_600_000
SILENCE_MS: Final = 15 * 60_000
"""A silence longer than that ends a run."""
MOVED_MM: Final = 1_000_000
"""A silence over which the vehicle went further than that is a gap of proof; a shorter one is a rest."""


class Told(NamedTuple):
    """One report: times and places of its first and last sample, how it was signed (0 not, 1 holds, 2 by a
    revoked key), ms between samples close enough to judge the driving by, and its samples."""

    t0: int
    lon0: int
    lat0: int
    t1: int
    lon1: int
    lat1: int
    signed: int
    seen_ms: int
    samples: int


Run = list[int]
"""t0, lon0, lat0, t1, lon1, lat1."""


def counted(hours: dict[str, list[int]], told: Iterable[Told]) -> None:
    """Add reports to the hours they began in: reports, signed, suspect, seen ms, samples."""
    for one in told:
        held = hours.setdefault(str(one.t0 // HOUR_MS), [0, 0, 0, 0, 0])
        held[0] += 1
        held[1] += one.signed == 1
        held[2] += one.signed == 2
        held[3] += one.seen_ms
        held[4] += one.samples


def united(runs: Iterable[Run], told: Iterable[Told]) -> list[Run]:
    """The runs with some reports more, in order; silences up to SILENCE_MS are no end."""
    parts = sorted([*(list(run) for run in runs), *([*one[:6]] for one in told)])
    out: list[Run] = []
    for part in parts:
        if out and part[0] - out[-1][3] <= SILENCE_MS:
            out[-1][3:] = max(out[-1][3:], part[3:])
        else:
            out.append(part)
    return out


def within(hours: dict[str, list[int]], begin: int, end: int) -> list[int]:
    """The sums over the hours whose middle lies in [begin, end)."""
    sums = [0, 0, 0, 0, 0]
    for name, held in hours.items():
        if begin <= int(name) * HOUR_MS + HOUR_MS // 2 < end:
            sums = [a + b for a, b in zip(sums, held, strict=True)]
    return sums


def proof(runs: list[Run], begin: int, end: int) -> int:
    """How many ms of [begin, end) lie in a run."""
    return sum(overlap(begin, end, run[0], run[3]) for run in runs)


def shares(sums: list[int]) -> dict[str, Any]:
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
