"""The clearance desk: filings, permits, bindings, conflicts, couplings, releases and the cases made of them.

A part of the engine, and as pure: it hears the commands, notes, facts and derived events of one record, and
says events in the same step. A case is derived anew, by ``streams.clearance``, from all that is known of
its asset whenever some of it changed; so what comes first does not matter but where time itself is the
rule. What is due without a cause of its own is due at a log time.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final, Protocol

from geofences.zone import Gate
from streams.codec import dump_json
from streams.engine import batches, binding, bus, carrying, cases, filings, permits, regimes, releases
from streams.engine.batches import Batches
from streams.engine.byrow import ByRow
from streams.engine.claims import Asked, Claims
from streams.engine.covers import Covers
from streams.engine.folder import Folder, Folders
from streams.engine.post import Message, Post
from streams.engine.regimes import Regimes
from streams.engine.registry import Fact, Refused, Registry
from streams.engine.wakes import Wakes
from streams.events import Change, Event, Kind
from streams.homes import Handed

DAY_MS: Final = 86_400_000
_DAILY: Final = "claims"  # wakes the desk itself
Cause = dict[str, Any]
Handler = Callable[["Desk", dict[str, Any]], None]


class Host(Protocol):
    """The engine around the desk."""

    partition: int
    partitions: int
    position: int
    now_ms: int
    registry: Registry
    covers: Covers

    @property
    def gates(self) -> Mapping[str, Gate]:
        """The gates of the world."""
        ...

    def open_trip(self, asset: str) -> tuple[str, int] | None:
        """Id and begin of the trip that an asset is on."""
        ...

    @property
    def rows(self) -> Mapping[str, int]:
        """The rows of the assets that were heard of."""
        ...

    def say(self, fact: Fact, change: Change, t_ms: int) -> None:
        """Tell one revision of an object."""
        ...


class Desk:
    """The papers and cases of one partition."""

    def __init__(self, host: Host, shipped: Iterable[str] = ()) -> None:
        """``shipped``: the texts of the regimes that hold before any is published."""
        self.host = host
        self.post = Post(host.partition, host.partitions)
        self.claims = Claims(self.post, self._decided)
        self.folders, self.wakes = Folders(), Wakes()
        self.batches, self.regimes = Batches(), Regimes(shipped)
        self.limits, self.ahead = ByRow(), ByRow()  # axle loads in kg; when to look for the gate again
        self.cause: Cause = {}
        self.changed: set[str] = set()  # assets whose folders are others than when they were packed
        self.seen = bus.Seen()
        self.numbers: dict[str, list[Any]] = {}  # chassis numbers at home here: whose, who asked
        self.stamped = 0
        if host.partitions > 1:
            self.wakes.set(_DAILY, 0)
        self._touched: dict[tuple[str, str], Cause] = {}
        self._loose: dict[str, Cause] = {}  # assets whose binding is to be judged

    @property
    def now_ms(self) -> int:
        """The log's time."""
        return self.host.now_ms

    @staticmethod
    def takes(name: str) -> bool:
        """Whether a command is decided here."""
        return name in _COMMANDS

    def command(self, command: dict[str, Any]) -> None:
        """Decide a command, or begin to; it was never applied before."""
        self.cause = {"kind": "command", "id": command["id"], "command": command["command"]}
        try:
            _COMMANDS[command["command"]](self, command)
        except Refused as refusal:
            self.refuse(command, refusal)

    def hear(self, messages: Iterable[Message]) -> None:
        """Take what other partitions tell."""
        for message in messages:
            self._hear(message, away=True)

    def after(self, events: Iterable[Event]) -> None:
        """Take what the engine derived in this step."""
        for event in tuple(events):
            if event.kind is Kind.CROSSING:
                if event.data["gate"] is not None and event.data.get("by") is None:
                    carrying.crossed(self, event)
            elif event.kind is Kind.VISIT:
                if event.data["zone_kind"] == "approach" and event.data["gate"] is not None:
                    carrying.approached(self, event)
            elif event.kind is Kind.TRIP and event.asset in self.folders:
                cases.driven(self, event)

    def registered(self, fact: Fact, by_filing: bool = False) -> None:
        """Take what an asset is registered with now."""
        if fact.asset in self.folders or fact.data.get("chassis"):
            binding.registered(self, fact, by_filing)

    def finish(self) -> list[Handed]:
        """End the step: say what follows from all that was taken; returns the notes to other partitions."""
        if self.wakes.due(self.now_ms):
            self._wake()
        post = self.post
        while post.here or self._loose or self._touched:
            while post.here:
                self._hear(post.here.popleft(), away=False)
            if self._loose:
                asset = next(iter(self._loose))
                cause = self._loose.pop(asset)
                binding.judged(self, self.folder(asset), cause)
            elif self._touched:
                asset, case = next(iter(self._touched))
                cause = self._touched.pop((asset, case))
                cases.derived(self, self.folder(asset), case, cause)
        if self.changed:
            for asset in sorted(self.changed):
                found = self.folders.get(asset)
                if found is not None:
                    cases.settled(self, found)
            self.changed.clear()
            self.folders.rest()
        return post.handed()

    # -- what the parts of the desk call

    def folder(self, asset: str) -> Folder:
        """The folder of an asset that has one."""
        found = self.folders.get(asset)
        assert found is not None, f"{asset} has no folder"
        return found

    def make(self, asset: str, tenant: str) -> Folder:
        """The folder of an asset, a new one when it has none; it may be changed in this step."""
        self.changed.add(asset)
        return self.folders.make(asset, tenant)

    def check_tenant(self, folder: Folder, command: dict[str, Any]) -> None:
        """Raises Refused unless the command is of the folder's tenant."""
        if folder.tenant != command["tenant"]:
            raise Refused("unknown", f"no such asset: got {folder.asset}")

    def stamp(self) -> int:
        """A number greater than all before: of two messages the one that was sent later has the greater."""
        self.stamped += 1
        return self.stamped

    def touch(self, asset: str, case: str | None = None, cause: Cause | None = None) -> None:
        """Have a case derived anew before the step ends; None: all cases of the asset."""
        self.changed.add(asset)
        for id_ in self.folder(asset).cases if case is None else (case,):
            self._touched[asset, id_] = cause or self.cause  # of several the last

    def judge(self, asset: str) -> None:
        """Have an asset's binding judged anew before the step ends."""
        self.changed.add(asset)
        self._loose.setdefault(asset, self.cause)

    def tell(
        self,
        folder: Folder,
        kind: Kind,
        id_: str,
        data: dict[str, Any],
        cause: Cause | None = None,
        t_ms: int | None = None,
    ) -> bool:
        """Tell an object unless its newest revision says the same; whether it was told."""
        held = folder.objects(kind._value_)
        before = held.get(id_)
        revision, changed = 1, []
        if before is not None:
            revision, changed = before[0] + 1, _differing(before[1], data)
            if _same(before[1], data, changed):
                return False
        self.changed.add(folder.asset)
        held[id_] = [revision, data]
        why = {"changed": changed, "positions": [self.host.position], "cause": cause or self.cause}
        fact = Fact(kind, id_, revision, folder.tenant, folder.asset, {**data, "why": why})
        self.host.say(fact, fact.change, self.now_ms if t_ms is None else t_ms)
        return True

    def tell_asset(self, fact: Fact) -> None:
        """Tell an asset that a filing registers; that is no second witness of what the filing claims."""
        self.host.say(fact, fact.change, self.now_ms)
        self.registered(fact, by_filing=True)

    def answer(self, command: dict[str, Any], object_: str, asset: str) -> None:
        """Say that a command was carried out."""
        self._answer(command, asset, object_, None)

    def refuse(self, command: dict[str, Any], refusal: Refused) -> None:
        """Say that a command was not carried out, and why."""
        self._answer(command, "", None, {"code": refusal.code, "detail": str(refusal)})

    def _answer(
        self, command: dict[str, Any], asset: str, object_: str | None, error: dict[str, str] | None
    ) -> None:
        data = {"command": command["command"], "ok": error is None, "error": error, "object": object_}
        fact = Fact(Kind.COMMAND, command["id"], 1, command["tenant"], asset, data)
        self.host.say(fact, Change.CREATED, self.now_ms)

    # -- what is heard

    def _decided(self, asked: Asked) -> None:
        command = asked.what["command"]
        self.cause = {"kind": "command", "id": command["id"], "command": command["command"]}
        try:
            _DECIDED[command["command"]](self, asked)
        except Refused as refusal:
            for key in asked.got:
                self.claims.free(key, asked.owner)
            self.refuse(command, refusal)

    def _hear(self, message: Message, away: bool) -> None:
        if self.claims.hear(message, self.now_ms, away):
            return
        self.cause = {"kind": "note", "name": message[0]}
        if binding.hear(self, message):
            return
        handler = _HEARD.get(message[0])
        if handler is None:
            return
        handler(self, message)

    def _wake(self) -> None:
        for asset in self.wakes.take(self.now_ms):
            if asset == _DAILY:
                self.claims.prune(self.now_ms)
                self.wakes.set(_DAILY, self.now_ms + DAY_MS)
                continue
            folder = self.folder(asset)
            self.changed.add(asset)
            for id_, held in folder.cases.items():
                if held["wake"] is not None and held["wake"] <= self.now_ms:
                    self.touch(asset, id_, {"kind": "deadline", "t_ms": held["wake"]})


