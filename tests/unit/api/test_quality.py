"""The grades of an asset over HTTP, from the store: shape, units, neighbours, period, tenants."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import httpx
import numpy as np
import pytest

from api.schemas import Quality
from streams.engine.rows import Rows
from streams.engine.units import NONE
from streams.events import Kind, object_id
from tests.unit.api.world import ASSET, OTHER_ASSET, OTHER_VIN, T0, VIN, World, positions
from tests.unit.feeds.store.frames import Report, frame
from tests.unit.streams.engine.grade_tracks import Track, drive

QUALITY = f"/v1/assets/{VIN}/quality?from=2026-11-22T06:00:00Z&to=2026-11-22T11:00:00Z"
NEIGHBOUR_VIN = "LZZTESTAXPN000003"
_NAMES = {
    "t": "t_ms",
    "lon": "lon_e7",
    "lat": "lat_e7",
    "speed": "speed_ckmh",
    "heading": "heading_cdeg",
    "hdop": "hdop_c",
    "sats": "sats",
    "fix": "fix",
    "odometer": "odometer_mm",
    "wheel": "wheel_ckmh",
}
HOUR_MS = 3_600_000


def store(world: World, asset: str, track: Track, word: str) -> None:
    """Keep a track in the store, an hour after what the world holds already."""
    rows: Rows = track.rows()
    columns = {of: getattr(rows, name).tolist() for name, of in _NAMES.items()}
    columns["t_ms"] = [t + HOUR_MS for t in columns["t_ms"]]
    samples: list[dict[str, Any]] = [
        {name: None if value == NONE else value for name, value in zip(columns, row, strict=True)}
        for row in zip(*columns.values(), strict=True)
    ]
    received = T0 + 3 * HOUR_MS
    world.ports.store.write(0, 100, [frame(Report(asset, samples, word, received_ms=received))])


def neighbour(world: World) -> str:
    """Another asset of the tenant, and where it and all others are now."""
    data: dict[str, Any] = {
        "vin": NEIGHBOUR_VIN,
        "chassis": None,
        "plates": [],
        "kind": "tractor",
        "maker": None,
    }
    data |= {"name": None, "fleet": None}
    command = {"id": "cmd_n", "command": "asset.register", "tenant": "main", "by": "test", "data": data}
    world.engine.fold(command)
    other = object_id(Kind.ASSET, "main", NEIGHBOUR_VIN)
    places = [(one, "main", 101.5, 21.1) for one in (ASSET, other)]
    world.live.table = positions(*places, (OTHER_ASSET, "other", 101.5, 21.1), t_ms=T0 + 2 * HOUR_MS)
    return other


async def test_a_clean_drive_in_the_declared_shape(world: World, client: httpx.AsyncClient) -> None:
    store(world, ASSET, drive(40), "clean")
    got = (await client.get(QUALITY)).json()
    Quality.model_validate(got)
    assert (got["asset"], got["from"], got["to"]) == (
        ASSET,
        "2026-11-22T06:00:00.000Z",
        "2026-11-22T11:00:00.000Z",
    )
    assert got["samples"] == got["positions"] == got["believed"] == 480 + 60
    assert got["believed_share"] == 1.0
    assert set(got["flags"].values()) == {0}
    assert [got[name]["grade"] for name in ("jamming", "spoofing", "frozen", "clock", "datum")] == [
        *["none"] * 4,
        "unknown",
    ]


async def test_a_loss_is_judged_by_the_tenants_own_neighbours(
    world: World, client: httpx.AsyncClient
) -> None:
    store(world, ASSET, drive(60).lost(900, 2100), "lost")
    store(world, OTHER_ASSET, drive(60, seed=9).lost(900, 2100), "theirs")
    other = neighbour(world)
    store(world, other, drive(60, seed=2), "with a fix")
    got = (await client.get(QUALITY)).json()
    assert (got["samples"], got["positions"]) == (720 + 60, 480 + 60)
    jamming = got["jamming"]
    assert (jamming["grade"], jamming["assets_read"], jamming["assets_left_out"]) == ("possible", 1, 0)
    (span,) = jamming["spans"]
    assert (span["from"], span["to"]) == ("2026-11-22T08:15:00.000Z", "2026-11-22T08:34:55.000Z")
    assert (span["lost_s"], span["turning_s"], span["why"]) == (1195, 1195, "only_this_one")
    assert (span["neighbours_with_fix"], span["neighbours_without"]) == (1, 0)
    assert span["wheels_m"] == pytest.approx(1195 * 70 / 3.6, rel=0.1)
    assert span["before"]["lon"] == pytest.approx(101.17, abs=0.05)
    assert not any(name.endswith(("_ms", "_e7", "_mm")) for name in span)


async def test_neighbours_that_lost_it_too(world: World, client: httpx.AsyncClient) -> None:
    store(world, ASSET, drive(60).lost(900, 2100), "lost")
    store(world, neighbour(world), drive(60, seed=2).lost(1000, 2000), "lost too")
    jamming = (await client.get(QUALITY)).json()["jamming"]
    assert (jamming["grade"], jamming["spans"][0]["neighbours_without"]) == ("likely", 1)


async def test_spoofed_windows(world: World, client: httpx.AsyncClient) -> None:
    track = drive(40)
    ahead = np.clip(track.t - 1200, 0, 600) * 20
    store(world, ASSET, replace(track, x=track.x + ahead), "ahead")
    spoofing = (await client.get(QUALITY)).json()["spoofing"]
    assert spoofing["grade"] == "likely"
    span = spoofing["spans"][0]
    assert span["off"]["too_far"] >= 8
    assert span["path_m"] > span["wheels_m"] > 1000
    assert span["faster_kmh"] == pytest.approx(0, abs=1)


async def test_bus_and_receiver_in_reports_of_their_own(world: World, client: httpx.AsyncClient) -> None:
    track = drive(40)
    store(world, ASSET, track.without("wheel", "odometer"), "receiver")
    nothing = np.full(len(track.t), np.nan)
    bus = replace(track, x=nothing, y=nothing, speed=nothing, heading=nothing)
    store(world, ASSET, bus, "bus, at the same instants")
    store(world, ASSET, replace(bus, t=bus.t + 1), "bus, a second later")
    got = (await client.get(QUALITY)).json()
    assert (got["samples"], got["positions"]) == (3 * 480 + 60, 480 + 60)
    assert (got["jamming"]["grade"], got["spoofing"]["grade"]) == ("none", "none")
    assert got["spoofing"]["compared"] == 40


async def test_the_last_day_when_no_period_is_given(client: httpx.AsyncClient) -> None:
    got = (await client.get(f"/v1/assets/{ASSET}/quality")).json()
    Quality.model_validate(got)
    assert got["samples"] >= 0


@pytest.mark.parametrize(
    ("period", "detail"),
    [
        ("from=2026-11-22T07:00:00Z&to=2026-11-22T07:00:00Z", "period is empty"),
        ("from=2026-11-01T07:00:00Z&to=2026-11-22T07:00:00Z", "got 21.0 days, want at most 7"),
        ("from=yesterday", "RFC 3339"),
    ],
)
async def test_periods_that_are_refused(client: httpx.AsyncClient, period: str, detail: str) -> None:
    answer = await client.get(f"/v1/assets/{VIN}/quality?{period}")
    assert answer.status_code == 422
    assert detail in answer.text


async def test_an_asset_of_another_tenant_is_not_found(client: httpx.AsyncClient) -> None:
    assert (await client.get(f"/v1/assets/{OTHER_VIN}/quality")).status_code == 404
