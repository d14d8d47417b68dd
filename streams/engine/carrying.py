"""Crossings by asset for 30 days, and those that an asset without a device takes from its carrier.

A coupling is told to the carrier's home. That sends each revision of a crossing, as far as it lies in the
time of the coupling, to the home of the carried asset, which tells it as a crossing of that asset.
Whichever comes first, coupling or crossing, the other finds it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from streams.engine.crossings import STAGES
from streams.engine.folder import Folder
from streams.engine.registry import Fact, Refused
from streams.events import Change, Event, Kind, object_id

if TYPE_CHECKING:
    from streams.engine.desk import Desk

KEPT_MS: Final = 30 * 86_400_000
"""How long a crossing is known after its last stage."""
_LESS_PERMILLE: Final = 800  # of the carrier's confidence
_STATES: Final = {
    "approach": "approaching",
    "exit_port": "at_exit_port",
    "exit_port_left": "between",
    "line": "between",
    "entry_port": "at_entry_port",
    "leave": "completed",
}
_DWELLS: Final = {
    "approach": ("approach", "exit_port"),
    "exit_port": ("exit_port", "exit_port_left"),
    "between": ("exit_port_left", "entry_port"),
    "entry_port": ("entry_port", "leave"),
}


def crossed(desk: Desk, event: Event) -> None:
    """Keep a revision of an asset's own crossing, and hand it to those that the asset carries."""
    folder = desk.make(event.asset, event.tenant)
    data = {name: value for name, value in event.data.items() if name != "why"}
    gone = event.change is Change.RETRACTED
    held = [event.revision, event.t_ms, gone, data, event.data["why"]["positions"]]
    folder.crossings[event.id] = held
    for coupling in folder.followers:
        _send(desk, folder, coupling, event.id)
    desk.touch(folder.asset, cause={"kind": "crossing", "id": event.id, "revision": event.revision})


def approached(desk: Desk, event: Event) -> None:
    """Keep a visit of an approach: all that is known of a crossing before it begins."""
    gate, side = desk.host.gates.get(event.data["gate"]), event.data["country"]
    if gate is None or side not in (gate.a_country, gate.b_country):
        return
    folder = desk.make(event.asset, event.tenant)
    other = gate.b_country if side == gate.a_country else gate.a_country
    data = {
        "gate": gate.id,
        "direction": f"{side}>{other}",
        "state": "approaching",
        "confidence_permille": event.data["confidence_permille"],
        "stages": dict.fromkeys(STAGES) | {"approach": event.data["enter"]},
    }
    gone = event.change is Change.RETRACTED
    folder.crossings[event.id] = [event.revision, event.t_ms, gone, data, event.data["why"]["positions"]]
    desk.touch(folder.asset, cause={"kind": "visit", "id": event.id, "revision": event.revision})


def start(desk: Desk, command: dict[str, Any]) -> None:
    """coupling.start."""
    data = command["data"]
    if data["carrier"] == data["asset"]:
        raise Refused("bad_carrier", f"an asset can't carry itself: got {data['carrier']}")
    if data.get("how") not in ("coupled", "loaded"):
        raise Refused("bad_coupling", f"got {data.get('how')}, want coupled or loaded")
    folder = desk.make(data["asset"], command["tenant"])
    desk.check_tenant(folder, command)
    begin = desk.now_ms if data.get("from_ms") is None else data["from_ms"]
    id_ = object_id(Kind.COUPLING, folder.asset, data["carrier"], begin)
    if id_ in folder.objects("coupling"):
        raise Refused("duplicate", f"this coupling is known already: {id_}")
    by, evidence = command.get("by"), data.get("evidence")
    _couple(desk, folder, id_, _coupling(data["carrier"], data["how"], begin, None, by, evidence))
    desk.answer(command, id_, folder.asset)


def end(desk: Desk, command: dict[str, Any]) -> None:
    """coupling.end."""
    data = command["data"]
    folder = desk.folders.get(data["asset"])
    told = None if folder is None else folder.data("coupling", str(data.get("coupling")))
    if folder is None or told is None or folder.tenant != command["tenant"]:
        raise Refused("unknown", f"no such coupling: got {data.get('coupling')}")
    until = desk.now_ms if data.get("to_ms") is None else data["to_ms"]
    if until < told["from_ms"]:
        raise Refused("bad_window", f"a coupling ends after it begins: got {until} for {told['from_ms']}")
    _couple(desk, folder, data["coupling"], told | {"to_ms": until})
    desk.answer(command, data["coupling"], folder.asset)


def heard(
    desk: Desk, asset: str, tenant: str, carrier: str, state: str, t_ms: int, report: list[Any]
) -> None:
    """A carrier's bus told that this asset is coupled to it, or is not any more."""
    known = desk.host.registry.assets.get(asset)
    if known is None or known["tenant"] != tenant or carrier == asset:
        return
    folder = desk.make(asset, tenant)
    by, evidence = "bus", "report " + " ".join(map(str, report))
    couplings = folder.objects("coupling")
    if state in ("coupled", "loaded"):
        now = [c for _, c in couplings.values() if c["carrier"] == carrier and _holds(c, t_ms)]
        if not now:
            id_ = object_id(Kind.COUPLING, asset, carrier, t_ms)
            _couple(desk, folder, id_, _coupling(carrier, state, t_ms, None, by, evidence))
        return
    open_ = [(c["from_ms"], id_) for id_, (_, c) in couplings.items() if c["carrier"] == carrier]
    begun = [one for one in open_ if one[0] <= t_ms]
    if begun and _holds(couplings[max(begun)[1]][1], t_ms):
        id_ = max(begun)[1]
        _couple(desk, folder, id_, couplings[id_][1] | {"to_ms": t_ms})


