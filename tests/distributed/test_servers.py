"""The servers themselves: they start, keep what they were told over a kill, and come back where they were."""

from __future__ import annotations

import os
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import aiomqtt
import pytest
from confluent_kafka.admin import AdminClient
from confluent_kafka.cimpl import NewTopic

from tests.distributed import servers
from tests.distributed.process import ServerError


def test_kafka_keeps_its_topics_over_a_kill(tmp_path: Path) -> None:
    with servers.kafka(tmp_path) as kafka:
        admin = AdminClient({"bootstrap.servers": kafka.address})
        admin.create_topics([NewTopic("kept", 2, 1)])["kept"].result(20)
        kafka.kill()
        kafka.start()
        admin = AdminClient({"bootstrap.servers": kafka.address})
        assert len(admin.list_topics("kept", timeout=20).topics["kept"].partitions) == 2
    assert not kafka.running


async def test_mosquitto_keeps_a_retained_message_over_a_restart(tmp_path: Path) -> None:
    with servers.mosquitto(tmp_path) as mosquitto:
        async with aiomqtt.Client(mosquitto.host, mosquitto.port) as client:
            await client.publish("kept", b"value", qos=1, retain=True)
        mosquitto.restart()
        async with aiomqtt.Client(mosquitto.host, mosquitto.port) as client:
            await client.subscribe("kept")
            message = await anext(client.messages)
        assert message.payload == b"value"


def test_influx_takes_a_point(influx: servers.Influx) -> None:
    where = f"{influx.url}/api/v2/write?org={influx.org}&bucket={influx.bucket}"
    head = {"Authorization": f"Token {influx.token}"}
    request = urllib.request.Request(where, b"m,device=d v=1 1700000000000000000", head)
    with urllib.request.urlopen(request, timeout=10) as answer:
        assert answer.status == 204


def test_a_frozen_server_ends_all_the_same(tmp_path: Path) -> None:
    with servers.mosquitto(tmp_path) as mosquitto:
        mosquitto.pause()
        pid = mosquitto.pid
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)


def test_a_server_that_ends_by_itself_shows_its_log(tmp_path: Path) -> None:
    with (
        pytest.raises(ServerError, match=r"mosquitto ended by itself\n(.*\n)*.*[Uu]nknown configuration"),
        servers.mosquitto(tmp_path, "nonsense @PORT@\n"),
    ):
        pass


def test_a_program_that_is_not_there_is_named() -> None:
    with pytest.raises(ServerError, match="no-such is not on this machine: run make servers"):
        servers.program("no-such")


_RUN = """
import sys, time
from pathlib import Path
from tests.distributed import servers
with servers.mosquitto(Path(sys.argv[1])) as server:
    print(server.pid, flush=True)
    time.sleep(60)
"""


def test_a_server_does_not_outlive_a_run_that_is_killed(tmp_path: Path) -> None:
    words = [sys.executable, "-c", _RUN, str(tmp_path)]
    with subprocess.Popen(words, stdout=subprocess.PIPE, text=True, cwd=Path(__file__).parents[2]) as run:
        assert run.stdout is not None
        pid = int(run.stdout.readline())
        run.kill()
    deadline = time.monotonic() + 20
    while not _gone(pid):
        assert time.monotonic() < deadline, f"{pid} still runs"
        time.sleep(0.05)


def _gone(pid: int) -> bool:
    """Ended, whether or not somebody has looked at how."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return True
    return state == "Z"
