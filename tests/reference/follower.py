"""Rule 8: what the marks of one asset, gone through in order, tell of its crossings."""

from __future__ import annotations

from dataclasses import dataclass, field

from geofences.zone import Gate, ZoneKind
from streams.engine.settings import Rules
from tests.reference.places import Places, way_mm
from tests.reference.values import Bracket, Line, Sample, Visit


@dataclass(frozen=True, slots=True)
class Mark:
    """One thing that crossings are made of: LN, LP, LA, EA or EP; ``known``: the fix that shows it.

    ``gate``: the zone's, of a line the one at its place; ``opened``: time of the fix behind it.
    """

    name: str
    bracket: Bracket
    opened: int
    known: int
    gate: Gate | None
    visit: Visit | None = None
    line: Line | None = None
    near: Gate | None = None  # of a line at no gate's place, the one that it can have come over

    @property
    def sure(self) -> bool:
        """Not of a cut that is only possible."""
        return self.visit is None or self.visit.confidence == 1000


@dataclass(slots=True)
class Crossing:
    """A crossing of ``gate`` (None: off_gate); ``visits`` are those whose marks it took."""

    gate: Gate | None
    origin: str
    other: str
    state: str
    stages: dict[str, Bracket] = field(default_factory=dict)
    visits: list[Visit] = field(default_factory=list)


def gate_at(places: Places, line: Line) -> Gate | None:
    """LN: the gate at its place: of a gate zone of these two countries around the bracket's place."""
    place = Sample(0, line.bracket.lon, line.bracket.lat)
    for number in sorted(places.around([place])[0], key=lambda zone: (_kind_order(places, zone), zone)):
        gate = _gate_between(places, number, line)
        if gate is not None:
            return gate
    return None


def gate_near(places: Places, line: Line, rules: Rules) -> Gate | None:
    """LN: where no gate is at its place, the gate over whose point the truck can have come in the time
    between the two fixes, at cut_max_mm_per_s and give or take gate_reach_mm; of several the nearest."""
    if gate_at(places, line) is not None:
        return None
    p, x = line.way
    could = rules.cut_max_mm_per_s * (x.t - p.t) // 1000 + rules.gate_reach_mm
    ways = []
    for gate in places.gates.values():
        if {gate.a_country, gate.b_country} == {places.code(line.origin), places.code(line.other)}:
            point = Sample(0, round(gate.lon / 1e-7), round(gate.lat / 1e-7))
            ways.append((way_mm(p, point) + way_mm(point, x), gate.id))
    nearest = min(ways, default=None)
    return places.gates[nearest[1]] if nearest is not None and nearest[0] <= could else None


def _kind_order(places: Places, zone: int) -> int:
    return {ZoneKind.APPROACH: 0, ZoneKind.PORT: 1}.get(places.zones[zone].kind, 2)


def _gate_between(places: Places, zone: int, line: Line) -> Gate | None:
    """The gate of a zone, if it joins the two countries of the line."""
    gate = places.gates.get(places.zones[zone].gate or "")
    wanted = {places.code(line.origin), places.code(line.other)}
    return gate if gate is not None and {gate.a_country, gate.b_country} == wanted else None


