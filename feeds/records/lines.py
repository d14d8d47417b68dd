"""A page of a feed as JSON lines: a record a line, the last one tells of the page."""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterator, Sequence
from typing import Any, TypeAlias

import orjson

from feeds.records.content import readable
from feeds.records.page import Page, Record
from feeds.records.surroundings import Told

ProofOf: TypeAlias = Callable[[Record], str | None]
ToldOf: TypeAlias = Callable[[Page], Sequence[Told | None]]


def lines(page: Page, told: ToldOf, proof: ProofOf | None = None) -> Iterator[bytes]:
    """Each line with its end. ``proof``: makes the text of a record's tlog-proof, when it is wanted.

    Raises FormatError for content that can't be read.
    """
    for record, about in zip(page.records, told(page), strict=True):
        yield orjson.dumps(_plain(record, about, proof)) + b"\n"
    yield orjson.dumps({"page": page.plain()}) + b"\n"


def _plain(record: Record, told: Told | None, proof: ProofOf | None) -> dict[str, Any]:
    kept, opening = record.kept, record.opening
    plain: dict[str, Any] = {
        "log": record.log,
        "place": kept.place,
        "kind": record.kind,
        "asset": kept.asset,
        "t_ms": kept.t_ms,
        "entry": _text(kept.entry),
    }
    if opening is None:
        plain["redacted"] = True
    else:
        groups: dict[str, dict[str, str]] = {
            name: {"salt": _text(salt), "content": _text(content)}
            for name, (salt, content) in opening.shown.items()
        }
        groups |= {name: {"commitment": _text(one)} for name, one in opening.hidden.items()}
        plain["groups"] = groups
        plain["data"] = readable(kept.kind, opening.shown)
    if told is not None:
        plain["assurance"] = told.assurance
        plain["completeness"] = told.completeness
    if proof is not None:
        plain["proof"] = proof(record)
    return plain


def _text(data: bytes) -> str:
    return base64.b64encode(data).decode()
