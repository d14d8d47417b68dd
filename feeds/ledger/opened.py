"""What is given out of a record beside its proof: its entry, and of each group content or commitment. Pure.

As bytes it is JSON, the ``extra`` of a proof file: it vouches for nothing, the entry is in the tree or not.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

from feeds.ledger.book import Kept
from feeds.ledger.entry import Entry, Opening, check_opening, commitment, decode, salts_of
from feeds.ledger.errors import FormatError
from streams.codec import CodecError, dump_json, load_json


@dataclass(frozen=True, slots=True)
class Opened:
    """An entry and what opens it; None when the record was redacted."""

    entry: Entry
    opening: Opening | None


def opening_of(kept: Kept, names: Collection[str] | None = None) -> Opening | None:
    """Salt and content of the groups ``names`` (None: all), the commitment of others; None when redacted."""
    if kept.groups is None or kept.salts is None:
        return None
    salts = salts_of(list(kept.groups), kept.salts)
    shown, hidden = {}, {}
    for name, content in kept.groups.items():
        if names is None or name in names:
            shown[name] = (salts[name], content)
        else:
            hidden[name] = commitment(name, salts[name], content)
    return Opening(shown, hidden)


def pack(entry: bytes, opening: Opening | None) -> bytes:
    """The bytes."""
    told: dict[str, Any] = {"entry": _text(entry)}
    if opening is not None:
        told["shown"] = {
            name: {"salt": _text(s), "content": _text(c)} for name, (s, c) in opening.shown.items()
        }
        told["hidden"] = {name: _text(one) for name, one in opening.hidden.items()}
    return dump_json(told)


def unpack(data: bytes | None) -> Opened:
    """What ``pack`` made; that the opening fits its entry is checked. Raises FormatError, ProofError."""
    try:
        told = load_json(data or b"")
        entry = decode(_bytes(told["entry"]))
        if "shown" not in told:
            return Opened(entry, None)
        shown = {name: (_bytes(one["salt"]), _bytes(one["content"])) for name, one in told["shown"].items()}
        opening = Opening(shown, {name: _bytes(one) for name, one in told["hidden"].items()})
    except (CodecError, KeyError, TypeError, AttributeError, ValueError, binascii.Error) as error:
        raise FormatError(f"the proof file's extra is no opening of a record: {error}") from None
    long = next((name for name in (*opening.shown, *opening.hidden) if len(name.encode()) > 255), None)
    if long is not None:
        raise FormatError(f"group name: got {len(long)} characters, want at most 255")
    check_opening(entry, opening)
    return Opened(entry, opening)


def _text(data: bytes) -> str:
    return base64.b64encode(data).decode()


def _bytes(text: str) -> bytes:
    return base64.b64decode(text, validate=True)
