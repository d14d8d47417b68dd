"""A portion of raw CAN frames, decoded to samples and facts.

Many frames a second say the same, so a sample takes the last frame of each group and sender in its
instant. Frames with 11-bit ids (not J1939) are counted and left out.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

from gateway.can.facts import CI, DI, DM1, TCO1, VI, Fact, read_facts
from gateway.can.j1939 import Id, split
from gateway.can.signals import GROUPS, decode
from gateway.can.sources import Candidate, Sources
from gateway.can.transport import TP_CM, TP_DT, Transport

Frame = tuple[int, int, bytes]
"""Time (ms since 1970, UTC), id, up to 8 data bytes."""

_TRANSPORT: Final = frozenset((TP_CM, TP_DT))
_FACTS: Final = frozenset((VI, CI, DI, DM1, TCO1))
_VW: Final = 65258
_NEAR_MS: Final = 500
_BUCKET_MS: Final = 1_000


@dataclass(slots=True)
class TransportState:
    """What a bus carries from one report to the next: open transfers and the chosen senders.

    One per device, at most some 60 kB; losing it costs at most a transfer that spans two reports.
    """

    transport: Transport = field(default_factory=Transport)
    sources: Sources = field(default_factory=Sources)


@dataclass(slots=True)
class CanResult:
    """``samples``: instants with their values by wire name, ascending. ``dropped``: transfers given up.
    ``standard``: frames with an 11-bit id."""

    samples: list[tuple[int, dict[str, float]]] = field(default_factory=list)
    facts: list[Fact] = field(default_factory=list)
    dropped: int = 0
    standard: int = 0


def decode_can(
    frames: Sequence[Frame], state: TransportState | None = None, instants: Sequence[int] = ()
) -> CanResult:
    """Decode frames in the order of their times.

    ``instants`` (ascending) are those of samples that exist already: a frame within 500 ms of one joins
    it; the others make one sample a second, at their last frame's time. A fact repeated with the same
    content is given once.
    """
    state = state or TransportState()
    result = CanResult()
    before = state.transport.dropped
    slots: dict[int, dict[tuple[int, int, int], tuple[int, bytes]]] = {}
    said: dict[object, Fact] = {}
    for t_ms, id29, data in sorted(frames, key=lambda frame: frame[0]):
        if id29 < 0x800:
            result.standard += 1
            continue
        id_ = split(id29)
        if id_.pgn in _TRANSPORT:
            message = state.transport.feed(t_ms, id_, data)
            if message is not None and message.pgn in _FACTS:
                _say(result.facts, said, read_facts(t_ms, message.pgn, message.source, message.data))
            continue
        if id_.pgn in _FACTS:
            _say(result.facts, said, read_facts(t_ms, id_.pgn, id_.source, data))
        if id_.pgn in GROUPS:
            _keep(slots.setdefault(_slot(t_ms, instants), {}), t_ms, id_, data)
    result.dropped = state.transport.dropped - before
    exact = frozenset(instants)
    for slot in sorted(slots):
        t_ms = slot if slot in exact else max(t for t, _ in slots[slot].values())
        values = _sample(t_ms, slots[slot], state.sources)
        if values:
            result.samples.append((t_ms, values))
    return result


def _slot(t_ms: int, instants: Sequence[int]) -> int:
    """The existing instant that a frame joins, else a number for its second that is no instant."""
    at = bisect_left(instants, t_ms)
    near = [instant for instant in instants[max(0, at - 1) : at + 1] if abs(instant - t_ms) <= _NEAR_MS]
    if near:
        return min(near, key=lambda instant: abs(instant - t_ms))
    return t_ms // _BUCKET_MS * _BUCKET_MS


def _keep(slot: dict[tuple[int, int, int], tuple[int, bytes]], t_ms: int, id_: Id, data: bytes) -> None:
    axle = data[0] if id_.pgn == _VW and data else 0
    slot[id_.pgn, id_.source, axle] = (t_ms, data)


def _sample(
    t_ms: int, slot: dict[tuple[int, int, int], tuple[int, bytes]], sources: Sources
) -> dict[str, float]:
    found: dict[str, dict[tuple[int, int], float]] = {}
    for (pgn, source, axle), (_, data) in slot.items():
        for name, (value, signal) in decode(GROUPS[pgn], data).items():
            by_source = found.setdefault(name, {})
            if name == "axle_load_kg":
                each = found.setdefault(f"axle_{axle >> 4}_load_kg", {})
                each[signal.rank, source] = each.get((signal.rank, source), 0.0) + value
                value += by_source.get((signal.rank, source), 0.0)
            by_source[signal.rank, source] = value
    values: dict[str, float] = {}
    for name, by_source in found.items():
        candidates = [Candidate(rank, source, value) for (rank, source), value in by_source.items()]
        chosen = sources.choose(name, t_ms, candidates)
        if chosen is not None:
            values[name] = chosen.value
            if name == "odometer_m":
                values["odometer_source"] = float(chosen.source)
    return values


def _say(facts: list[Fact], said: dict[object, Fact], new: list[Fact]) -> None:
    """Add facts whose content differs from the last one of the same kind, sender and slot."""
    for fact in new:
        key = (fact["kind"], fact["source"], fact.get("slot"), "state" in fact)
        content = {name: value for name, value in fact.items() if name != "t"}
        if said.get(key) != content:
            said[key] = content
            facts.append(fact)
