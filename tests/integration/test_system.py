"""``corridor up`` as its users meet it: register, publish, read back; stop, kill and start again."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import aiomqtt
import cbor2
import httpx
import paho.mqtt.client as paho
import pytest
from paho.mqtt.enums import CallbackAPIVersion
from websockets.sync.client import connect

from bench import system as systems
from bench.load import device_name
from bench.system import System, running
from corridor.client import ClientError
from tests.integration.devices import V5, V311, as_json, device, events, fit, http, until
from tests.integration.drives import check_crossing, drive, hours_ago, reports

pytestmark = [pytest.mark.integration, pytest.mark.timeout(200)]
VINS = ("WSYSTESTA00000001", "WSYSTESTA00000002", "WSYSTESTA00000003")


async def send(
    system: System, name: str, payloads: list[bytes], version: aiomqtt.ProtocolVersion = V5
) -> None:
    """Publish and wait until all is durable."""
    async with device(system.local, name, version) as one:
        seqs = await one.durable(*payloads)
        assert len(seqs) == len(payloads)


@pytest.fixture(scope="module")
def system(tmp_path_factory: pytest.TempPathFactory) -> Iterator[System]:
    with running(tmp_path_factory.mktemp("system")) as found:
        yield found


@pytest.fixture(scope="module")
def client(system: System) -> Iterator[httpx.Client]:
    with http(system) as found:
        yield found


def crossings(client: httpx.Client, asset: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = client.get("/v1/crossings", params={"asset": asset}).json()["items"]
    return found


def test_a_drive_through_the_gate_in_json_is_one_crossing_and_everything_else_of_it(
    system: System, client: httpx.Client
) -> None:
    asset = fit(system, "sys-json", VINS[0])
    rows = drive(hours_ago(3))
    with connect(system.local.url.replace("http", "ws") + "/v1/live", max_queue=None) as socket:
        socket.send(json.dumps({"type": "hello", "key": system.local.key, "max_hz": 10}))
        assert json.loads(socket.recv(10))["type"] == "welcome"
        asyncio.run(send(system, "sys-json", as_json(*reports(rows))))
        until(lambda: [c for c in crossings(client, asset) if c["state"] == "completed"])
        (crossing,) = crossings(client, asset)
        check_crossing(crossing, "CN>LA")
        waiting = 8 * 60 + 10 * 60
        assert waiting < crossing["duration_s"] < waiting + 3600
        heard: list[dict[str, Any]] = []
        newest = (crossing["id"], crossing["revision"])
        while not (
            any((message.get("id"), message.get("revision")) == newest for message in heard)
            and any(message["type"] == "positions" and message["items"] for message in heard)
        ):
            heard.append(json.loads(socket.recv(20)))
    places = [row for message in heard if message["type"] == "positions" for row in message["items"]]
    assert {row[0] for row in places} == {asset}
    live = [message for message in heard if message["type"] == "event"]
    wanted = events(client, asset=asset)
    kept = {(line["id"], line["revision"]): line for line in wanted}
    for message in live:
        assert kept[message["id"], message["revision"]]["object"] == message["object"]
    assert {line["kind"] for line in wanted} >= {"device", "visit", "crossing", "trip"}

    features = client.get("/v1/positions").json()["features"]
    (feature,) = [f for f in features if f["id"] == asset]
    assert feature["geometry"]["coordinates"] == pytest.approx(rows[-1][1:3], abs=1e-6)
    assert feature["properties"]["country"] == "LA"
    assert feature["properties"]["vin"] == VINS[0]
    track = client.get(f"/v1/assets/{VINS[0]}/track").json()["items"]
    assert [row["lon"] for row in track] == pytest.approx([row[1] for row in rows], abs=1e-6)
    visits = client.get("/v1/visits", params={"asset": asset}).json()["items"]
    ports = {v["zone"]: v for v in visits if v["zone_kind"] == "port"}
    assert set(ports) == {"mohan-boten-cn-port", "mohan-boten-la-port"}
    assert 480 <= ports["mohan-boten-cn-port"]["dwell_s"] < 480 + 300
    assert {v["country"] for v in visits if v["zone_kind"] == "country"} == {"CN", "LA"}

    def figures() -> dict[str, Any]:
        queue = client.get("/v1/gates/mohan-boten").json()["queues"]["CN>LA"]
        return {name: stage["median_s"] for name, stage in (queue or {"stages": {}})["stages"].items()}

    until(lambda: figures() == crossing["dwell_s"])  # by a note in the log
    eta = client.get(f"/v1/assets/{VINS[0]}/eta").json()
    assert (eta["asset"], eta["arrival"]) == (asset, None)
    assert eta["unknown"]["arrival"] in ("silent", "standing")


def test_cbor_by_mqtt_311_the_other_way_and_a_client_that_is_not_ours(
    system: System, client: httpx.Client
) -> None:
    asset = fit(system, "sys-cbor", VINS[1])
    payloads = [cbor2.dumps(one) for one in reports(drive(hours_ago(3), back=True))]
    half = len(payloads) // 2
    asyncio.run(send(system, "sys-cbor", payloads[:half], V311))
    acks: list[dict[str, Any]] = []
    other = paho.Client(CallbackAPIVersion.VERSION2, "sys-cbor-paho", protocol=paho.MQTTv311)
    other.on_message = lambda _client, _data, message: acks.append(cbor2.loads(message.payload))
    other.connect(system.local.mqtt_host, system.local.mqtt_port)
    other.loop_start()
    try:
        other.subscribe("corridor/v1/sys-cbor/ack", 1)
        for payload in payloads[half:]:
            other.publish("corridor/v1/sys-cbor/report", payload, 1).wait_for_publish(20)
        want = set(range(half, len(payloads)))
        until(lambda: {n for a in acks for x, y in a["durable"] for n in range(x, y + 1)} >= want)
    finally:
        other.disconnect()
        other.loop_stop()
    until(lambda: [c for c in crossings(client, asset) if c["state"] == "completed"])
    (crossing,) = crossings(client, asset)
    check_crossing(crossing, "LA>CN")


def test_a_second_system_on_the_same_folder_is_one_line_and_code_2(system: System) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "corridor", "up", "--data-dir", str(system.folder), "--http-port", "0"],
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 2
    assert done.stderr == (
        f"corridor up: data folder in use: {system.folder} is held by process {system.process.pid}; "
        "stop it or give --data-dir\n"
    )
    assert system.health()["ready"]


def test_no_route_but_health_and_page_is_open(system: System) -> None:
    with httpx.Client(base_url=system.local.url) as stranger:
        for path in ("/healthz", "/readyz"):
            assert stranger.get(path).status_code == 200
        for path in (
            "/v1/positions",
            "/v1/assets",
            "/v1/events",
            "/v1/openapi.json",
            "/metrics",
            "/v1/zones",
        ):
            answer = stranger.get(path, headers={"Authorization": "Bearer no"})
            assert (answer.status_code, answer.headers["content-type"]) == (401, "application/problem+json")
            assert stranger.get(path).status_code == 401


def gone(pids: list[int]) -> bool:
    return not any(Path(f"/proc/{pid}").exists() and not _zombie(pid) for pid in pids)


def _zombie(pid: int) -> bool:
    try:
        return ") Z" in Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return True


def family(system: System) -> list[int]:
    """Process ids of the supervisor's children."""
    found = list(system.children().values())
    assert len(found) == 3
    return found


