"""Facts that a bus tells: identity (VIN), components, fault codes, drivers and their working state.

Texts are kept as they came: a VIN is never repaired, what stood behind it is kept beside it. Each fact is
a JSON object with ``t`` (ms), ``kind`` and ``source`` (the sender's address).
"""

from __future__ import annotations

import re
from typing import Any, Final

Fact = dict[str, Any]

VI: Final = 65260
CI: Final = 65259
DI: Final = 65131
DM1: Final = 65226
TCO1: Final = 65132

_VIN: Final = re.compile(rb"[A-Z0-9]{17}")
_BLANK: Final = b" \x00\xff"
_LAMP: Final = {0: "off", 1: "on"}
_STATES: Final = {0: "rest", 1: "available", 2: "work", 3: "drive"}


def read_facts(t_ms: int, pgn: int, source: int, data: bytes) -> list[Fact]:
    """The facts of one complete message of PGN ``VI``, ``CI``, ``DI``, ``DM1`` or ``TCO1``."""
    head = {"t": t_ms, "source": source}
    if pgn == VI:
        return _identity(head, data)
    if pgn == CI:
        return _component(head, data)
    if pgn == DI:
        return _drivers(head, data)
    if pgn == DM1:
        return [fault_code(head, data)] if len(data) >= 6 else []
    return _working_states(head, data) if data else []


def _identity(head: Fact, data: bytes) -> list[Fact]:
    """SPN 237: a VIN of 17 characters ended by ``*``; some units fill the buffer with other bytes."""
    text = data.split(b"*", 1)[0]
    if not text.strip(_BLANK):
        return []
    fact = {**head, "kind": "identity"}
    if _VIN.match(text):
        junk = text[17:].rstrip(_BLANK)
        return [{**fact, "vin": text[:17].decode("ascii")} | ({"junk": junk.hex()} if junk else {})]
    return [{**fact, "vin": _text(text), "truncated": len(text.strip(_BLANK)) < 17}]


def _component(head: Fact, data: bytes) -> list[Fact]:
    """Make, model, serial and unit number, each ended by ``*``; empty ones are null."""
    parts = [_text(part) or None for part in data.split(b"*")[:4]]
    parts += [None] * (4 - len(parts))
    if not any(parts):
        return []
    names = ("make", "model", "serial", "unit")
    return [{**head, "kind": "component", **dict(zip(names, parts, strict=True))}]


def _drivers(head: Fact, data: bytes) -> list[Fact]:
    ids = [_text(part) for part in data.split(b"*")[:2]]
    return [{**head, "kind": "driver", "slot": n, "id": text} for n, text in enumerate(ids, 1) if text]


def fault_code(head: Fact, data: bytes) -> Fact:
    """DM1: the lamps and the active codes (conversion method 0); no code is an empty list."""
    lamps = {
        name: _LAMP.get(data[0] >> shift & 3)
        for name, shift in (("mil", 6), ("red_stop", 4), ("amber_warning", 2), ("protect", 0))
    }
    codes = [_code(data[at : at + 4]) for at in range(2, len(data) - 3, 4)]
    known = [code for code in codes if code["spn"] or code["fmi"]]
    return {**head, "kind": "fault_code", **lamps, "codes": [code for code in known if code["spn"] < 0x7FFFF]}


def _code(raw: bytes) -> dict[str, int]:
    spn = raw[0] | raw[1] << 8 | (raw[2] >> 5) << 16
    return {"spn": spn, "fmi": raw[2] & 0x1F, "count": raw[3] & 0x7F, "conversion": raw[3] >> 7}


def _working_states(head: Fact, data: bytes) -> list[Fact]:
    """TCO1: SPN 1612 and 1613, three bits each; error and not available say nothing."""
    return [
        {**head, "kind": "driver", "slot": slot, "state": _STATES[raw]}
        for slot, raw in ((1, data[0] & 7), (2, data[0] >> 3 & 7))
        if raw in _STATES
    ]


def _text(raw: bytes) -> str:
    return raw.strip(_BLANK).decode("latin-1")
