"""Which messages an event means: from an event, what was known before it, and the regime's routes. Pure.

The id of an effect is computed from the object, its revision and what is told, so that a replay of the log or
another instance comes to the same id, and an object that steps back and forward again tells it anew.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Any, Final, TypeAlias

from feeds.authority.port import Purpose
from streams.events import Event, Kind

PARTS: Final = 16
"""At most so many effects an event: effects are numbered event by event."""
STAGES: Final = ("approaching", "arrived", "crossed", "arrived_entry", "released")
"""The stages of a case that are told, when the regime has a route for them."""
KINDS: Final = (Kind.FILING, Kind.CASE, Kind.RELEASE)
_Data: TypeAlias = Mapping[str, Any]
_FILED: Final = {"lodge": Purpose.LODGE, "amend": Purpose.AMEND, "withdraw": Purpose.WITHDRAW}
_DEPARTURES: Final = frozenset({"525", "MT4402", "MT4404", "MT4406"})


@dataclass(frozen=True, slots=True)
class Route:
    """What is told to whom: ``event`` (lodge, amend, withdraw, a stage, request ...) to ``authority``.

    ``code`` of the list ``system``: UNTDID 1001 (524, 525), UN/ECE Recommendation 24 (a status), the Chinese
    road manifest (MT4402); None: the regime has no code for it.
    """

    event: str
    authority: str
    system: str | None
    code: str | None


@dataclass(frozen=True, slots=True)
class Effect:
    """One message to be sent to ``authority``. ``number``: its place, see ``PARTS``; ``case``: its row.

    ``what``: the event told; ``cancels``: it takes back what was told of ``what``; ``t_ms``, ``earliest_ms``
    and ``latest_ms``: when that happened, of a stage; ``kind``, ``object``, ``revision``: of the cause.
    """

    number: int
    id: str
    authority: str
    purpose: Purpose
    what: str
    system: str | None
    code: str | None
    case: str
    tenant: str
    asset: str
    kind: Kind
    object: str
    revision: int
    recorded_ms: int
    cancels: bool = False
    t_ms: int | None = None
    earliest_ms: int | None = None
    latest_ms: int | None = None


def effects(event: Event, before: Mapping[str, Any] | None, routes: Sequence[Route]) -> list[Effect]:
    """The effects of ``event`` in order; ``before``: the object's data one revision earlier, if it had one.

    Of a case whose earlier revision is not kept any more nothing is told: it may have been.
    """
    if event.kind is Kind.FILING:
        found = _of_filing(event, before, routes)
    elif event.kind is Kind.CASE:
        found = _of_case(event, before, routes)
    elif event.kind is Kind.RELEASE:
        found = _of_release(event, before, routes)
    else:
        found = []
    return [_numbered(event, at, one) for at, one in enumerate(found[:PARTS])]


def stages(data: Mapping[str, Any]) -> dict[str, Mapping[str, Any]]:
    """The steps of a case that have a time and were seen, by stage."""
    found = (step for step in data.get("steps", ()) if step.get("t_ms") is not None)
    return {step["stage"]: step for step in found if not step.get("inferred")}


def _of_filing(
    event: Event, before: Mapping[str, Any] | None, routes: Sequence[Route]
) -> list[dict[str, Any]]:
    data = event.data
    withdrawn = data.get("state") == "withdrawn"
    if before is None:
        name = "lodge" if event.revision == 1 and not withdrawn else None
    elif withdrawn:
        name = "withdraw" if before.get("state") != "withdrawn" else None
    else:
        name = "amend" if data.get("version", 1) > before.get("version", 1) else None
    if name is None:
        return []
    case = data.get("case") or event.id
    return [
        {
            "authority": one.authority,
            "purpose": _FILED[name],
            "what": name,
            "system": one.system,
            "code": one.code,
            "case": case,
        }
        for one in routes
        if one.event == name
    ]


def _of_case(event: Event, before: _Data | None, routes: Sequence[Route]) -> list[dict[str, Any]]:
    if before is None and event.revision > 1:
        return []
    now, then = stages(event.data), stages(before or {})
    found: list[dict[str, Any]] = []
    for name in STAGES:
        if (name in now) == (name in then):
            continue
        if name == "approaching" and now.keys() & set(STAGES[1:]):
            continue  # an advance notice afterwards is none
        step = now.get(name, then.get(name, {}))
        for one in routes:
            if one.event == name:
                leaving = one.code in _DEPARTURES
                found.append(
                    {
                        "authority": one.authority,
                        "purpose": Purpose.NOTIFY_DEPARTURE if leaving else Purpose.NOTIFY_ARRIVAL,
                        "what": name,
                        "system": one.system,
                        "code": one.code,
                        "case": event.id,
                        "cancels": name not in now,
                        **{key: step.get(key) for key in ("t_ms", "earliest_ms", "latest_ms")},
                    }
                )
    return found


def _of_release(
    event: Event, before: Mapping[str, Any] | None, routes: Sequence[Route]
) -> list[dict[str, Any]]:
    data = event.data
    authority, state = data.get("authority"), data.get("state")
    if not authority or (before is not None and before.get("state") == state):
        return []
    if state == "requested":
        if before is not None or event.revision > 1:
            return []  # asked once: what comes back to this state was asked
        purpose, what = Purpose.ASK_RELEASE, "request"
    elif state == "corrected":
        purpose, what = Purpose.CORRECT, "correction"
    else:
        return []
    route = next((one for one in routes if (one.event, one.authority) == (what, authority)), None)
    return [
        {
            "authority": authority,
            "purpose": purpose,
            "what": what,
            "system": route.system if route else None,
            "code": route.code if route else None,
            "case": data["case"],
        }
    ]


def _numbered(event: Event, at: int, one: Mapping[str, Any]) -> Effect:
    parts = (one["authority"], one["purpose"], one["what"], one["code"], event.id, event.revision)
    digest = sha256("\x1f".join(str(part) for part in parts).encode()).hexdigest()[:24]
    return Effect(
        number=event.number * PARTS + at,
        id=event.id if one["purpose"] is Purpose.ASK_RELEASE else f"effect_{digest}",
        tenant=event.tenant,
        asset=event.asset,
        kind=event.kind,
        object=event.id,
        revision=event.revision,
        recorded_ms=event.recorded_ms,
        **one,
    )
