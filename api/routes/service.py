"""Health, metrics and the description of the API itself."""

from __future__ import annotations

import asyncio

from fastapi import APIRouter, Request, Response
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from api.answer import answer
from api.auth import Anyone, Scoped
from api.state import state_of

router = APIRouter(tags=["service"])


@router.get("/healthz")
async def alive() -> Response:
    """200 while the process answers at all. Needs no key."""
    return answer({"alive": True})


@router.get("/readyz")
async def ready(request: Request) -> Response:
    """200 when everything has caught up, else 503 with what has not. Needs no key."""
    state = state_of(request.app)
    health = await asyncio.to_thread(state.ports.health)
    good = health.ready and state.hub.ready
    body = {"ready": good, "checks": {**health.checks, "live": state.hub.ready}}
    return answer(body, 200 if good else 503)


@router.get("/metrics", response_class=Response)
def metrics(request: Request, scope: Scoped) -> Response:
    """Numbers for Prometheus."""
    return Response(generate_latest(state_of(request.app).metrics.registry), media_type=CONTENT_TYPE_LATEST)


@router.get("/v1/openapi.json", include_in_schema=False)
async def openapi(request: Request, scope: Anyone) -> Response:
    """The OpenAPI document of the API."""
    return answer(request.app.openapi())
