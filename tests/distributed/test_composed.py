"""The distributed system as its compose file has it: two gateways, workers and APIs on real servers."""

from __future__ import annotations

import asyncio
import json
import re
import time
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from websockets.sync.client import connect

from corridor.fleetbook import register
from feeds.ledger import proof
from feeds.ledger.index import INDEX_KEY, open_index
from feeds.ledger.note import parse_verifier
from feeds.ledger.opened import unpack
from tests.distributed.composed import System, health_of, system
from tests.integration.devices import EVER, Device, as_json, events, until
from tests.integration.drives import check_crossing, drive, hours_ago, reports
from tests.integration.receiver import receiver
from tests.unit.deploy.files import dashboard

pytestmark = [pytest.mark.timeout(300)]
DEVICES = [f"dist-{number}" for number in range(4)]
VINS = [f"WDSTTESTA{number:08d}" for number in range(4)]


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[System]:
    folder = tmp_path_factory.mktemp("composed")
    with receiver(folder / "webhooks") as posted, system(folder, DEVICES) as made:
        made.posted = posted
        yield made


@pytest.fixture(scope="module")
def apis(running: System) -> Iterator[list[httpx.Client]]:
    head = {"Authorization": f"Bearer {running.admin_key}"}
    made = [
        httpx.Client(base_url=f"http://127.0.0.1:{one.port}", headers=head, timeout=60)
        for one in running.roles["api"]
    ]
    yield made
    for one in made:
        one.close()


async def send(running: System, name: str, payloads: list[bytes]) -> None:
    """Publish through the devices' door and wait until all is durable."""
    async with running.broker.client(name) as client:
        await client.subscribe(f"corridor/v1/{name}/ack", qos=1)
        seqs = await Device(name, client).durable(*payloads)
        assert len(seqs) == len(payloads)


