"""A number for some assets, looked up for many rows at once."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from streams.engine.columns import Array, roomier
from streams.engine.names import Names
from streams.engine.units import NEVER


class ByRow:
    """Numbers by asset, and by row for those that were heard of; NEVER for all others."""

    def __init__(self) -> None:
        self.values: dict[str, int] = {}
        self._by_row = np.empty(0, np.int64)
        self._known = 0

    def set(self, asset: str, value: int | None, rows: Mapping[str, int]) -> None:
        """Give an asset its number; None: it has none any more."""
        if self.values.get(asset) == value:
            return
        if value is None:
            del self.values[asset]
        else:
            self.values[asset] = value
        if not self._known:
            return
        row = rows.get(asset)
        if row is not None and row < self._known:
            self._by_row[row] = NEVER if value is None else value

    def of(self, names: Names, row: Array) -> Array:
        """The numbers of some rows, anything for -1: int64[n]; ``names``: rows by name."""
        size = len(names)
        if self._known < size:
            self._by_row = roomier(self._by_row, size)
            self._by_row[self._known : size] = NEVER
            if self._known:
                for at, name in enumerate(names.texts(self._known), self._known):
                    self._by_row[at] = self.values.get(name, NEVER)
            else:
                for name, value in self.values.items():
                    if name in names:
                        self._by_row[names[name]] = value
            self._known = size
        found: Array = self._by_row[row]
        return found

    def load(self, values: dict[str, int]) -> None:
        """Begin with these."""
        self.values, self._known = dict(values), 0
