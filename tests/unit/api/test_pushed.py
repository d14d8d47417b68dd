"""Decisions that authorities push: without a key, by their signature, and only where one is expected."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import pytest
from prometheus_client import CollectorRegistry

from api.app import create_app
from api.ports import AwayError
from tests.unit.api.world import World

PATH = "/webhooks/authorities/boten-customs"


async def post(world: World, pushed: Any, folder: Path, url: str = PATH, **more: Any) -> httpx.Response:
    app = create_app(replace(world.ports, pushed=pushed, registry=CollectorRegistry()), folder)
    transport = httpx.ASGITransport(app, raise_app_exceptions=False)
    async with (
        app.router.lifespan_context(app),
        httpx.AsyncClient(transport=transport, base_url="http://corridor.test") as client,
    ):
        return await client.post(url, **more)


async def test_what_is_pushed_is_handed_on_as_it_came(world: World, tmp_path: Path) -> None:
    got: list[tuple[str, str, bytes]] = []

    async def pushed(name: str, head: Mapping[str, str], body: bytes) -> tuple[int, dict[str, Any]]:
        got.append((name, head["webhook-id"], body))
        return 401, {"detail": "signature"}

    answer = await post(world, pushed, tmp_path, content=b'{"a": 1}', headers={"webhook-id": "m1"})
    assert (answer.status_code, answer.json()) == (401, {"detail": "signature"})
    assert got == [("boten-customs", "m1", b'{"a": 1}')]


async def test_what_is_pushed_stands_in_the_audit_log(
    world: World, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async def pushed(name: str, head: Mapping[str, str], body: bytes) -> tuple[int, dict[str, Any]]:
        return 200, {"taken": 2, "refused": {}}

    with caplog.at_level(logging.INFO, "corridor.api.audit"):
        await post(world, pushed, tmp_path, content=b"secret", url=f"{PATH}%0Aforged")
    told = [one.getMessage() for one in caplog.records if one.name == "corridor.api.audit"]
    assert told == ["pushed authority=boten-customs%0Aforged status=200 taken=2"]


async def test_a_log_that_takes_nothing_asks_to_come_again(world: World, tmp_path: Path) -> None:
    async def pushed(name: str, head: Mapping[str, str], body: bytes) -> tuple[int, dict[str, Any]]:
        raise AwayError("the log takes nothing now", 2.5)

    answer = await post(world, pushed, tmp_path, content=b"{}")
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "3")


async def test_where_no_authority_pushes_there_is_no_such_place(world: World, tmp_path: Path) -> None:
    answer = await post(world, None, tmp_path, content=b"{}")
    assert answer.status_code == 404


async def test_a_body_that_is_too_large_is_not_read(world: World, tmp_path: Path) -> None:
    async def pushed(name: str, head: Mapping[str, str], body: bytes) -> tuple[int, dict[str, Any]]:
        raise AssertionError("read")

    answer = await post(world, pushed, tmp_path, content=b"x" * ((1 << 20) + 1))
    assert answer.status_code == 413
