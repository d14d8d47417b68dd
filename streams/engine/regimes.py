"""The regimes that the desk goes by: those that ship, then those that were published, in the order of
decision.

A regime is published in partition 0 and handed to all others under its number; one ahead of its turn waits.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from streams.clearance.regime import Regime, RegimeBook, RegimeError, parse
from streams.engine.registry import Fact, Refused
from streams.events import Change, Kind, object_id

if TYPE_CHECKING:
    from streams.engine.desk import Desk


class Regimes:
    """All versions of all regimes: cases keep the version that they began with."""

    def __init__(self, shipped: Iterable[str] = ()) -> None:
        self.book = RegimeBook()
        self.texts: list[str] = []
        self.published = 0
        self.revisions: dict[str, int] = {}
        self._early: dict[int, str] = {}
        for text in shipped:
            self._put(text)

    def _put(self, text: str) -> None:
        if text not in self.texts:
            self.texts.append(text)
            self.book.put(text)

    def by_version(self, version: str) -> Regime:
        """The regime of a version that was put."""
        found = self.book.by_version(version)
        assert found is not None, f"regime {version} is not there"
        return found

    def chosen(self, filing: dict[str, Any], now_ms: int) -> Regime | None:
        """The regime that a filing begins with: the one that it names, or the one in force at its gate."""
        place = filing["gate"], filing["direction"]
        if filing["regime"] is None:
            return self.book.in_force(*place, now_ms)
        named = self.book.named(str(filing["regime"]), now_ms)
        return named if named is not None and (not named.gates or place in named.gates) else None

    def put(self, number: int, text: str) -> None:
        """Take a published one; those that wait for it follow."""
        if number > self.published:
            self._early[number] = text
        while (text_ := self._early.pop(self.published + 1, None)) is not None:
            self.published += 1
            self._put(text_)

    def dump(self) -> dict[str, Any]:
        """JSON values for a snapshot."""
        early = sorted(self._early.items())
        return {
            "texts": self.texts,
            "published": self.published,
            "revisions": self.revisions,
            "early": early,
        }

    def load(self, value: dict[str, Any], shipped: Iterable[str]) -> None:
        """Become what ``dump`` was given of; what ships since is added."""
        self.book, self.texts = RegimeBook(), []
        for text in (*value["texts"], *shipped):
            self._put(text)
        self.published, self.revisions = value["published"], dict(value["revisions"])
        self._early = dict(value["early"])


def publish(desk: Desk, command: dict[str, Any]) -> None:
    """regime.publish."""
    text = str(command["data"].get("text"))
    try:
        regime = parse(text, "published")
    except RegimeError as error:
        raise Refused("bad_regime", str(error)) from error
    held = desk.regimes
    id_ = object_id(Kind.REGIME, regime.id)
    if text not in held.texts:
        held.put(held.published + 1, text)
        desk.post.everywhere(["regime", held.published, text])
        revision = held.revisions[regime.id] = held.revisions.get(regime.id, 0) + 1
        data = {
            "id": regime.id,
            "version": regime.version,
            "valid_from_ms": regime.valid_from_ms,
            "gates": [list(one) for one in regime.gates],
            "text": regime.text,
            "why": {"changed": [], "positions": [desk.host.position], "cause": desk.cause},
        }
        change = Change.CREATED if revision == 1 else Change.AMENDED
        desk.host.say(Fact(Kind.REGIME, id_, revision, command["tenant"], "", data), change, desk.now_ms)
    desk.answer(command, id_, "")
