"""An event's groups: ``whole``, ``head``, and its object without (``body``) and with (``place``) positions.

All are canonical JSON. ``place`` and ``driver`` are maps of JSON pointers (RFC 6901) into ``data`` to what
was taken out of ``body``. Where an event lies in its partition is not part of it. Pure.
"""

from __future__ import annotations

from typing import Any, Final

from feeds.ledger.entry import WHOLE
from streams.codec import dump_json
from streams.events import Event

_PLACE: Final = frozenset({"lon_e7", "lat_e7"})
_DRIVER: Final = frozenset({"driver"})


def groups_of(event: Event) -> dict[str, bytes]:
    """The groups of an event by name; those without content are left out."""
    head = {
        "kind": event.kind.value,
        "id": event.id,
        "revision": event.revision,
        "change": event.change.value,
        "asset": event.asset,
        "t_ms": event.t_ms,
        "recorded_ms": event.recorded_ms,
    }
    place: dict[str, Any] = {}
    driver: dict[str, Any] = {}
    body = _without(event.data, "", place, driver)
    groups = {
        WHOLE: dump_json({**head, "tenant": event.tenant, "data": event.data}),
        "head": dump_json(head),
        "body": dump_json(body),
    }
    if place:
        groups["place"] = dump_json(place)
    if driver:
        groups["driver"] = dump_json(driver)
    return groups


def _without(value: Any, path: str, place: dict[str, Any], driver: dict[str, Any]) -> Any:
    """``value`` without what goes to ``place`` and ``driver``, by its path."""
    if isinstance(value, dict):
        kept = {}
        for name, one in value.items():
            at = f"{path}/{name.replace('~', '~0').replace('/', '~1')}"
            if name in _PLACE:
                place[at] = one
            elif name in _DRIVER:
                driver[at] = one
            else:
                kept[name] = _without(one, at, place, driver)
        return kept
    if isinstance(value, list):
        return [_without(one, f"{path}/{n}", place, driver) for n, one in enumerate(value)]
    return value
