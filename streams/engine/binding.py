"""What speaks for and against the binding of an asset's VIN and chassis number, and the conflicts in it.

Claims never change; a newer one of the same source stands before it. Binding and conflicts are judged anew,
by ``streams.identity``, from all claims and all that the buses told, whenever some of it changed. An
officer who verified the vehicle settles what was known by then. Whose number it is that was read elsewhere,
the homes of the numbers tell.
"""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, Any, Final

from streams.engine.folder import Folder
from streams.engine.registry import Fact, Refused
from streams.events import Kind, object_id
from streams.identity.bindings import Claim, Finding, bus_claim, claim_of, judge, read_bus, with_other
from streams.identity.chassis import ChassisError
from streams.identity.difference import bare

if TYPE_CHECKING:
    from streams.engine.desk import Cause, Desk

_SOURCES: Final = ("maker", "registration", "filing", "officer")
_MOST: Final = 32  # open conflicts of one asset
_CLAIMS: Final = 256
_HEARD: Final = frozenset(("number", "whose", "whose_vin", "known"))


def claim(desk: Desk, command: dict[str, Any]) -> None:
    """binding.claim."""
    data = command["data"]
    if data.get("source") not in _SOURCES:
        raise Refused("bad_source", f"got {data.get('source')}, want one of {', '.join(_SOURCES)}")
    begin, end = data.get("from_ms"), data.get("to_ms")
    begin = desk.now_ms if begin is None else begin
    if end is not None and begin > end:
        raise Refused("bad_window", f"a claim ends after it begins: got {begin} to {end}")
    folder = desk.make(data["asset"], command["tenant"])
    desk.check_tenant(folder, command)
    if len(folder.claims) >= _CLAIMS:
        raise Refused("too_many", f"asset {folder.asset} has {_CLAIMS} claims already")
    made = said(desk, data["source"], data["vin"], data.get("chassis"), data.get("scheme"), begin, end)
    made.by, made.evidence = str(command.get("by") or ""), str(data.get("evidence") or "")
    put(desk, folder, made)
    desk.answer(command, object_id(Kind.BINDING, folder.asset), folder.asset)


def settle(desk: Desk, command: dict[str, Any]) -> None:
    """binding.settle: an officer has looked at the vehicle."""
    data = command["data"]
    folder = desk.folders.get(data["asset"])
    if folder is None or folder.tenant != command["tenant"]:
        raise Refused("unknown", f"nothing is known of the binding of {data['asset']}")
    if data.get("case") is not None and data["case"] not in folder.cases:
        raise Refused("unknown", f"no such case: got {data['case']}")
    made = said(desk, "officer", data["vin"], data.get("chassis"), data.get("scheme"), desk.now_ms, None)
    made.by, made.evidence = str(command.get("by") or ""), str(data.get("reason") or "")
    for id_, (_, told) in folder.objects("conflict").items():
        if told["state"] == "open":
            folder.found.setdefault(id_, {})["settled"] = True
    named = {name: data.get(name) for name in ("case", "vin", "chassis", "reason")}
    folder.bus["settled"] = named | {"by": command.get("by"), "at_ms": desk.now_ms}
    put(desk, folder, made)
    desk.answer(command, object_id(Kind.BINDING, folder.asset), folder.asset)


def registered(desk: Desk, fact: Fact, by_filing: bool = False) -> None:
    """What an asset is registered with claims its binding; a filing that registers it claims itself."""
    data = fact.data
    folder = desk.make(fact.asset, fact.tenant)
    scheme, source = data.get("chassis_scheme"), "registration"
    begin = next((one["from_ms"] for one in folder.claims if one["source"] == source), desk.now_ms)
    if not by_filing:
        try:
            made = said(desk, source, data["vin"], data.get("chassis"), scheme, begin, None)
        except Refused:  # registered before such chassis numbers were refused
            made = said(desk, source, data["vin"], None, None, begin, None)
        put(desk, folder, made)
    if data.get("chassis"):
        key = f"number:{fact.tenant}:{bare(str(data['chassis']))}"
        desk.post.send(desk.post.home(key), ["number", key, fact.asset, data["vin"], data["chassis"]])
    for asker in folder.bus.pop("askers", ()):
        _reply(desk, asker, fact.asset, data["vin"], data.get("chassis"))
    desk.judge(fact.asset)
    desk.touch(fact.asset)


