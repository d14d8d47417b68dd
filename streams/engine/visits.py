"""Visits of one asset: maximal runs of fixes inside a zone, short absences merged.

A visit is announced when it has lasted its zone's minimum dwell and ends when the asset was outside for
the zone's grace, both in event time, so jitter at a fence makes no events. The country is the only one
that the fixes agree on: where polygons overlap or leave a gap the asset stays in the country it was in,
and a change counts when it has lasted the line's grace.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from streams.engine.brackets import Bracket, Fix, at, dump_bracket, dump_fix, load_bracket, load_fix
from streams.engine.drafts import Draft, Key, Notes, evidence
from streams.engine.passages import SURE
from streams.engine.settings import Rules
from streams.engine.units import NEVER
from streams.engine.visit import Passage, Visit
from streams.engine.world import Difference, World
from streams.events import Kind


@dataclass(slots=True)
class Visits:
    """All open visits of one asset and the country that it is in."""

    world: World
    rules: Rules
    open: dict[int, Visit] = field(default_factory=dict)
    home: Visit | None = None
    home_fix: Fix | None = None  # the last fix that only the home country holds
    abroad: Visit | None = None  # another country, not yet for the line's grace
    stay: list[tuple[Fix, int]] = field(default_factory=list)  # the fixes since then, with HDOP

    due: int = NEVER  # the earliest one of the open visits

    def wake(self) -> int:
        """The event time from which a fix matters though it enters and leaves nothing."""
        return 0 if self.abroad is not None else self.due

    def moved_to(self, world: World) -> None:
        """Go on in a world of which zones were published anew."""
        for visit in self.open.values():
            self._entered(visit)
        self.world = world
        for visit in self.open.values():
            visit.place = world.zone(visit.zone, visit.since)
            if visit.away is None:
                visit.stays()
            else:
                visit.goes(*visit.away, visit.passed)
        self._look_ahead()

    def _look_ahead(self) -> None:
        due = NEVER
        for visit in self.open.values():
            if visit.due < due:
                due = visit.due
        self.due = due

    def _new(
        self, zone: int, enter: Bracket | None, since: int, how: str, way: tuple[Fix, Fix] | None = None
    ) -> Visit:
        return Visit(zone, self.world.zone(zone, since), enter, since, how, way=way)

    def _entered(self, visit: Visit) -> Bracket:
        """The bracket of its beginning."""
        if visit.enter is None:
            assert visit.way is not None
            visit.enter, visit.way = self.world.enter(visit.zone, *visit.way), None
        return visit.enter

    def passes(self, t: int, notes: Notes, passage: Passage) -> None:
        """Fold a fix at ``t`` that enters and leaves nothing, while the asset is not abroad."""
        if t >= self.due:
            self._end_absences(t, notes, passage)
            self._announce_due(t, notes, passage)
            self._look_ahead()

    def step(
        self,
        before: Fix | None,
        now: Fix,
        hdop: int,
        differs: Difference | None,
        cuts: list[int],
        notes: Notes,
        passage: Passage,
    ) -> None:
        """Fold the step from ``before`` to ``now``; ``differs``: between the sets of zones around them."""
        if now.t >= self.due:
            self._end_absences(now.t, notes, passage)
        if cuts and before is not None:
            self._cut(cuts, before, now, notes, passage)
        if differs is not None:
            home = self.home
            if home is None or self.abroad is not None or differs.country != home.zone:
                self._change_country(before, now, differs, notes, passage)
            elif differs.origin == home.zone and before is not None:
                self.home_fix = before
            if before is not None:
                for zone in differs.left:
                    held = self.open.get(zone)
                    if held is not None:
                        held.goes(before, now, False)
            for zone in differs.entered:
                self._enter(zone, before, now)
        if self.abroad is not None:
            self.stay.append((now, hdop))
        self._look_ahead()
        if now.t >= self.due:
            self.passes(now.t, notes, passage)
        if self.abroad is not None:
            self._settle_country(now.t, notes, passage)

    def _enter(self, zone: int, before: Fix | None, now: Fix) -> None:
        held = self.open.get(zone)
        if held is not None:
            held.stays()
            return
        if before is None:
            visit = self._new(zone, at(now), now.t, "open_beginning")
        else:
            visit = self._new(zone, None, now.t, "path", (before, now))
        visit.stays()
        self.open[zone] = visit

    def _cut(self, zones: list[int], before: Fix, now: Fix, notes: Notes, passage: Passage) -> None:
        """Fold the zones that the step passes through, in the order of the estimates."""
        if len(zones) == 1 and (held := self.open.get(zones[0])) is not None:
            held.goes(before, now, True)
            return
        ways = [(self.world.cut(zone, before, now), zone) for zone in zones]
        for (enter, leave), zone in sorted(ways, key=lambda way: (way[0][0].estimate, way[1])):
            held = self.open.get(zone)
            if held is not None:  # still counted as inside: the cut proves that it was
                held.goes(before, now, True)
                continue
            confidence = self.world.sureness(zone, before, now, self.rules.cut_max_mm_per_s)
            how = "cut" if confidence == SURE else "possible"
            visit = self._new(zone, enter, now.t, how)
            visit.said, visit.away, visit.confidence = True, (now, now), confidence
            notes.say(self._draft(visit, leave))
            if visit.place.gate is not None:
                passage.entered(visit.place, enter, now.t, confidence)
                passage.left(visit.place, enter, leave, self._land(now), confidence)

    def _end_absences(self, t: int, notes: Notes, passage: Passage) -> None:
        due = [v for v in self.open.values() if t >= v.due and v.away is not None]
        if len(due) > 1:
            due.sort(key=lambda v: (v.away[0].t if v.away else 0, v.zone))
        for visit in due:
            assert visit.away is not None
            inside, outside = visit.away
            del self.open[visit.zone]
            zone = visit.place
            least = zone.min_dwell_s * 1000
            stayed = inside.t - visit.since
            if not visit.said and stayed < least and outside.t - visit.earliest < least:
                continue  # whatever the brackets are
            if visit.passed:
                leave = self.world.cut(visit.zone, inside, outside)[1]
            else:
                leave = self.world.leave(visit.zone, inside, outside)
            enter = self._entered(visit)
            if not visit.said and max(stayed, leave.estimate - enter.estimate) < least:
                continue
            notes.say(self._draft(visit, leave))
            if zone.gate is None:
                continue
            if not visit.said:
                passage.entered(zone, enter, visit.since, SURE)
            passage.left(zone, enter, leave, self._land(outside), SURE)

    def _land(self, fix: Fix) -> str:
        """The one country around ``fix``: "" in a gap between outlines or where they overlap."""
        country = self.world.country(self.world.set_at(fix.lon, fix.lat, fix.t))
        return self.world.zones[country].country or "" if country >= 0 else ""

    def _announce_due(self, t: int, notes: Notes, passage: Passage) -> None:
        for visit in self.open.values():
            if t >= visit.due and visit.away is None:
                visit.said, visit.due = True, NEVER
                notes.say(self._draft(visit, None))
                if visit.place.gate is not None:
                    passage.entered(visit.place, self._entered(visit), visit.since, SURE)

    def _change_country(
        self, before: Fix | None, now: Fix, differs: Difference, notes: Notes, passage: Passage
    ) -> None:
        country = differs.country
        if self.home is None:
            if country >= 0:
                self.home = self._new(country, at(now), now.t, "open_beginning")
                self.home.said = True
                notes.say(self._draft(self.home, None))
            return
        if before is not None and differs.origin == self.home.zone:
            self.home_fix = before
        if country >= 0 and (self.abroad is None or self.abroad.zone != country):
            if self.stay:
                passage.came_back(self.stay)
                self.stay = []
            self.abroad = None
            if country != self.home.zone:
                start = self.home_fix or before or now
                enter = self.world.enter(country, start, now)
                self.abroad = self._new(country, enter, now.t, "path")
                self.abroad.away = (start, now)

    def _settle_country(self, t: int, notes: Notes, passage: Passage) -> None:
        abroad, home = self.abroad, self.home
        if abroad is None or home is None or t < abroad.since + self.rules.line_grace_ms:
            return
        line = self._entered(abroad)
        notes.say(self._draft(home, line, last=abroad.since - 1))
        assert abroad.away is not None
        way, abroad.away = abroad.away, None
        abroad.said = True
        notes.say(self._draft(abroad, None))
        stay, self.stay = self.stay, []
        self.home, self.abroad = abroad, None
        self.home_fix = next(
            f for f, _ in reversed(stay) if self._land(f) == self.world.zones[abroad.zone].country
        )
        origin, other = (self.world.zones[visit.zone].country or "" for visit in (home, abroad))
        passage.changed_country(origin, other, line, way, stay)

    def standing(self) -> list[Draft]:
        """What was said of the visits that are open."""
        held = [*self.open.values(), *([self.home] if self.home is not None else [])]
        return [self._draft(visit, None) for visit in held if visit.said]

    def keys(self) -> list[Key]:
        """The keys of ``standing``."""
        held = [*self.open.values(), *([self.home] if self.home is not None else [])]
        return [(Kind.VISIT, v.place.id, v.since) for v in held if v.said]

    def _draft(self, visit: Visit, leave: Bracket | None, last: int | None = None) -> Draft:
        zone, enter = visit.place, self._entered(visit)
        if last is None:
            last = NEVER if leave is None else visit.away[0].t if visit.away else leave.latest
        data: dict[str, Any] = {
            "zone": zone.id,
            "zone_name": zone.name,
            "zone_kind": str(zone.kind),
            "zone_version": zone.version,
            "gate": zone.gate,
            "country": zone.country or zone.side,
            "state": "open" if leave is None else "closed",
            "how": visit.how,
            "confidence_permille": visit.confidence,
            "enter": enter.data(),
            "leave": None if leave is None else leave.data(),
            "dwell_ms": None if leave is None else leave.estimate - enter.estimate,
        }
        t = enter.estimate if leave is None else leave.estimate
        return Draft(Kind.VISIT, zone.id, visit.since, last, t, data, evidence((enter, leave)))

    def dump(self) -> list[Any]:
        """Plain values for a snapshot; zones by id, since numbers are this process's own."""
        return [
            [self._dump_visit(v) for v in self.open.values()],
            self._dump_visit(self.home),
            dump_fix(self.home_fix),
            self._dump_visit(self.abroad),
            [[dump_fix(fix), hdop] for fix, hdop in self.stay],
        ]

    def _dump_visit(self, visit: Visit | None) -> list[Any] | None:
        if visit is None:
            return None
        away = None if visit.away is None else [dump_fix(fix) for fix in visit.away]
        return [
            visit.place.id,
            dump_bracket(self._entered(visit)),
            visit.since,
            visit.how,
            visit.said,
            away,
            visit.passed,
        ]

    def load(self, value: list[Any]) -> None:
        """Become what ``dump`` was given of; visits of zones that no longer exist are dropped."""
        open_, home, home_fix, abroad, stay = value
        visits = [self._load_visit(v) for v in open_]
        self.open = {v.zone: v for v in visits if v is not None}
        self.home = self._load_visit(home)
        self.home_fix = load_fix(home_fix)
        self.abroad = self._load_visit(abroad)
        self.stay = [(Fix(*fix), hdop) for fix, hdop in stay]
        self._look_ahead()

    def _load_visit(self, value: list[Any] | None) -> Visit | None:
        if value is None or value[0] not in self.world.number:
            return None
        zone, enter, since, how, said, away, passed = value
        bracket = load_bracket(enter)
        assert bracket is not None
        visit = self._new(self.world.number[zone], bracket, since, how)
        visit.said = said
        visit.stays()
        if away is not None:
            visit.goes(Fix(*away[0]), Fix(*away[1]), passed)
        return visit
