"""The app: ports in, an ASGI application out. Nothing runs until its lifespan starts."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from fastapi import FastAPI

from api import errors, openapi, page
from api.directory import Directory
from api.limits import BodyLimit, Surroundings
from api.live import Hub
from api.metrics import Metrics
from api.ports import Ports
from api.routes import ALL, ledger, live, pushed, service
from api.state import State


def create_app(ports: Ports, page_folder: Path = page.DIST) -> FastAPI:
    """The API and the page over ``ports``, to be served by one uvicorn worker.

    Serve with ``ws_max_size`` of 64 KB and ``timeout_graceful_shutdown`` of a few seconds: a request that
    waits for events ends no sooner by itself.
    """
    metrics = Metrics(ports.registry)
    hub = Hub(ports, metrics)

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        async with hub.running():
            yield

    app = FastAPI(
        title="Corridor",
        version=_version(),
        description="Trucks, their visits and border crossings. Every request carries a key.",
        lifespan=lifespan,
        docs_url=None,  # they load scripts from other hosts
        redoc_url=None,
        openapi_url=None,  # served behind the key, see routes/service.py
        redirect_slashes=False,
    )
    app.state.corridor = State(ports, Directory(ports.read), hub, metrics)
    errors.install(app)
    for router in ALL:
        app.include_router(router, responses=openapi.RESPONSES)
    app.include_router(service.router)
    app.include_router(pushed.router)
    app.include_router(ledger.public)
    app.include_router(live.router)
    page.install(app, page_folder)
    openapi.install(app)
    app.add_middleware(BodyLimit)
    app.add_middleware(Surroundings, metrics=metrics)
    return app


def _version() -> str:
    try:
        return version("corridor")
    except PackageNotFoundError:
        return "0"
