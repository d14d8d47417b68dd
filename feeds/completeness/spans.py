"""The spans of time that the samples of reports cover. Pure.

An instant that lies after its report's receipt or more than a year before it is a wrong clock, not a time.
"""

from __future__ import annotations

from typing import Any, Final

import numpy as np
import numpy.typing as npt

from feeds.completeness.start import SILENCE_MS

Spans = list[tuple[int, int]]
AHEAD_MS: Final = 120_000
BEHIND_MS: Final = 366 * 86_400_000


def spans_of(times: npt.NDArray[np.int64], received_ms: int) -> Spans:
    """The spans of one report's samples at ``times`` (ms, any order), none longer apart than a silence."""
    kept = np.sort(times[(times >= received_ms - BEHIND_MS) & (times <= received_ms + AHEAD_MS)])
    if not len(kept):
        return []
    cuts = np.flatnonzero(np.diff(kept) > SILENCE_MS)
    firsts = kept[np.concatenate(([0], cuts + 1))]
    lasts = kept[np.concatenate((cuts, [len(kept) - 1]))]
    return list(zip(firsts.tolist(), lasts.tolist(), strict=True))


def spans_of_all(
    times: npt.NDArray[np.int64], counts: npt.NDArray[Any], received_ms: npt.NDArray[np.int64]
) -> list[Spans]:
    """The same of many reports: ``times`` of all samples, ``counts`` of each report's, ``received_ms``."""
    ends = np.concatenate(([0], np.cumsum(counts, dtype=np.int64)))
    begins, ends = ends[:-1], ends[1:]
    filled = np.flatnonzero(counts > 0)
    found: list[Spans] = [[] for _ in range(len(counts))]
    if not len(filled):
        return found
    lows = np.minimum.reduceat(times, begins[filled])
    highs = np.maximum.reduceat(times, begins[filled])
    got = received_ms[filled]
    plain = (lows >= got - BEHIND_MS) & (highs <= got + AHEAD_MS) & (highs - lows <= SILENCE_MS)
    for number, low, high, easy in zip(
        filled.tolist(), lows.tolist(), highs.tolist(), plain.tolist(), strict=True
    ):
        if easy:
            found[number] = [(low, high)]
        else:
            found[number] = spans_of(times[begins[number] : ends[number]], int(received_ms[number]))
    return found
