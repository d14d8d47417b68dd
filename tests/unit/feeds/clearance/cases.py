"""Cases as the engine tells them, made by hand for the tests of what people read."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from feeds.clearance.history import CaseHistory, Revision

T0 = 1_790_000_000_000
MIN = 60_000
HOUR = 3_600_000
STAGES = ("filed", "bound", "departing", "approaching", "arrived", "crossed", "arrived_entry", "released")


def step(stage: str, at_min: int, *, inferred: bool = False, cause: str | None = None) -> dict[str, Any]:
    t_ms = T0 + at_min * MIN
    return {
        "stage": stage,
        "t_ms": t_ms,
        "earliest_ms": t_ms - 5_000,
        "latest_ms": t_ms + 5_000,
        "cause": {"kind": "crossing", "id": cause or "crossing_1", "revision": 3},
        "rule": f"{stage} when seen",
        "inferred": inferred,
    }


def steps(*at_min: int) -> list[dict[str, Any]]:
    """The first steps of the way at these minutes."""
    stages = (*STAGES, "cleared")[: len(at_min)]
    return [step(stage, minute) for stage, minute in zip(stages, at_min, strict=True)]


def data(**more: Any) -> dict[str, Any]:
    """A CASE object of the contract's shape."""
    return {
        "filing": "filing_1",
        "reference": "R-1",
        "asset_kind": "tractor",
        "vin": "LZZTESTA7RN700001",
        "chassis": "SX12 100451",
        "exporter": "Yunnan Export",
        "consignee": "Lao Import",
        "gate": "mohan-boten",
        "direction": "CN>LA",
        "batch": None,
        "regime": "mohan-boten",
        "regime_version": "0123456789abcdef01234567",
        "state": "filed",
        "stage": "filed",
        "reasons": [],
        "steps": steps(0),
        "clocks_ms": dict.fromkeys(
            ("exit_port", "line", "entry_port", "to_release", "total", "filing_to_release")
        ),
        "benchmark_ms": 10_080_000,
        "within_benchmark": None,
        "crossing": None,
        "by": None,
        "permit": None,
        "release": None,
        "release_rule": None,
        "conflicts": [],
        "deadlines": [],
        "documents": [],
        "window_from_ms": T0,
        "window_until_ms": T0 + 24 * HOUR,
        "eta_ms": None,
        "lodged_ms": T0,
        "version": 1,
        "ended_ms": None,
        **more,
    }


def cleared(total_min: int, **more: Any) -> dict[str, Any]:
    """A case that was at the gate for so long: a third at the exit port, a tenth between the ports."""
    total = total_min * MIN
    clocks = {
        "exit_port": total // 3,
        "line": total // 10,
        "to_release": total // 3,
        "entry_port": total - total // 3 - total // 10,
        "total": total,
        "filing_to_release": 2 * total,
    }
    return data(
        **{
            "state": "cleared",
            "stage": "cleared",
            "steps": steps(0, 0, 60, 90, 100, 130, 140, 150, 100 + total_min),
            "clocks_ms": clocks,
            "within_benchmark": total <= 10_080_000,
            "ended_ms": T0 + total + 100 * MIN,
            **more,
        }
    )


def history(*revisions: dict[str, Any], id_: str = "case_1", every_min: int = 10) -> CaseHistory:
    """A case of these data, a revision each ten minutes."""
    return CaseHistory(id_, f"asset_of_{id_}", list(_revisions(revisions, every_min)))


def _revisions(found: Iterable[dict[str, Any]], every_min: int) -> Iterable[Revision]:
    for number, one in enumerate(found, 1):
        t_ms = T0 + (number - 1) * every_min * MIN
        yield Revision(number, "created" if number == 1 else "amended", t_ms, t_ms, 100 + number, one)
