"""What covers say at a border: the handover at the line, and gaps of cover, warned of at the approach.

A handover is one record of one passage, which both insurers and both authorities cite by its id. A gap
is told first when the vehicle comes into the approach of a gate and no cover holds beyond; what becomes of
it is told by the same id.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from streams.cover.inputs import Found, Inputs, Stay
from streams.cover.policy import insures
from streams.events import Kind, object_id

NEVER: Final = 1 << 62
_BEFORE_MS: Final = 12 * 3_600_000  # of an approach that is entered from the line


def handovers(inputs: Inputs) -> list[Found]:
    """The handovers of all crossings whose line was passed, while any cover of the asset runs."""
    out = []
    for id_, data in inputs.crossings.items():
        line = data["stages"].get("line")
        if line is None or not any(
            cover["from_ms"] <= line["estimate_ms"] < cover["until_ms"] for cover in inputs.covers.values()
        ):
            continue
        out.append(_handover(inputs, id_, data, line))
    return out


def _handover(inputs: Inputs, id_: str, data: dict[str, Any], line: dict[str, Any]) -> Found:
    at, stages, gate = line["estimate_ms"], data["stages"], data["gate"]
    giving, taking = (cited(inputs, data[side], at) for side in ("from", "to"))
    case = inputs.cases.get(id_)
    over = data["state"] == "completed"
    told = {
        "state": "confirmed" if over else "passed",
        "crossing": id_,
        "gate": gate,
        "from": data["from"],
        "to": data["to"],
        "at_ms": at,
        "line": line,
        "liability": {
            "given": stages.get("exit_port_left") or stages.get("exit_port") or line,
            "taken": stages.get("entry_port") or line,
        },
        "giving": giving,
        "taking": taking,
        "uncovered": sorted(c for c, held in ((data["from"], giving), (data["to"], taking)) if not held),
        "authorities": inputs.offices.get(gate or "", []),
        "case": None if case is None else case["case"],
        "release": None if case is None else case["release"],
        "automatic_release": case is not None and case["rule"] == "automatic",
        "confidence_permille": data["confidence_permille"],
        "by": data.get("by"),
    }
    return Found(object_id(Kind.HANDOVER, id_), at, at, told)


def cited(inputs: Inputs, country: str, t_ms: int) -> list[dict[str, Any]]:
    """The covers that hold in a country at an instant, as a record cites them."""
    return [
        {"cover": id_, "number": cover["number"], "insurer": cover["insurer"]}
        for id_, cover in sorted(inputs.covers.items())
        if insures(cover, country, t_ms)
    ]


def gaps(inputs: Inputs, gates: Mapping[str, tuple[str, str]], now_ms: int) -> list[Found]:
    """The gaps of cover: countries that were entered, or are about to be, in which no cover holds.

    ``gates``: the two countries of each gate.
    """
    out, gone = [], set()
    for id_, data in inputs.crossings.items():
        line = data["stages"].get("line")
        if line is None:
            continue
        ahead = approach(inputs.stays, data, line["estimate_ms"])
        if ahead is not None:
            gone.add(ahead.id)
        if not cited(inputs, data["to"], line["estimate_ms"]):
            opened = id_ if ahead is None else ahead.id
            warned = None if ahead is None else ahead.enter_ms
            out.append(_entered(inputs, data, id_, opened, warned, now_ms))
    for stay in inputs.stays:
        if stay.kind != "approach" or stay.gate is None or stay.id in gone or _came_back(inputs, stay):
            continue
        pair = gates.get(stay.gate, ("", ""))
        if stay.country in pair:
            other = pair[1] if stay.country == pair[0] else pair[0]
            if not cited(inputs, other, stay.enter_ms):
                out.append(_warned(inputs, stay, other))
    return out


def approach(stays: Sequence[Stay], data: dict[str, Any], line_ms: int) -> Stay | None:
    """The visit of the approach from which the line of a crossing was passed; ``stays``: by time."""
    best = None
    for stay in stays:
        here = stay.kind == "approach" and stay.gate == data["gate"] and stay.country == data["from"]
        if here and stay.enter_ms <= line_ms <= (stay.leave_ms or NEVER) + _BEFORE_MS:
            best = stay
    return best


def _came_back(inputs: Inputs, stay: Stay) -> bool:
    """Whether an approach was entered from the line, or by a passage that goes on."""
    for data in inputs.crossings.values():
        line = data["stages"].get("line")
        if line is None or (data["gate"], data["to"]) != (stay.gate, stay.country):
            continue
        if stay.enter_ms - _BEFORE_MS <= line["estimate_ms"] <= (stay.leave_ms or NEVER):
            return True
    return False


def _entered(
    inputs: Inputs, data: dict[str, Any], crossing: str, opened: str, warned: int | None, now_ms: int
) -> Found:
    at, country = data["stages"]["line"]["estimate_ms"], data["to"]
    begins = [
        c["from_ms"]
        for c in inputs.covers.values()
        if country in c["countries"] and at < c["from_ms"] <= now_ms
    ]
    leaves = [
        stay.leave_ms
        for stay in inputs.countries()
        if stay.country == country
        and stay.leave_ms is not None
        and stay.earliest_ms is not None
        and stay.earliest_ms <= data["stages"]["line"]["latest_ms"]
        and at < stay.leave_ms
    ]
    end = min([*begins, *leaves], default=None)
    told = _gap("open" if end is None else "closed", data["gate"], data["from"], country) | {
        "from_ms": at,
        "until_ms": end,
        "warned_ms": warned,
        "crossing": crossing,
        "closed_by": None if end is None else ("cover" if end in begins else "line"),
    }
    return Found(gap_id(opened, country), at if end is None else end, end, told)


def _warned(inputs: Inputs, stay: Stay, country: str) -> Found:
    end = stay.leave_ms
    begins = [c["from_ms"] for c in inputs.covers.values() if country in c["countries"]]
    told = _gap("warned" if end is None else "averted", stay.gate, stay.country, country) | {
        "from_ms": stay.enter_ms,
        "until_ms": end,
        "warned_ms": stay.enter_ms,
        "crossing": None,
        "closed_by": None,
        "cover_begins_ms": min([b for b in begins if b > stay.enter_ms], default=None),
    }
    return Found(gap_id(stay.id, country), stay.enter_ms if end is None else end, end, told)


def gap_id(opened: str, country: str) -> str:
    """The id of a gap of cover: what it was first seen by, and the country."""
    return object_id(Kind.GAP, "cover", opened, country)


def _gap(state: str, gate: str | None, origin: str, country: str) -> dict[str, Any]:
    return {"what": "cover", "state": state, "gate": gate, "origin": origin, "country": country}
