"""The hub as a whole, without its threads: what it does with files that do not fit together."""

from __future__ import annotations

import asyncio
from pathlib import Path

from corridor.folder import Folder
from corridor.hub import Hub
from corridor.settings import Settings
from feeds.store.duck import DuckStore
from streams.records import NewRecord, RecordKind


async def test_a_log_that_lost_records_gives_their_places_to_no_others(tmp_path: Path) -> None:
    folder = Folder(tmp_path / "data")
    store = DuckStore(folder.store)
    store.write(0, 9, [])
    store.close()
    hub = await asyncio.to_thread(
        Hub, Settings(data_dir=folder.root, min_free_mb=1), folder, "k" * 32, asyncio.get_running_loop()
    )
    try:
        assert hub.log.append([NewRecord(0, RecordKind.FRAME, 1, "k", b"x")]) == [10]
        assert hub.store_thread.writer.lag() == 1
    finally:
        hub.close()