def _differing(before: dict[str, Any], after: dict[str, Any]) -> list[str]:
    return sorted([name for name in after if name not in before or after[name] != before[name]])


def _same(before: dict[str, Any], after: dict[str, Any], differing: list[str]) -> bool:
    """Whether both say the same, also where one was packed meanwhile and holds a list for a tuple."""
    if len(before) != len(after) or any(name not in before for name in differing):
        return False
    return all(dump_json(before[name]) == dump_json(after[name]) for name in differing)


def _decided_permit(desk: Desk, asked: Asked) -> None:
    permits.granted(desk, asked.what["command"], asked.what["at_ms"], bool(asked.refused))


def _decided_answer(desk: Desk, asked: Asked) -> None:
    releases.answered(desk, asked.what["command"], asked.what["at_ms"], bool(asked.refused))


def _cover_write(desk: Desk, command: dict[str, Any]) -> None:
    desk.answer(command, desk.host.covers.write(command), command["data"]["asset"])


def _cover_end(desk: Desk, command: dict[str, Any]) -> None:
    desk.answer(command, desk.host.covers.end(command), command["data"]["asset"])


_COMMANDS: Final[dict[str, Handler]] = {
    "filing.lodge": filings.lodge,
    "filing.amend": filings.amend,
    "filing.withdraw": filings.withdraw,
    "permit.grant": permits.grant,
    "permit.revoke": permits.revoke,
    "binding.claim": binding.claim,
    "binding.settle": binding.settle,
    "coupling.start": carrying.start,
    "coupling.end": carrying.end,
    "case.decide": releases.officer,
    "authority.decide": releases.authority,
    "regime.publish": regimes.publish,
    "cover.write": _cover_write,
    "cover.end": _cover_end,
}
_DECIDED: Final[dict[str, Callable[[Desk, Asked], None]]] = {
    "filing.lodge": filings.lodged,
    "permit.grant": _decided_permit,
    "authority.decide": _decided_answer,
}
_HEARD: Final[dict[str, Callable[[Desk, Message], None]]] = {
    "follow": carrying.followed,
    "passing": carrying.passed,
    "coupled": lambda desk, message: carrying.heard(desk, *message[1:]),
    "batch": batches.heard,
    "regime": lambda desk, message: desk.regimes.put(message[1], message[2]),
}
