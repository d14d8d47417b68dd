"""What the rules say of an asset: drafts of its objects, before they have ids and revisions.

A draft is the content of one object as the fixes up to now give it. ``book`` turns drafts into revisions.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple, TypeAlias

from streams.engine.brackets import Bracket
from streams.events import Kind

Key: TypeAlias = tuple[Kind, str, int]
"""Kind, place (zone or gate id, "" for trips and stops), time of the opening fix."""


class Draft(NamedTuple):
    """One object's content.

    ``opened``, ``last``: times of its first fix and of the last one that belongs to it (NEVER while it is
    open): no two drafts of one kind and place overlap. ``t_ms``: when what this draft tells happened;
    ``evidence``: log positions of the fixes that it rests on.
    """

    kind: Kind
    place: str
    opened: int
    last: int
    t_ms: int
    data: dict[str, Any]
    evidence: tuple[int, ...]

    @property
    def key(self) -> Key:
        """What tells it from all other drafts of the asset."""
        return (self.kind, self.place, self.opened)


class Notes:
    """Collects what an asset's walk says: of each object the newest draft, and the step that said it."""

    __slots__ = ("drafts", "now", "touched", "unsaid")

    def __init__(self) -> None:
        self.drafts: dict[Key, Draft] = {}
        self.touched: dict[Key, int] = {}
        self.now = 0
        self.unsaid: set[Key] = set()

    def say(self, draft: Draft) -> None:
        """Say an object anew."""
        key = draft.key
        self.drafts[key] = draft
        self.unsaid.discard(key)
        self.touched[key] = self.now

    def unsay(self, key: Key) -> None:
        """What was said of this object does not hold: it never was."""
        self.unsaid.add(key)
        self.drafts.pop(key, None)
        self.touched.pop(key, None)


def evidence(brackets: Sequence[Bracket | None]) -> tuple[int, ...]:
    """The log positions of the fixes of some brackets, ascending."""
    return tuple(sorted({p for b in brackets if b is not None for p in b.evidence if p}))
