"""From the engine's integers to the API's units, by the endings of names.

``x_ms`` becomes ``x``, RFC 3339 in UTC, or, beside an object ``x``, its field ``t``; the durations in
DURATIONS become ``x_s``, seconds. ``x_e7`` becomes ``x`` in degrees, ``x_mm`` ``x_m``, ``x_ckmh`` ``x_kmh``,
``x_permille`` ``x`` as a share of 1; a bare ``mm`` becomes ``m``, a bare ``ms`` ``s``. Durations may be an
object of durations. Null stays null under the new name. Pure.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

import orjson

from api.times import format_instant
from feeds.readmodel import StoredObject
from streams.events import Event, Kind

DURATIONS: Final = frozenset(
    {"dwell_ms", "duration_ms", "window_ms", "median_ms", "p90_ms", "clocks_ms", "benchmark_ms"}
)

_ENDINGS: Final[dict[str, tuple[str, Callable[[int], Any]]]] = {
    "ms": ("", format_instant),
    "e7": ("", lambda v: v / 1e7),
    "mm": ("_m", lambda v: v / 1000),
    "ckmh": ("_kmh", lambda v: v / 100),
    "permille": ("", lambda v: v / 1000),
}

_BARE: Final = {"mm": "m", "ms": "s"}


def render(value: Any) -> Any:
    """``value`` (JSON values in engine units) in API units, recursively."""
    if isinstance(value, dict):
        rendered: dict[str, Any] = {}
        for name, inner in value.items():
            new_name, new = _entry(name, inner)
            held = rendered.get(new_name)
            if isinstance(held, dict) or isinstance(new, dict):
                new = _joined(held, new)
            rendered[new_name] = new
        return rendered
    if isinstance(value, list):
        return [render(inner) for inner in value]
    return value


def event_line(event: Event, cursor: str) -> bytes:
    """One line of the event feed, without the line's end."""
    line = {
        "cursor": cursor,
        "kind": event.kind.value,
        "id": event.id,
        "revision": event.revision,
        "change": event.change.value,
        "asset": event.asset,
        "t": format_instant(event.t_ms),
        "recorded": format_instant(event.recorded_ms),
        "object": render(event.data),
    }
    return orjson.dumps(line)


def item(row: StoredObject) -> dict[str, Any]:
    """An object as lists and single answers show it."""
    head: dict[str, Any] = {"id": row.id}
    if row.kind is not Kind.ASSET:
        head["asset"] = row.asset or None
    head |= render(row.data)
    head |= {
        "revision": row.revision,
        "change": row.change.value,
        "t": format_instant(row.t_ms),
        "recorded": format_instant(row.recorded_ms),
    }
    return head


def revision(event: Event) -> dict[str, Any]:
    """One revision in the history of an object; ``position`` is the log record that caused it."""
    return {
        "revision": event.revision,
        "change": event.change.value,
        "t": format_instant(event.t_ms),
        "recorded": format_instant(event.recorded_ms),
        "position": event.position,
        "why": event.data.get("why"),
        "object": render({name: value for name, value in event.data.items() if name != "why"}),
    }


def _joined(held: Any, new: Any) -> Any:
    """An object and its instant, in either order."""
    place, instant = (held, new) if isinstance(held, dict) else (new, held)
    return place if instant is None else {"t": instant, **place}


def _entry(name: str, value: Any) -> tuple[str, Any]:
    if isinstance(value, dict) and name in DURATIONS:
        return f"{name[:-3]}_s", {part: None if ms is None else ms / 1000 for part, ms in value.items()}
    if name in _BARE and type(value) is int:
        return _BARE[name], value / 1000
    if isinstance(value, dict | list):
        return name, render(value)
    stem, _, ending = name.rpartition("_")
    if not stem or ending not in _ENDINGS or isinstance(value, str | bool):
        return name, value
    if name in DURATIONS:
        return f"{stem}_s", None if value is None else value / 1000
    new_ending, convert = _ENDINGS[ending]
    return stem + new_ending, None if value is None else convert(value)
