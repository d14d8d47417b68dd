"""A gate's board, the report of clearance at a gate, and one vehicle's whole way."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Query, Response

from api.answer import answer
from api.auth import Clearing
from api.board import MOST, board
from api.clearanceschemas import Board, ClearanceReport, Trace
from api.errors import Problem, shown
from api.filing import ways
from api.history import reported, traced
from api.regimes import in_force
from api.render import render
from api.times import Instant
from streams.identity import vin as vins

router = APIRouter(tags=["clearance"])
_WEEK_MS = 7 * 86_400_000


@router.get("/v1/gates/{gate}/board", response_model=Board)
def get_board(
    scope: Clearing,
    gate: str,
    direction: Annotated[str | None, Query(max_length=5, description="As CN>LA; both when left out.")] = None,
    limit: Annotated[int, Query(ge=1, le=MOST)] = MOST,
) -> Response:
    """Who comes to a gate: its open cases, conflicts first, then by ETA."""
    held = scope.gate(gate)
    if direction is not None and direction not in ways(held):
        raise Problem(422, f"direction: got {shown(direction)}, want {' or '.join(ways(held))}")
    told: dict[str, Any] = board(scope, held, direction, limit)
    now_ms = scope.now_ms()
    told["regime"] = in_force(scope.regimes, gate, direction or ways(held)[0], now_ms)
    return answer(told)


@router.get("/v1/gates/{gate}/clearance", response_model=ClearanceReport)
def get_report(
    scope: Clearing,
    gate: str,
    start: Annotated[
        Instant | None, Query(alias="from", description="7 days before `to` when left out.")
    ] = None,
    end: Annotated[Instant | None, Query(alias="to", description="Now when left out.")] = None,
) -> Response:
    """How long clearance took at a gate: cases lodged in [from, to), against the benchmark of 2.8 h."""
    held = scope.gate(gate)
    until_ms = scope.now_ms() if end is None else end
    from_ms = until_ms - _WEEK_MS if start is None else start
    if from_ms >= until_ms:
        raise Problem(422, "period is empty: got from at or after to, want from before to")
    return answer(render(reported(scope, held.id, from_ms, until_ms)))


@router.get("/v1/trace/{vin}", response_model=Trace)
def get_trace(scope: Clearing, vin: str) -> Response:
    """One vehicle from its maker to its destination. 404 when there is none with this VIN."""
    return answer(traced(scope, vins.normalise(vin), scope.asset(vin)))
