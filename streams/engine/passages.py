"""Crossings as a function of marks: what happened at the gates, gone through in event order.

Marks say that ports and approaches were entered and left and lines crossed. Pure; see ``crossings`` for
where marks come from.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import IntEnum
from typing import Final

from geofences.zone import Gate
from streams.engine.brackets import Bracket

SURE: Final = 1_000
"""Confidence in permille: nothing else is possible."""


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
    place where a zone was left; ``at_once``: a zone left when it was entered; ``near``: of a line that lies
    in no gate's zone, the gate that the asset can have come over.
    """

    what: What
    gate: str
    side: str
    bracket: Bracket
    opened: int
    other: str = ""
    confidence: int = SURE
    at_once: bool = False
    near: str = ""

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
        now, origin, other, gate = self.now, mark.side, mark.other, self._gate_of(mark)
        self.home = other
        here = now is not None and (gate is None or gate is now.gate)
        if now is not None and here and (now.origin, now.other) == (origin, other):
            now.stages["line"] = mark.bracket
            self._goes_on("between" if now.state == "at_exit_port" else now.state, mark)
        elif now is not None and here and (now.origin, now.other) == (other, origin):
            if now.state == "between":
                now.stages.pop("line", None)
                self._goes_on("at_exit_port", mark)
            elif now.state == "at_entry_port":
                self._ends("turned_back", mark)
        elif gate is not None:
            self._begin(gate, origin, other, "line", "between", mark)
        else:
            off = Crossing(None, origin, other, mark.opened, "off_gate", {"line": mark.bracket})
            off.over = True
            self.done.append(off)

    def _gate_of(self, mark: Mark) -> Gate | None:
        """The gate at a line's place, else the one in whose zones the asset is, else the one it came over."""
        if mark.gate:
            return self.gates[mark.gate]
        for id_, _, _ in self._inside:
            gate = self.gates[id_]
            if {mark.side, mark.other} == {gate.a_country, gate.b_country}:
                return gate
        return self.gates[mark.near] if mark.near else None

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
            (line.gate or line.near) == mark.gate
            and (line.bracket.earliest or 0) <= mark.bracket.latest
            and (mark.bracket.earliest or 0) <= line.bracket.latest
            for line in lines
        )

    return sorted((m for m in marks if m.confidence == SURE or backed(m)), key=lambda m: m.order)
