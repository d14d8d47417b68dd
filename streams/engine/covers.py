"""The covers of one partition: written by command, and what follows from them told as the vehicles go.

A part of the engine beside the desk, and as pure. Each vehicle that has a cover has a book: its stays, trips,
crossings and the sums of its reports. The rules (``streams.cover``) go through a book anew whenever something
in it changed; what differs from what was told is told.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final, Protocol

from geofences.zone import Gate
from streams.codec import dump_json
from streams.cover import heard
from streams.cover.policy import CoverError, written
from streams.engine import coverbook, coverincidents
from streams.engine.byrow import ByRow
from streams.engine.columns import Array
from streams.engine.coverears import Ears, Find
from streams.engine.folder import Folder, Folders
from streams.engine.names import Names
from streams.engine.registry import Fact, Refused, Registry
from streams.engine.rows import Rows
from streams.engine.units import NEVER
from streams.engine.wakes import Wakes
from streams.events import Change, Event, Kind, object_id

STALE_MS: Final = 3_600_000
"""So long after a report at the latest what follows from it is told."""
_MOST: Final = 32


class Host(Protocol):
    """The engine around the covers."""

    position: int
    now_ms: int
    registry: Registry
    rows: Names
    names: Any

    @property
    def gates(self) -> Mapping[str, Gate]:
        """The gates of the world."""
        ...

    def standing(self, asset: str) -> list[tuple[Kind, str, dict[str, Any]]]:
        """The objects of an asset that are told and open: kind, id, data."""
        ...

    def samples(self, asset: str, begin: int, end: int) -> Rows:
        """The samples of an asset in [begin, end], each instant once, in order."""
        ...

    def say(self, fact: Fact, change: Change, t_ms: int) -> None:
        """Tell one revision of an object."""
        ...


class Covers:
    """The books of all vehicles that have a cover."""

    def __init__(self, host: Host) -> None:
        self.host = host
        self.books = Folders()
        self.watched, self.crashes = ByRow(), ByRow()
        self.wakes, self.stale = Wakes(), Wakes()
        self.ears = Ears()
        self.finds: list[Find] = []
        self.shaken: set[str] = set()  # assets whose suspected crashes have new samples around them
        self._touched: dict[str, dict[str, Any]] = {}

    # -- commands

    def write(self, command: dict[str, Any]) -> str:
        """cover.write: returns the id of the cover. Raises Refused."""
        data, tenant, asset = command["data"], command["tenant"], command["data"].get("asset")
        known = self.host.registry.assets.get(str(asset))
        if known is None or known["tenant"] != tenant:
            raise Refused("unknown", f"no such asset: got {asset}")
        try:
            policy = written(data)
        except CoverError as error:
            raise Refused("bad_cover", str(error)) from error
        book = self._open(asset, tenant)
        id_ = object_id(Kind.COVER, tenant, policy["insurer"], policy["number"], asset, policy["from_ms"])
        if any(_again(policy, held) for held in book.found.values()):
            raise Refused(
                "duplicate", f"a cover {policy['number']} of {policy['insurer']} is written already"
            )
        if len(book.found) >= _MOST:
            raise Refused("too_many", f"asset {asset} has {_MOST} covers already")
        book.found[id_] = policy | {"reason": None}
        for kind, object_, told in self.host.standing(asset):  # what is open matters by what the cover names
            coverbook.take(book, kind, object_, told)
        self._touched[asset] = _cause(command)
        return id_

    def end(self, command: dict[str, Any]) -> str:
        """cover.end: a cover ends before its time. Raises Refused."""
        data = command["data"]
        asset, id_ = str(data.get("asset")), str(data.get("cover"))
        book = self.books.get(asset)
        cover = None if book is None else book.found.get(id_)
        if book is None or cover is None or book.tenant != command["tenant"]:
            raise Refused("unknown", f"no such cover: got {id_}")
        at_ms = self.host.now_ms if data.get("at_ms") is None else data["at_ms"]
        if type(at_ms) is not int or not cover["from_ms"] < at_ms:
            raise Refused("bad_window", f"a cover ends after it begins: got {at_ms} for {cover['from_ms']}")
        if at_ms >= cover["until_ms"]:
            raise Refused("ended", f"cover {id_} ends at {cover['until_ms']} already, got {at_ms}")
        book.found[id_] = cover | {"until_ms": at_ms, "reason": str(data.get("reason") or "ended")[:2_000]}
        self._touched[asset] = _cause(command)
        return id_

    def _open(self, asset: str, tenant: str) -> Folder:
        book = self.books.get(asset)
        if book is None:
            book = self.books.make(asset, tenant)
            self.watched.set(asset, 1, self.host.rows)
        return book

    # -- what the engine tells

    def came(self, told: Array) -> None:
        """Reports of vehicles that have a cover: int64[n, driving.WIDTH]."""
        new = self.ears.add(told, len(self.host.rows))
        for row in new.tolist():
            asset = self.host.names[row]
            if asset not in self.stale:
                self.stale.set(asset, self.host.now_ms + STALE_MS)
        if self.crashes.values:
            until = self.crashes.of(self.host.rows, told[:, 0])
            near = told[(until != NEVER) & (told[:, 1] <= until), 0]
            self.shaken.update(self.host.names[row] for row in near.tolist())

    def said(self, asset: str, begin: Any, end: Any) -> None:
        """A device said that it had no coverage then."""
        book = self.books.get(asset)
        if book is not None:
            book.bus["said"] = heard.said(book.bus.get("said", []), begin, end)
            if asset not in self.stale:
                self.stale.set(asset, self.host.now_ms + STALE_MS)

    @property
    def due(self) -> bool:
        """Whether something is due by now without a cause of its own."""
        return self.wakes.due(self.host.now_ms) or self.stale.due(self.host.now_ms)

    def after(self, events: Iterable[Event]) -> None:
        """End a step: take what was told in it, and tell what follows."""
        if not self.watched.values and not self._touched:
            return
        for event in events:
            if event.asset in self.watched.values and event.kind in coverbook.KINDS:
                book = self.books.get(event.asset)
                if book is not None and coverbook.hear(book, event):
                    cause = {"kind": event.kind.value, "id": event.id, "revision": event.revision}
                    self._touched[event.asset] = cause
        now = self.host.now_ms
        for wakes in (self.wakes, self.stale):
            for asset in wakes.take(now):
                self._touched.setdefault(asset, {"kind": "time", "t_ms": now})
        for find in self.finds:
            coverincidents.found(self, find)
        self.finds.clear()
        for asset in sorted(self.shaken):
            coverincidents.judged(self, asset)
        self.shaken.clear()
        for asset, cause in self._touched.items():
            self._derived(asset, cause)
        if self._touched:
            self._touched.clear()
            self.books.rest()

    def _derived(self, asset: str, cause: dict[str, Any]) -> None:
        book = self.books.get(asset)
        if book is None:
            return
        if asset in self.host.rows:
            coverbook.told(book, self.ears.take(self.host.rows[asset]))
        coverbook.derived(self, book, cause)
        if not book.found:
            self.books.drop(asset)
            self.watched.set(asset, None, self.host.rows)
            self.crashes.set(asset, None, self.host.rows)
            self.wakes.set(asset, None)
            self.stale.set(asset, None)

    # -- what the parts call

    def tell(
        self, book: Folder, kind: Kind, id_: str, t_ms: int, data: dict[str, Any], cause: dict[str, Any]
    ) -> None:
        """Tell an object unless its newest revision says the same."""
        held = book.objects(kind.value)
        before = held.get(id_)
        if before is not None and not before[2] and dump_json(before[1]) == dump_json(data):
            return
        old = {} if before is None else before[1]
        changed = [] if before is None else sorted(n for n in data if n not in old or old[n] != data[n])
        revision = 1 if before is None else before[0] + 1
        held[id_] = [revision, data, False]
        self._say(book, kind, id_, revision, data, changed, cause, t_ms, Change.AMENDED)

    def retract(self, book: Folder, kind: Kind, id_: str, cause: dict[str, Any]) -> None:
        """Tell that an object never was."""
        held = book.objects(kind.value)[id_]
        if not held[2]:
            held[0], held[2] = held[0] + 1, True
            now = self.host.now_ms
            self._say(book, kind, id_, held[0], held[1], [], cause, now, Change.RETRACTED)

    def _say(
        self,
        book: Folder,
        kind: Kind,
        id_: str,
        revision: int,
        data: dict[str, Any],
        changed: list[str],
        cause: dict[str, Any],
        t_ms: int,
        change: Change,
    ) -> None:
        why = {"changed": changed, "positions": [self.host.position], "cause": cause}
        fact = Fact(kind, id_, revision, book.tenant, book.asset, {**data, "why": why})
        self.host.say(fact, fact.change if revision == 1 else change, t_ms)


def _cause(command: dict[str, Any]) -> dict[str, Any]:
    return {"kind": "command", "id": command["id"], "command": command["command"]}


def _again(policy: dict[str, Any], held: dict[str, Any]) -> bool:
    """Whether both are one policy of one time; a renewal keeps its number."""
    same = all(policy[name] == held[name] for name in ("number", "insurer"))
    return same and policy["from_ms"] < held["until_ms"] and held["from_ms"] < policy["until_ms"]
