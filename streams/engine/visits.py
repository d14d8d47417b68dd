"""Visits of one asset: maximal runs of fixes inside a zone, short absences merged.

A visit is announced when it has lasted its zone's minimum dwell and ends when the asset was outside for
the zone's grace, both in event time, so jitter at a fence makes no events. The country is the only one
that the fixes agree on: where polygons overlap or leave a gap the asset stays in the country it was in,
and a change counts when it has lasted the line's grace.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Final, Protocol

from geofences.zone import Zone
from streams.engine.brackets import (
    Bracket,
    Fix,
    at,
    dump_bracket,
    dump_fix,
    load_bracket,
    load_fix,
)
from streams.engine.objects import Announce, Revised
from streams.engine.settings import Rules
from streams.engine.world import World
from streams.events import Kind, object_id

NEVER: Final = 1 << 62


class Passage(Protocol):
    """What wants to know of a finished step of a visit: the crossings."""

    def entered(self, zone: Zone, bracket: Bracket, home: str | None) -> None:
        """The asset came into ``zone``; ``home`` is the country that it was last known to be in."""
        ...

    def left(self, zone: Zone, bracket: Bracket, settled: bool, home: str | None) -> None:
        """The asset left ``zone``; ``settled``: into its own country, no change of country is in the air."""
        ...

    def changed_country(self, origin: str, other: str, bracket: Bracket) -> None:
        """The asset went from one country to the other."""
        ...


@dataclass(slots=True)
class Visit:
    """An open visit; ``away`` is the last fix inside and the first outside while the grace runs."""

    zone: int
    object: Revised
    enter: Bracket
    since: int
    how: str
    away: tuple[Fix, Fix] | None = None


@dataclass(slots=True)
class Visits:
    """All open visits of one asset and the country that it is in."""

    world: World
    rules: Rules
    asset: str
    open: dict[int, Visit] = field(default_factory=dict)
    home: Visit | None = None
    home_fix: Fix | None = None  # the last fix that only the home country holds
    abroad: Visit | None = None  # another country, not yet for the line's grace

    def wake(self) -> int:
        """The event time from which a fix may end or announce something without entering or leaving."""
        times = [self._due(visit) for visit in self.open.values()]
        if self.abroad is not None:
            times.append(self.abroad.since + self.rules.line_grace_ms)
        return min(times, default=NEVER)

    def _due(self, visit: Visit) -> int:
        zone = self.world.zones[visit.zone]
        if visit.away is not None:
            return visit.away[0].t + zone.grace_s * 1000
        return NEVER if visit.object.revision else visit.since + zone.min_dwell_s * 1000

    def step(
        self,
        before: Fix | None,
        now: Fix,
        old: int,
        new: int,
        cuts: list[int],
        say: Announce,
        passage: Passage,
    ) -> None:
        """Fold the step from ``before`` (in set ``old``) to ``now`` (in set ``new``)."""
        self._end_absences(now.t, say, passage)
        if before is not None:
            for zone in self._along(cuts, before, now):
                self._cut(zone, before, now, say, passage)
        if old != new:
            self._change_country(before, now, old, new, say)
            old_areas, new_areas = self.world.areas(old), self.world.areas(new)
            for zone in old_areas:
                if zone not in new_areas and zone in self.open and before is not None:
                    self.open[zone].away = (before, now)
            for zone in new_areas:
                if zone not in old_areas:
                    self._enter(zone, before, now)
        self._end_absences(now.t, say, passage)
        self._announce_due(now.t, say, passage)
        self._settle_country(now.t, say, passage)

    def _along(self, cuts: list[int], before: Fix, now: Fix) -> list[int]:
        if len(cuts) < 2:
            return cuts
        return sorted(cuts, key=lambda zone: (self.world.cut(zone, before, now)[0].estimate, zone))

    def _enter(self, zone: int, before: Fix | None, now: Fix) -> None:
        held = self.open.get(zone)
        if held is not None:
            held.away = None
            return
        bracket = at(now) if before is None else self.world.enter(zone, before, now)
        id_ = object_id(Kind.VISIT, self.asset, self.world.zones[zone].id, now.t)
        how = "open_beginning" if before is None else "path"
        self.open[zone] = Visit(zone, Revised(Kind.VISIT, id_), bracket, now.t, how)

    def _cut(self, zone: int, before: Fix, now: Fix, say: Announce, passage: Passage) -> None:
        held = self.open.get(zone)
        if held is not None:  # still counted as inside: the cut proves that it was
            held.away = (before, now)
            return
        enter, leave = self.world.cut(zone, before, now)
        place = self.world.zones[zone]
        visit = Visit(
            zone, Revised(Kind.VISIT, object_id(Kind.VISIT, self.asset, place.id, now.t)), enter, now.t, "cut"
        )
        visit.object.announce(say, leave.estimate, self._data(visit, leave))
        passage.entered(place, enter, self._home_code())
        passage.left(place, leave, self.abroad is None, self._home_code())

    def _end_absences(self, t: int, say: Announce, passage: Passage) -> None:
        due = [v for v in self.open.values() if v.away is not None and t >= self._due(v)]
        for visit in sorted(due, key=lambda v: (v.away[0].t if v.away else 0, v.zone)):
            assert visit.away is not None
            inside, outside = visit.away
            del self.open[visit.zone]
            zone = self.world.zones[visit.zone]
            if not visit.object.revision and inside.t - visit.since < zone.min_dwell_s * 1000:
                continue
            unseen = not visit.object.revision
            leave = self.world.leave(visit.zone, inside, outside)
            visit.object.announce(say, leave.estimate, self._data(visit, leave))
            if unseen:
                passage.entered(zone, visit.enter, self._home_code())
            passage.left(zone, leave, self._at_home(outside), self._home_code())

    def _at_home(self, fix: Fix) -> bool:
        """Whether ``fix`` lies in the home country alone: neither abroad nor in a gap between outlines."""
        if self.abroad is not None or self.home is None:
            return False
        return self.world.country(self.world.set_at(fix.lon, fix.lat)) == self.home.zone

    def _announce_due(self, t: int, say: Announce, passage: Passage) -> None:
        for visit in list(self.open.values()):
            if visit.away is None and t >= self._due(visit):
                visit.object.announce(say, visit.enter.estimate, self._data(visit, None))
                passage.entered(self.world.zones[visit.zone], visit.enter, self._home_code())

    def _change_country(self, before: Fix | None, now: Fix, old: int, new: int, say: Announce) -> None:
        country = self.world.country(new)
        if self.home is None:
            if country >= 0:
                self.home = self._country_visit(country, at(now), now.t, "open_beginning")
                self.home.object.announce(say, now.t, self._data(self.home, None))
            return
        if before is not None and self.world.country(old) == self.home.zone:
            self.home_fix = before
        if country == self.home.zone:
            self.abroad = None
        elif country >= 0 and (self.abroad is None or self.abroad.zone != country):
            origin = self.home_fix or before or now
            self.abroad = self._country_visit(country, self.world.enter(country, origin, now), now.t, "path")

    def _settle_country(self, t: int, say: Announce, passage: Passage) -> None:
        abroad, home = self.abroad, self.home
        if abroad is None or home is None or t < abroad.since + self.rules.line_grace_ms:
            return
        line = abroad.enter
        home.object.announce(say, line.estimate, self._data(home, line))
        abroad.object.announce(say, line.estimate, self._data(abroad, None))
        self.home, self.abroad = abroad, None
        passage.changed_country(
            self.world.zones[home.zone].country or "", self.world.zones[abroad.zone].country or "", line
        )

    def _country_visit(self, zone: int, enter: Bracket, t: int, how: str) -> Visit:
        id_ = object_id(Kind.VISIT, self.asset, self.world.zones[zone].id, t)
        return Visit(zone, Revised(Kind.VISIT, id_), enter, t, how)

    def _home_code(self) -> str | None:
        return None if self.home is None else self.world.zones[self.home.zone].country

    def _data(self, visit: Visit, leave: Bracket | None) -> dict[str, Any]:
        zone = self.world.zones[visit.zone]
        return {
            "zone": zone.id,
            "zone_name": zone.name,
            "zone_kind": str(zone.kind),
            "zone_version": zone.version,
            "gate": zone.gate,
            "country": zone.country or zone.side,
            "state": "open" if leave is None else "closed",
            "how": visit.how,
            "enter": visit.enter.data(),
            "leave": None if leave is None else leave.data(),
            "dwell_ms": None if leave is None else leave.estimate - visit.enter.estimate,
        }

    def dump(self) -> dict[str, Any]:
        """JSON values for a snapshot; zones by id, since numbers are this process's own."""
        return {
            "open": [self._dump_visit(v) for v in self.open.values()],
            "home": self._dump_visit(self.home),
            "home_fix": dump_fix(self.home_fix),
            "abroad": self._dump_visit(self.abroad),
        }

    def _dump_visit(self, visit: Visit | None) -> list[Any] | None:
        if visit is None:
            return None
        away = None if visit.away is None else [dump_fix(fix) for fix in visit.away]
        return [
            self.world.zones[visit.zone].id,
            visit.object.id,
            visit.object.revision,
            dump_bracket(visit.enter),
            visit.since,
            visit.how,
            away,
        ]

    def load(self, value: dict[str, Any]) -> None:
        """Become what ``dump`` was given of; visits of zones that no longer exist are dropped."""
        visits = [self._load_visit(v) for v in value["open"]]
        self.open = {v.zone: v for v in visits if v is not None}
        self.home = self._load_visit(value["home"])
        self.home_fix = load_fix(value["home_fix"])
        self.abroad = self._load_visit(value["abroad"])

    def _load_visit(self, value: list[Any] | None) -> Visit | None:
        if value is None or value[0] not in self.world.number:
            return None
        zone, id_, revision, enter, since, how, away = value
        bracket = load_bracket(enter)
        assert bracket is not None
        fixes = None if away is None else (Fix(*away[0]), Fix(*away[1]))
        object_ = Revised(Kind.VISIT, id_, revision)
        return Visit(self.world.number[zone], object_, bracket, since, how, fixes)
