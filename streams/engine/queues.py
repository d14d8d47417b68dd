"""The queue of a gate in each direction: how long its stages took in the last day, and who waits in them.

A crossing is one asset's, the queue is everybody's at the gate. What a queue must know of a crossing travels
as a *note*, appended to the partition that is the gate's home. Of the notes of one crossing the highest
revision counts, so one that comes twice, or late, changes nothing. Figures are of one tenant's crossings:
nothing of another one's shows. They depend on when notes arrive, and so stand outside the order-free law.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from streams.codec import CodecError, dump_json, load_json
from streams.engine.units import NEVER
from streams.events import Change, Event, Kind, object_id

WINDOW_MS: Final = 86_400_000
"""Stages that ended longer ago do not count."""
WAITS_MS: Final = 7 * 86_400_000
"""A crossing in progress of which nothing was heard for so long waits no more."""
MOST: Final = 500
"""Crossings kept of a gate and direction; the ones that happened last stay."""

_ENDS: Final = {
    "approach": "exit_port",
    "exit_port": "exit_port_left",
    "between": "entry_port",
    "entry_port": "leave",
}
STAGES: Final = tuple(_ENDS)
"""The stages of a crossing in their order."""
_WAITING: Final = {"at_exit_port": "exit_port", "between": "between", "at_entry_port": "entry_port"}


@dataclass(frozen=True, slots=True)
class Note:
    """What a gate's queue must know of one revision of a crossing; ``id`` is the crossing's.

    ``t_ms``: when what this revision tells happened. ``stages``: (dwell in ms, end in ms since 1970) of each
    stage whose dwell is known.
    """

    gate: str
    direction: str
    tenant: str
    id: str
    revision: int
    retracted: bool
    state: str
    t_ms: int
    stages: dict[str, tuple[int, int]]

    def plain(self) -> list[Any]:
        """The note as JSON values; ``Note(*plain)`` is it again, but for tuples."""
        stages = {name: list(one) for name, one in self.stages.items()}
        head = [self.gate, self.direction, self.tenant, self.id, self.revision, self.retracted]
        return [*head, self.state, self.t_ms, stages]


def note_of(event: Event) -> Note | None:
    """The note of an event; None when it is no crossing of a gate, or one that its carrier makes too."""
    data = event.data
    if event.kind is not Kind.CROSSING or data["gate"] is None or data.get("by") is not None:
        return None
    stages = {
        name: (data["dwell_ms"][name], data["stages"][end]["estimate_ms"])
        for name, end in _ENDS.items()
        if data["dwell_ms"][name] is not None
    }
    retracted = event.change is Change.RETRACTED
    place = data["gate"], data["direction"], event.tenant, event.id
    return Note(*place, event.revision, retracted, data["state"], event.t_ms, stages)


def encode(notes: Iterable[Note]) -> bytes:
    """The body of a NOTE record."""
    return dump_json({"notes": [note.plain() for note in notes]})


def decode(body: bytes) -> list[Note]:
    """The notes in the body of a NOTE record. Raises CodecError."""
    try:
        return [_note(plain) for plain in load_json(body)["notes"]]
    except (KeyError, TypeError, ValueError) as error:
        raise CodecError(f"notes not readable: {error!r}") from error


def _note(plain: Sequence[Any]) -> Note:
    gate, direction, tenant, id_, revision, retracted, state, t_ms, stages = plain
    for text in (gate, direction, tenant, id_, state):
        if not isinstance(text, str):
            raise ValueError(f"a text in a note: got {text!r}")
    held = {name: (int(stages[name][0]), int(stages[name][1])) for name in STAGES if name in stages}
    return Note(gate, direction, tenant, id_, int(revision), bool(retracted), state, int(t_ms), held)


@dataclass(frozen=True, slots=True)
class Told:
    """A queue's next revision: what becomes an event."""

    tenant: str
    id: str
    revision: int
    change: Change
    data: dict[str, Any]


