"""What an edit of zones would have changed: the last days derived twice, without the edit and with it.

Both times from the same samples, so what differs comes from the edit alone. What began before the days
looked at begins there with an open beginning, both times.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final, Protocol, TypeAlias

import numpy as np
import shapely

from api.ports import AwayError, DryRunChange, DryRunResult
from feeds.readmodel import ReadModel
from feeds.store.port import Store
from feeds.store.quality import engine_rows
from geofences.zone import Gate, Zone
from streams.engine.derive import derive
from streams.engine.rows import Rows
from streams.engine.world import World
from streams.events import Kind, object_id
from streams.zones import LATEST_MS, ZoneBook

_DAY_MS: Final = 86_400_000
_E7: Final = 1e-7
_KINDS: Final = (Kind.VISIT, Kind.CROSSING)
_NOT_COMPARED: Final = frozenset(("zone_version", "zone_name", "why"))  # an edit alone changes these
_BUSY_S: Final = 10.0
_ALL: Final = 1 << 30
_PAGE: Final = 1_000


class Derived(Protocol):
    """An object that was derived: its zone or gate, the times of its first and last fix, its content."""

    @property
    def kind(self) -> Kind: ...

    @property
    def place(self) -> str: ...

    @property
    def opened(self) -> int: ...

    @property
    def last(self) -> int: ...

    @property
    def data(self) -> dict[str, Any]: ...


Derive: TypeAlias = Callable[[Rows, World], Iterable[Derived]]
"""(samples of an asset in any order, zones and gates) to all objects that they make."""

Samples: TypeAlias = Callable[[str, int], Rows]
"""(asset, from ms) to its stored samples since then."""


@dataclass(frozen=True, slots=True)
class Sources:
    """Where a dry run takes from: assets of a tenant, their samples, zones, gates, the clock (ms)."""

    assets: Callable[[str], Sequence[str]]
    samples: Samples
    book: Callable[[], ZoneBook]
    gates: Sequence[Gate]
    now_ms: Callable[[], int]


class DryRunner:
    """A ``DryRun`` (see ``api.ports``). One at a time: it takes a core for as long as it lasts."""

    def __init__(self, sources: Sources, derive: Derive = derive) -> None:
        self._sources, self._derive = sources, derive
        self._one = threading.Lock()

    def __call__(self, tenant: str, zones: Sequence[Zone], retire: Sequence[str], days: int) -> DryRunResult:
        """What publishing ``zones`` and retiring ``retire`` would have changed. Raises AwayError."""
        if not self._one.acquire(blocking=False):
            raise AwayError("another dry run is going on", _BUSY_S)
        try:
            return self._run(tenant, zones, retire, days)
        finally:
            self._one.release()

    def _run(self, tenant: str, zones: Sequence[Zone], retire: Sequence[str], days: int) -> DryRunResult:
        now = self._sources.now_ms()
        today = self._sources.book().at(now)
        then = edited(today, zones, retire)
        places = _changed(today, then)
        before, after = (World(some, self._sources.gates) for some in (today, then))
        found = Changes([], [], [])
        assets = samples = 0
        for asset in self._sources.assets(tenant):
            rows = self._sources.samples(asset, now - days * _DAY_MS)
            if not len(rows):
                continue
            assets, samples = assets + 1, samples + len(rows)
            if _near(rows, places):
                found.add(asset, self._derive(rows, before), self._derive(rows, after))
        return DryRunResult(found.added, found.removed, found.moved, assets, samples)


def stored(store: Store) -> Samples:
    """The samples of a store, but for those whose clock was wrong."""

    def samples(asset: str, from_ms: int) -> Rows:
        return engine_rows(store.track(asset, from_ms, LATEST_MS, _ALL))

    return samples


def registered(read: ReadModel) -> Callable[[str], list[str]]:
    """The ids of all assets of a tenant, from the read model."""

    def assets(tenant: str) -> list[str]:
        found: list[str] = []
        place: tuple[int, str] | None = None
        while page := read.objects(Kind.ASSET, tenant, None, place, _PAGE):
            found += [one.id for one in page]
            place = (page[-1].start_ms, page[-1].id)
        return found

    return assets


def edited(today: Sequence[Zone], zones: Sequence[Zone], retire: Iterable[str]) -> list[Zone]:
    """Today's zones with the edit: replaced in their place, new ones at the end, retired ones gone."""
    new = {zone.id: zone for zone in zones}
    gone = set(retire) - set(new)
    kept = [new.pop(zone.id, zone) for zone in today if zone.id not in gone]
    return [*kept, *new.values()]


