"""Regimes: the rules that cases go by, with all versions; published by the installation's admin."""

from __future__ import annotations

import asyncio

from fastapi import APIRouter, Response

from api.answer import answer
from api.auth import Clearing, Scoped
from api.clearanceschemas import Regime, RegimeText
from api.errors import Problem, not_found
from api.papers import RegimeNew
from api.regimes import shown
from api.schemas import Page
from api.scope import Scope
from streams.clearance.regime import RegimeError, parse

router = APIRouter(tags=["regimes"])


@router.get("/v1/regimes", response_model=Page[Regime])
def list_regimes(scope: Clearing) -> Response:
    """All versions of all regimes, by id and validity; cases keep the version that they began with."""
    book, now_ms = scope.regimes, scope.now_ms()
    return answer({"items": [shown(one, book, now_ms) for one in book.all()], "next": None})


@router.get("/v1/regimes/{regime}", response_model=RegimeText)
def get_regime(scope: Clearing, regime: str) -> Response:
    """A regime with its text: by its id the version in force, by a version that one."""
    return answer(_whole(scope, regime))


@router.post("/v1/regimes", response_model=RegimeText, status_code=201)
async def publish_regime(scope: Scoped, new: RegimeNew) -> Response:
    """Publish a regime; the same text again changes nothing. 422 names each fault with its line."""
    scope.may_edit_zones("regimes")
    try:
        regime = await asyncio.to_thread(parse, new.text, "body.text")
    except RegimeError as error:
        raise Problem(422, str(error), "bad_regime", errors=_faults(error)) from None
    gates = {gate.id for gate in scope.ports.gates}
    unknown = sorted({gate for gate, _ in regime.gates} - gates)
    if unknown:
        raise Problem(
            422,
            f"body.text: got gate {unknown[0]}, want one of {', '.join(sorted(gates))}",
            "bad_regime",
            errors=[{"field": "body.text", "got": unknown[0], "want": f"one of {', '.join(sorted(gates))}"}],
        )
    await scope.command("regime.publish", {"text": new.text})
    told = await asyncio.to_thread(_whole, scope, regime.version)
    return answer(told, 201, {"Location": f"/v1/regimes/{regime.version}"})


def _whole(scope: Scope, name: str) -> dict[str, object]:
    book, now_ms = scope.regimes, scope.now_ms()
    versions = [one for one in book.all() if name in (one.id, one.version)]
    if not versions:
        raise not_found("regime", name)
    found = book.named(name, now_ms) or versions[-1]
    told = [shown(one, book, now_ms) for one in book.all() if one.id == found.id]
    return {**shown(found, book, now_ms), "text": found.text, "versions": told}


def _faults(error: RegimeError) -> list[dict[str, str]]:
    return [
        {"field": f"body.text line {line}", "got": text, "want": "see docs/regimes.md"}
        for line, text in error.faults
    ]
