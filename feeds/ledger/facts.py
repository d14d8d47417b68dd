"""Which facts of a report go into its group ``facts``, and which into ``driver``. Pure.

A device says what it likes in its facts. So only kinds and keys whose meaning is known are ``facts``; all
else may tell of a driver, and is shown where drivers are.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final

import cbor2

_HEAD: Final = frozenset({"t", "kind", "source"})
KNOWN: Final[Mapping[str, frozenset[str]]] = {
    kind: _HEAD | keys
    for kind, keys in {
        "identity": {"vin", "junk", "truncated"},
        "component": {"make", "model", "serial", "unit"},
        "fault_code": {"mil", "red_stop", "amber_warning", "protect", "codes"},
        "seal": {"seal", "id", "number", "state"},
        "coupling": {"vin", "state"},
        "door": {"state", "open"},
        "ignition": {"on"},
        "harsh_braking": set[str](),
        "no_coverage": {"from", "to"},
        "overflow": {"reports", "boot", "last_seq"},
    }.items()
}
"""By kind the keys that are known."""
_CODE: Final = frozenset({"spn", "fmi", "count", "conversion"})


def split(facts: Iterable[Any]) -> tuple[list[Any], list[Any]]:
    """What is ``facts``, and what is ``driver``: of a fact with some known keys both parts.

    Each part keeps ``t``, ``kind`` and ``source``; nothing gets lost.
    """
    known, others = [], []
    for fact in facts:
        keys = (
            KNOWN.get(fact["kind"]) if isinstance(fact, dict) and isinstance(fact.get("kind"), str) else None
        )
        if keys is None:
            others.append(fact)
            continue
        strange = [name for name, value in fact.items() if name not in keys or not _plain(name, value)]
        if not strange:
            known.append(fact)
        elif _HEAD.isdisjoint(strange):
            known.append({name: value for name, value in fact.items() if name not in strange})
            others.append({name: value for name, value in fact.items() if name in _HEAD or name in strange})
        else:
            others.append(fact)
    return known, others


def tells_more(content: bytes) -> bool:
    """Whether the group ``facts`` of a record has what ``split`` leaves out of it, as older ones may."""
    try:
        facts = cbor2.loads(content)
    except (cbor2.CBORError, ValueError):
        return True
    return not isinstance(facts, list) or bool(split(facts)[1])


def _plain(name: str, value: Any) -> bool:
    if name == "codes":
        return isinstance(value, list) and all(
            isinstance(one, dict) and one.keys() <= _CODE and all(type(n) is int for n in one.values())
            for one in value
        )
    return value is None or isinstance(value, bool | int | float | str)
