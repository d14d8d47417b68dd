"""Trips and stops of one asset.

A trip is a maximal run of moving fixes, standstills shorter than the trip gap merged; a longer standstill is
a stop. The kernel finds the fixes at which one ends or begins; here they become objects. A trip is told
when it has gone the minimum.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from streams.engine.brackets import Fix
from streams.engine.drafts import Draft, Key, Notes
from streams.engine.settings import Rules
from streams.engine.units import NEVER, NONE
from streams.events import Kind

_NOWHERE: Final = "??"


@dataclass(frozen=True, slots=True)
class Still:
    """The last moving fix before a turn (or the asset's first one), and where the asset came to rest."""

    t: int
    lon: int
    lat: int
    cum: int
    odometer: int
    rest_lon: int
    rest_lat: int


@dataclass(slots=True)
class Trip:
    """An open trip: its first fix, and from where on its steps belong to which country."""

    begin: Fix
    odometer: int
    legs: list[tuple[str, int, int]]  # country, and the time and mm from which on
    said: bool = False


@dataclass(slots=True)
class Stop:
    """An open stop."""

    t: int
    lon: int
    lat: int
    position: int
    beginning_seen: bool


@dataclass(slots=True)
class Trips:
    """The open trip or stop of one asset, and the country of its steps."""

    rules: Rules
    country: str = _NOWHERE
    trip: Trip | None = None
    stop: Stop | None = None

    def enters(self, country: str | None, before: Fix | None) -> None:
        """From ``before`` on steps belong to this country; None: as the step before."""
        if country is None or country == self.country:
            return
        self.country = country
        if self.trip is not None and before is not None:
            self.trip.legs.append((country, before.t, before.cum))

    def pauses(self, still: Still, seen: bool, position: int, notes: Notes) -> None:
        """The asset has stood since ``still`` for the gap; ``seen``: it had moved before."""
        trip = self.trip
        if trip is not None:
            if still.cum - trip.begin.cum >= self.rules.trip_min_mm:
                notes.say(self._closed(trip, still, position))
            self.trip = None
        self.stop = Stop(still.t, still.rest_lon, still.rest_lat, position, seen)
        notes.say(self._stop(self.stop, None, position))

    def begins(self, fix: Fix, odometer: int, notes: Notes) -> None:
        """A trip begins at ``fix``, and a stop ends."""
        if self.stop is not None:
            notes.say(self._stop(self.stop, fix.t, fix.position))
            self.stop = None
        self.trip = Trip(fix, odometer, [(self.country, fix.t, fix.cum)])

    def far(self, notes: Notes) -> None:
        """The open trip has gone the minimum."""
        if self.trip is not None and not self.trip.said:
            self.trip.said = True
            notes.say(self._open(self.trip))

    def standing(self) -> list[Draft]:
        """What was said of what is open."""
        drafts = [self._open(self.trip)] if self.trip is not None and self.trip.said else []
        if self.stop is not None:
            drafts.append(self._stop(self.stop, None, self.stop.position))
        return drafts

    def keys(self) -> list[Key]:
        """The keys of ``standing``."""
        trip, stop = self.trip, self.stop
        keys: list[Key] = [(Kind.TRIP, "", trip.begin.t)] if trip is not None and trip.said else []
        return keys if stop is None else [*keys, (Kind.STOP, "", stop.t)]

    def _open(self, trip: Trip) -> Draft:
        data = {
            "state": "open",
            "start_ms": trip.begin.t,
            "end_ms": None,
            "distance_mm": None,
            "odometer_mm": None,
            "difference_mm": None,
            "countries": None,
            "start": {"lon_e7": trip.begin.lon, "lat_e7": trip.begin.lat},
            "end": None,
        }
        return Draft(Kind.TRIP, "", trip.begin.t, NEVER, trip.begin.t, data, (trip.begin.position,))

    def _closed(self, trip: Trip, still: Still, position: int) -> Draft:
        way = still.cum - trip.begin.cum
        driven = still.odometer - trip.odometer if NONE not in (still.odometer, trip.odometer) else None
        data = {
            "state": "closed",
            "start_ms": trip.begin.t,
            "end_ms": still.t,
            "distance_mm": way,
            "odometer_mm": driven,
            "difference_mm": None if driven is None else driven - way,
            "countries": _countries(trip.legs, still),
            "start": {"lon_e7": trip.begin.lon, "lat_e7": trip.begin.lat},
            "end": {"lon_e7": still.lon, "lat_e7": still.lat},
        }
        return Draft(
            Kind.TRIP, "", trip.begin.t, still.t, still.t, data, _both(trip.begin.position, position)
        )

    def _stop(self, stop: Stop, end: int | None, position: int) -> Draft:
        data = {
            "state": "open" if end is None else "closed",
            "start_ms": stop.t,
            "end_ms": end,
            "duration_ms": None if end is None else end - stop.t,
            "lon_e7": stop.lon,
            "lat_e7": stop.lat,
            "open_beginning": not stop.beginning_seen,
        }
        last, t = (NEVER, stop.t) if end is None else (end - 1, end)
        return Draft(Kind.STOP, "", stop.t, last, t, data, _both(stop.position, position))

    def dump(self) -> list[Any]:
        """Plain values for a snapshot."""
        trip, stop = self.trip, self.stop
        begun = None
        if trip is not None:
            fix = trip.begin
            place = [fix.t, fix.lon, fix.lat, fix.cum, fix.speed, fix.position]
            begun = [place, trip.odometer, trip.legs, trip.said]
        stood = None if stop is None else [stop.t, stop.lon, stop.lat, stop.position, stop.beginning_seen]
        return [self.country, begun, stood]

    def load(self, value: list[Any]) -> None:
        """Become what ``dump`` was given of."""
        self.country, begun, stood = value
        self.trip = self.stop = None
        if begun is not None:
            place, odometer, legs, said = begun
            self.trip = Trip(Fix(*place), odometer, [(c, t, cum) for c, t, cum in legs], said)
        if stood is not None:
            self.stop = Stop(*stood)


def _both(first: int, second: int) -> tuple[int, ...]:
    """Log positions as evidence: ascending, each once."""
    return tuple(sorted({first, second}))


def _countries(legs: list[tuple[str, int, int]], still: Still) -> dict[str, dict[str, int]]:
    """Way and time in each country up to the last moving fix."""
    out: dict[str, dict[str, int]] = {}
    ends = [*[(t, cum) for _, t, cum in legs[1:]], (still.t, still.cum)]
    for (country, t, cum), (until, gone) in zip(legs, ends, strict=True):
        if t < min(until, still.t):
            one = out.setdefault(country, {"mm": 0, "ms": 0})
            one["mm"] += min(gone, still.cum) - cum
            one["ms"] += min(until, still.t) - t
    return out
