"""The edges of one polygon, kept so that those near a way are found without looking at all of them.

Edges that follow each other lie near each other: a box around each run of them rules most of a country's
100,000 edges out at once.
"""

from __future__ import annotations

from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray
from shapely import MultiPolygon, Polygon

from geofences.piece import edges

Floats: TypeAlias = NDArray[np.float64]

_RUN = 64  # edges behind one box


class Border:
    """The border of ``geometry``."""

    def __init__(self, geometry: Polygon | MultiPolygon) -> None:
        self.geometry = geometry
        self._start, self._end, _owner = edges(np.array([geometry], dtype=object))
        self._low, self._high = np.minimum(self._start, self._end), np.maximum(self._start, self._end)
        self._first = np.arange(0, len(self._start), _RUN)
        self._run_low = np.minimum.reduceat(self._low, self._first)
        self._run_high = np.maximum.reduceat(self._high, self._first)

    def near(self, points: Floats) -> tuple[Floats, Floats]:
        """Edges whose box meets the box of the points (n, 2): starts (m, 2) and ends (m, 2)."""
        low, high = points.min(axis=0), points.max(axis=0)
        runs = self._first[((self._run_low <= high) & (self._run_high >= low)).all(axis=1)]
        at = (runs[:, None] + np.arange(_RUN)).ravel()
        at = at[at < len(self._start)]
        at = at[((self._low[at] <= high) & (self._high[at] >= low)).all(axis=1)]
        return self._start[at], self._end[at]
