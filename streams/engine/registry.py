"""Assets and the devices fitted to them, as the commands of the log made them.

A command is checked against what the log already says and answered by one ``command`` event; what it
changed follows as the new revision of the asset or device. The form of a command was checked before it
was appended; what is refused here is what only the history can tell.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from streams.events import Change, Kind, object_id


@dataclass(frozen=True, slots=True)
class Fact:
    """One object as a command left it: what becomes an event."""

    kind: Kind
    id: str
    revision: int
    tenant: str
    asset: str
    data: dict[str, Any]

    @property
    def change(self) -> Change:
        """Created by the first revision, amended by the others."""
        return Change.CREATED if self.revision == 1 else Change.AMENDED


class Refused(Exception):
    """The history does not allow the command; ``code`` is for programs."""

    def __init__(self, code: str, detail: str) -> None:
        super().__init__(detail)
        self.code = code


class Registry:
    """All assets and devices of a partition, each with its tenant and revision."""

    def __init__(self) -> None:
        self.assets: dict[str, dict[str, Any]] = {}
        self.devices: dict[str, dict[str, Any]] = {}
        self._done: dict[str, str] = {}

    def apply(
        self, command: dict[str, Any], now_ms: int, others: Callable[[dict[str, Any]], list[Fact]]
    ) -> list[Fact]:
        """The facts that ``command`` makes, its own answer last; none when it was applied before.

        ``others``: what commands make that are no business of the registry; it raises Refused too.
        """
        if command["id"] in self._done:
            return []
        self._done[command["id"]] = command["command"]
        if len(self._done) > _REMEMBERED:
            del self._done[next(iter(self._done))]
        answer = {"command": command["command"], "ok": True, "error": None, "object": None}
        facts: list[Fact] = []
        asset = ""
        try:
            handler = _HANDLERS.get(command["command"])
            if handler is None:
                facts = others(command)
            else:
                facts = [handler(self, command["tenant"], command["data"], now_ms)]
                asset = facts[0].asset
            answer["object"] = facts[0].id if facts else None
        except Refused as refusal:
            answer |= {"ok": False, "error": {"code": refusal.code, "detail": str(refusal)}}
        return [*facts, Fact(Kind.COMMAND, command["id"], 1, command["tenant"], asset, answer)]

    def _register(self, tenant: str, data: dict[str, Any], now_ms: int) -> Fact:
        id_ = object_id(Kind.ASSET, tenant, data["vin"])
        if id_ in self.assets:
            raise Refused("duplicate", f"asset with VIN {data['vin']} is registered already: {id_}")
        self.assets[id_] = {"tenant": tenant, "revision": 1, "data": dict(data)}
        return Fact(Kind.ASSET, id_, 1, tenant, id_, dict(data))

    def _update(self, tenant: str, data: dict[str, Any], now_ms: int) -> Fact:
        held = self._asset(tenant, data["asset"])
        changes = {k: v for k, v in data.items() if k not in ("asset", "vin")}
        if data.get("vin", held["data"]["vin"]) != held["data"]["vin"]:
            raise Refused(
                "vin_is_fixed", f"a VIN can't change: got {data['vin']}, want {held['data']['vin']}"
            )
        held["revision"] += 1
        held["data"] = held["data"] | changes
        return Fact(Kind.ASSET, data["asset"], held["revision"], tenant, data["asset"], dict(held["data"]))

    def _fit(self, tenant: str, data: dict[str, Any], now_ms: int) -> Fact:
        self._asset(tenant, data["asset"])
        device = data["device"]
        held = self.devices.get(device)
        if held is not None and held["tenant"] != tenant:
            raise Refused("taken", f"device {device} can't be fitted here")
        if held is not None and held["data"]["to_ms"] is None and held["data"]["asset"] != data["asset"]:
            raise Refused("fitted", f"device {device} is fitted to {held['data']['asset']}; unfit it first")
        fitted = {
            "device": device,
            "asset": data["asset"],
            "from_ms": data.get("from_ms") or now_ms,
            "to_ms": None,
        }
        if "datum" in data:
            fitted["datum"] = data["datum"]
        return self._device(tenant, device, fitted)

    def _unfit(self, tenant: str, data: dict[str, Any], now_ms: int) -> Fact:
        held = self.devices.get(data["device"])
        if held is None or held["tenant"] != tenant:
            raise Refused("unknown", f"no such device: got {data['device']}")
        if held["data"]["to_ms"] is not None:
            raise Refused("not_fitted", f"device {data['device']} is fitted to nothing")
        return self._device(tenant, data["device"], held["data"] | {"to_ms": data.get("to_ms") or now_ms})

    def _device(self, tenant: str, device: str, data: dict[str, Any]) -> Fact:
        revision = self.devices.get(device, {"revision": 0})["revision"] + 1
        self.devices[device] = {"tenant": tenant, "revision": revision, "data": data}
        return Fact(Kind.DEVICE, object_id(Kind.DEVICE, device), revision, tenant, data["asset"], dict(data))

    def _asset(self, tenant: str, id_: str) -> dict[str, Any]:
        held = self.assets.get(id_)
        if held is None or held["tenant"] != tenant:
            raise Refused("unknown", f"no such asset: got {id_}")
        return held

    def dump(self) -> dict[str, Any]:
        """JSON values for a snapshot."""
        return {"assets": self.assets, "devices": self.devices, "done": list(self._done.items())}

    def load(self, head: dict[str, Any]) -> None:
        """Become what ``dump`` was given of."""
        self.assets, self.devices, self._done = head["assets"], head["devices"], dict(head["done"])


_REMEMBERED: Final = 10_000  # command ids against a second append of the same request
_HANDLERS: Final[dict[str, Callable[[Registry, str, dict[str, Any], int], Fact]]] = {
    "asset.register": Registry._register,
    "asset.update": Registry._update,
    "device.fit": Registry._fit,
    "device.unfit": Registry._unfit,
}
