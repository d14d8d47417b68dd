"""Where two runtimes differ, in plain words: the first event of the first partition, or the first object."""

from __future__ import annotations

from dataclasses import fields
from itertools import zip_longest
from typing import Any

from streams.codec import dump_json
from streams.events import Event
from tests.parity.runtime import Outcome


def difference(want: Outcome, got: Outcome) -> str | None:
    """What ``got`` tells otherwise than ``want``; None when all events are equal to the byte, and the read
    models too."""
    if len(want.events) != len(got.events):
        return (
            f"{got.name} has {len(got.events)} partitions, {want.name} has {len(want.events)}: "
            "they did not fold the same log"
        )
    for partition, (ours, theirs) in enumerate(zip(want.events, got.events, strict=True)):
        for number, (one, other) in enumerate(zip_longest(ours, theirs), 1):
            found = _events(want.name, one, got.name, other)
            if found:
                return f"partition {partition}, event {number} of {len(ours)}: {found}"
    for key in sorted(want.objects.keys() | got.objects.keys()):
        ours_, theirs_ = want.objects.get(key), got.objects.get(key)
        if ours_ != theirs_:
            kind, id_ = key
            return (
                f"all events are equal, but the read models differ in {kind} {id_}: "
                f"{want.name} has {ours_ or 'none'}, {got.name} has {theirs_ or 'none'}"
            )
    return None


def _events(ours: str, one: Event | None, theirs: str, other: Event | None) -> str | None:
    """How two events differ that should be the same; None when they don't."""
    if one is None or other is None:
        who, more, event = (theirs, ours, one) if other is None else (ours, theirs, other)
        return f"{who} ends here, {more} goes on with {_said(event)}" if event else None
    if (one.kind, one.id, one.revision) != (other.kind, other.id, other.revision):
        return f"{ours} tells {_said(one)}, {theirs} tells {_said(other)}"
    for field in fields(Event):
        mine, its = getattr(one, field.name), getattr(other, field.name)
        if field.name == "data":
            mine, its = _data(mine), _data(its)
            names = [name for name in sorted(mine.keys() | its.keys()) if mine.get(name) != its.get(name)]
            if names:
                name = names[0]
                more = f" (and {', '.join(names[1:])})" if names[1:] else ""
                told = f"{ours} has {_text(mine, name)}, {theirs} has {_text(its, name)}"
                return f"{_said(one)}: data.{name} differs{more}: {told}"
        elif mine != its:
            return f"{_said(one)}: {field.name} differs: {ours} has {mine}, {theirs} has {its}"
    return None


def _data(data: dict[str, Any]) -> dict[str, bytes]:
    return {name: dump_json(value) for name, value in data.items()}


def _text(data: dict[str, bytes], name: str) -> str:
    return data[name].decode() if name in data else "nothing"


def _said(event: Event) -> str:
    return (
        f"{event.kind.value} {event.id} revision {event.revision} ({event.change.value}"
        f"{f', asset {event.asset}' if event.asset else ''}) of log position {event.position}"
    )
