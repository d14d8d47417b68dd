"""The form of a regime's text: which keys each table may have, what they hold, and where they stand.

``check`` compares a parsed TOML document with the schema and gathers every fault with its line. The line
finder is small: it knows tables, arrays of tables and keys at the start of a line, which is how regimes are
written; a fault inside an inline value has the line of its key.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from difflib import get_close_matches
from typing import Any, Final

from streams.clearance.words import ASSET_KINDS, CONDITIONS, GRADES, MESSAGE_EVENTS, RELEASERS, STAGES

Path = tuple[str | int, ...]
_HEAD: Final = re.compile(r"^\s*(\[\[?)\s*([A-Za-z0-9_.\"-]+)\s*\]\]?\s*(#.*)?$")
_KEY: Final = re.compile(r"^\s*([A-Za-z0-9_-]+|\"[^\"]*\")\s*=")


@dataclass(frozen=True, slots=True)
class Field:
    """One key: ``form`` tells in words what it holds, ``good`` whether a value is such."""

    form: str
    good: Callable[[Any], bool]
    must: bool = True


def _text(value: Any) -> bool:
    return isinstance(value, str) and bool(value.strip())


def _count(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= 527_040


def _texts(value: Any) -> bool:
    return isinstance(value, list) and all(_text(one) for one in value)


def _code(value: Any) -> bool:
    return isinstance(value, str) and re.fullmatch(r"[a-z0-9][a-z0-9_.-]{0,63}", value) is not None


def _direction(value: Any) -> bool:
    return isinstance(value, str) and re.fullmatch(r"[A-Z]{2}>[A-Z]{2}", value) is not None


def _instant(value: Any) -> bool:
    return isinstance(value, datetime) and value.tzinfo is not None


def _need(value: Any) -> bool:
    if not isinstance(value, str):
        return False
    return value in ("filing", "permit") or (value.startswith("document:") and _code(value[9:]))


def _one(names: Sequence[str]) -> tuple[str, Callable[[Any], bool]]:
    return "one of " + ", ".join(names), lambda value: value in names


def _some(names: Sequence[str]) -> tuple[str, Callable[[Any], bool]]:
    form = "a list out of " + ", ".join(names)
    return form, lambda value: isinstance(value, list) and all(one in names for one in value)


def _any_or_list(value: Any) -> bool:
    return value == "any" or _texts(value)


_TEXT: Final = ("a text", _text)
_MINUTES: Final = ("minutes, a whole number from 0 to 527040", _count)
_LIST: Final = ("a list of texts", _texts)
_OPEN: Final = ('"any" or a list of texts', _any_or_list)
_CONFIDENCE: Final = Field(*_one(GRADES))
_TABLES: Final = "a table"

SCHEMA: Final[Mapping[str, Mapping[str, Field]]] = {
    "": {
        "id": Field("a name of a-z, 0-9, - . and _", _code),
        "name": Field(*_TEXT),
        "source": Field(*_TEXT),
        "confidence": _CONFIDENCE,
        "valid_from": Field("an instant with its offset, as 2026-01-01T00:00:00Z", _instant),
        "tolerance_minutes": Field(*_MINUTES, must=False),
        "benchmark_minutes": Field(*_MINUTES, must=False),
        "exporters": Field(*_OPEN),
        "gates": Field("tables [[gates]]", lambda v: isinstance(v, list)),
        "documents": Field("tables [[documents]]", lambda v: isinstance(v, list), must=False),
        "data": Field("tables [[data]]", lambda v: isinstance(v, list), must=False),
        "deadlines": Field("tables [[deadlines]]", lambda v: isinstance(v, list), must=False),
        "permit": Field("a table [permit]", lambda v: isinstance(v, dict), must=False),
        "release": Field("a table [release]", lambda v: isinstance(v, dict)),
        "messages": Field("tables [[messages]]", lambda v: isinstance(v, list), must=False),
    },
    "gates": {
        "gate": Field("the id of a gate", _code),
        "direction": Field('two countries, as "CN>LA"', _direction),
    },
    "documents": {
        "kind": Field("a name of a-z, 0-9, - . and _", _code),
        "name": Field(*_TEXT),
        "code": Field(*_TEXT, must=False),
        "kinds": Field(*_some(ASSET_KINDS), must=False),
        "holds_from": Field(*_one(STAGES[:7]), must=False),
        "confidence": _CONFIDENCE,
    },
    "data": {
        "name": Field("a name of a-z, 0-9, - . and _", _code),
        "text": Field(*_TEXT),
        "element": Field(*_TEXT, must=False),
        "holds_from": Field(*_one(STAGES[:7]), must=False),
        "confidence": _CONFIDENCE,
    },
    "deadlines": {
        "rule": Field("a name of a-z, 0-9, - . and _", _code),
        "needs": Field('"filing", "permit" or "document:<kind>"', _need),
        "lead_minutes": Field(*_MINUTES),
        "before": Field(*_one(("exit_port", "line", "entry_port"))),
        "at_risk_minutes": Field(*_MINUTES, must=False),
        "text": Field(*_TEXT),
        "confidence": _CONFIDENCE,
    },
    "permit": {
        "country": Field("a country, as LA", lambda v: isinstance(v, str) and len(v) == 2 and v.isupper()),
        "name": Field(*_TEXT),
        "kinds": Field(*_some(ASSET_KINDS), must=False),
        "holds_from": Field(*_one(STAGES[:7]), must=False),
        "must_state": Field(
            *_some(("axle_limit_kg", "axles", "gross_limit_kg", "emission_class", "lighting", "agent")),
            must=False,
        ),
        "lighting": Field(*_LIST, must=False),
        "emission_classes": Field(*_LIST, must=False),
        "agents": Field(*_OPEN, must=False),
        "confidence": _CONFIDENCE,
    },
    "release": {
        "authority": Field("a name of a-z, 0-9, - . and _", _code),
        "name": Field(*_TEXT),
        "by": Field(*_some(RELEASERS)),
        "timeout_minutes": Field(*_MINUTES),
        "automatic": Field("true or false", lambda v: isinstance(v, bool)),
        "conditions": Field(*_some(CONDITIONS), must=False),
        "confidence": _CONFIDENCE,
    },
    "messages": {
        "event": Field(*_one(MESSAGE_EVENTS)),
        "system": Field(*_TEXT),
        "authority": Field("a name of a-z, 0-9, - . and _", _code, must=False),
        "code": Field(*_TEXT),
        "name": Field(*_TEXT),
        "confidence": _CONFIDENCE,
    },
}
"""The legal keys of each table; "" is the head of the text."""


def lines_of(text: str) -> dict[Path, int]:
    """The line (from 1) of every table and key, by its path: ("deadlines", 0, "rule")."""
    found: dict[Path, int] = {}
    counts: dict[str, int] = {}
    here: Path = ()
    quoted = ""
    for number, line in enumerate(text.splitlines(), 1):
        if quoted:
            quoted = "" if quoted in line else quoted
            continue
        head, key = _HEAD.match(line), _KEY.match(line)
        if head is not None and key is None:
            name = head[2].replace('"', "")
            if head[1] == "[[":
                counts[name] = counts.get(name, -1) + 1
                here = (name, counts[name])
            else:
                here = (name,)
            found.setdefault((name,), number)
            found[here] = number
        elif key is not None:
            found.setdefault((*here, key[1].strip('"')), number)
        for mark in ('"""', "'''"):
            if line.count(mark) % 2:
                quoted = mark
    return found


