"""Tables of cases in plain text, and the case that each row tells.

A file says which regime, gate, direction and vehicle it is about and which window was planned; then comes a
table with one case a row. Times are of one day in UTC, ``+1 08:00`` is the next day's; ``-`` is nothing.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from streams.clearance.inputs import CaseInputs, Decision
from streams.clearance.regime import Regime
from tests.unit.streams.clearance.cases import (
    CHASSIS,
    VIN,
    conflict,
    filing,
    inputs,
    passing,
    permit,
    release,
)

DAY = 1_780_012_800_000  # 2026-05-29 00:00 UTC
COLUMNS = (
    *(
        "case",
        "filed at",
        "papers",
        "permit",
        "codes",
        "departs at",
        "expected at",
        "arrives at",
        "crosses at",
    ),
    *("at entry port", "leaves at", "truck", "asked at", "answer", "officer", "looked at"),
    *("state", "stage", "because", "deadline", "asks"),
)


@dataclass(frozen=True)
class Row:
    """One case: its place, its regime's name, the heads of its file, its cells by column."""

    place: str
    regime: str
    heads: dict[str, str]
    cells: dict[str, str]

    def cell(self, name: str) -> str:
        """What a column says; "" for nothing."""
        text = self.cells.get(name, "-")
        return "" if text == "-" else text


def rows(path: Path) -> list[Row]:
    """The cases of a file."""
    heads: dict[str, str] = {}
    columns: list[str] = []
    found = []
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        place = f"{path.name}:{number}"
        if not line.strip() or line.startswith("#") or set(line) <= {"-", "|", " "}:
            continue
        cells = [cell.strip() for cell in line.split("|")]
        if len(cells) == 1:
            name, _, text = line.partition(":")
            heads[name.strip().lower()] = text.strip()
        elif not columns:
            columns = cells
            odd = [name for name in columns if name not in COLUMNS]
            assert not odd, f"{place}: unknown column: got {odd[0]}, want one of {', '.join(COLUMNS)}"
        else:
            assert len(cells) == len(columns), f"{place}: got {len(cells)} cells, want {len(columns)}"
            found.append(Row(place, heads["regime"], heads, dict(zip(columns, cells, strict=True))))
    return found


def at(text: str) -> int:
    """``08:30`` or ``+1 08:30`` in ms since 1970."""
    day, _, clock = text.rpartition(" ")
    hours, minutes = clock.split(":")
    return DAY + (int(day or 0) * 1440 + int(hours) * 60 + int(minutes)) * 60_000


def told(row: Row, regime: Regime) -> tuple[CaseInputs, int]:
    """The inputs of a row's case, and the instant at which it is looked at."""
    heads = row.heads
    window = [at(part.strip()) for part in heads["window"].split(" to ")]
    lodged = at(row.cell("filed at"))
    form = filing(
        kind=heads.get("vehicle", "tractor"),
        gate=heads["gate"],
        direction=heads["direction"],
        window_from_ms=window[0],
        window_until_ms=window[1],
        lodged_ms=lodged,
        documents=_papers(row.cell("papers"), regime),
        exporter=heads.get("exporter", "exporter-1"),
    )
    if row.cell("officer").startswith("filing withdrawn"):
        form |= {"state": "withdrawn", "withdrawn": {"at_ms": at(row.cell("officer").split(" at ")[1])}}
    case = inputs(filing=form, permits=_permits(row.cell("permit"), regime), passings=[])
    names = ("arrives at", "crosses at", "at entry port", "leaves at")
    arrives, crosses, entry, leaves = (at(row.cell(n)) if row.cell(n) else None for n in names)
    if any(one is not None for one in (arrives, crosses, entry, leaves)):
        near = None if arrives is None else arrives - 600_000
        case.passings = [passing(near, arrives, crosses, crosses, entry, leaves)]
    if row.cell("departs at"):
        case.departed_ms = at(row.cell("departs at"))
    if row.cell("expected at"):
        case.eta_ms = at(row.cell("expected at"))
    _codes(row.cell("codes"), case)
    _truck(row.cell("truck"), case)
    _answers(row, regime, case)
    return case, at(row.cell("looked at"))


