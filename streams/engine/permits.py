"""Permits: granted once a number, revoked."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from streams.engine.registry import Refused
from streams.events import Kind, object_id

if TYPE_CHECKING:
    from streams.engine.desk import Desk

_PERMIT: Final = (
    *("number", "vin", "chassis", "country", "valid_from_ms", "valid_until_ms", "axle_limit_kg", "axles"),
    *("gross_limit_kg", "emission_class", "lighting", "agent", "accreditation"),
)


def grant(desk: Desk, command: dict[str, Any]) -> None:
    """permit.grant: a number is granted once a tenant, so it asks for that key."""
    data, tenant = command["data"], command["tenant"]
    begin, end = data.get("valid_from_ms"), data.get("valid_until_ms")
    if begin is not None and end is not None and begin > end:
        raise Refused("bad_window", f"a permit ends after it begins: got {begin} to {end}")
    keys = [f"permit:{tenant}:{data['number']}"]
    desk.claims.ask(command["id"], keys, {"command": command, "at_ms": desk.now_ms})


def granted(desk: Desk, command: dict[str, Any], at_ms: int, refused: bool) -> None:
    """The key of a permit is decided. Raises Refused."""
    data, tenant = command["data"], command["tenant"]
    if refused:
        raise Refused("duplicate", f"a permit {data['number']} was granted already")
    folder = desk.make(data["asset"], tenant)
    id_ = object_id(Kind.PERMIT, tenant, data["number"])
    state = {"state": "granted", "reason": None, "granted_ms": at_ms}
    permit = {name: data.get(name) for name in _PERMIT} | state
    desk.tell(folder, Kind.PERMIT, id_, permit)
    desk.touch(folder.asset)
    desk.answer(command, id_, folder.asset)


def revoke(desk: Desk, command: dict[str, Any]) -> None:
    """permit.revoke."""
    id_ = str(command["data"].get("permit"))
    folder = desk.folders.get(command["data"]["asset"])
    data = None if folder is None else folder.data("permit", id_)
    if folder is None or data is None or folder.tenant != command["tenant"]:
        raise Refused("unknown", f"no such permit: got {id_}")
    if data["state"] == "revoked":
        raise Refused("ended", f"permit {id_} is revoked already")
    desk.tell(folder, Kind.PERMIT, id_, data | {"state": "revoked", "reason": command["data"].get("reason")})
    desk.touch(folder.asset)
    desk.answer(command, id_, folder.asset)
