"""Lanes at work: what they do while their notes fail."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from pathlib import Path

import pytest

from corridor.deliveries import RULE
from corridor.lanes import Lanes
from feeds.outbound.filenotes import FileNotes
from feeds.outbound.schedule import Answer
from feeds.webhooks.endpoints import Endpoint
from streams.events import Event
from tests.unit.corridor.test_asking import HOOK, Events


class Away:
    """Notes that take nothing once ``away`` is set."""

    def __init__(self, notes: FileNotes) -> None:
        self._notes, self.away = notes, False

    def load(self, partition: int) -> dict[str, bytes]:
        return self._notes.load(partition)

    def asks(self, partition: int) -> dict[str, bytes]:
        return {}

    def put(self, partition: int, values: Mapping[str, bytes | None]) -> None:
        if self.away:
            raise OSError("no notes now")
        self._notes.put(partition, values)


async def test_a_lane_is_left_although_its_notes_fail(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Who takes the partition goes on at once; the one that left sends nothing more."""
    notes = FileNotes(tmp_path / "deliveries.db")
    kept, events, sent = Away(notes), Events(2), 0
    sending, go = asyncio.Event(), asyncio.Event()

    async def send(target: Endpoint, event: Event) -> Answer:
        nonlocal sent
        sent += 1
        sending.set()
        await go.wait()
        return Answer(200)

    lanes = Lanes([HOOK], events, kept, send, RULE)
    await lanes.take(0)
    async with asyncio.timeout(20):
        await sending.wait()
        kept.away = True
        leaving = asyncio.create_task(lanes.leave(0))
        await asyncio.sleep(0)
        go.set()
        await leaving
    assert "not_noted to=hook partition=0 reason=no notes now" in caplog.text
    tried = sent
    await asyncio.sleep(0.2)
    assert (sent, lanes.trouble, lanes.lanes) == (tried, {}, {})
    notes.close()