class Queues:
    """The notes at home in one partition, and what was told of the queues that they make."""

    def __init__(self) -> None:
        self._held: dict[tuple[str, str], dict[str, Note]] = {}  # by (tenant, gate), then by crossing
        self._said: dict[tuple[str, str, str], tuple[int, dict[str, Any]]] = {}
        self._touched: set[tuple[str, str]] = set()
        self._due = NEVER  # from this now on something counts no more

    def knows(self, note: Note) -> bool:
        """Whether ``note``, or a later one of its crossing, was merged."""
        held = self._held.get((note.tenant, note.gate), {}).get(note.id)
        return held is not None and held.revision >= note.revision

    def merge(self, notes: Iterable[Note]) -> None:
        """Take notes over; of each crossing the highest revision stays."""
        for note in notes:
            if self.knows(note):
                continue
            key = (note.tenant, note.gate)
            held = self._held.setdefault(key, {})
            held[note.id] = note
            of = [one for one in held.values() if one.direction == note.direction]
            if len(of) > MOST:
                del held[min(of, key=lambda one: (one.t_ms, one.id)).id]
            self._touched.add(key)

    def tell(self, now_ms: int, position: int) -> list[Told]:
        """The queues whose figures are others than was told, as of ``now_ms``; ``position``: of the cause."""
        if now_ms >= self._due:
            self._touched.update(self._held)
        if not self._touched:
            return []
        told = []
        for tenant, gate in sorted(self._touched):
            ways: dict[str, list[Note]] = {way: [] for t, g, way in self._said if (t, g) == (tenant, gate)}
            for note in self._held[tenant, gate].values():
                ways.setdefault(note.direction, []).append(note)
            for way in sorted(ways):
                data = figures(gate, way, ways[way], now_ms)
                one = self._revised(tenant, gate, way, data, position)
                if one is not None:
                    told.append(one)
        self._touched.clear()
        self._due = self._next_due(now_ms)
        return told

    def _revised(self, tenant: str, gate: str, way: str, data: dict[str, Any], position: int) -> Told | None:
        revision, before = self._said.get((tenant, gate, way), (0, {}))
        if data == before:
            return None
        self._said[tenant, gate, way] = (revision + 1, data)
        changed = sorted(name for name in data if data[name] != before.get(name)) if before else []
        full = {**data, "why": {"changed": changed, "positions": [position]}}
        change = Change.AMENDED if revision else Change.CREATED
        return Told(tenant, object_id(Kind.QUEUE, tenant, gate, way), revision + 1, change, full)

    def _next_due(self, now_ms: int) -> int:
        ends = [
            at
            for held in self._held.values()
            for note in held.values()
            if not note.retracted
            for at in (
                *(end + WINDOW_MS for _, end in note.stages.values()),
                note.t_ms + WAITS_MS if note.state in _WAITING else 0,
            )
        ]
        return min((at for at in ends if at > now_ms), default=NEVER)

    def dump(self) -> dict[str, Any]:
        """Plain values for a snapshot."""
        notes = [note.plain() for held in self._held.values() for note in held.values()]
        return {"notes": notes, "said": [[*key, *said] for key, said in self._said.items()], "due": self._due}

    def load(self, value: Mapping[str, Any]) -> None:
        """Become what ``dump`` was given of."""
        for note in map(_note, value["notes"]):
            self._held.setdefault((note.tenant, note.gate), {})[note.id] = note
        self._said = {(t, gate, way): (revision, data) for t, gate, way, revision, data in value["said"]}
        self._due = value["due"]


def figures(gate: str, direction: str, notes: Iterable[Note], now_ms: int) -> dict[str, Any]:
    """What the notes of a gate and direction say as of ``now_ms``: an event's data but for ``why``.

    ``stages``: {name: {median_ms, p90_ms, count}} of what ended in the window, null where nothing did; p90 is
    the value at rank ceil(0.9 n). ``waiting``: crossings in progress, by stage.
    """
    dwells: dict[str, list[int]] = {name: [] for name in STAGES}
    waiting = dict.fromkeys(_WAITING.values(), 0)
    for note in notes:
        if note.retracted:
            continue
        for name, (dwell, end) in note.stages.items():
            if end + WINDOW_MS > now_ms:
                dwells[name].append(dwell)
        if note.state in _WAITING and note.t_ms + WAITS_MS > now_ms:
            waiting[_WAITING[note.state]] += 1
    return {
        "gate": gate,
        "direction": direction,
        "window_ms": WINDOW_MS,
        "stages": {name: _spread(sorted(values)) for name, values in dwells.items()},
        "waiting": waiting,
    }


def _spread(values: list[int]) -> dict[str, int | None]:
    n = len(values)
    if not n:
        return {"median_ms": None, "p90_ms": None, "count": 0}
    median = (values[(n - 1) // 2] + values[n // 2]) // 2
    return {"median_ms": median, "p90_ms": values[(9 * n + 9) // 10 - 1], "count": n}