def _papers(text: str, regime: Regime) -> list[dict[str, Any]]:
    """``all``, ``none``, ``all at 09:00`` (linked then), ``expired at 09:00``."""
    if not text or text == "none":
        return []
    word, _, time = text.partition(" at ")
    assert word in ("all", "expired"), f"papers: got {text}"
    issued = at(time) if word == "all" and time else None
    expires = at(time) if word == "expired" else None
    return [
        {"kind": one.kind, "number": "N-1", "issued_ms": issued, "expires_ms": expires, "sha256": None}
        for one in regime.documents
    ]


def _permits(text: str, regime: Regime) -> list[dict[str, Any]]:
    country = "LA" if regime.permit is None else regime.permit.country
    word, _, time = text.partition(" at ")
    match word:
        case "" | "none":
            return []
        case "good":
            return [permit(country=country)]
        case "expired":
            return [permit(country=country, valid_until_ms=at(time))]
        case "revoked":
            return [permit(country=country, state="revoked", reason="agent struck off")]
        case "another vehicle":
            return [permit(country=country, vin="LZZ5ELSD0PA000009", chassis="PA000009")]
        case _:
            assert word.startswith("without "), f"permit: got {text}"
            return [permit(country=country, **{word.removeprefix("without "): None})]


def _codes(text: str, case: CaseInputs) -> None:
    if text == "conflict":
        case.conflicts = [conflict()]
        case.binding = case.binding | {"state": "conflict"}
    elif text == "one source":
        case.binding = case.binding | {"state": "claimed", "agreed": ["filing"]}
    else:
        assert text in ("", "bound"), f"codes: got {text}"


def _truck(text: str, case: CaseInputs) -> None:
    """``axle 11500 of 10000 kg at 08:00``, ``seal broken at 08:00``."""
    words = text.split()
    if words[:1] == ["axle"]:
        case.axle = {"t_ms": at(words[-1]), "kg": int(words[1]), "limit_kg": int(words[3])}
    elif words[:1] == ["seal"]:
        case.seals = [{"seal": "S-1", "state": words[1], "t_ms": at(words[-1])}]
    else:
        assert not text, f"truck: got {text}"


def _answers(row: Row, regime: Regime, case: CaseInputs) -> None:
    """``release at 10:00, withdraw at 10:30`` of the authority and of the officer, in the order of time."""
    decided: list[tuple[int, str, str]] = []
    for column, source in (("answer", regime.authority), ("officer", "officer")):
        for part in filter(None, (one.strip() for one in row.cell(column).split(","))):
            word, _, time = part.partition(" at ")
            if word != "filing withdrawn":
                decided.append((at(time), source, word))
    asked = row.cell("asked at")
    last = release(1, "requested", at(asked)) if asked else None
    if last is not None:
        last |= {"deadline_ms": last["requested_ms"] + regime.release.timeout_ms}
    states = {"release": "granted", "inspect": "inspect", "detain": "detained", "wait": "waiting"}
    for number, (time_ms, source, word) in enumerate(sorted(decided), 1):
        case.decisions.append(
            Decision(
                *(source, word, "as the table says", time_ms, number, source),
                message=None if source == "officer" else f"m-{number}",
                release=None if last is None else last["id"],
            )
        )
        if last is not None and (last["state"] != "granted" or word == "withdraw"):
            state = states.get(word, "withdrawn")
            last |= {"state": state, "decision": word, "decided_ms": time_ms, "by": source}
    case.releases = [] if last is None else [last]


def with_id(row: Row, regime: str) -> Row:
    """The row for another regime."""
    return replace(row, regime=regime)


__all__ = ["CHASSIS", "VIN", "Row", "at", "rows", "told", "with_id"]
