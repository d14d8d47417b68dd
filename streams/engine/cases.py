"""Cases: derived anew whenever something of their asset changed, and told when that changed them.

The rules are ``streams.clearance``'s. This collects what they need from the asset's folder, carries out
what they ask for (a release, a correction), and sees to what an end brings: keys are given back, and thirty
days of log time later the case leaves the state.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from streams.clearance.derive import derive
from streams.clearance.inputs import CaseInputs, Decision, Derived, Passing
from streams.engine import ahead, batches, binding, releases
from streams.engine.carrying import KEPT_MS
from streams.engine.folder import Folder
from streams.events import Change, Event, Kind

if TYPE_CHECKING:
    from streams.engine.desk import Cause, Desk

KEPT_CASE_MS: Final = 30 * 86_400_000
"""How long a case that ended is known."""
_ROUNDS: Final = 8
_NO_BINDING: Final[dict[str, Any]] = {"state": "claimed", "agreed": [], "settled": None}


def opened(desk: Desk, folder: Folder, id_: str, filing: str, regime: str, owner: str) -> None:
    """Begin the case of a filing."""
    held = folder.cases[id_] = {
        "filing": filing,
        "regime": regime,
        "owner": owner,
        "decisions": [],
        "trips": {},
        "wake": None,
        "ended": None,
        "freed": False,
        "batch": None,
    }
    trip = desk.host.open_trip(folder.asset)
    if trip is not None:
        held["trips"][trip[0]] = trip[1]
    desk.touch(folder.asset, id_)


def driven(desk: Desk, event: Event) -> None:
    """A trip of an asset was told anew: cases that it may have begun take note."""
    folder = desk.folders.get(event.asset)
    assert folder is not None
    for id_, held in folder.cases.items():
        if held["ended"] is not None:
            continue
        filing = folder.data("filing", held["filing"])
        assert filing is not None
        end, before = event.data["end_ms"], dict(held["trips"])
        counts = event.change is not Change.RETRACTED and (end is None or end > filing["lodged_ms"])
        if counts:
            held["trips"][event.id] = event.data["start_ms"]
        else:
            held["trips"].pop(event.id, None)
        if held["trips"] != before:
            desk.changed.add(folder.asset)
            if _departed(held) != min(before.values(), default=None):
                cause = {"kind": "trip", "id": event.id, "revision": event.revision}
                desk.touch(folder.asset, id_, cause)


def _departed(held: dict[str, Any]) -> int | None:
    return min(held["trips"].values(), default=None)


def derived(desk: Desk, folder: Folder, id_: str, cause: Cause) -> None:
    """Derive a case anew and tell it if that changed it; ask for its release if that is due."""
    held = folder.cases.get(id_)
    if held is None:
        return
    for _ in range(_ROUNDS):
        regime = desk.regimes.by_version(held["regime"])
        releases.expired(desk, folder, id_)
        made = derive(_inputs(desk, folder, id_, held), regime, desk.now_ms)
        held["wake"] = made.wake_ms if made.wake_ms is not None and made.wake_ms > desk.now_ms else None
        desk.tell(folder, Kind.CASE, id_, made.data, cause, _t_ms(desk, folder, id_, made))
        then = releases.asked(desk, folder, id_, made, regime)
        if then is None:
            break
        cause = then
    _ended(desk, folder, id_, held, made.data)
    batches.joined(desk, folder, id_, held, made.data)


def _t_ms(desk: Desk, folder: Folder, id_: str, made: Derived) -> int:
    """When what is told happened: the newest step's time when there is a new one, else now."""
    before = folder.data("case", id_)
    steps = made.data["steps"]
    if not steps or (before is not None and len(before["steps"]) >= len(steps)):
        return desk.now_ms
    return int(max((step["t_ms"] for step in steps if step["t_ms"] is not None), default=desk.now_ms))


def _ended(desk: Desk, folder: Folder, id_: str, held: dict[str, Any], data: dict[str, Any]) -> None:
    """See to what the end of a case brings, or that it goes on after all."""
    if data["ended_ms"] is None:
        held["ended"] = None
        return
    if held["ended"] is not None:
        return
    held["ended"] = desk.now_ms
    if not held["freed"]:
        held["freed"] = True
        desk.claims.free(f"vin:{data['vin']}", held["owner"])
    binding.end(desk, folder, f"filing:{data['reference']}")


def _inputs(desk: Desk, folder: Folder, id_: str, held: dict[str, Any]) -> CaseInputs:
    filing = folder.data("filing", held["filing"])
    assert filing is not None
    registered = desk.host.registry.assets.get(folder.asset)
    bound = folder.held("binding")
    conflicts = [data for _, data in folder.held("conflict").values() if data["state"] == "open"]
    return CaseInputs(
        id=id_,
        asset=folder.asset,
        tenant=folder.tenant,
        filing=filing,
        vehicle={} if registered is None else registered["data"],
        binding=next((data for _, data in bound.values()), _NO_BINDING),
        conflicts=sorted(conflicts, key=lambda one: (one["first_ms"], one["what"], one["got"] or "")),
        permits=[data for _, (_, data) in sorted(folder.held("permit").items())],
        passings=_passings(folder, filing["gate"], filing["direction"], _taken(folder, id_, filing)),
        departed_ms=_departed(held),
        axle=_axle(folder),
        seals=[data for _, (_, data) in sorted(folder.held("seal").items())],
        decisions=[_decision(one) for one in held["decisions"]],
        releases=releases.of(folder, id_),
        eta_ms=held.get("eta"),
    )


