"""Crossings of one asset: one passage through a gate as one object, revised as it goes on.

The stages are taken from visits of the gate's zones and from the change of country; a stage that the
fixes did not show stays null. An asset has one crossing in progress at most.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from geofences.zone import Gate, Zone, ZoneKind
from streams.engine.brackets import Bracket, dump_bracket, load_bracket
from streams.engine.objects import Announce, Revised
from streams.engine.visits import Visits
from streams.engine.world import World
from streams.events import Kind, object_id

STAGES: Final = ("approach", "exit_port", "exit_port_left", "line", "entry_port", "leave")


@dataclass(slots=True)
class Crossing:
    """A crossing in progress, from ``origin`` to ``other`` (country codes)."""

    gate: Gate
    origin: str
    other: str
    object: Revised
    state: str
    stages: dict[str, Bracket] = field(default_factory=dict)


@dataclass(slots=True)
class Crossings:
    """The crossing in progress of one asset; hears of visits and countries as a ``Passage``."""

    world: World
    asset: str
    visits: Visits
    now: Crossing | None = None
    unlined: Crossing | None = None  # completed within one step, before the change of country has settled
    _say: Announce | None = None

    def listening(self, say: Announce) -> Crossings:
        """The same, announcing through ``say`` from now on."""
        self._say = say
        return self

    def entered(self, zone: Zone, bracket: Bracket, home: str | None) -> None:
        """See Passage.entered: a port begins a crossing, or is its entry port."""
        gate = self._gate_of(zone, ZoneKind.PORT)
        if gate is None:
            return
        side, crossing = zone.side or "", self.now
        if crossing is not None and crossing.gate is gate and side == crossing.other:
            crossing.stages["entry_port"] = crossing.stages.get("entry_port", bracket)
            self._announce("at_entry_port", bracket)
        elif crossing is not None and crossing.gate is gate and crossing.state == "at_exit_port":
            crossing.stages.pop("exit_port_left", None)
            self._announce("at_exit_port", bracket)
        else:
            self._begin_at_port(gate, zone, bracket, home)

    def _begin_at_port(self, gate: Gate, zone: Zone, bracket: Bracket, home: str | None) -> None:
        side = zone.side or ""
        arriving = home is not None and home != side and home == _other(gate, side)
        origin, other = (_other(gate, side), side) if arriving else (side, _other(gate, side))
        self.now = self._new(gate, origin, other, bracket, zone.id)
        self.now.stages["entry_port" if arriving else "exit_port"] = bracket
        self._announce("at_entry_port" if arriving else "at_exit_port", bracket)

    def left(self, zone: Zone, bracket: Bracket, settled: bool, home: str | None) -> None:
        """See Passage.left: the exit port is behind, the crossing is over, or it never was one."""
        crossing = self.now
        if crossing is None or zone.gate != crossing.gate.id:
            return
        if zone.kind is ZoneKind.PORT:
            if zone.side == crossing.origin and "exit_port" in crossing.stages:
                crossing.stages["exit_port_left"] = bracket
                self._announce(crossing.state, bracket)
            elif zone.side == crossing.other and crossing.state == "at_entry_port":
                self._finish("completed", bracket)
        elif zone.kind is ZoneKind.APPROACH:
            back = zone.side == crossing.origin and crossing.state == "at_exit_port"
            if back and settled and home == crossing.origin:
                self._finish("turned_back", bracket)
            elif zone.side == crossing.other and crossing.state == "between":
                self._finish("completed", bracket)

    def _finish(self, state: str, bracket: Bracket) -> None:
        assert self.now is not None
        self.now.stages["leave"] = bracket
        self._announce(state, bracket)
        self.unlined = self.now if state == "completed" and "line" not in self.now.stages else None
        self.now = None

    def changed_country(self, origin: str, other: str, bracket: Bracket) -> None:
        """See Passage.changed_country: the line of the crossing in progress, or of one begun unseen."""
        crossing, done = self.now, self.unlined
        self.unlined = None
        if crossing is None and done is not None and (done.origin, done.other) == (origin, other):
            done.stages["line"] = bracket
            self.now = done
            self._announce(done.state, done.stages["leave"])
            self.now = None
        elif crossing is not None and (crossing.origin, crossing.other) == (origin, other):
            crossing.stages["line"] = bracket
            self._announce("between" if crossing.state == "at_exit_port" else crossing.state, bracket)
        elif crossing is not None and (crossing.origin, crossing.other) == (other, origin):
            if crossing.state == "between":
                crossing.stages.pop("line", None)
                self._announce("at_exit_port", bracket)
        elif (gate := self._gate_at(bracket, origin, other)) is not None:
            self.now = self._new(gate, origin, other, bracket, "line")
            self.now.stages["line"] = bracket
            self._announce("between", bracket)

    def _new(self, gate: Gate, origin: str, other: str, bracket: Bracket, opener: str) -> Crossing:
        id_ = object_id(Kind.CROSSING, self.asset, gate.id, f"{origin}>{other}", opener, bracket.latest)
        crossing = Crossing(gate, origin, other, Revised(Kind.CROSSING, id_), "")
        for visit in self.visits.open.values():
            zone = self.world.zones[visit.zone]
            if zone.gate == gate.id and zone.kind is ZoneKind.APPROACH and zone.side == origin:
                crossing.stages["approach"] = visit.enter
        return crossing

    def _gate_of(self, zone: Zone, kind: ZoneKind) -> Gate | None:
        return self.world.gates.get(zone.gate) if zone.gate and zone.kind is kind else None

    def _gate_at(self, bracket: Bracket, origin: str, other: str) -> Gate | None:
        """The gate whose zones hold the place of the line, or that was being approached."""
        here = self.world.areas(self.world.set_at(bracket.lon, bracket.lat))
        for number in (*here, *self.visits.open):
            gate = self._gate_of(self.world.zones[number], self.world.zones[number].kind)
            if gate is not None and {origin, other} == {gate.a_country, gate.b_country}:
                return gate
        return None

    def _announce(self, state: str, bracket: Bracket) -> None:
        assert self.now is not None
        assert self._say is not None
        self.now.state = state
        self.now.object.announce(self._say, bracket.estimate, _data(self.now))

    def dump(self) -> list[dict[str, Any] | None]:
        """JSON values for a snapshot."""
        return [_dump(self.now), _dump(self.unlined)]

    def load(self, value: list[dict[str, Any] | None]) -> None:
        """Become what ``dump`` was given of; a crossing of a gate that is gone is dropped."""
        self.now, self.unlined = (_load(one, self.world.gates) for one in value)


def _dump(crossing: Crossing | None) -> dict[str, Any] | None:
    if crossing is None:
        return None
    return {
        "gate": crossing.gate.id,
        "origin": crossing.origin,
        "other": crossing.other,
        "id": crossing.object.id,
        "revision": crossing.object.revision,
        "state": crossing.state,
        "stages": {name: dump_bracket(bracket) for name, bracket in crossing.stages.items()},
    }


def _load(value: Mapping[str, Any] | None, gates: Mapping[str, Gate]) -> Crossing | None:
    if value is None or value["gate"] not in gates:
        return None
    stages = {name: b for name, v in value["stages"].items() if (b := load_bracket(v)) is not None}
    object_ = Revised(Kind.CROSSING, value["id"], value["revision"])
    return Crossing(gates[value["gate"]], value["origin"], value["other"], object_, value["state"], stages)


def _other(gate: Gate, side: str) -> str:
    return gate.b_country if side == gate.a_country else gate.a_country


def _data(crossing: Crossing) -> dict[str, Any]:
    begin = crossing.stages.get("exit_port") or crossing.stages.get("line")
    end = crossing.stages.get("leave") if crossing.state == "completed" else None
    return {
        "gate": crossing.gate.id,
        "gate_name": crossing.gate.name,
        "direction": f"{crossing.origin}>{crossing.other}",
        "from": crossing.origin,
        "to": crossing.other,
        "state": crossing.state,
        "stages": {
            name: crossing.stages[name].data() if name in crossing.stages else None for name in STAGES
        },
        "duration_ms": end.estimate - begin.estimate if begin and end else None,
    }