def check(document: Mapping[str, Any], text: str) -> list[tuple[int, str]]:
    """Every fault of the document as (line, what was got and wanted), by line."""
    lines = lines_of(text)
    faults: list[tuple[int, str]] = []
    _table(document, "", (), lines, faults)
    for name in SCHEMA:
        held = document.get(name) if name else None
        if isinstance(held, dict):
            _table(held, name, (name,), lines, faults)
        for number, one in enumerate(held if isinstance(held, list) else ()):
            if isinstance(one, dict):
                _table(one, name, (name, number), lines, faults)
            else:
                faults.append((lines.get((name,), 1), f"{name}: got {one!r}, want {_TABLES}"))
    return sorted(faults)


def _table(
    held: Mapping[str, Any], name: str, path: Path, lines: Mapping[Path, int], faults: list[tuple[int, str]]
) -> None:
    fields, line, of = SCHEMA[name], lines.get(path, 1), f"{name}." if name else ""
    for key, value in held.items():
        at = lines.get((*path, key), line)
        field = fields.get(key)
        if field is None:
            near = get_close_matches(key, fields, 1, 0.0)
            faults.append((at, f"unknown key: got {of}{key}, want {of}{near[0]} or another legal key"))
        elif not field.good(value):
            faults.append((at, f"{of}{key}: got {value!r}, want {field.form}"))
    for key, field in fields.items():
        if field.must and key not in held:
            faults.append((line, f"missing key: got no {of}{key}, want {field.form}"))
