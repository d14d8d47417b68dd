"""What positions are labelled with (VIN, name, fleet, plates) and the regimes: in memory, refreshed by the
read model's changes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from threading import Lock
from typing import Any, Final

from api.regimes import Shelf
from feeds.readmodel import ReadModel
from streams.events import Kind


@dataclass(frozen=True, slots=True)
class Label:
    """How people know an asset."""

    vin: str
    name: str | None
    fleet: str | None
    plates: tuple[tuple[str, str | None], ...] = ()
    """Each with its country, None where that is not known; those that hold no more are left out."""


def plates_of(data: Mapping[str, Any]) -> tuple[tuple[str, str | None], ...]:
    """The plates of an asset's data that have no end."""
    plates = []
    for one in data.get("plates") or ():
        if isinstance(one, str):
            plates.append((one, None))
        elif one.get("to_ms") is None:
            plates.append((one["plate"], one.get("country")))
    return tuple(plates)


UNKNOWN: Final = Label("", None, None)


class Directory:
    """Labels of all assets by id. Threads may share it."""

    def __init__(self, read: ReadModel) -> None:
        self._read = read
        self._lock = Lock()
        self._labels: dict[str, Label] = {}
        self.regimes = Shelf(read)
        self._since = 0

    def labels(self) -> dict[str, Label]:
        """All labels as of now; the caller only reads it. Raises ReadModelAwayError."""
        with self._lock:
            rows, change = self._read.changed(Kind.ASSET, self._since)
            if change < self._since:
                self._labels = {}
                rows, change = self._read.changed(Kind.ASSET, 0)
            for row in rows:
                data = row.data
                self._labels[row.id] = Label(
                    data.get("vin") or "", data.get("name"), data.get("fleet"), plates_of(data)
                )
            self._since = change
            return self._labels
