"""What came of a device over all its starts, in one line. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any


def summary(device: str, statements: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Sums of the statements of a device's starts, with a ``text`` for people.

    ``received`` counts reports by number; ``unbroken``: no start has a break, a conflict or a twin, and no
    end of one is cut off.
    """
    received = sum(last - first + 1 for one in statements for first, last in one["received"]) + sum(
        one["summed"]["below"] - one["summed"]["missing"] + one["uncounted"] for one in statements
    )
    missing = sum(last - first + 1 for one in statements for first, last in one["missing"]) + sum(
        one["summed"]["missing"] for one in statements
    )
    cut = sum(one["tail"] == "cut" for one in statements)
    silences = sum(not silence["explained"] for one in statements for silence in one["silences"])
    shared = {(two["from_ms"], two["to_ms"]) for one in statements for two in one["overlaps"]}
    unbroken = not cut and all(one["chain"]["holds"] for one in statements)
    linked = any(_linked(one) for one in statements)
    told = {
        "device": device,
        "starts": len(statements),
        "received": received,
        "missing": missing,
        "doubled": sum(one["doubled"] for one in statements),
        "conflicts": sum(one["conflicts"] for one in statements),
        "cut": cut,
        "unbroken": unbroken,
        "silences": silences,
        "overlaps": len(shared),
    }
    chain = ("chain unbroken" if unbroken else "chain broken") if linked else "no chain"
    parts = [
        f"{_count(received, 'report')} of {_count(len(statements), 'start')} came",
        f"{missing} missing",
        chain,
    ]
    if told["conflicts"]:
        parts.append(_count(told["conflicts"], "conflict"))
    if cut:
        parts.append(f"the end of {_count(cut, 'start')} is missing")
    if silences:
        parts.append(f"{_count(silences, 'silence')} unexplained")
    if shared:
        parts.append(f"{_count(len(shared), 'time')} told by two starts")
    return told | {"text": ", ".join(parts)}


def _count(number: int, what: str) -> str:
    return f"{number} {what}{'' if number == 1 else 's'}"


def _linked(one: dict[str, Any]) -> bool:
    """Whether any report of the start names the one before."""
    unlinked = {tuple(span) for span in one["chain"]["unlinked"]}
    return bool({tuple(span) for span in one["received"]} - unlinked)