def test_a_stop_and_a_kill_are_gone_on_from_without_gap_or_double(tmp_path: Path) -> None:
    rows = drive(hours_ago(3))
    payloads = as_json(*reports(rows))
    third = len(payloads) // 3
    parts = payloads[:third], payloads[third : 2 * third], payloads[2 * third :]
    folder, cursor, seen = tmp_path / "data", None, []

    def take_over(system: System, part: list[bytes]) -> list[int]:
        nonlocal cursor
        asyncio.run(send(system, "sys-again", part))
        system.wait_caught_up(30)
        with http(system) as client:
            fresh = events(client, **({"after": cursor} if cursor else {}))
            seen.extend(fresh)
            cursor = fresh[-1]["cursor"] if fresh else cursor
            assert events(client) == seen
            features = client.get("/v1/positions").json()["features"]
            last = json.loads(part[-1])
            assert features[0]["geometry"]["coordinates"] == pytest.approx([last["lon"][-1], last["lat"][-1]])
        return family(system)

    with running(folder) as first:
        asset = fit(first, "sys-again", VINS[2])
        children = take_over(first, parts[0])
        begun = time.monotonic()
        assert first.stop() == 0
        assert time.monotonic() - begun < 10
        assert gone(children)
        assert not (folder / "run" / "local.json").exists()
    with running(folder) as second:
        children = take_over(second, parts[1])
        os.kill(second.process.pid, signal.SIGKILL)
        second.process.wait(10)
        until(lambda: gone(children), 10)
    with running(folder) as third_run:
        take_over(third_run, parts[2])
        with http(third_run) as client:
            (crossing,) = crossings(client, asset)
            check_crossing(crossing, "CN>LA")
            assert len(client.get(f"/v1/assets/{asset}/track").json()["items"]) == len(rows)
    assert len({(line["id"], line["revision"]) for line in seen}) == len(seen)
    said = (folder / "up.log").read_text()
    assert said.count("Admin key (shown this once, keep it): ") == 1
    key = said.split("Admin key (shown this once, keep it): ")[1].split()[0]
    assert key not in (folder / "keys.json").read_text()


def test_a_full_disk_is_said_nothing_is_acknowledged_and_all_goes_on_after_it(tmp_path: Path) -> None:
    systems.register(tmp_path, 1)
    name, key = device_name(0), "a-preset-key-of-the-test"
    payload = as_json(*reports(drive(hours_ago(3))))[0]
    too_much = shutil.disk_usage(tmp_path).free // 2**20 + 100_000
    with running(tmp_path, CORRIDOR_MIN_FREE_MB=str(too_much), CORRIDOR_ADMIN_KEY=key) as full:

        async def refused() -> None:
            async with device(full.local, name) as one:
                for _ in range(3):
                    await one.publish(payload)
                    ack = await one.ack()
                    assert ack["durable"] == ack["refused"] == []
                    (later,) = ack["later"]
                    assert (later[0], later[1], later[3]) == (0, 0, "disk_full")
                    assert later[2] > 0

        until(lambda: full.health()["checks"]["gateway"] == "ok")  # it knows its devices
        asyncio.run(refused())
        health = until(lambda: (h := full.health())["checks"]["gateway"] == "log_unavailable" and h)
        assert health["checks"]["engine"] == "ok"
        with pytest.raises(ClientError, match="free") as error:
            full.client().post("/v1/assets", {"vin": "WSYSTESTA00000009"})
        assert error.value.status == 503
        with httpx.Client(base_url=full.local.url, headers={"Authorization": f"Bearer {key}"}) as client:
            assert client.get("/v1/positions").json()["features"] == []
        assert full.stop() == 0
    said = (tmp_path / "up.log").read_text()
    assert "Admin key" not in said
    assert key not in said
    assert "Traceback" not in said
    with running(tmp_path, CORRIDOR_ADMIN_KEY=key) as again:
        asyncio.run(send(again, name, [payload]))
        assert again.health()["ready"]