class Follower:
    """Follows the marks of one asset; ``done`` are its crossings, over or in progress."""

    def __init__(self, places: Places, home: str | None, rules: Rules) -> None:
        self.places, self.rules = places, rules
        self.home = home  # h of the rules
        self.now: Crossing | None = None
        self.done: list[Crossing] = []
        self.open: list[Visit] = []  # of ports and approaches, in the order of entering
        self.strays: list[Line] = []  # lines away from any gate

    def follow(self, mark: Mark) -> None:
        """Take the next mark."""
        if mark.line is not None:
            self.crossed_line(mark.line)
            return
        assert mark.visit is not None
        {"EA": self.open.append, "EP": self.entered_port, "LP": self.left_port, "LA": self.left_approach}[
            mark.name
        ](mark.visit)

    def entered_port(self, visit: Visit) -> None:
        """EP: the entry port of the one in progress, its exit port again, or the beginning of one."""
        self.open.append(visit)
        gate, side = self.gate_and_side(visit)
        now = self.now
        if now is not None and now.gate is gate and side == now.other:
            now.stages.setdefault("entry_port", visit.enter)
            now.state = "at_entry_port"
            now.visits.append(visit)
        elif now is not None and now.gate is gate and "line" not in now.stages:
            now.stages.setdefault("exit_port", visit.enter)
            now.stages.pop("exit_port_left", None)
            now.state = "at_exit_port"
            now.visits.append(visit)
        elif self.home == _other_side(gate, side):
            crossing = self.begin(gate, self.home, side, "at_entry_port")
            crossing.stages["entry_port"] = visit.enter
            crossing.visits.append(visit)
        else:
            crossing = self.begin(gate, side, _other_side(gate, side), "at_exit_port")
            crossing.stages["exit_port"] = visit.enter
            crossing.visits.append(visit)

    def left_port(self, visit: Visit) -> None:
        """LP: the exit port is left, or the entry port: completed."""
        self.open.remove(visit)
        gate, side = self.gate_and_side(visit)
        now = self.now
        if now is None or now.gate is not gate:
            return
        assert visit.leave is not None
        if side == now.origin and "exit_port" in now.stages:
            now.stages["exit_port_left"] = visit.leave
            now.visits.append(visit)
        if side == now.other and now.state == "at_entry_port":
            self.end(visit, "completed")
        elif side == now.origin and not _approaches(gate, side):
            self.maybe_turned_back(visit, side)

    def left_approach(self, visit: Visit) -> None:
        """LA: turned back before the line, or completed past an entry port that no fix showed."""
        self.open.remove(visit)
        gate, side = self.gate_and_side(visit)
        now = self.now
        if now is None or now.gate is not gate:
            return
        if side == now.other and now.state == "between":
            self.end(visit, "completed")
        else:
            self.maybe_turned_back(visit, side)

    def maybe_turned_back(self, visit: Visit, side: str) -> None:
        """LA: s = from, at_exit_port, homeward, h = from: turned_back, over.

        Homeward: the first outside fix lies in the home country alone.
        """
        assert self.now is not None
        assert visit.outside is not None
        outside = self.places.code(self.places.country(self.places.around([visit.outside])[0]))
        if side == self.now.origin == self.home == outside and self.now.state == "at_exit_port":
            self.end(visit, "turned_back")

    def crossed_line(self, line: Line) -> None:
        """LN: the line of the one in progress, the way back over it, or the beginning of one."""
        origin, other = self.places.code(line.origin) or "", self.places.code(line.other) or ""
        gate, now = self.gate_of(line), self.now
        self.home = other
        if now is not None and (gate is None or gate is now.gate):
            if (now.origin, now.other) == (origin, other):
                now.stages["line"] = line.bracket
                now.state = "between" if now.state == "at_exit_port" else now.state
                return
            if (now.other, now.origin) == (origin, other):
                self.crossed_back(now, line)
                return
        if gate is not None:
            self.begin(gate, origin, other, "between").stages["line"] = line.bracket
        else:
            self.strays.append(line)

    def crossed_back(self, now: Crossing, line: Line) -> None:
        """LN reversed: between: line dropped, at_exit_port; at_entry_port: turned_back, over."""
        if now.state == "between":
            del now.stages["line"]
            now.state = "at_exit_port"
        elif now.state == "at_entry_port":
            now.stages["leave"] = line.bracket
            now.state = "turned_back"
            self.now = None

    def begin(self, gate: Gate, origin: str, other: str, state: str) -> Crossing:
        """A new crossing. One in progress ends without leave: completed when its line is known."""
        if self.now is not None:
            self.now.state = "completed" if "line" in self.now.stages else "turned_back"
        self.now = Crossing(gate, origin, other, state)
        self.done.append(self.now)
        for visit in self.open:
            zone = self.places.zones[visit.zone]
            if zone.kind is ZoneKind.APPROACH and (zone.gate, zone.side) == (gate.id, origin):
                self.now.stages["approach"] = visit.enter
                self.now.visits.append(visit)
                break
        return self.now

    def end(self, visit: Visit, state: str) -> None:
        """The one in progress is over with this visit's leaving."""
        assert self.now is not None
        assert visit.leave is not None
        self.now.stages["leave"] = visit.leave
        self.now.state = state
        self.now.visits.append(visit)
        self.now = None

    def gate_and_side(self, visit: Visit) -> tuple[Gate, str]:
        """The gate of a visit's zone and the side (country) that the zone serves."""
        zone = self.places.zones[visit.zone]
        assert zone.gate is not None
        return self.places.gates[zone.gate], zone.side or ""

    def gate_of(self, line: Line) -> Gate | None:
        """LN: the gate at its place, else one of these two countries whose approach or port visit is open
        then (the one entered first), else the one that it can have come over, else none."""
        inside = [_gate_between(self.places, visit.zone, line) for visit in self.open]
        near = gate_near(self.places, line, self.rules)
        gates = [gate_at(self.places, line), *inside, near]
        return next((gate for gate in gates if gate is not None), None)


def _other_side(gate: Gate, side: str) -> str:
    return gate.b_country if side == gate.a_country else gate.a_country


def _approaches(gate: Gate, side: str) -> tuple[str, ...]:
    return gate.a_approaches if side == gate.a_country else gate.b_approaches