def _decision(held: dict[str, Any]) -> Decision:
    return Decision(**{name: value for name, value in held.items() if name != "command"})


def _taken(folder: Folder, id_: str, filing: dict[str, Any]) -> set[str]:
    """The crossings by which earlier filings were cleared: they are no later one's."""
    found = set()
    for other in folder.cases:
        data = None if other == id_ else folder.data("case", other)
        if data is not None and data["stage"] == "cleared" and data["lodged_ms"] <= filing["lodged_ms"]:
            found.add(data["crossing"])
    return found


def _passings(folder: Folder, gate: str, direction: str, taken: set[str]) -> list[Passing]:
    """The crossings at a gate in a direction: those of its own and those by carriers, by time."""
    found: list[tuple[int, Passing]] = []
    for id_, (revision, t_ms, gone, data, positions) in folder.crossings.items():
        if gone or id_ in taken or (data["gate"], data["direction"]) != (gate, direction):
            continue
        if data["state"] != "approaching" or not _crosses(folder, data):
            found.append((t_ms, _passing(id_, revision, data, None, positions)))
    for id_, (_, revision, at_ms, data) in folder.carried.items():
        here = (data["gate"], data["direction"]) == (gate, direction)
        if at_ms is not None and here and id_ not in taken:
            found.append((at_ms, _passing(id_, revision, data, data["by"], [])))
    return [one for _, one in sorted(found, key=lambda one: (one[0], one[1].id))]


def _crosses(folder: Folder, visit: dict[str, Any]) -> bool:
    """Whether an approach was entered in a crossing: it is that one's, or was entered from the line."""
    at_ms = visit["stages"]["approach"]["estimate_ms"]
    for _, _, gone, data, _ in folder.crossings.values():
        if gone or data["gate"] != visit["gate"] or data["state"] == "approaching":
            continue
        known = {name: stage["estimate_ms"] for name, stage in data["stages"].items() if stage is not None}
        if min(known.values()) <= at_ms <= known.get("leave", at_ms):
            return True
    return False


def _passing(
    id_: str, revision: int, data: dict[str, Any], by: dict[str, Any] | None, positions: list[int]
) -> Passing:
    state, stages, sure = data["state"], data["stages"], data["confidence_permille"]
    return Passing(id_, revision, state, stages, sure, by, positions)


def limit(folder: Folder) -> int | None:
    """The lowest axle load limit of an asset's permits, while a case of it is open."""
    if all(held["ended"] is not None for held in folder.cases.values()):
        return None
    granted = [data for _, data in folder.held("permit").values() if data["state"] == "granted"]
    return min([data["axle_limit_kg"] for data in granted if data["axle_limit_kg"] is not None], default=None)


def _axle(folder: Folder) -> dict[str, Any] | None:
    """The heaviest load that was above the limit, if it is above that of now."""
    held = folder.bus.get("axle")
    now = None if held is None else limit(folder)
    if held is None or now is None or held[0] <= now:
        return None
    return {"t_ms": held[1], "kg": held[0], "limit_kg": now}


def loaded(desk: Desk, folder: Folder, kg: int, t_ms: int) -> None:
    """An axle load above the limit; of equal ones the first counts."""
    held = folder.bus.get("axle")
    if held is None or (kg, -t_ms) > (held[0], -held[1]):
        folder.bus["axle"] = [kg, t_ms]
        desk.touch(folder.asset)


def settled(desk: Desk, folder: Folder) -> None:
    """At the end of a step that changed a folder: what is due next, and what is due to be forgotten."""
    now, wakes = desk.now_ms, []
    for id_, held in list(folder.cases.items()):
        if held["ended"] is not None and held["ended"] + KEPT_CASE_MS <= now:
            _left(desk, folder, id_, held)
            continue
        if held["ended"] is not None:
            wakes.append(held["ended"] + KEPT_CASE_MS)
        if held["wake"] is not None:
            wakes.append(held["wake"])
    for id_, one in list(folder.crossings.items()):
        if one[1] + KEPT_MS <= now:
            del folder.crossings[id_]
        else:
            wakes.append(one[1] + KEPT_MS)
    if not folder.cases:
        for id_, (_, _, at_ms, _) in list(folder.carried.items()):
            if at_ms is None or at_ms + KEPT_MS <= now:
                del folder.carried[id_]
            else:
                wakes.append(at_ms + KEPT_MS)
    desk.limits.set(folder.asset, limit(folder), desk.host.rows)
    ahead.watched(desk, folder)
    desk.wakes.set(folder.asset, min(wakes, default=None))


def _left(desk: Desk, folder: Folder, id_: str, held: dict[str, Any]) -> None:
    """A case that ended long ago leaves the state; its reference is never used again."""
    filing = folder.data("filing", held["filing"])
    assert filing is not None
    batches.joined(desk, folder, id_, held, None)
    desk.claims.close(f"filing:{folder.tenant}:{filing['reference']}", held["owner"])
    for one in releases.of(folder, id_):
        folder.objects("release").pop(one["id"], None)
    for decision in held["decisions"]:
        if decision["message"] is not None:
            key = releases.message_key(decision["source"], decision["message"])
            desk.claims.close(key, decision["command"])
    del folder.objects("filing")[held["filing"]], folder.objects("case")[id_], folder.cases[id_]