def crossings(client: httpx.Client, asset: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = client.get("/v1/crossings", params={"asset": asset}).json()["items"]
    return found


def test_every_process_is_well_by_its_own_check(running: System) -> None:
    assert len(running.all()) == 9
    assert [health_of(one) for one in running.all()] == [0] * 9


def test_trucks_cross_and_both_apis_tell_the_same(running: System, apis: list[httpx.Client]) -> None:
    trucks = [{"device": d, "vin": v, "name": d} for d, v in zip(DEVICES, VINS, strict=True)]
    assert register(running.client(0), trucks) == len(trucks)
    assets = [running.client(1).get(f"/v1/assets/{vin}")["id"] for vin in VINS]
    start = hours_ago(3)

    async def all_drive() -> None:
        await asyncio.gather(
            *(
                send(running, name, as_json(*reports(drive(start + 60_000 * number, back=number % 2 == 1))))
                for number, name in enumerate(DEVICES)
            )
        )

    with connect(f"ws://127.0.0.1:{running.roles['api'][1].port}/v1/live", max_queue=None) as live:
        live.send(json.dumps({"type": "hello", "key": running.admin_key, "max_hz": 10}))
        assert json.loads(live.recv(10))["type"] == "welcome"
        asyncio.run(all_drive())
        done = [
            lambda a=a, c=c: any(x["state"] == "completed" for x in crossings(c, a))
            for a in assets
            for c in apis
        ]
        for one in done:
            until(one, 60)
        heard: set[str] = set()
        moved: set[str] = set()
        while len(heard) < len(assets) or len(moved) < len(assets):
            message = json.loads(live.recv(30))
            if message["type"] == "event" and message["kind"] == "crossing":
                heard.add(message["asset"])
            elif message["type"] == "positions":
                moved.update(item[0] for item in message["items"])
        assert heard == moved == set(assets)
    for number, asset in enumerate(assets):
        (crossing,) = crossings(apis[0], asset)
        check_crossing(crossing, "LA>CN" if number % 2 else "CN>LA")
        assert crossings(apis[1], asset) == [crossing]


def test_both_apis_serve_one_ledger_whose_proofs_hold(running: System, apis: list[httpx.Client]) -> None:
    (role,) = running.roles["ledger"]
    key = parse_verifier((running.folder / "ledger" / "ledger" / INDEX_KEY).read_text().strip())
    asset = running.client(0).get(f"/v1/assets/{VINS[0]}")["id"]
    (crossing,) = crossings(apis[0], asset)
    which = {"event": crossing["id"], "revision": crossing["revision"]}
    for client in apis:
        until(lambda: all(c.get("/v1/ledger/proof", params=which).status_code == 200 for c in apis), 30)
        made = proof.parse(client.get("/v1/ledger/proof", params=which).text)
        origin = made.note.partition("\n")[0]
        index = open_index(client.get("/ledger/index").content, key)
        (log,) = (one for one in index.logs if one.key.name == origin)
        found = made.verify(unpack(made.extra).entry.encode(), log.key, [])
        assert found.checkpoint.origin == origin
        assert len(index.logs) == len({one.key.name for one in index.logs}) == 4
    answer = role.answer()
    assert answer is not None
    assert answer.json()["checks"]["ledger_lost_records"] == 0
    assert "corridor_ledger_ok 1.0" in role.metrics()


def test_a_cursor_of_one_instance_goes_on_at_the_other(apis: list[httpx.Client]) -> None:
    everything = events(apis[0])
    head = max(len(everything) // 2, 1)
    first = apis[0].get("/v1/events", params={"limit": head})
    lines = [json.loads(line) for line in first.text.splitlines()]
    rest = events(apis[1], after=lines[-1]["cursor"])
    seen = [(one["kind"], one["id"], one["revision"]) for one in lines + rest]
    assert sorted(seen) == sorted((one["kind"], one["id"], one["revision"]) for one in everything)
    assert len(set(seen)) == len(seen)


def test_the_history_is_read_from_the_store_through_either(running: System, apis: list[httpx.Client]) -> None:
    asset = running.client(0).get(f"/v1/assets/{VINS[0]}")["id"]
    rows = drive(hours_ago(3))

    def track(client: httpx.Client) -> list[Any]:
        answer = client.get(f"/v1/assets/{asset}/track", params=EVER)
        answer.raise_for_status()
        return list(answer.json()["features"] if "features" in answer.json() else answer.json())

    until(lambda: apis[0].get(f"/v1/assets/{asset}/track", params=EVER).status_code == 200, 30)
    deadline = time.monotonic() + 30
    while True:
        texts = [client.get(f"/v1/assets/{asset}/track", params=EVER).text for client in apis]
        if texts[0] == texts[1] and texts[0].count(",") > len(rows):
            break
        assert time.monotonic() < deadline, texts[0][:500]
        time.sleep(0.2)


def test_a_change_by_one_instance_shows_at_the_other(running: System, apis: list[httpx.Client]) -> None:
    asset = apis[0].get(f"/v1/assets/{VINS[1]}").json()["id"]
    answer = apis[0].patch(f"/v1/assets/{asset}", json={"name": "renamed"})
    answer.raise_for_status()
    until(lambda: apis[1].get(f"/v1/assets/{asset}").json()["name"] == "renamed", 10)


def test_metrics_of_every_process_can_be_read(running: System) -> None:
    wanted = {
        "gateway": "corridor_gateway_ok 1.0",
        "worker": "corridor_partitions ",
        "store": "corridor_store_ok 1.0",
        "deliver": "corridor_webhooks_delivered_total",
        "api": "corridor_http_requests_total",
    }
    for name, text in wanted.items():
        for one in running.roles[name]:
            assert text in one.metrics(), one.name


def test_the_dashboard_asks_for_metrics_that_there_are(running: System) -> None:
    there = set(re.findall(r"^# TYPE (\S+) ", "".join(one.metrics() for one in running.all()), re.MULTILINE))
    asked = {
        name
        for panel in dashboard()["panels"]
        for target in panel["targets"]
        for name in re.findall(r"corridor_[a-z_]+", target["expr"])
    }
    assert asked
    assert {name.removesuffix("_bucket") for name in asked} <= there


def test_the_receiver_of_webhooks_got_each_crossing_signed_and_in_order(
    running: System, apis: list[httpx.Client]
) -> None:
    told = [(one["id"], one["revision"]) for one in events(apis[0]) if one["kind"] == "crossing"]
    assert told

    def got() -> list[tuple[str, int]]:
        return [(data["id"], data["revision"]) for data in (post["data"] for post in list(running.posted))]

    until(lambda: set(got()) >= set(told), 30)
    for id_ in {id_ for id_, _ in told}:
        assert [r for i, r in dict.fromkeys(got()) if i == id_] == sorted(r for i, r in told if i == id_)
    for post in running.posted:
        cursor = post["data"]["cursor"]
        assert apis[1].get("/v1/events", params={"after": cursor, "limit": 1}).status_code == 200


def test_an_api_that_starts_later_has_everything(running: System, apis: list[httpx.Client]) -> None:
    late = running.roles["api"][1]
    before = events(apis[1])
    late.kill()
    data = late.folder / "data"
    for file in data.iterdir():
        file.unlink()
    late.start()
    assert events(apis[1]) == before
    asset = apis[0].get(f"/v1/assets/{VINS[0]}").json()["id"]
    until(lambda: asset in apis[1].get("/v1/positions").text, 10)
