"""The hub with several partitions: commands, reports, positions and fittings find their homes."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import orjson
import pytest
from shapely import box

from corridor.folder import Folder
from corridor.gatewaypart import Fittings
from corridor.hub import Hub
from corridor.settings import Settings
from feeds.readmodel import ReadModel
from gateway.batch import Arrived, Buses, prepare
from gateway.recent import Recent
from geofences.geojson import zone_feature
from geofences.zone import Zone, ZoneKind
from streams.events import Event, Kind, object_id
from streams.homes import home
from streams.log import LogError
from streams.sqlite_log import SqliteLog
from tests.unit.gateway.reports import T0, payload

PARTITIONS = 3
VINS = [f"V{n}" for n in range(6)]
ASSETS = [object_id(Kind.ASSET, "main", vin) for vin in VINS]


def command(number: int, what: str, **data: Any) -> dict[str, Any]:
    return {"id": f"cmd_{number}", "command": what, "tenant": "main", "by": "test", "data": data}


async def built(folder: Folder) -> Hub:
    settings = Settings(data_dir=folder.root, min_free_mb=1, partitions=PARTITIONS)
    hub = await asyncio.to_thread(Hub, settings, folder, "k" * 32, asyncio.get_running_loop())
    for thread in hub.engine_threads:
        thread.start()
    return hub


async def until(found: Any) -> Any:
    async with asyncio.timeout(30):
        while not (value := found()):
            await asyncio.sleep(0.01)
    return value


def codes(answers: list[Event]) -> list[str | None]:
    return [None if e.data["ok"] else e.data["error"]["code"] for e in answers]


async def test_several_partitions_serve_as_one(tmp_path: Path) -> None:
    folder = Folder(tmp_path / "data")
    hub = await built(folder)
    try:
        batch = [command(n, "asset.register", vin=vin, name=vin) for n, vin in enumerate(VINS)]
        assert codes(await hub.commands.submit(batch)) == [None] * 6
        fits = [command(10 + n, "device.fit", device=f"d{n}", asset=a) for n, a in enumerate(ASSETS)]
        answers = await hub.commands.submit(fits)
        assert codes(answers) == [None] * 6
        assert [event.partition for event in answers] == [home(f"d{n}", PARTITIONS) for n in range(6)]
        assert len({home(asset, PARTITIONS) for asset in ASSETS}) == PARTITIONS
        again = [command(20 + n, "device.fit", device=f"d{n}", asset=ASSETS[n - 1]) for n in range(6)]
        assert codes(await hub.commands.submit(again)) == ["fitted"] * 6
        yard = Zone("yard-x", ZoneKind.YARD, "yard", box(101, 21, 102, 22), grace_s=60)
        feature = orjson.loads(orjson.dumps(zone_feature(yard)))
        publish = command(30, "zone.publish", zones=[feature], valid_from_ms=T0 - 1)
        assert codes(await hub.commands.submit([publish])) == [None]
        await until(lambda: all("yard-x" in r.engine.world.number for r in hub.runners))
        fittings = Fittings(ReadModel(folder.read, read_only=True), PARTITIONS)
        fittings.refresh()
        arrived = []
        for n, asset in enumerate(ASSETS):
            fitted = fittings.lookup(f"d{n}")
            assert fitted is not None
            assert (fitted.asset, fitted.partition) == (asset, home(asset, PARTITIONS))
            arrived += [Arrived(f"d{n}", fitted, payload(seq), T0) for seq in range(2)]
        hub.log.append(prepare(arrived, Recent(), Buses(), T0).records)
        table = await until(lambda: t if len(t := hub.live.snapshot("main")) == 6 else None)
        assert dict(zip(table.asset, table.device, strict=True)) == {a: f"d{n}" for n, a in enumerate(ASSETS)}
        assert len(hub.live.snapshot("other")) == 0

        def in_the_yard() -> bool:
            visits = hub.read.objects(Kind.VISIT, "main")
            return {v.asset for v in visits if v.data["zone"] == "yard-x"} == set(ASSETS)

        await until(in_the_yard)
        assert hub.status()["engine"]["assets"] == 6
        assert hub.health().checks["engine"] == "ok"
        hub.trim_once()
    finally:
        await asyncio.to_thread(hub.close)
    hub = await built(folder)  # from three snapshots
    try:
        assert [len(runner.engine.names) > 0 for runner in hub.runners] == [True] * PARTITIONS
        assert sorted(hub.live.snapshot("main").asset) == sorted(ASSETS)
        unfit = [command(40 + n, "device.unfit", device=f"d{n}") for n in range(6)]
        assert codes(await hub.commands.submit(unfit)) == [None] * 6
    finally:
        await asyncio.to_thread(hub.close)


async def test_readers_hear_of_rows_of_every_partition(tmp_path: Path) -> None:
    hub = await built(Folder(tmp_path / "data"))
    reader = hub.live.subscribe()
    try:
        await hub.commands.submit([command(n, "asset.register", vin=v, name=v) for n, v in enumerate(VINS)])
        fits = [command(10 + n, "device.fit", device=f"d{n}", asset=a) for n, a in enumerate(ASSETS)]
        await hub.commands.submit(fits)
        fittings = Fittings(hub.read, PARTITIONS)
        fittings.refresh()
        sent = []
        for n in range(6):
            fitted = fittings.lookup(f"d{n}")
            assert fitted is not None
            sent.append(Arrived(f"d{n}", fitted, payload(0), T0))
        hub.log.append(prepare(sent, Recent(), Buses(), T0).records)
        heard: set[str] = set()
        async with asyncio.timeout(30):
            while heard != set(ASSETS):
                batch = await anext(reader)
                heard |= set(batch.positions.asset if batch.positions else ())
    finally:
        await asyncio.to_thread(hub.close)


def test_a_log_of_another_partition_count_is_refused(tmp_path: Path) -> None:
    SqliteLog(tmp_path / "log.db", 2).close()
    with pytest.raises(LogError, match="the log has 2 partitions, asked for 3"):
        SqliteLog(tmp_path / "log.db", 3)