@dataclass(frozen=True, slots=True)
class Changes:
    """What differs, asset by asset."""

    added: list[DryRunChange]
    removed: list[DryRunChange]
    moved: list[DryRunChange]

    def add(self, asset: str, before: Iterable[Derived], after: Iterable[Derived]) -> None:
        """Take in the visits and crossings of one asset, as they are and as they would be."""
        left, right = _by_place(before), _by_place(after)
        for key in sorted(left.keys() | right.keys()):
            pairs = list(_paired(left.get(key, []), right.get(key, [])))
            for old, new in pairs:
                if old is None and new is not None:
                    self.added.append(DryRunChange(new.kind.value, None, asset, (), None, new.data))
                elif old is not None and new is None:
                    self.removed.append(
                        DryRunChange(old.kind.value, _id(asset, old), asset, (), old.data, None)
                    )
                elif old is not None and new is not None and (what := differing(old.data, new.data)):
                    self.moved.append(
                        DryRunChange(old.kind.value, _id(asset, old), asset, what, old.data, new.data)
                    )


def differing(before: dict[str, Any], after: dict[str, Any]) -> tuple[str, ...]:
    """The names of the fields that differ, but for those that any edit changes."""
    names = sorted((before.keys() | after.keys()) - _NOT_COMPARED)
    return tuple(name for name in names if before.get(name) != after.get(name))


def _by_place(objects: Iterable[Derived]) -> dict[tuple[str, str], list[Derived]]:
    found: dict[tuple[str, str], list[Derived]] = {}
    for one in objects:
        if one.kind in _KINDS:
            found.setdefault((one.kind.value, one.place), []).append(one)
    return found


def _paired(before: list[Derived], after: list[Derived]) -> Iterable[tuple[Derived | None, Derived | None]]:
    """Objects of one place side by side: those of one beginning, else those that overlap in time."""
    rest = sorted(after, key=lambda one: one.opened)
    by_begin = {one.opened: one for one in rest}
    loose = []
    for old in sorted(before, key=lambda one: one.opened):
        new = by_begin.get(old.opened)
        if new is None:
            loose.append(old)
        else:
            rest.remove(new)
            yield old, new
    for old in loose:
        new = next((n for n in rest if n.opened <= old.last and old.opened <= n.last), None)
        if new is not None:
            rest.remove(new)
        yield old, new
    for new in rest:
        yield None, new


def _id(asset: str, one: Derived) -> str:
    """The id that the object has when its opening fix was known from the first."""
    return object_id(one.kind, asset, one.place, one.opened)


def _changed(today: Sequence[Zone], then: Sequence[Zone]) -> shapely.STRtree:
    """The boxes of all zones that the edit touches, as they are and as they would be."""
    held = {(zone.id, zone.version) for zone in today} ^ {(zone.id, zone.version) for zone in then}
    shapes = [zone.geometry for zone in (*today, *then) if (zone.id, zone.version) in held]
    return shapely.STRtree(shapely.box(*shapely.bounds(shapes).T) if shapes else [])


def _near(rows: Rows, places: shapely.STRtree) -> bool:
    """Whether the box around all samples meets a zone that changes; if not, nothing of theirs can."""
    west, east = rows.lon.min() * _E7, rows.lon.max() * _E7
    south, north = rows.lat.min() * _E7, rows.lat.max() * _E7
    room = 1.0 + 0.1 * max(east - west, north - south)  # a geodesic bulges over its box
    if east - west > 180:
        west, east = -180.0, 180.0
    box = shapely.box(west - room, south - room, east + room, north + room)
    return bool(len(np.atleast_1d(places.query(box))))
