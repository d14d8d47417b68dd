"""Asks in Kafka: what one process asks another hears until it is done; the role that tells authorities."""

from __future__ import annotations

import asyncio
import json
import urllib.request
import uuid
from pathlib import Path

import pytest

from corridor.roles import deliver
from corridor.settings import Settings
from feeds.outbound.asks import ask, asked
from feeds.outbound.topicnotes import TopicNotes
from streams.kafka.settings import KafkaSettings
from streams.kafka.topics import create
from tests.distributed import servers


@pytest.fixture
def settings(kafka: servers.Kafka) -> KafkaSettings:
    made = KafkaSettings(kafka.address, prefix=f"t{uuid.uuid4().hex[:8]}.", partitions=2, wait_s=20)
    create(made)
    return made


def test_what_is_asked_is_heard_until_it_is_done(settings: KafkaSettings) -> None:
    lanes, command = TopicNotes(settings), TopicNotes(settings)
    lanes.put(1, {"@boten/1": b"{}"})
    assert lanes.asks(1) == {}
    ask(command, 1, "resend", "@boten", None)
    ask(command, 1, "park", "@boten", 7)
    found = asked(lanes.asks(1))
    assert [(one.do, one.name, one.number) for one in found] == [
        ("park", "@boten", 7),
        ("resend", "@boten", None),
    ]
    assert asked(lanes.asks(1)) == found  # nothing was written since: the same
    assert lanes.asks(0) == {}
    lanes.put(1, {one.key: None for one in found})
    assert lanes.asks(1) == {}
    assert set(command.load(1)) == {"@boten/1"}
    lanes.close()
    command.close()


async def test_the_role_takes_up_the_authorities_of_its_settings(
    settings: KafkaSettings, tmp_path: Path
) -> None:
    (tmp_path / "authorities.toml").write_text(
        '[[authority]]\nname = "mohan-customs"\nkind = "folder"\nfolder = "exchange"\npoll_s = 0.05\n'
    )
    given = Settings(
        data_dir=tmp_path / "data",
        kafka_servers=settings.servers,
        kafka_prefix=settings.prefix,
        partitions=2,
        authorities_file=tmp_path / "authorities.toml",
    )
    stop, port = asyncio.Event(), asyncio.get_running_loop().create_future()
    role = asyncio.create_task(deliver.run(given, stop, port.set_result))
    async with asyncio.timeout(60):
        await asyncio.wait([role, port], return_when=asyncio.FIRST_COMPLETED)
        while not (tmp_path / "exchange" / "inbox").is_dir():  # its decisions are looked for
            assert not role.done()
            await asyncio.sleep(0.05)
        url = f"http://127.0.0.1:{port.result()}/health"
        told = await asyncio.to_thread(lambda: json.load(urllib.request.urlopen(url)))
        stop.set()
        await role
    assert told["checks"]["authorities"] == 1
    assert told["checks"]["decisions_refused"] == 0
