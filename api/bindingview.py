"""The binding of an asset at two times: as it held then, by what was known then."""

from __future__ import annotations

from typing import Any

from api.render import render
from api.scope import Scope
from api.times import format_instant
from feeds.readmodel import StoredObject
from streams.events import Kind, object_id
from streams.identity.bindings import claim_of, judge
from streams.identity.chassis import ChassisError

_ALL = 10_000


def binding_at(scope: Scope, asset: StoredObject, at_ms: int, known_ms: int | None) -> dict[str, Any]:
    """What held at ``at_ms``, from the revision of the binding that was the newest one at ``known_ms``.

    When that revision is gone with the retention, the claims known until then are taken out of the newest.
    """
    data = _told(scope, object_id(Kind.BINDING, asset.id), known_ms)
    plain = [one for one in (data.get("claims") or []) if known_ms is None or one["known_ms"] <= known_ms]
    try:
        view = judge([claim_of(one) for one in plain], at_ms, known_ms)
    except ChassisError as error:  # the engine takes none that it can't read
        raise ValueError(f"claims of {asset.id} not readable: {error}") from error
    holding = [
        one for one in plain if one["from_ms"] <= at_ms and (one["to_ms"] is None or at_ms < one["to_ms"])
    ]
    return {
        "asset": asset.id,
        "at": format_instant(at_ms),
        "known": None if known_ms is None else format_instant(known_ms),
        "vin": view.vin,
        "chassis": view.chassis,
        "scheme": view.scheme,
        "state": view.state,
        "agreed": view.agreed,
        "conflicts": [finding.plain() for finding in view.conflicts],
        "claims": render(holding),
        "settled": render(data.get("settled")),
    }


def _told(scope: Scope, binding: str, known_ms: int | None) -> dict[str, Any]:
    held = scope.ports.read.object(Kind.BINDING, scope.reach, binding)
    if held is None:
        return {}
    if known_ms is None or held.recorded_ms <= known_ms:
        return held.data
    before = None
    while True:
        page = scope.revisions(binding, before, _ALL)
        for event in page:
            if event.recorded_ms <= known_ms:
                return event.data
        if len(page) < _ALL:
            break
        before = page[-1].revision
    kept_from_first = bool(page) and page[-1].revision == 1
    return {} if kept_from_first else held.data
