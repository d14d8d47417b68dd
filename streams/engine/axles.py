"""Axle loads above an open limit: one comparison of columns a frame, and only while any asset has a limit."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from streams.engine.columns import Array, roomier
from streams.engine.names import Names
from streams.engine.units import NEVER


class Axles:
    """Limits in kg by asset, and by row for those that were heard of."""

    def __init__(self) -> None:
        self.limits: dict[str, int] = {}
        self._by_row = np.empty(0, np.int64)
        self._known = 0

    def set(self, asset: str, kg: int | None, rows: Mapping[str, int]) -> None:
        """Limit an asset; None: no more."""
        if self.limits.get(asset) == kg:
            return
        if kg is None:
            del self.limits[asset]
        else:
            self.limits[asset] = kg
        try:
            row = rows[asset]
        except KeyError:
            return
        if row < self._known:
            self._by_row[row] = NEVER if kg is None else kg

    def above(self, names: Names, row: Array, kg: Array) -> list[int]:
        """The samples that are above the limit of their asset. ``row``: of each sample the asset's row, -1
        for none; ``kg``: its load, negative where it is not known; ``names``: rows by name."""
        size = len(names)
        if self._known < size:
            self._by_row = roomier(self._by_row, size)
            self._by_row[self._known : size] = NEVER
            if self._known:
                for at, name in enumerate(names.texts(self._known), self._known):
                    self._by_row[at] = self.limits.get(name, NEVER)
            else:
                for name, limit in self.limits.items():
                    if name in names:
                        self._by_row[names[name]] = limit
            self._known = size
        found: list[int] = np.flatnonzero((kg > self._by_row[row]) & (row >= 0)).tolist()
        return found

    def load(self, limits: dict[str, int]) -> None:
        """Begin with these."""
        self.limits, self._known = dict(limits), 0