def _coupling(
    carrier: str, how: str, from_ms: int, to_ms: int | None, by: Any, evidence: Any
) -> dict[str, Any]:
    names = ("carrier", "how", "from_ms", "to_ms", "by", "evidence")
    return dict(zip(names, (carrier, how, from_ms, to_ms, by, evidence), strict=True))


def _holds(coupling: dict[str, Any], t_ms: int) -> bool:
    return coupling["from_ms"] <= t_ms and (coupling["to_ms"] is None or t_ms < coupling["to_ms"])


def _couple(desk: Desk, folder: Folder, id_: str, told: dict[str, Any]) -> None:
    """Tell a coupling, and the carriers for how long they carry: till the next one does."""
    if not desk.tell(folder, Kind.COUPLING, id_, told, t_ms=told["from_ms"]):
        return
    couplings = folder.objects("coupling")
    for one, (_, data) in sorted(couplings.items()):
        later = [
            c["from_ms"]
            for _, c in couplings.values()
            if c["carrier"] != data["carrier"] and c["from_ms"] > data["from_ms"]
        ]
        ends = [*later, *([] if data["to_ms"] is None else [data["to_ms"]])]
        span = [data["from_ms"], min(ends, default=None), data["how"]]
        message = ["follow", data["carrier"], one, desk.stamp(), folder.asset, folder.tenant, *span]
        desk.post.send(desk.post.home(data["carrier"]), message)


def followed(desk: Desk, message: list[Any]) -> None:
    """At home of the carrier: what it carries, and from when to when."""
    _, carrier, coupling, stamp, asset, tenant, begin, until, how = message
    known = desk.host.registry.assets.get(carrier)
    if known is not None and known["tenant"] != tenant:
        return  # another fleet's way is none of theirs
    folder = desk.make(carrier, tenant)
    if folder.tenant != tenant:
        return
    held = folder.followers.get(coupling)
    if held is not None and (held[0] >= stamp or held[3:6] == [begin, until, how]):
        return
    folder.followers[coupling] = [stamp, asset, tenant, begin, until, how, [] if held is None else held[6]]
    for crossing, held in folder.crossings.items():
        if held[3]["state"] != "approaching":
            _send(desk, folder, coupling, crossing)


def _send(desk: Desk, folder: Folder, coupling: str, crossing: str) -> None:
    """Hand what a coupling makes of a crossing to the carried asset's home."""
    _, asset, tenant, begin, until, how, sent = folder.followers[coupling]
    _, t_ms, gone, data, _ = folder.crossings[crossing]
    part = None if gone else _part(data, begin, until)
    if part is None and crossing not in sent:
        return
    if crossing not in sent:
        sent.append(crossing)
    if part is not None:
        part["by"] = {"asset": folder.asset, "coupling": coupling, "crossing": crossing, "how": how}
    message = ["passing", asset, tenant, coupling, crossing, desk.stamp(), t_ms, part]
    desk.post.send(desk.post.home(asset), message)


def passed(desk: Desk, message: list[Any]) -> None:
    """At home of the carried asset: a crossing as its carrier made it; None when it does not hold."""
    _, asset, tenant, coupling, crossing, stamp, t_ms, data = message
    folder = desk.make(asset, tenant)
    if folder.tenant != tenant:
        return
    id_ = object_id(Kind.CROSSING, asset, coupling, crossing)
    held = folder.carried.get(id_)
    if held is not None and held[0] >= stamp:
        return
    if held is None and data is None:
        return
    before = None if held is None or held[2] is None else held[3]
    revision = 0 if held is None else held[1]
    if data == before:
        held[0] = stamp  # type: ignore[index]
        return
    if data is None:
        change, told = Change.RETRACTED, before
    else:
        change, told = Change.CREATED if before is None else Change.AMENDED, data
    assert told is not None
    changed = [] if before is None else sorted(name for name in told if told[name] != before.get(name))
    folder.carried[id_] = [stamp, revision + 1, None if data is None else t_ms, told]
    why = {"changed": changed, "positions": [desk.host.position]}
    fact = Fact(Kind.CROSSING, id_, revision + 1, tenant, asset, {**told, "why": why})
    desk.host.say(fact, change, t_ms)
    desk.touch(asset, cause={"kind": "crossing", "id": id_, "revision": revision + 1})


def _part(data: dict[str, Any], begin: int, until: int | None) -> dict[str, Any] | None:
    """A crossing as far as it lies within the time of a coupling; None when no stage does."""
    stages: dict[str, dict[str, Any] | None] = {}
    for name in STAGES:
        stage = data["stages"].get(name)
        held = (
            stage is not None
            and begin <= stage["estimate_ms"]
            and (until is None or stage["estimate_ms"] < until)
        )
        stages[name] = stage if held else None
    if not any(stages.values()):
        return None
    cut = any(stages[name] is None and data["stages"].get(name) is not None for name in STAGES)
    last = next(name for name in reversed(STAGES) if stages[name] is not None)

    def between(first: str, second: str) -> int | None:
        one, two = stages[first], stages[second]
        return None if one is None or two is None else int(two["estimate_ms"] - one["estimate_ms"])

    dwell = {
        name: None if data["dwell_ms"][name] is None else between(*ends) for name, ends in _DWELLS.items()
    }
    begun = "exit_port" if stages["exit_port"] is not None else "line"
    return {
        **data,
        "state": _STATES[last] if cut else data["state"],
        "confidence_permille": data["confidence_permille"] * _LESS_PERMILLE // 1000,
        "stages": stages,
        "dwell_ms": dwell,
        "duration_ms": None if data["duration_ms"] is None else between(begun, "leave"),
    }
