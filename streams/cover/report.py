"""The exposure and driving report of one vehicle and month: a formula that anybody can do again.

It reads exposures, incidents and gaps of proof as they were told, and nothing else. Each figure comes with
its terms; below a minimum of data quality there is none, and the report says why. All integers.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from streams.cover.localtime import month as month_of
from streams.cover.localtime import offset_ms, overlap

FORMULA: Final = "corridor-cover-1"
"""The version: another formula, weight or minimum gets another one."""
MINIMUM: Final = {"proof_permille": 900, "seen_permille": 500, "distance_mm": 100_000_000}
"""Of the exposures' driving: the share that is not in a gap of proof; the share judged by close samples, and
the way, which the driving figures need."""
WEIGHTS: Final = {"harsh_braking": 4, "harsh_acceleration": 2, "harsh_cornering": 3}
"""Points off for one a 100 km."""
NIGHT_POINTS: Final = 20
"""Points off if all driving were by night."""
EXPLAINED_PERMILLE: Final = 900
_NEVER: Final = 1 << 62


@dataclass(frozen=True, slots=True)
class Told:
    """An object as it was told: id, revision and data."""

    id: str
    revision: int
    data: Mapping[str, Any]


def report(
    month: str,
    exposures: Iterable[Told],
    incidents: Iterable[Told],
    gaps: Iterable[Told],
    handovers: Iterable[Told],
    breaches: Iterable[Told],
) -> dict[str, Any]:
    """The report of a month (as 2026-11, local where the vehicle was). Objects of other months may be among
    those given; those that counted stand in ``inputs`` with their revisions."""
    counted = [one for one in exposures if any(part["month"] == month for part in one.data["months"])]
    spans = [_span(one.data) for one in counted]
    rows = [_row(one, month) for one in counted]
    own = [one for one in incidents if _month(one.data["at_ms"], counted) == month]
    proof = [
        one
        for one in gaps
        if one.data["what"] == "proof"
        and _month(one.data["from_ms"], counted) == month
        and any(overlap(*_span(one.data), *span) for span in spans)
    ]
    passed = [one for one in handovers if _month(one.data["at_ms"], counted) == month]
    against = [one for one in breaches if _month(one.data["from_ms"], counted) == month]
    sums = _unique(counted, month)
    quality = _quality(sums, proof, counted)
    told = quality["reasons"] == []
    enough = told and sums["mm"] >= MINIMUM["distance_mm"] and quality["seen_permille"] >= 500
    missing = [] if enough or not told else _missing(sums, quality)
    return {
        "formula": FORMULA,
        "month": month,
        "quality": quality,
        "exposures": rows if told else None,
        "driving": _driving(sums, own) if enough else None,
        "driving_missing": missing,
        "incidents": {what: n for what in _sorts(own) if (n := _count(own, what))},
        "crossings": {
            "handovers": len(passed),
            "automatic_release": sum(bool(one.data["automatic_release"]) for one in passed),
        },
        "breaches": {what: _count(against, what) for what in _sorts(against)},
        "inputs": [
            {"id": one.id, "revision": one.revision} for one in (*counted, *own, *proof, *passed, *against)
        ],
    }


def _row(one: Told, month: str) -> dict[str, Any]:
    (part,) = [part for part in one.data["months"] if part["month"] == month]
    ms, night = part["driven"]["ms"], part["night"]["ms"]
    data = one.data
    return {
        "exposure": one.id,
        **{name: data[name] for name in ("cover", "number", "insurer", "country", "from_ms", "until_ms")},
        "driven": part["driven"],
        "night": {"ms": night, "share_permille": night * 1000 // ms if ms else None},
        "deductible": part.get("deductible", []),
        "assurance": data["assurance"],
    }


def _unique(exposures: list[Told], month: str) -> dict[str, int]:
    """Sums over the stays, each once however many covers ran in it: of those the longest exposure."""
    best: dict[str, dict[str, int]] = {}
    for one in exposures:
        (part,) = [part for part in one.data["months"] if part["month"] == month]
        whole = sum(m["driven"]["ms"] for m in one.data["months"])
        seen = one.data["seen"]["ms"] * part["driven"]["ms"] // whole if whole else 0
        sums = {
            "mm": part["driven"]["mm"],
            "ms": part["driven"]["ms"],
            "night": part["night"]["ms"],
            "seen": seen,
        }
        held = best.get(one.data["visit"])
        if held is None or (sums["ms"], sums["mm"]) > (held["ms"], held["mm"]):
            best[one.data["visit"]] = sums
    return {name: sum(sums[name] for sums in best.values()) for name in ("mm", "ms", "night", "seen")}


def _quality(sums: Mapping[str, int], proof: list[Told], exposures: list[Told]) -> dict[str, Any]:
    lost = sum(one.data["until_ms"] - one.data["from_ms"] for one in proof)
    proven = sums["ms"] * 1000 // (sums["ms"] + lost) if sums["ms"] + lost else 0
    suspect = sum(one.data["assurance"]["counts"]["suspect"] for one in exposures)
    reasons = []
    if not sums["ms"]:
        reasons.append("no driving under a cover was told in this month")
    elif proven < MINIMUM["proof_permille"]:
        want = MINIMUM["proof_permille"] // 10
        reasons.append(f"too little is proven: got {proven // 10} % of the driving, want at least {want} %")
    if suspect:
        reasons.append(f"{suspect} reports are signed by a key that was revoked before, want none")
    return {
        "proven_permille": proven,
        "seen_permille": min(1000, sums["seen"] * 1000 // sums["ms"]) if sums["ms"] else 0,
        "gaps_of_proof": len(proof),
        "gaps_explained": sum(_explained(one.data) for one in proof),
        "reasons": reasons,
        "minimum": {
            "proven_permille": MINIMUM["proof_permille"],
            "seen_permille": MINIMUM["seen_permille"],
            "distance_mm": MINIMUM["distance_mm"],
        },
    }


def _explained(gap: Mapping[str, Any]) -> bool:
    """Whether the device said for nearly all of a silence that it had no coverage."""
    return bool(gap.get("explained", {}).get("share_permille", 0) >= EXPLAINED_PERMILLE)


def _missing(sums: Mapping[str, int], quality: Mapping[str, Any]) -> list[str]:
    out = []
    if sums["mm"] < MINIMUM["distance_mm"]:
        want = MINIMUM["distance_mm"] // 1_000_000
        out.append(f"too short a way to judge driving: got {sums['mm'] // 1_000_000} km, want {want} km")
    if quality["seen_permille"] < MINIMUM["seen_permille"]:
        got, want = quality["seen_permille"] // 10, MINIMUM["seen_permille"] // 10
        out.append(f"samples too far apart: got {got} % of the driving within 2 s, want at least {want} %")
    return out


def _driving(sums: Mapping[str, int], incidents: list[Told]) -> dict[str, Any]:
    """The rates by the way that close samples judged, and the index with its terms in thousandths."""
    judged = max(1, sums["mm"] * min(sums["seen"], sums["ms"]) // sums["ms"])
    terms = []
    for what, weight in WEIGHTS.items():
        count = _count(incidents, what)
        rate = count * 100_000_000 * 1000 // judged  # thousandths a 100 km
        terms.append(
            {"what": what, "count": count, "per_100_km_permille": rate, "points_permille": rate * weight}
        )
    night = sums["night"] * 1000 // sums["ms"]
    terms.append({"what": "night", "share_permille": night, "points_permille": night * NIGHT_POINTS})
    off = sum(int(str(term["points_permille"])) for term in terms)
    return {
        "judged": {"mm": judged, "ms": min(sums["seen"], sums["ms"])},
        "terms": terms,
        "index_permille": max(0, 100_000 - off),
    }


def _month(t_ms: int, exposures: list[Told]) -> str:
    """The local month of an instant: of the country of the exposure that holds it, else UTC."""
    for one in exposures:
        begin, end = _span(one.data)
        if begin <= t_ms < end:
            return month_of(t_ms, offset_ms(one.data["country"]))
    return month_of(t_ms, 0)


def _span(data: Mapping[str, Any]) -> tuple[int, int]:
    return data["from_ms"], _NEVER if data["until_ms"] is None else data["until_ms"]


def _count(some: list[Told], what: str) -> int:
    return sum(one.data["what"] == what for one in some)


def _sorts(some: list[Told]) -> list[str]:
    return sorted({one.data["what"] for one in some})
