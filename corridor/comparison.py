"""What was served, beside what a replay of the log gives: event by event, in words."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from itertools import groupby
from typing import Any, Final

from streams.events import Event

_TOLD: Final = 10
_FIELDS: Final = 3
_LONGEST: Final = 60
_NONE: Final = "nothing"


@dataclass(slots=True)
class Comparison:
    """Counts of events.

    ``differing``: the same revision of the same object with other content; ``missing``: served, and the
    replay does not give it; ``more``: the other way round; ``renumbered``: equal but for the number;
    ``told``: the first differences in words.
    """

    equal: int = 0
    differing: int = 0
    missing: int = 0
    more: int = 0
    renumbered: int = 0
    told: list[str] = field(default_factory=list)

    @property
    def same(self) -> bool:
        """Whether the replay gave what was served, neither more nor less."""
        return not (self.differing or self.missing or self.more or self.renumbered)

    def with_(self, other: Comparison) -> Comparison:
        """Both together."""
        names = ("equal", "differing", "missing", "more", "renumbered")
        counts = {name: getattr(self, name) + getattr(other, name) for name in names}
        return Comparison(**counts, told=[*self.told, *other.told][:_TOLD])

    def say(self, text: str) -> None:
        """Keep it if it is one of the first."""
        if len(self.told) < _TOLD:
            self.told.append(text)


def compare(served: Iterable[Event], replayed: Iterable[Event]) -> Comparison:
    """Compare two histories, each in the order of log positions. Holds one position's events at a time."""
    found = Comparison()
    for old, new in _side_by_side(served, replayed):
        for key, event in old.items():
            other = new.pop(key, None)
            if other is None:
                found.missing += 1
                found.say(f"{_name(event)} was served, the replay does not give it")
                continue
            changed = list(_changes(_content(event), _content(other)))
            if changed:
                found.differing += 1
                more = f", and {len(changed) - _FIELDS} more" if len(changed) > _FIELDS else ""
                found.say(f"{_name(event)}: {'; '.join(changed[:_FIELDS])}{more}")
            elif event.number != other.number:
                found.renumbered += 1
                if found.renumbered == 1:
                    found.say(f"{_name(event)} was served as number {event.number}, is {other.number} now")
            else:
                found.equal += 1
        for event in new.values():
            found.more += 1
            found.say(f"{_name(event)} was not served, the replay gives it")
    return found


_Key = tuple[str, str, int]


def _side_by_side(
    served: Iterable[Event], replayed: Iterable[Event]
) -> Iterator[tuple[dict[_Key, Event], dict[_Key, Event]]]:
    """The events of one log position after the other, of both."""
    left, right = _by_position(served), _by_position(replayed)
    a, b = next(left, None), next(right, None)
    while a is not None or b is not None:
        position = min(one[0] for one in (a, b) if one is not None)
        old: dict[_Key, Event] = {}
        new: dict[_Key, Event] = {}
        if a is not None and a[0] == position:
            old, a = a[1], next(left, None)
        if b is not None and b[0] == position:
            new, b = b[1], next(right, None)
        yield old, new


def _by_position(events: Iterable[Event]) -> Iterator[tuple[int, dict[_Key, Event]]]:
    for position, held in groupby(events, lambda event: event.position):
        yield position, {(event.kind.value, event.id, event.revision): event for event in held}


def _name(event: Event) -> str:
    whose = f" of {event.asset}" if event.asset else ""
    return f"{event.id} revision {event.revision} ({event.change}){whose}, log position {event.position}"


def _content(event: Event) -> dict[str, Any]:
    plain = {name: getattr(event, name) for name in ("tenant", "asset", "t_ms", "recorded_ms")}
    return {"change": event.change.value, **plain, **event.data}


def _changes(old: Any, new: Any, path: str = "") -> Iterator[str]:
    if isinstance(old, dict) and isinstance(new, dict):
        for name in sorted(old.keys() | new.keys()):
            yield from _changes(
                old.get(name, _NONE), new.get(name, _NONE), f"{path}.{name}" if path else name
            )
    elif old != new:
        yield f"{path} was {_short(old)}, is {_short(new)}"


def _short(value: Any) -> str:
    text = str(value)
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}..."
