"""The hub as a whole, without its threads: what it does with files that do not fit together."""

from __future__ import annotations

import asyncio
import socket
from pathlib import Path

import pytest

from corridor import serving as serving_module
from corridor.folder import Folder
from corridor.hub import Hub
from corridor.metrics import SystemCollector
from corridor.settings import Settings
from feeds.store.duck import DuckStore
from streams.records import NewRecord, RecordKind


async def built(folder: Folder) -> Hub:
    settings = Settings(data_dir=folder.root, min_free_mb=1)
    return await asyncio.to_thread(Hub, settings, folder, "k" * 32, asyncio.get_running_loop())


async def test_a_log_that_lost_records_gives_their_places_to_no_others(tmp_path: Path) -> None:
    folder = Folder(tmp_path / "data")
    store = DuckStore(folder.store)
    store.write(0, 9, [])
    store.close()
    hub = await built(folder)
    try:
        assert hub.log.append([NewRecord(0, RecordKind.FRAME, 1, "k", b"x")]) == [10]
        assert hub.store_thread.writer.lag() == 1
    finally:
        hub.close()


async def test_a_hub_that_serves_nobody_any_more_ends(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def ends_at_once(*_: object) -> None:
        return None

    monkeypatch.setattr(serving_module, "_serve", ends_at_once)
    hub = await built(Folder(tmp_path / "data"))
    listener = socket.create_server(("127.0.0.1", 0))
    told: list[str] = []
    with listener, pytest.raises(ExceptionGroup) as caught:
        async with asyncio.timeout(20):
            await hub.serve(listener, asyncio.Event(), lambda: told.append("ready"))
    assert "the http server ended by itself" in str(caught.value.exceptions)
    assert not told


async def test_health_and_metrics_tell_of_the_past_and_of_late_data(tmp_path: Path) -> None:
    hub = await built(Folder(tmp_path / "data"))
    try:
        hub.log.append([NewRecord(0, RecordKind.NOTE, 1, "k", b"{}") for _ in range(3)])
        hub.runner.engine.position = 3
        hub.runner.engine.seal()
        hub.runner.engine.counts.late = 7
        checks = hub.health().checks
        assert (checks["past_end"], checks["past_files"]) == (3, 1)
        assert checks["engine_counts"] == {"late": 7, "too_late": 0, "refolds": 0, "contested": 0}
        found = {m.name: m.samples[0].value for m in SystemCollector(hub.status).collect() if m.samples}
        assert (found["corridor_past_end"], found["corridor_past_files"], found["corridor_engine_late"]) == (
            3,
            1,
            7,
        )
    finally:
        hub.close()
