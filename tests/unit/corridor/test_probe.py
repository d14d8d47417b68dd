"""Health and metrics of a role over HTTP."""

from __future__ import annotations

import asyncio
from typing import Any

import httpx
import pytest
from prometheus_client import CollectorRegistry, Counter

from corridor.probe import serving


async def test_health_is_200_or_503_with_what_the_role_says() -> None:
    state: dict[str, Any] = {"well": True}

    def health() -> tuple[bool, dict[str, Any]]:
        return state["well"], {"lag": 3}

    async with serving("127.0.0.1", 0, health, CollectorRegistry()) as port, httpx.AsyncClient() as client:
        well = await client.get(f"http://127.0.0.1:{port}/health?verbose=1")
        state["well"] = False
        ill = await client.get(f"http://127.0.0.1:{port}/health")
    assert (well.status_code, well.json()) == (200, {"ready": True, "checks": {"lag": 3}})
    assert (ill.status_code, ill.json()) == (503, {"ready": False, "checks": {"lag": 3}})


async def test_metrics_are_those_of_the_registry() -> None:
    registry = CollectorRegistry()
    Counter("corridor_folded", "Records", registry=registry).inc(7)
    async with serving("127.0.0.1", 0, lambda: (True, {}), registry) as port, httpx.AsyncClient() as client:
        text = (await client.get(f"http://127.0.0.1:{port}/metrics")).text
    assert "corridor_folded_total 7.0" in text


@pytest.mark.parametrize(
    "request_", [b"POST /health HTTP/1.1\r\n\r\n", b"GET /secret HTTP/1.1\r\n\r\n", b"x\r\n\r\n"]
)
async def test_anything_else_is_not_found(request_: bytes) -> None:
    async with serving("127.0.0.1", 0, lambda: (True, {}), CollectorRegistry()) as port:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(request_)
        assert (await reader.readline()).startswith(b"HTTP/1.1 404")
        writer.close()


async def test_an_endless_line_hurts_nobody() -> None:
    async with (
        serving("127.0.0.1", 0, lambda: (True, {}), CollectorRegistry()) as port,
        httpx.AsyncClient() as client,
    ):
        _, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(b"GET /" + b"a" * 100_000)
        assert (await client.get(f"http://127.0.0.1:{port}/health")).status_code == 200
        writer.close()
