"""The live view of an API that has no engine."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from typing import Any

import numpy as np
import pytest

from corridor.roles.remotelive import RemoteLive
from streams.events import Change, Event, Kind
from streams.kafka.positions import Positions


def table(position: int, assets: list[str], lon: int = 1, **more: Any) -> Positions:
    """Rows of assets that were seen just now, at one place."""
    n = len(assets)
    columns: dict[str, Any] = {
        "tenant": ["main"] * n,
        "device": ["d"] * n,
        "t": np.full(n, 5, np.int64),
        "seen": np.full(n, int(time.time() * 1000), np.int64),
        "lon": np.full(n, lon, np.int32),
        "lat": np.full(n, 2, np.int32),
        "speed": np.full(n, 9_000, np.int32),
        "heading": np.full(n, -1, np.int32),
        "country": ["CN"] * n,
        "at_gate": np.zeros(n, bool),
        "trip_mm": np.full(n, -1, np.int64),
    }
    return Positions(position=position, asset=assets, **(columns | more))


@pytest.fixture
async def live() -> AsyncIterator[RemoteLive]:
    made = RemoteLive(asyncio.get_running_loop())
    yield made
    made.close()


async def test_of_an_asset_the_row_of_the_highest_position_counts(live: RemoteLive) -> None:
    live.moved(table(7, ["a", "b"], lon=70))
    live.moved(table(6, ["b", "c"], lon=60))
    live.moved(table(7, ["a"], lon=71))
    shown = live.snapshot(None)
    assert dict(zip(shown.asset, shown.lon_e7.tolist(), strict=True)) == {"a": 71, "b": 70, "c": 60}


async def test_a_tenant_sees_its_own(live: RemoteLive) -> None:
    live.moved(table(1, ["a", "b"], tenant=["main", "other"]))
    assert live.snapshot("other").asset == ["b"]


async def test_what_an_asset_is_at_is_said_by_this_clock(live: RemoteLive) -> None:
    now = int(time.time() * 1000)
    seen = np.array([now, now, now, now - 3_600_000], np.int64)
    speed = np.array([9_000, 0, 0, 9_000], np.int32)
    gate = np.array([True, True, False, True])
    live.moved(table(1, ["a", "b", "c", "d"], seen=seen, speed=speed, at_gate=gate))
    assert list(live.snapshot(None).state) == ["moving", "at_gate", "stopped", "silent"]


async def test_a_subscriber_gets_what_moves_and_what_happens(live: RemoteLive) -> None:
    live.moved(table(1, ["a"]))
    batches = live.subscribe()
    event = Event(0, 1, 2, Kind.ASSET, "a", 1, Change.CREATED, "main", "a", 0, 0, {})
    await asyncio.to_thread(live.moved, table(2, ["a"], lon=99))
    await asyncio.to_thread(live.happened, [event])
    heard: list[Event] = []
    moved: list[int] = []
    while not heard:
        batch = await anext(batches)
        heard += batch.events
        if batch.positions is not None:
            moved += batch.positions.lon_e7.tolist()
    assert heard == [event]
    assert moved[-1] == 99
