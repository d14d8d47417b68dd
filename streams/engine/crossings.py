"""Crossings of one asset: one passage through a gate as one object, revised as it goes on.

A crossing is what the *marks* say: ports and approaches entered and left, lines crossed, in the order of
their estimated times. Some are known late (a visit ends when its grace has passed, a line settles after
its own), so the marks since the last moment without a crossing are kept and gone through anew whenever one
is added. A stage that the fixes did not show stays null.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import IntEnum
from typing import Any, Final

from geofences.zone import Gate, Zone, ZoneKind
from streams.engine.brackets import Bracket, Fix, dump_bracket, load_bracket
from streams.engine.drafts import Draft, Key, Notes, evidence
from streams.engine.settings import Rules
from streams.engine.units import NEVER
from streams.engine.visits import SURE, Visits
from streams.engine.world import World
from streams.events import Kind

STAGES: Final = ("approach", "exit_port", "exit_port_left", "line", "entry_port", "leave")


class What(IntEnum):
    """What a mark tells; the number is its place among marks of one estimate."""

    LINE = 0
    PORT_LEFT = 1
    APPROACH_LEFT = 2
    APPROACH = 3
    PORT = 4


_AT_ONCE: Final = 4  # added to a leaving at the very estimate of its entering


@dataclass(frozen=True, slots=True)
class Mark:
    """One thing that happened at a gate; ``gate`` "" is none.

    ``side``: of the zone, or the country come from;
    ``opened``: time of the fix by which it is known; ``other``: the country entered by a line or around the
    place where a zone was left; ``at_once``: a zone left when it was entered.
    """

    what: What
    gate: str
    side: str
    bracket: Bracket
    opened: int
    other: str = ""
    confidence: int = SURE
    at_once: bool = False

    @property
    def order(self) -> tuple[int, int, int, str, str]:
        """Event order."""
        what = int(self.what) + (_AT_ONCE if self.at_once else 0)
        return (self.bracket.estimate, what, self.opened, self.gate, self.side)


@dataclass(slots=True)
class Crossing:
    """A crossing as far as the marks tell, from ``origin`` to ``other`` (country codes)."""

    gate: Gate | None
    origin: str
    other: str
    opened: int
    state: str = ""
    stages: dict[str, Bracket] = field(default_factory=dict)
    confidence: int = SURE
    over: bool = False


class Passages:
    """Goes through marks in event order: the crossings that they tell."""

    def __init__(self, gates: Mapping[str, Gate], home: str | None) -> None:
        self.gates, self.home = gates, home
        self.done: list[Crossing] = []
        self.now: Crossing | None = None
        self._approach: dict[tuple[str, str], Mark] = {}
        self._inside: dict[tuple[str, str, bool], None] = {}  # zones of gates, in the order of entering
        self._sided = {(g.id, g.a_country): bool(g.a_approaches) for g in gates.values()}
        self._sided |= {(g.id, g.b_country): bool(g.b_approaches) for g in gates.values()}

    def all(self, marks: Iterable[Mark]) -> list[Crossing]:
        """The crossings of these marks, in order."""
        for mark in marks:
            port = mark.what in (What.PORT, What.PORT_LEFT)
            if mark.what in (What.PORT, What.APPROACH):
                self._inside[mark.gate, mark.side, port] = None
            elif mark.what is not What.LINE:
                self._inside.pop((mark.gate, mark.side, port), None)
            if mark.what is What.PORT:
                self._port(mark)
            elif mark.what is What.PORT_LEFT:
                self._port_left(mark)
            elif mark.what is What.LINE:
                self._line(mark)
            elif mark.what is What.APPROACH:
                self._approach[mark.gate, mark.side] = mark
            else:
                self._approach.pop((mark.gate, mark.side), None)
                self._approach_left(mark)
        return [*self.done, *([self.now] if self.now is not None else [])]

    def _at(self, mark: Mark) -> Crossing | None:
        """The crossing in progress, if it is at the mark's gate."""
        now = self.now
        return now if now is not None and now.gate is not None and now.gate.id == mark.gate else None

    def _port(self, mark: Mark) -> None:
        now = self._at(mark)
        if now is not None and mark.side == now.other:
            if "entry_port" not in now.stages:
                now.stages["entry_port"] = mark.bracket
                now.confidence = min(now.confidence, mark.confidence)
            now.state = "at_entry_port"
        elif now is not None and mark.side == now.origin and "line" not in now.stages:
            now.stages.setdefault("exit_port", mark.bracket)
            now.stages.pop("exit_port_left", None)
            self._goes_on("at_exit_port", mark)
        else:
            gate = self.gates[mark.gate]
            other = gate.b_country if mark.side == gate.a_country else gate.a_country
            if self.home == other:
                self._begin(gate, other, mark.side, "entry_port", "at_entry_port", mark)
            else:
                self._begin(gate, mark.side, other, "exit_port", "at_exit_port", mark)

    def _port_left(self, mark: Mark) -> None:
        now = self._at(mark)
        if now is None:
            return
        if mark.side == now.origin and "exit_port" in now.stages:
            now.stages["exit_port_left"] = mark.bracket
            self._goes_on(now.state, mark)
            if not self._sided[mark.gate, mark.side]:
                self._back(mark)
        elif mark.side == now.other and now.state == "at_entry_port":
            self._ends("completed", mark)

    def _line(self, mark: Mark) -> None:
        now, origin, other = self.now, mark.side, mark.other
        self.home = other
        here = now is not None and now.gate is not None and mark.gate in ("", now.gate.id)
        if now is not None and here and (now.origin, now.other) == (origin, other):
            now.stages["line"] = mark.bracket
            self._goes_on("between" if now.state == "at_exit_port" else now.state, mark)
        elif now is not None and here and (now.origin, now.other) == (other, origin):
            if now.state == "between":
                now.stages.pop("line", None)
                self._goes_on("at_exit_port", mark)
            elif now.state == "at_entry_port":
                self._ends("turned_back", mark)
        elif (gate := self._gate_of(mark)) is not None:
            self._begin(gate, origin, other, "line", "between", mark)
        else:
            off = Crossing(None, origin, other, mark.opened, "off_gate", {"line": mark.bracket})
            off.over = True
            self.done.append(off)

    def _gate_of(self, mark: Mark) -> Gate | None:
        """The gate at a line's place, or the one in whose zones the asset is."""
        if mark.gate:
            return self.gates[mark.gate]
        for id_, _, _ in self._inside:
            gate = self.gates[id_]
            if {mark.side, mark.other} == {gate.a_country, gate.b_country}:
                return gate
        return None

    def _approach_left(self, mark: Mark) -> None:
        now = self._at(mark)
        if now is None:
            return
        if mark.side == now.origin:
            self._back(mark)
        elif mark.side == now.other and now.state == "between":
            self._ends("completed", mark)

    def _back(self, mark: Mark) -> None:
        """Left homeward from the exit port: the asset did not cross."""
        now = self.now
        assert now is not None
        if now.state == "at_exit_port" and mark.other == self.home == now.origin:
            self._ends("turned_back", mark)

    def _begin(self, gate: Gate, origin: str, other: str, stage: str, state: str, mark: Mark) -> None:
        if self.now is not None:
            self.now.state = "completed" if "line" in self.now.stages else "turned_back"
            self.now.over = True
            self.done.append(self.now)
        self.now = Crossing(gate, origin, other, mark.opened)
        approach = self._approach.get((gate.id, origin))
        if approach is not None:
            self.now.stages["approach"] = approach.bracket
            self.now.confidence = approach.confidence
        self.now.stages[stage] = mark.bracket
        self._goes_on(state, mark)

    def _goes_on(self, state: str, mark: Mark) -> None:
        assert self.now is not None
        self.now.state = state
        self.now.confidence = min(self.now.confidence, mark.confidence)

    def _ends(self, state: str, mark: Mark) -> None:
        assert self.now is not None
        self.now.stages["leave"] = mark.bracket
        self._goes_on(state, mark)
        self.now.over = True
        self.done.append(self.now)
        self.now = None


