"""The latest positions of one tenant, versioned, so that each client is sent what it has not seen.

A client is a version number here and not a queue: however slow it is, it costs no memory and gets the
newest row of each asset. What many clients have missed alike is encoded once. Pure.
"""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt
import orjson

from api.ports import PositionTable

Box = tuple[float, float, float, float]
"""West, south, east, north in degrees; west above east spans the 180th meridian."""

_FIRST_ROWS: Final = 64
_CACHED: Final = 64
_KEYS: Final = ("t_ms", "lon_e7", "lat_e7", "speed_ckmh", "heading_cdeg")


class TenantView:
    """Rows of one tenant; a row's number never changes."""

    def __init__(self) -> None:
        self.version = 0
        self._rows: dict[str, int] = {}
        self._numbers = {name: np.zeros(_FIRST_ROWS, np.int64) for name in (*_KEYS, "version")}
        self._texts = {name: np.full(_FIRST_ROWS, "", object) for name in ("asset", "state", "country")}
        self._encoded: dict[tuple[int, int], bytes | None] = {}

    def __len__(self) -> int:
        return len(self._rows)

    @property
    def assets(self) -> list[str]:
        """The assets that have a row."""
        return list(self._rows)

    def merge(self, table: PositionTable, chosen: npt.NDArray[np.int64]) -> None:
        """Take rows ``chosen`` (at least one) of ``table`` as the newest."""
        rows = np.array([self._row(table.asset[i]) for i in chosen.tolist()], np.int64)
        self.version += 1
        for name in _KEYS:
            self._numbers[name][rows] = getattr(table, name)[chosen]
        for name in self._texts:
            column = getattr(table, name)
            self._texts[name][rows] = [column[i] for i in chosen.tolist()]
        self._numbers["version"][rows] = self.version
        self._encoded.clear()

    def drop(self, asset: str) -> None:
        """Show the row of ``asset`` to nobody until it is merged again."""
        row = self._rows.get(asset)
        if row is not None:
            self._numbers["version"][row] = -1
            self._encoded.clear()

    def changes(self, seen: int, box: Box | None, shown: npt.NDArray[np.bool_]) -> npt.NDArray[np.int64]:
        """Numbers of the rows newer than version ``seen`` that are in ``box``, or were when last shown."""
        n = len(self)
        newer = self._numbers["version"][:n] > seen
        if box is None:
            return np.flatnonzero(newer)
        before = np.zeros(n, bool)
        before[: len(shown)] = shown[:n]
        return np.flatnonzero(newer & (self.inside(box) | before))

    def inside(self, box: Box) -> npt.NDArray[np.bool_]:
        """Which rows lie in ``box``."""
        n = len(self)
        west, south, east, north = (round(v * 1e7) for v in box)
        lon, lat = self._numbers["lon_e7"][:n], self._numbers["lat_e7"][:n]
        across = (lon >= west) & (lon <= east) if west <= east else (lon >= west) | (lon <= east)
        return across & (lat >= south) & (lat <= north)

    def since(self, seen: int) -> bytes | None:
        """The positions message of everything newer than ``seen``, None when there is nothing. Shared."""
        key = (seen, self.version)
        if key not in self._encoded:
            if len(self._encoded) >= _CACHED:
                self._encoded.clear()
            rows = self.changes(seen, None, np.zeros(0, bool))
            self._encoded[key] = self.encode(rows) if len(rows) else None
        return self._encoded[key]

    def encode(self, rows: npt.NDArray[np.int64]) -> bytes:
        """The positions message of these rows."""
        number, text = self._numbers, self._texts
        items = zip(
            text["asset"][rows].tolist(),
            (number["lon_e7"][rows] / 1e7).tolist(),
            (number["lat_e7"][rows] / 1e7).tolist(),
            _hundredths(number["speed_ckmh"][rows]),
            _hundredths(number["heading_cdeg"][rows]),
            number["t_ms"][rows].tolist(),
            text["state"][rows].tolist(),
            [code or None for code in text["country"][rows].tolist()],
            strict=True,
        )
        return orjson.dumps({"type": "positions", "items": list(items)})

    def _row(self, asset: str) -> int:
        row = self._rows.get(asset)
        if row is not None:
            return row
        row = self._rows[asset] = len(self._rows)
        if row >= len(self._numbers["version"]):
            for name, old in self._numbers.items():
                self._numbers[name] = np.concatenate((old, np.zeros_like(old)))
            for name, old_texts in self._texts.items():
                self._texts[name] = np.concatenate((old_texts, np.full_like(old_texts, "")))
        return row


def _hundredths(values: npt.NDArray[np.int64]) -> list[float | None]:
    return [None if v < 0 else v / 100 for v in values.tolist()]