def said(
    desk: Desk,
    source: str,
    vin: str,
    chassis: str | None,
    scheme: str | None,
    from_ms: int,
    to_ms: int | None,
) -> Claim:
    """A claim that is known from now on. Raises Refused."""
    try:
        return Claim(source, vin, chassis, scheme, from_ms, to_ms, desk.now_ms, order=desk.host.position)
    except ChassisError as error:
        raise Refused("bad_chassis", str(error)) from error


def put(desk: Desk, folder: Folder, made: Claim) -> None:
    """Take a claim, unless its source says that already."""
    same = ("vin", "chassis", "scheme", "to_ms")
    plain = made.plain()
    held = [one for one in folder.claims if one["source"] == made.source]
    if held and made.source != "officer" and all(held[-1][name] == plain[name] for name in same):
        return
    folder.claims.append(plain)
    desk.judge(folder.asset)


def end(desk: Desk, folder: Folder, source: str) -> None:
    """What a source claims ends now."""
    held = [one for one in folder.claims if one["source"] == source]
    if held and held[-1]["to_ms"] is None:
        known = {"known_ms": desk.now_ms, "order": desk.host.position}
        folder.claims.append(held[-1] | known | {"to_ms": max(desk.now_ms, held[-1]["from_ms"])})
        desk.judge(folder.asset)


def judged(desk: Desk, folder: Folder, cause: Cause) -> None:
    """Judge the binding and its conflicts anew; the cases take note if that changed anything."""
    registered = desk.host.registry.assets.get(folder.asset)
    asset = None if registered is None else registered["data"]
    claims = [claim_of(one) for one in folder.claims]
    found: dict[str, tuple[Finding, dict[str, Any]]] = {}
    if asset is not None:
        for finding, seen in _read(desk, folder, asset, claims):
            if finding.real:
                found.setdefault(_id(folder, finding), (finding, seen))
    view = judge(claims, desk.now_ms)
    for finding in view.conflicts:
        found.setdefault(_id(folder, finding), (finding, {"seen": []}))
    changed = _conflicts(desk, folder, found, cause)
    open_ = any(told["state"] == "open" for _, told in folder.objects("conflict").values())
    binding = {
        "vin": view.vin,
        "chassis": view.chassis,
        "scheme": view.scheme,
        "state": "conflict" if open_ else view.state,
        "agreed": view.agreed,
        "confirmed": view.confirmed,
        "claims": sorted((one.plain() for one in claims), key=_age),
        "settled": folder.bus.get("settled"),
    }
    changed |= desk.tell(folder, Kind.BINDING, object_id(Kind.BINDING, folder.asset), binding, cause)
    if changed:
        desk.touch(folder.asset, cause=cause)


def _age(one: dict[str, Any]) -> tuple[int, int, str, int]:
    return one["known_ms"], one.get("order", 0), one["source"], one["from_ms"]


def _id(folder: Folder, finding: Finding) -> str:
    return object_id(Kind.CONFLICT, folder.asset, finding.what, finding.got, finding.want)


def _read(
    desk: Desk, folder: Folder, asset: dict[str, Any], claims: list[Claim]
) -> list[tuple[Finding, dict[str, Any]]]:
    """What is wrong with the facts of the buses, with the report that told it first; adds their claims."""
    found = []
    for kind in ("identity", "component"):
        for source in sorted(folder.bus.get(kind, {})):
            told = sorted(folder.bus[kind][source].values(), key=lambda one: one[:4])
            for before, now in pairwise((None, *told)):
                assert now is not None
                fact, evidence = now[4], {"first_ms": now[0], "seen": [now[1:4]]}
                made = bus_claim(fact, asset, fact["known_ms"])
                if made is not None:
                    claims.append(made)
                finding = read_bus(fact, asset, None if before is None else before[4])
                if finding is not None:
                    found.append((finding, evidence))
    return found


