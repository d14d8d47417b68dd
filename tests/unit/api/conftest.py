"""Fixtures: a world, and a client of it with the key of tenant ``main``."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import httpx
import pytest

from api.state import state_of
from tests.unit.api.world import KEY, World, make


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    made = make(tmp_path)
    yield made
    made.ports.read.close()
    made.ports.dead_letters.close()


@pytest.fixture
async def client(world: World) -> AsyncIterator[httpx.AsyncClient]:
    transport = httpx.ASGITransport(world.app, raise_app_exceptions=False)
    async with world.app.router.lifespan_context(world.app):
        while not state_of(world.app).hub.ready:
            await asyncio.sleep(0.001)
        async with httpx.AsyncClient(
            transport=transport, base_url="http://corridor.test", headers={"Authorization": f"Bearer {KEY}"}
        ) as opened:
            yield opened
