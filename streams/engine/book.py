"""The book of an asset: which object a draft is, by what id, and its next revision.

An object's id is computed from its opening fix when it is first told and never changes. When later fixes
move a beginning, the draft that holds the opening fix is still that object; when two objects turn out to be
one, the one told first lives and the other is retracted with ``merged_into``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

import cbor2

from streams.engine.drafts import Draft, Key, Notes
from streams.engine.units import NEVER
from streams.events import Change, Kind, object_id


@dataclass(slots=True)
class Entry:
    """An object that was told: its draft, opening fix, newest revision, and when it was told first.

    ``touched``: event time of the step that last changed it; ``retracted``: it is told no more; ``kept``: the
    log position at which it was closed or retracted.
    """

    draft: Draft
    anchor: int
    revision: int
    born: int
    touched: int
    retracted: bool = False
    kept: int = 0

    def plain(self) -> list[Any]:
        """All but the draft."""
        return [self.anchor, self.revision, self.born, self.touched, self.retracted, self.kept]

    def id(self, asset: str) -> str:
        """The object's id."""
        return object_id(self.draft.kind, asset, self.draft.place, self.anchor)

    def pack(self) -> bytes:
        """The entry as bytes."""
        d = self.draft
        draft = [d.kind.value, d.place, d.opened, d.last, d.t_ms, d.data, d.evidence]
        return cbor2.dumps([draft, *self.plain()])


def unpack(packed: bytes) -> Entry:
    """The entry that was packed."""
    draft, *plain = cbor2.loads(packed)
    kind, place, opened, last, t_ms, data, proof = draft
    return Entry(Draft(Kind(kind), place, opened, last, t_ms, data, tuple(proof)), *plain)


Tell = Callable[[Entry, Change, dict[str, Any]], None]
"""(entry, change, why): one revision of one object, to become an event."""


def revise(
    held: Iterable[Entry], notes: Notes, again: bool, revived: dict[tuple[str, str, int], int], tell: Tell
) -> list[Entry]:
    """What an asset's book holds after a walk: entries with their next revisions told.

    ``held``: the entries that the walk may have changed; ``notes``: what it said. ``again``: the walk told
    all of them anew, so what it did not say never was; otherwise that stays as it is. ``revived``: the
    revision of each object that was retracted before, by (kind, place, anchor); changed in place.
    """
    drafts = dict(notes.drafts)
    kept: list[Entry] = []
    loose = sorted((entry for entry in held if not entry.retracted), key=lambda entry: entry.born)
    if again:
        kept = _found(loose, drafts, notes, tell)
    else:
        for entry in loose.copy():
            draft = drafts.pop(entry.draft.key, None)
            if draft is not None:
                _amend(entry, draft, notes.touched[draft.key], tell)
            if draft is not None or entry.draft.key not in notes.unsaid:
                loose.remove(entry)
                kept.append(entry)
        if loose:
            kept += _found(loose, drafts, notes, tell)
    if loose:
        kept += _gone(loose, kept, revived, tell)
    for draft in sorted(drafts.values(), key=lambda d: (d.t_ms, d.kind, d.place, d.opened)):
        name = (draft.kind.value, draft.place, draft.opened)
        entry = Entry(draft, draft.opened, revived.pop(name, 0) + 1, 0, notes.touched[draft.key])
        tell(entry, Change.CREATED, {"changed": [], "positions": list(draft.evidence)})
        kept.append(entry)
    return kept


def _amend(entry: Entry, draft: Draft, touched: int, tell: Tell) -> None:
    before, entry.draft, entry.touched = entry.draft, draft, touched
    changed = sorted(name for name, value in draft.data.items() if before.data.get(name) != value)
    if changed:
        entry.revision += 1
        tell(entry, Change.AMENDED, {"changed": changed, "positions": list(draft.evidence)})


def _holds(draft: Draft, entry: Entry) -> bool:
    same = draft.kind is entry.draft.kind and draft.place == entry.draft.place
    return same and draft.opened <= entry.anchor <= draft.last


def _found(loose: list[Entry], drafts: dict[Key, Draft], notes: Notes, tell: Tell) -> list[Entry]:
    """Entries whose opening fix lies in a draft: of several the one told first is it."""
    kept = []
    for entry in loose.copy():
        holding = [draft for draft in drafts.values() if _holds(draft, entry)]
        # two may touch at a fix: then the one that it opened
        draft = max(holding, key=lambda draft: draft.opened, default=None)
        if draft is not None:
            loose.remove(entry)
            del drafts[draft.key]
            _amend(entry, draft, notes.touched[draft.key], tell)
            kept.append(entry)
    return kept


def _gone(
    loose: list[Entry], kept: list[Entry], revived: dict[tuple[str, str, int], int], tell: Tell
) -> list[Entry]:
    """Retract what no draft holds any more, or a draft that is another entry's."""
    gone = []
    for entry in loose:
        into = next((other for other in kept if _holds(other.draft, entry)), None)
        why: dict[str, Any] = {"changed": [], "positions": list(entry.draft.evidence)}
        entry.revision += 1
        entry.retracted = True
        if into is not None:
            why["merged_into"] = into
        tell(entry, Change.RETRACTED, why)
        revived[entry.draft.kind.value, entry.draft.place, entry.anchor] = entry.revision
        gone.append(entry)
    return gone


def still_open(entry: Entry, standing: set[Key]) -> bool:
    """Whether a later step may change the entry without late data."""
    return not entry.retracted and (entry.draft.last >= NEVER or entry.draft.key in standing)