def counted(marks: Sequence[Mark]) -> list[Mark]:
    """In event order; marks of a visit that is only possible count where a line backs them."""
    lines = [mark for mark in marks if mark.what is What.LINE]

    def backed(mark: Mark) -> bool:
        return any(
            line.gate == mark.gate
            and (line.bracket.earliest or 0) <= mark.bracket.latest
            and (mark.bracket.earliest or 0) <= line.bracket.latest
            for line in lines
        )

    return sorted((m for m in marks if m.confidence == SURE or backed(m)), key=lambda m: m.order)


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

    def changed_country(self, origin: str, other: str, bracket: Bracket, stay: list[tuple[Fix, int]]) -> None:
        """See Passage.changed_country."""
        gate = self._gate_at(bracket, origin, other)
        id_ = "" if gate is None else gate.id
        mark = Mark(What.LINE, id_, origin, bracket, bracket.latest, other=other)
        self._add(mark, origin)
        self.doubtful = mark if gate is None else None
        self.came_back(stay)

    def came_back(self, stay: list[tuple[Fix, int]]) -> None:
        """See Passage.came_back."""
        for fix, hdop in stay:
            self._judge(fix, hdop)

    def step(self, now: Fix, hdop: int, notes: Notes) -> None:
        """After the visits of a step: say what the marks tell now."""
        if self.visits.abroad is None:
            self._judge(now, hdop)
        if self._new:
            self._go_through(notes)
        if self.marks and not self._running and self._idle():
            self.marks, self.sure, self.said = [], [], {}

    def _go_through(self, notes: Notes) -> None:
        self._new = False
        drafts = {}
        passages = Passages(self.world.gates, self.home)
        for crossing in passages.all(counted(self.marks)):
            if crossing.stages and (crossing.gate is not None or crossing.opened in self.sure):
                draft = _draft(crossing)
                drafts[draft.place, draft.opened] = draft
        for key, draft in drafts.items():
            held = self.said.get(key)
            if held is None or held.data != draft.data or held.last != draft.last:
                notes.say(draft)
        for key in self.said:
            if key not in drafts:
                notes.unsay((Kind.CROSSING, *key))
        self.said = drafts
        self._running = passages.now is not None

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
    plain = [mark.opened, mark.other, mark.confidence, mark.at_once]
    return [int(mark.what), mark.gate, mark.side, dump_bracket(mark.bracket), *plain]


def _load(value: list[Any]) -> Mark:
    what, gate, side, held, *plain = value
    bracket = load_bracket(held)
    assert bracket is not None
    return Mark(What(what), gate, side, bracket, *plain)


def _draft(crossing: Crossing) -> Draft:
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
    place = "" if crossing.gate is None else crossing.gate.id
    return Draft(Kind.CROSSING, place, crossing.opened, last, t, data, evidence(list(stages.values())))


def _gone(stages: Mapping[str, Bracket], first: str, second: str) -> int | None:
    """Milliseconds between two stages, where both are known."""
    if first not in stages or second not in stages:
        return None
    return stages[second].estimate - stages[first].estimate
