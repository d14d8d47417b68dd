"""The pilot's report: how long clearance took against the benchmark, where the hours went, and why.

Pure: from the histories of cases to one JSON value. Durations are whole seconds (``_s``), instants ms
(``_ms``), shares thousandths (``_permille``). Percentiles are of the nearest rank, so equal cases give equal
figures. What each figure means stands in docs/clearance.md.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import date
from typing import Any, Final

from feeds.clearance.history import ATTENTION, CaseHistory

BENCHMARK_S: Final = 10_080
DAY_OFFSET_MIN: Final = 480
"""Days of the report are those of China, at UTC+8."""
_WIDTHS_S: Final = (300, 600, 900, 1_800, 3_600, 7_200, 14_400, 43_200, 86_400)
_BARS: Final = 24
_DAY_MS: Final = 86_400_000
SPANS: Final = ("exit_port", "line", "to_release", "entry_port")
"""Where time goes, in the order of the way; ``to_release`` is taken out of the stay at the entry port."""

Row = dict[str, Any]


def report(
    cases: Iterable[CaseHistory],
    *,
    gate: str,
    until_ms: int,
    from_ms: int | None = None,
    conflicts: Mapping[str, Mapping[str, Any]] | None = None,
    uptime: Mapping[str, Any] | None = None,
) -> Row:
    """The report of the cases given: who calls chooses them (gate, scope). ``from_ms`` and ``until_ms``
    keep those that were lodged in [from, until).

    ``conflicts``: data of the CONFLICT objects that the cases name, for the causes of manual verification.
    ``uptime``: see ``feeds.clearance.uptime``; taken over as it is.
    """
    chosen = [case for case in cases if _within(case, from_ms, until_ms)]
    rows = sorted(
        (row_of(case, conflicts or {}, until_ms) for case in chosen),
        key=lambda row: (row["lodged_ms"] or 0, row["case"]),
    )
    total = [row["total_s"] for row in rows if row["total_s"] is not None]
    states: dict[str, int] = {}
    for row in rows:
        states[row["state"]] = states.get(row["state"], 0) + 1
    return {
        "gate": gate,
        "from_ms": from_ms,
        "until_ms": until_ms,
        "benchmark_s": BENCHMARK_S,
        "cases": len(rows),
        "states": dict(sorted(states.items())),
        "clearance": summary(total),
        "filing_to_release": summary(_known(rows, "filing_to_release_s")),
        "distribution": distribution(total),
        "by": {
            name: _groups(rows, key)
            for name, key in (
                ("gate", lambda row: row["gate"]),
                ("day", lambda row: row["day"]),
                ("exporter", lambda row: row["exporter"]),
                ("kind", lambda row: row["kind"]),
                ("delay", lambda row: row["delay"] or "none"),
            )
        },
        "manual_verification": _manual(rows),
        "lost": lost(rows),
        "uptime": dict(uptime) if uptime is not None else None,
        "rows": rows,
    }


def _within(case: CaseHistory, from_ms: int | None, until_ms: int) -> bool:
    lodged = case.now.get("lodged_ms")
    return lodged is None or ((from_ms is None or lodged >= from_ms) and lodged < until_ms)


def row_of(case: CaseHistory, conflicts: Mapping[str, Mapping[str, Any]], until_ms: int) -> Row:
    """One case as a line of the report."""
    data = case.now
    clocks = data.get("clocks_ms") or {}
    entry, to_release = clocks.get("entry_port"), clocks.get("to_release")
    after = None if entry is None else entry - min(entry, max(0, to_release or 0))
    waits = dict.fromkeys(ATTENTION, 0)
    for state, begin, end in case.spans(until_ms):
        if state in waits:
            waits[state] += end - begin
    lodged = data.get("lodged_ms")
    return {
        "case": case.id,
        "reference": data.get("reference"),
        "asset": case.asset,
        "vin": data.get("vin"),
        "chassis": data.get("chassis"),
        "exporter": data.get("exporter") or "unknown",
        "kind": data.get("asset_kind") or "unknown",
        "gate": data.get("gate"),
        "direction": data.get("direction"),
        "day": _day(_begun(data) or lodged),
        "state": data.get("state"),
        "stage": data.get("stage"),
        "batch": data.get("batch"),
        "by": _carrier(data.get("by")),
        "regime": data.get("regime"),
        "regime_version": data.get("regime_version"),
        "release_rule": data.get("release_rule"),
        "lodged_ms": lodged,
        "exit_port_s": _s(clocks.get("exit_port")),
        "line_s": _s(clocks.get("line")),
        "to_release_s": _s(to_release),
        "entry_port_s": _s(after),
        "total_s": _s(clocks.get("total")),
        "filing_to_release_s": _s(clocks.get("filing_to_release")),
        "within_benchmark": data.get("within_benchmark"),
        "manual_s": _s(waits["manual_verification"]),
        "held_s": _s(waits["held"]),
        "manual_cause": manual_cause(case, conflicts),
        "delay": delay(case, conflicts, until_ms),
    }


def manual_cause(case: CaseHistory, conflicts: Mapping[str, Mapping[str, Any]]) -> str | None:
    """Why the case first went to manual verification; None when it never did.

    The first conflict's cause; without one that is known, the code of the first reason.
    """
    for at in case.revisions:
        if at.data.get("state") == "manual_verification":
            causes = [conflicts[c]["cause"] for c in at.data.get("conflicts") or () if c in conflicts]
            return str(causes[0]) if causes else _code(at.data) or "unknown"
    return None


def delay(case: CaseHistory, conflicts: Mapping[str, Mapping[str, Any]], until_ms: int) -> str | None:
    """What held the case up longest: ``manual_verification: CAUSE``, ``held: CODE``, or None for nothing.

    Of a revision's reasons the first counts; of equally long ones that which came first.
    """
    lasted: dict[str, int] = {}
    ends = [at.recorded_ms for at in case.revisions[1:]] + [max(until_ms, case.revisions[-1].recorded_ms)]
    for at, end in zip(case.revisions, ends, strict=True):
        state = at.data.get("state")
        if state in ATTENTION:
            manual = state == "manual_verification"
            why = manual_cause(case, conflicts) if manual else _code(at.data) or "unknown"
            lasted[f"{state}: {why}"] = lasted.get(f"{state}: {why}", 0) + end - at.recorded_ms
    return max(lasted, key=lambda key: lasted[key]) if lasted else None


def _code(data: Mapping[str, Any]) -> str | None:
    reasons = data.get("reasons") or ()
    return str(reasons[0]["code"]) if reasons else None


def summary(values: Sequence[int]) -> Row:
    """Count, mean, percentiles and the share within the benchmark of durations in seconds."""
    ordered = sorted(values)
    if not ordered:
        none = dict.fromkeys(("mean_s", "p10_s", "p50_s", "p90_s", "p95_s", "max_s", "within_permille"))
        return {"count": 0, **none}
    within = sum(value <= BENCHMARK_S for value in ordered)
    return {
        "count": len(ordered),
        "mean_s": round(sum(ordered) / len(ordered)),
        **{f"p{p}_s": percentile(ordered, p) for p in (10, 50, 90, 95)},
        "max_s": ordered[-1],
        "within_permille": 1000 * within // len(ordered),
    }


def percentile(ordered: Sequence[int], percent: int) -> int:
    """The value of the nearest rank in a sorted sequence that is not empty."""
    return ordered[max(1, -(-percent * len(ordered) // 100)) - 1]


def distribution(values: Sequence[int]) -> Row:
    """Counts in bars of equal width, wide enough that the benchmark and nearly all cases have a bar.

    The last bar takes what is longer; ``{width_s, counts, more}`` with ``more``: whether it does.
    """
    longest = max([*values, BENCHMARK_S])
    width = next((w for w in _WIDTHS_S if longest < w * _BARS), _WIDTHS_S[-1])
    count = min(_BARS, longest // width + 1)
    counts = [0] * count
    for value in values:
        counts[min(count - 1, max(0, value) // width)] += 1
    return {"width_s": width, "counts": counts, "more": longest >= width * count}


def lost(rows: Sequence[Row]) -> list[Row]:
    """Seconds lost in each span: what each case took beyond the fastest tenth of all cases there.

    And ``manual_verification`` and ``held``: all time spent in them, which runs beside the spans.
    """
    found: list[Row] = []
    for span in SPANS:
        values = sorted(_known(rows, f"{span}_s"))
        free = percentile(values, 10) if values else 0
        found.append(
            {
                "span": span,
                "cases": len(values),
                "fast_s": free if values else None,
                "lost_s": sum(max(0, value - free) for value in values),
                "worst_s": values[-1] if values else None,
            }
        )
    for span, name in (("manual_verification", "manual_s"), ("held", "held_s")):
        values = sorted(value for value in _known(rows, name) if value)
        found.append(
            {
                "span": span,
                "cases": len(values),
                "fast_s": 0 if values else None,
                "lost_s": sum(values),
                "worst_s": values[-1] if values else None,
            }
        )
    return found


def _manual(rows: Sequence[Row]) -> Row:
    causes: dict[str, int] = {}
    for row in rows:
        if row["manual_cause"] is not None:
            causes[row["manual_cause"]] = causes.get(row["manual_cause"], 0) + 1
    total = sum(causes.values())
    ranked = sorted(causes.items(), key=lambda pair: (-pair[1], pair[0]))
    return {
        "cases": total,
        "share_permille": 1000 * total // len(rows) if rows else None,
        "causes": [
            {"cause": cause, "cases": count, "share_permille": 1000 * count // len(rows)}
            for cause, count in ranked
        ],
    }


def _groups(rows: Sequence[Row], key: Callable[[Row], Any]) -> list[Row]:
    groups: dict[str, list[Row]] = {}
    for row in rows:
        groups.setdefault(str(key(row)), []).append(row)
    return [
        {"key": name, "cases": len(members), **summary(_known(members, "total_s"))}
        for name, members in sorted(groups.items())
    ]


def _known(rows: Iterable[Row], name: str) -> list[int]:
    return [row[name] for row in rows if row[name] is not None]


def _s(ms: int | None) -> int | None:
    return None if ms is None else round(ms / 1000)


def _begun(data: Mapping[str, Any]) -> int | None:
    steps = data.get("steps") or ()
    return next((step["t_ms"] for step in steps if step["stage"] == "arrived"), None)


def _day(t_ms: int | None) -> str | None:
    if t_ms is None:
        return None
    days = (t_ms + DAY_OFFSET_MIN * 60_000) // _DAY_MS
    return date.fromordinal(date(1970, 1, 1).toordinal() + days).isoformat()


def _carrier(by: Any) -> str | None:
    return by.get("asset") if isinstance(by, Mapping) else by
