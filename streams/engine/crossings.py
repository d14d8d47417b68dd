"""Crossings of one asset: one passage through a gate as one object, revised as it goes on.

A crossing is what the *marks* say: ports and approaches entered and left, lines crossed, in the order of
their estimated times. Some are known late (a visit ends when its grace has passed, a line settles after
its own), so the marks since the last moment without a crossing are kept and gone through anew whenever one
is added. A stage that the fixes did not show stays null.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from geofences.zone import Gate, Zone, ZoneKind
from streams.engine.brackets import Bracket, Fix, dump_bracket, load_bracket
from streams.engine.drafts import Draft, Key, Notes, evidence
from streams.engine.passages import Crossing, Mark, Passages, What, counted
from streams.engine.settings import Rules
from streams.engine.units import NEVER
from streams.engine.visits import Visits
from streams.engine.world import World
from streams.events import Kind

STAGES: Final = ("approach", "exit_port", "exit_port_left", "line", "entry_port", "leave")


@dataclass(slots=True)
class Crossings:
    """The marks of one asset since it was last idle (no crossing, in no zone of a gate); a ``Passage``."""

    world: World
    rules: Rules
    visits: Visits
    home: str | None = None  # the country before the first mark
    marks: list[Mark] = field(default_factory=list)
    doubtful: Mark | None = None  # a line away from any gate that is not sure yet
    sure: list[int] = field(default_factory=list)  # ``opened`` of those that are
    said: dict[tuple[str, int], Draft] = field(default_factory=dict)
    _new: bool = False
    _running: bool = False

    def entered(self, zone: Zone, bracket: Bracket, opened: int, confidence: int) -> None:
        """See Passage.entered."""
        if zone.gate in self.world.gates and zone.kind in (ZoneKind.PORT, ZoneKind.APPROACH):
            what = What.PORT if zone.kind is ZoneKind.PORT else What.APPROACH
            self._add(Mark(what, zone.gate or "", zone.side or "", bracket, opened, confidence=confidence))

    def left(self, zone: Zone, enter: Bracket, leave: Bracket, into: str, confidence: int) -> None:
        """See Passage.left."""
        if zone.gate in self.world.gates and zone.kind in (ZoneKind.PORT, ZoneKind.APPROACH):
            what = What.PORT_LEFT if zone.kind is ZoneKind.PORT else What.APPROACH_LEFT
            at_once = enter.estimate == leave.estimate
            side = zone.side or ""
            self._add(Mark(what, zone.gate or "", side, leave, leave.latest, into, confidence, at_once))

    def changed_country(
        self, origin: str, other: str, bracket: Bracket, way: tuple[Fix, Fix], stay: list[tuple[Fix, int]]
    ) -> None:
        """See Passage.changed_country."""
        gate = self._gate_at(bracket, origin, other)
        speed, reach = self.rules.cut_max_mm_per_s, self.rules.gate_reach_mm
        near = None if gate is not None else self.world.gate_within_reach({origin, other}, *way, speed, reach)
        places = ["" if found is None else found.id for found in (gate, near)]
        mark = Mark(What.LINE, places[0], origin, bracket, bracket.latest, other, near=places[1])
        self._add(mark, origin)
        self.doubtful = mark if gate is None and near is None else None
        self.came_back(stay)

    def came_back(self, stay: list[tuple[Fix, int]]) -> None:
        """See Passage.came_back."""
        for fix, hdop in stay:
            self._judge(fix, hdop)

    def step(self, now: Fix, hdop: int, notes: Notes) -> None:
        """After the visits of a step: say what the marks tell now."""
        if self.doubtful is not None and self.visits.abroad is None:
            self._judge(now, hdop)
        if self._new or self.marks:
            self.passes(notes)

    def passes(self, notes: Notes) -> None:
        """As ``step``, of a fix that matters for its time alone, while no line is doubtful."""
        if self._new:
            self._go_through(notes)
        if self.marks and not self._running and self._idle():
            self.marks, self.sure, self.said = [], [], {}

    def _go_through(self, notes: Notes) -> None:
        self._new = False
        drafts: dict[tuple[str, int], Draft] = {}
        passages = Passages(self.world.gates, self.home)
        crossings = passages.all(counted(self.marks))
        alarms = self._alarms({crossing.opened for crossing in crossings if crossing.gate is None})
        for crossing in crossings:
            if crossing.stages and (crossing.gate is not None or crossing.opened in alarms):
                place = "" if crossing.gate is None else crossing.gate.id
                while (place, crossing.opened) in drafts:  # to and fro within one step
                    place += "+"
                drafts[place, crossing.opened] = _draft(crossing, place)
        for key, draft in drafts.items():
            held = self.said.get(key)
            if held is None or held.data != draft.data or held.last != draft.last:
                notes.say(draft)
        for key in self.said:
            if key not in drafts:
                notes.unsay((Kind.CROSSING, *key))
        self.said = drafts
        self._running = passages.now is not None

    def _alarms(self, strays: set[int]) -> set[int]:
        """Of the lines away from any gate (by ``opened``) those that were surely crossed.

        The way back from where the asset perhaps never was is none.
        """
        alarms, sure = set(), True
        for mark in self.marks:
            if mark.what is What.LINE:
                if mark.opened in strays and mark.opened in self.sure and sure:
                    alarms.add(mark.opened)
                sure = mark.opened not in strays or mark.opened in self.sure
        return alarms

    def _idle(self) -> bool:
        zones = self.world.zones
        if self.doubtful is not None or self.visits.abroad is not None:
            return False
        return not any(zones[number].gate in self.world.gates for number in self.visits.open)

    def _add(self, mark: Mark, home: str | None = None) -> None:
        if not self.marks:
            held = self.visits.home
            self.home = home or (None if held is None else self.world.zones[held.zone].country)
        self.marks.append(mark)
        self._new = True

    def _judge(self, fix: Fix, hdop: int) -> None:
        """Whether ``fix`` is so deep beyond a line crossed away from any gate that it is no noise."""
        mark, rules = self.doubtful, self.rules
        if mark is None:
            return
        hdop = hdop if hdop >= 0 else rules.hdop_unknown_c
        if self.world.beyond(mark.side, fix, rules.off_gate_mm + rules.off_gate_mm_per_hdop_c * hdop):
            self.sure.append(mark.opened)
            self.doubtful = None
            self._new = True

    def _gate_at(self, bracket: Bracket, origin: str, other: str) -> Gate | None:
        """The gate whose zones hold the place of the line."""
        here = self.world.areas(self.world.set_at(bracket.lon, bracket.lat, bracket.latest))
        for number in here:
            gate = self.world.gates.get(self.world.zones[number].gate or "")
            if gate is not None and {origin, other} == {gate.a_country, gate.b_country}:
                return gate
        return None

    def standing(self) -> list[Draft]:
        """What was said of the crossings whose marks are kept."""
        return list(self.said.values())

    def keys(self) -> list[Key]:
        """The keys of ``standing``."""
        return [(Kind.CROSSING, *key) for key in self.said]

    def dump(self) -> list[Any]:
        """Plain values for a snapshot."""
        doubtful = None if self.doubtful is None else _dump(self.doubtful)
        said = [[d.place, d.opened, d.last, d.t_ms, d.data, d.evidence] for d in self.said.values()]
        return [self.home, [_dump(mark) for mark in self.marks], doubtful, self.sure, said, self._running]

    def load(self, value: list[Any]) -> None:
        """Become what ``dump`` was given of."""
        self.home, marks, doubtful, self.sure, said, self._running = value
        self.marks = [_load(mark) for mark in marks]
        self.doubtful = None if doubtful is None else _load(doubtful)
        self.said = {
            (place, opened): Draft(Kind.CROSSING, place, opened, last, t_ms, data, tuple(proof))
            for place, opened, last, t_ms, data, proof in said
        }


def _dump(mark: Mark) -> list[Any]:
    plain = [mark.opened, mark.other, mark.confidence, mark.at_once, mark.near]
    return [int(mark.what), mark.gate, mark.side, dump_bracket(mark.bracket), *plain]


def _load(value: list[Any]) -> Mark:
    what, gate, side, held, *plain = value
    bracket = load_bracket(held)
    assert bracket is not None
    return Mark(What(what), gate, side, bracket, *plain)


def _draft(crossing: Crossing, place: str) -> Draft:
    stages = crossing.stages
    begin = stages.get("exit_port") or stages.get("line")
    end = stages.get("leave") if crossing.state == "completed" else None
    data: dict[str, Any] = {
        "gate": None if crossing.gate is None else crossing.gate.id,
        "gate_name": None if crossing.gate is None else crossing.gate.name,
        "direction": f"{crossing.origin}>{crossing.other}",
        "from": crossing.origin,
        "to": crossing.other,
        "state": crossing.state,
        "confidence_permille": crossing.confidence,
        "stages": {name: stages[name].data() if name in stages else None for name in STAGES},
        "dwell_ms": {
            "approach": _gone(stages, "approach", "exit_port"),
            "exit_port": _gone(stages, "exit_port", "exit_port_left"),
            "between": _gone(stages, "exit_port_left", "entry_port"),
            "entry_port": _gone(stages, "entry_port", "leave") if crossing.state == "completed" else None,
        },
        "duration_ms": end.estimate - begin.estimate if begin and end else None,
    }
    last = max(b.latest for b in stages.values()) if crossing.over else NEVER
    t = max(b.estimate for b in stages.values())
    return Draft(Kind.CROSSING, place, crossing.opened, last, t, data, evidence(list(stages.values())))


def _gone(stages: Mapping[str, Bracket], first: str, second: str) -> int | None:
    """Milliseconds between two stages, where both are known."""
    if first not in stages or second not in stages:
        return None
    return stages[second].estimate - stages[first].estimate