def _conflicts(
    desk: Desk, folder: Folder, found: dict[str, tuple[Finding, dict[str, Any]]], cause: Cause
) -> bool:
    """Tell the conflicts that there are, and that there are no more; returns whether any changed."""
    changed = False
    told = folder.objects("conflict")
    for id_, (finding, evidence) in found.items():
        if id_ not in told and len(told) >= _MOST:
            continue
        known = folder.found.setdefault(id_, {})
        if "other" in known:
            finding = with_other(finding, known["other"], known["vin"], known["chassis"])
        elif "asked" not in known:
            known["asked"] = True
            _ask(desk, folder, id_, finding)
        before = folder.data("conflict", id_)
        data = finding.plain() | {
            "first_ms": evidence.get("first_ms", desk.now_ms if before is None else before["first_ms"]),
            "seen": [list(one) for one in evidence["seen"]],
            "state": "settled" if known.get("settled") else "open",
        }
        changed |= desk.tell(folder, Kind.CONFLICT, id_, data, cause)
    for id_, (_, data) in sorted(told.items()):
        if id_ not in found and data["state"] == "open":
            changed |= desk.tell(folder, Kind.CONFLICT, id_, data | {"state": "settled"}, cause)
    return changed


def _ask(desk: Desk, folder: Folder, id_: str, finding: Finding) -> None:
    """Ask whose number was got: of a VIN the home of that asset knows, of a chassis number its own home."""
    asker = [folder.asset, id_]
    if finding.what == "vin":
        other = object_id(Kind.ASSET, folder.tenant, finding.got)
        desk.post.send(desk.post.home(other), ["whose_vin", other, folder.tenant, asker])
    elif finding.what == "chassis":
        key = f"number:{folder.tenant}:{bare(finding.got)}"
        desk.post.send(desk.post.home(key), ["whose", key, asker])


def _reply(desk: Desk, asker: list[str], other: str, vin: str, chassis: str | None) -> None:
    if asker[0] != other:
        desk.post.send(desk.post.home(asker[0]), ["known", *asker, other, vin, chassis])


def hear(desk: Desk, message: list[Any]) -> bool:
    """Take a message about numbers; whether it was one."""
    if message[0] not in _HEARD:
        return False
    match message:
        case ["number", str(key), str(asset), str(vin), str(chassis)]:
            held = desk.numbers.setdefault(key, [None, []])
            if held[0] is None:
                held[0] = [asset, vin, chassis]
                for asker in held[1]:
                    _reply(desk, asker, asset, vin, chassis)
        case ["whose", str(key), list(asker)]:
            held = desk.numbers.setdefault(key, [None, []])
            if asker not in held[1] and len(held[1]) < _MOST:
                held[1].append(asker)
                if held[0] is not None:
                    _reply(desk, asker, *held[0])
        case ["whose_vin", str(asset), str(tenant), list(asker)]:
            known = desk.host.registry.assets.get(asset)
            if known is not None and known["tenant"] == tenant:
                _reply(desk, asker, asset, known["data"]["vin"], known["data"].get("chassis"))
            elif known is None:
                askers = desk.make(asset, tenant).bus.setdefault("askers", [])
                if asker not in askers and len(askers) < _MOST:
                    askers.append(asker)
        case ["known", str(asset), str(conflict), str(other), str(vin), chassis]:
            folder = desk.folders.get(asset)
            known = None if folder is None else folder.found.get(conflict)
            if known is not None and "other" not in known:
                known |= {"other": other, "vin": vin, "chassis": chassis}
                desk.judge(asset)
        case _:
            return False
    return True
