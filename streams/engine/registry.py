"""Assets and the devices fitted to them, as the commands of the log made them.

A command is checked against what the log already says and answered by one ``command`` event; what it
changed follows as the new revision of the asset or device. The form of a command was checked before it was
appended; what is refused here is what only the history can tell.

Of several partitions each holds the assets and the devices at home in it. A fitting is checked in the home
of its asset first, then decided in the home of its device.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from streams.engine import devicekeys, feedgrants
from streams.events import Change, Kind, object_id
from streams.homes import Fit, command_home
from streams.identity.chassis import ChassisError
from streams.identity.claims import Claim


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


def _refuse_unreadable(data: dict[str, Any]) -> None:
    """A chassis number that nobody can read again is refused: what it was claims the vehicle's identity."""
    chassis, scheme = data.get("chassis"), data.get("chassis_scheme")
    try:
        Claim("registration", data["vin"], chassis, scheme, 0, None, 0)
    except ChassisError as error:
        raise Refused("bad_chassis", str(error)) from error


class Registry:
    """All assets and devices of a partition, each with its tenant and revision."""

    def __init__(self, partition: int = 0, partitions: int = 1) -> None:
        self.assets: dict[str, dict[str, Any]] = {}
        self.devices: dict[str, dict[str, Any]] = {}
        self.feeds: dict[str, dict[str, Any]] = {}
        self._place = partition, partitions
        self._done: dict[str, str] = {}
        self._fits: dict[str, tuple[int, int]] = {}  # of those done: where a fitting was handed on from
        self._forgotten: dict[int, int] = {}  # by partition: up to where its fittings are known no more

    def apply(
        self,
        command: dict[str, Any],
        now_ms: int,
        others: Callable[[dict[str, Any]], list[Fact]],
        hand_on: Callable[[dict[str, Any]], bool] = lambda _: False,
    ) -> list[Fact]:
        """The facts that ``command`` makes, its own answer last; none when it was applied before.

        ``others``: what commands make that are no business of the registry; it raises Refused too.
        ``hand_on``: whether the device of a fitting is at home elsewhere; it is decided and answered there.
        """
        if command["id"] in self._done:
            return []
        self._remember(command["id"], command["command"])

        name, tenant, data = command["command"], command["tenant"], command["data"]

        def made() -> list[Fact] | None:
            self._refuse_elsewhere(command)
            handler = _HANDLERS.get(name)
            if handler is None:
                return others(command)
            if name == "device.fit":
                self._asset(tenant, data["asset"])
                if hand_on(command):
                    return None
            return [handler(self, tenant, data, now_ms)]

        return self._answered(command["id"], name, tenant, made)

    def first(self, command: dict[str, Any]) -> list[Fact] | None:
        """None when ``command`` comes for the first time and is decided here, for others to carry it out.

        Else its answer, or nothing for one that was applied before.
        """
        if command["id"] in self._done:
            return []
        self._remember(command["id"], command["command"])
        try:
            self._refuse_elsewhere(command)
        except Refused as refusal:
            error = {"code": refusal.code, "detail": str(refusal)}
            answer = {"command": command["command"], "ok": False, "error": error, "object": None}
            return [Fact(Kind.COMMAND, command["id"], 1, command["tenant"], "", answer)]
        return None

    def register(self, tenant: str, data: dict[str, Any]) -> Fact:
        """Register an asset that is not there."""
        return self._register(tenant, data, 0)

    def fitted(self, fit: Fit, now_ms: int) -> list[Fact]:
        """The facts that a fitting makes whose asset another partition found; none when it came before."""
        known = fit.position <= self._forgotten.get(fit.source, 0)
        if known or fit.id in self._done:
            return []
        self._remember(fit.id, "device.fit", (fit.source, fit.position))
        return self._answered(
            fit.id, "device.fit", fit.tenant, lambda: [self._fit_free(fit.tenant, fit.data, now_ms)]
        )

    def _answered(
        self, id_: str, name: str, tenant: str, made: Callable[[], list[Fact] | None]
    ) -> list[Fact]:
        """What ``made`` gives, and the answer; nothing when it gives None."""
        answer = {"command": name, "ok": True, "error": None, "object": None}
        facts: list[Fact] | None = []
        asset = ""
        try:
            facts = made()
            if facts is None:
                return []
            asset = facts[0].asset if name in _HANDLERS else ""
            answer["object"] = facts[0].id if facts else None
        except Refused as refusal:
            answer |= {"ok": False, "error": {"code": refusal.code, "detail": str(refusal)}}
        return [*(facts or []), Fact(Kind.COMMAND, id_, 1, tenant, asset, answer)]

    def _remember(self, id_: str, name: str, place: tuple[int, int] | None = None) -> None:
        self._done[id_] = name
        if place is not None:
            self._fits[id_] = place
        if len(self._done) > _REMEMBERED:
            oldest = next(iter(self._done))
            del self._done[oldest]
            if oldest in self._fits:
                source, position = self._fits.pop(oldest)
                self._forgotten[source] = max(self._forgotten.get(source, 0), position)

    def _refuse_elsewhere(self, command: dict[str, Any]) -> None:
        partition, partitions = self._place
        want = command_home(command, partitions)
        if partitions > 1 and want != partition:
            raise Refused(
                "elsewhere", f"{command['command']} is decided in partition {want}: got {partition}"
            )

    def _register(self, tenant: str, data: dict[str, Any], now_ms: int) -> Fact:
        id_ = object_id(Kind.ASSET, tenant, data["vin"])
        if id_ in self.assets:
            raise Refused("duplicate", f"asset with VIN {data['vin']} is registered already: {id_}")
        _refuse_unreadable(data)
        self.assets[id_] = {"tenant": tenant, "revision": 1, "data": dict(data)}
        return Fact(Kind.ASSET, id_, 1, tenant, id_, dict(data))

    def _update(self, tenant: str, data: dict[str, Any], now_ms: int) -> Fact:
        held = self._asset(tenant, data["asset"])
        changes = {k: v for k, v in data.items() if k not in ("asset", "vin")}
        if data.get("vin", held["data"]["vin"]) != held["data"]["vin"]:
            raise Refused(
                "vin_is_fixed", f"a VIN can't change: got {data['vin']}, want {held['data']['vin']}"
            )
        if "chassis" in changes or "chassis_scheme" in changes:
            _refuse_unreadable(held["data"] | changes)
        held["revision"] += 1
        held["data"] = held["data"] | changes
        return Fact(Kind.ASSET, data["asset"], held["revision"], tenant, data["asset"], dict(held["data"]))

    def _fit_free(self, tenant: str, data: dict[str, Any], now_ms: int) -> Fact:
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
        if held is not None and held["data"].get("keys"):
            fitted["keys"] = held["data"]["keys"]
        return self._device(tenant, device, fitted)

    def _unfit(self, tenant: str, data: dict[str, Any], now_ms: int) -> Fact:
        held = self.devices.get(data["device"])
        if held is None or held["tenant"] != tenant:
            raise Refused("unknown", f"no such device: got {data['device']}")
        if held["data"]["to_ms"] is not None:
            raise Refused("not_fitted", f"device {data['device']} is fitted to nothing")
        return self._device(tenant, data["device"], held["data"] | {"to_ms": data.get("to_ms") or now_ms})

    def _enrol(self, tenant: str, data: dict[str, Any], now_ms: int) -> Fact:
        return self._with_keys(tenant, data, now_ms, devicekeys.enrolled)

    def _revoke(self, tenant: str, data: dict[str, Any], now_ms: int) -> Fact:
        return self._with_keys(tenant, data, now_ms, devicekeys.revoked)

    def _with_keys(
        self,
        tenant: str,
        data: dict[str, Any],
        now_ms: int,
        change: Callable[[list[dict[str, Any]], dict[str, Any], int], list[dict[str, Any]]],
    ) -> Fact:
        held = self.devices.get(data["device"])
        if held is None or held["tenant"] != tenant:
            raise Refused("unknown", f"no such device: got {data['device']}")
        try:
            keys = change(held["data"].get("keys", []), data, now_ms)
        except devicekeys.KeyRefused as refused:
            raise Refused(refused.code, str(refused)) from None
        return self._device(tenant, data["device"], held["data"] | {"keys": keys})

    def _device(self, tenant: str, device: str, data: dict[str, Any]) -> Fact:
        revision = self.devices.get(device, {"revision": 0})["revision"] + 1
        self.devices[device] = {"tenant": tenant, "revision": revision, "data": data}
        return Fact(Kind.DEVICE, object_id(Kind.DEVICE, device), revision, tenant, data["asset"], dict(data))

    def _grant(self, tenant: str, data: dict[str, Any], now_ms: int) -> Fact:
        held = self.feeds.get(data["feed"], {"data": None})
        return self._feed(tenant, data, feedgrants.granted, held["data"], now_ms)

    def _end(self, tenant: str, data: dict[str, Any], now_ms: int) -> Fact:
        held = self.feeds.get(data["feed"])
        if held is None or held["tenant"] != tenant:
            raise Refused("unknown", f"no such feed: got {data['feed']}")
        return self._feed(tenant, data, feedgrants.revoked, held["data"], now_ms)

    def _feed(
        self, tenant: str, data: dict[str, Any], change: Callable[..., dict[str, Any]], held: Any, now_ms: int
    ) -> Fact:
        try:
            made = change(held, data, now_ms)
        except feedgrants.FeedRefused as refused:
            raise Refused(refused.code, str(refused)) from None
        id_ = data["feed"]
        revision = self.feeds.get(id_, {"revision": 0})["revision"] + 1
        self.feeds[id_] = {"tenant": tenant, "revision": revision, "data": made}
        return Fact(Kind.FEED, id_, revision, tenant, "", dict(made))

    def _asset(self, tenant: str, id_: str) -> dict[str, Any]:
        held = self.assets.get(id_)
        if held is None or held["tenant"] != tenant:
            raise Refused("unknown", f"no such asset: got {id_}")
        return held

    def dump(self) -> dict[str, Any]:
        """JSON values for a snapshot."""
        plain: dict[str, Any] = {
            "assets": self.assets,
            "devices": self.devices,
            "done": list(self._done.items()),
        }
        if self.feeds:
            plain["feeds"] = self.feeds
        if self._place[1] > 1:
            fits = [[id_, *place] for id_, place in self._fits.items()]
            plain |= {"fits": fits, "forgotten": list(self._forgotten.items())}
        return plain

    def load(self, head: dict[str, Any]) -> None:
        """Become what ``dump`` was given of."""
        self.assets, self.devices, self._done = head["assets"], head["devices"], dict(head["done"])
        self.feeds = head.get("feeds", {})
        self._fits = {id_: (source, position) for id_, source, position in head.get("fits", [])}
        self._forgotten = dict(head.get("forgotten", []))


_REMEMBERED: Final = 10_000  # command ids against a second append of the same request
_HANDLERS: Final[dict[str, Callable[[Registry, str, dict[str, Any], int], Fact]]] = {
    "asset.register": Registry._register,
    "asset.update": Registry._update,
    "device.fit": Registry._fit_free,
    "device.unfit": Registry._unfit,
    "device.key": Registry._enrol,
    "device.key.revoke": Registry._revoke,
    "feed.grant": Registry._grant,
    "feed.revoke": Registry._end,
}
