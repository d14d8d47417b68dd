"""Fixtures: a world of one's own to change, and one that a whole module reads."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx
import pytest
import pytest_asyncio

from api.state import state_of
from tests.unit.api.world import KEY, World, make


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    made = make(tmp_path)
    yield made
    made.close()


@pytest.fixture
async def client(world: World) -> AsyncIterator[httpx.AsyncClient]:
    """A client of ``world`` with the key of tenant ``main``."""
    async with _client(world) as opened:
        yield opened


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """A world that no test of the module changes."""
    made = make(tmp_path_factory.mktemp("world"))
    yield made
    made.close()


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def reader(shared: World) -> AsyncIterator[httpx.AsyncClient]:
    """A client of ``shared``; tests that use it run on the module's loop."""
    async with _client(shared) as opened:
        yield opened


@asynccontextmanager
async def _client(world: World) -> AsyncIterator[httpx.AsyncClient]:
    transport = httpx.ASGITransport(world.app, raise_app_exceptions=False)
    async with world.app.router.lifespan_context(world.app):
        while not state_of(world.app).hub.ready:
            await asyncio.sleep(0.001)
        async with httpx.AsyncClient(
            transport=transport, base_url="http://corridor.test", headers={"Authorization": f"Bearer {KEY}"}
        ) as opened:
            yield opened
