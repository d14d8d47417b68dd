"""A page of a feed as JSON lines: a record a line, the last one tells of the page."""

from __future__ import annotations

from binascii import b2a_base64
from collections.abc import Callable, Iterator, Sequence
from typing import Any, Final, TypeAlias

import numpy as np
import numpy.typing as npt
import orjson

from feeds.ledger.entry import EntryKind
from feeds.ledger.groups import NAMES
from feeds.records.content import readable
from feeds.records.page import Page, Record
from feeds.records.surroundings import Told

ProofOf: TypeAlias = Callable[[Record], str | None]
ToldOf: TypeAlias = Callable[[Page], Sequence[Told | None]]
_AT_ONCE: Final = 500
_By = dict[str, dict[int, Any]]
"""By group and place in the page."""


def lines(page: Page, told: ToldOf, proof: ProofOf | None = None) -> Iterator[bytes]:
    """Each line with its end. ``proof``: makes the text of a record's tlog-proof, when it is wanted.

    Raises FormatError for content that can't be read.
    """
    abouts = told(page)
    names = _Names(page) if page.found else None
    for first in range(0, len(page.found), _AT_ONCE):
        some = range(first, min(first + _AT_ONCE, len(page.found)))
        texts, data = _opened(page, some)
        for at in some:
            one, row = page.found[at], page.found[at].row
            plain: dict[str, Any] = {
                "log": one.log,
                "place": row[0],
                "kind": one.kind,
                "asset": row[2],
                "t_ms": row[4],
                "entry": _text(row[5]),
            }
            if page.gone[at]:
                plain["redacted"] = True
            elif names is not None:
                shown, hidden = names.of(at)
                plain["groups"] = {name: texts[name][at] for name in (*shown, *hidden)}
                plain["data"] = {name: data[name][at] for name in shown if at in data[name]}
            about = abouts[at]
            if about is not None:
                plain["assurance"] = about.assurance
                plain["completeness"] = about.completeness
            if proof is not None:
                plain["proof"] = proof(page.records[at])
            yield orjson.dumps(plain) + b"\n"
    yield orjson.dumps({"page": page.plain()}) + b"\n"


class _Names:
    """The groups of the records of a page, in the order that the book has."""

    def __init__(self, page: Page) -> None:
        self._order = page.groups.order().astype(np.uint8).tobytes()
        self._there = np.ascontiguousarray(page.groups.there.T).tobytes()
        self._shown = np.ascontiguousarray(page.shown.T).tobytes()
        self._known: dict[tuple[bytes, bytes, bytes], tuple[list[str], list[str]]] = {}

    def of(self, at: int) -> tuple[list[str], list[str]]:
        """Those that are shown, and those that are hidden."""
        part = slice(at * len(NAMES), (at + 1) * len(NAMES))
        key = self._order[part], self._there[part], self._shown[part]
        found = self._known.get(key)
        if found is None:
            order, there, shown = key
            held = [group for group in order if there[group]]
            found = self._known[key] = (
                [NAMES[group] for group in held if shown[group]],
                [NAMES[group] for group in held if not shown[group]],
            )
        return found


def _opened(page: Page, some: range) -> tuple[_By, _By]:
    """Of some records of a page each group as it is given out, and what is readable in it."""
    groups, inside = page.groups, np.zeros(len(page.found), bool)
    inside[some.start : some.stop] = True
    texts: _By = {name: {} for name in NAMES}
    data: _By = {name: {} for name in NAMES}
    for group, name in enumerate(NAMES):
        closed = inside & groups.there[group] & ~page.shown[group]
        if closed.any():
            hashes = groups.commitments(name, closed)
            rows = np.flatnonzero(closed).tolist()
            texts[name] |= {
                at: {"commitment": _text(one)} for at, one in zip(rows, map(bytes, hashes), strict=True)
            }
        for kind, which in ((EntryKind.REPORT, page.reports), (EntryKind.EVENT, ~page.reports)):
            open_ = inside & page.shown[group] & which
            if not open_.any():
                continue
            rows, contents, salts = _shown(page, name, open_)
            for at, salt, content in zip(rows, map(bytes, salts), contents, strict=True):
                texts[name][at] = {"salt": _text(salt), "content": _text(content)}
            read = readable(kind, name, contents)
            if read is not None:
                data[name] |= zip(rows, read, strict=True)
    return texts, data


def _shown(
    page: Page, name: str, which: npt.NDArray[np.bool_]
) -> tuple[list[int], list[bytes], npt.NDArray[np.uint8]]:
    """The places in the page of the records ``which``, their contents of a group, and their salts."""
    flat, cuts = page.groups.contents(name, which)
    rows = np.flatnonzero(which)
    buffer = flat.tobytes()
    held = zip(cuts[rows].tolist(), cuts[rows + 1].tolist(), strict=True)
    return rows.tolist(), [buffer[begin:end] for begin, end in held], page.groups.salts(name, which)


def _text(data: bytes) -> str:
    return b2a_base64(data, newline=False).decode()
