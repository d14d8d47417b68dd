"""All of the compose file is killed, frozen and cut off at random, under load; afterwards all is right.

``FAULTS`` and ``OUTAGE_S`` make it longer, ``ONLY`` keeps it to the faults with these words in
their names; with ``STORM_JSON`` what a truck and a reader saw of each fault is written there.
"""

from __future__ import annotations

import contextlib
import json
import os
import random
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import cbor2
import httpx
import pytest

import geofences
from corridor.folder import Folder
from feeds.ledger.book import Kept
from feeds.ledger.note import parse_verifier
from feeds.ledger.reading import LedgerReader
from feeds.store.influx.client import Client, Place
from feeds.store.influx.store import InfluxStore
from streams.codec import decode_frame
from streams.engine import Engine, World
from streams.events import Event, Kind
from streams.kafka.feed import EventFeed
from streams.kafka.log import KafkaLog
from streams.kafka.settings import KafkaSettings
from streams.records import RecordKind
from tests.distributed.composed import Role, System, system
from tests.distributed.process import Server
from tests.distributed.trucks import Trucks
from tests.integration.receiver import receiver

FAULTS = int(os.environ.get("FAULTS", "8"))
OUTAGE_S = float(os.environ.get("OUTAGE_S", "6"))
SEED = int(os.environ.get("SEED", "11"))
DEVICES = [f"storm-{number}" for number in range(6)]
VINS = [f"WDSTSTXRM{number:08d}" for number in range(6)]
PARTITIONS = 4
ONLY = os.environ.get("ONLY", "")
DISK_MB = 64
HOUR = """import time
_time, _time_ns = time.time, time.time_ns
time.time = lambda: _time() + {seconds}
time.time_ns = lambda: _time_ns() + {seconds} * 1_000_000_000
"""
pytestmark = pytest.mark.timeout(600 + 60 * FAULTS)


def faults(made: System, chance: random.Random) -> dict[str, Callable[[], None]]:
    """What can happen, by name."""

    def some(name: str) -> Role:
        return chance.choice(made.roles[name])

    def killed(server: Server) -> None:
        server.kill()
        time.sleep(chance.uniform(0.0, 2.0))
        server.start() if not isinstance(server, Role) else server.launch()

    def frozen(server: Server) -> None:
        server.pause()
        time.sleep(OUTAGE_S)
        server.resume()

    def away(server: Server) -> None:
        server.stop()
        time.sleep(OUTAGE_S)
        server.start()

    def role_killed(name: str) -> Callable[[], None]:
        return lambda: killed(some(name))

    def clock_off() -> None:
        """A gateway on a machine whose clock is an hour off takes its share of reports, and keeps none."""
        another = made.another("gateway")
        (another.folder / "sitecustomize.py").write_text(HOUR.format(seconds=chance.choice((3600, -3600))))
        another.environment["PYTHONPATH"] = str(another.folder)
        another.launch()
        try:
            deadline = time.monotonic() + 60
            while "clock" not in (((said := another.answer()) and said.text) or ""):
                assert time.monotonic() < deadline, f"{said and said.text}\n{another.tail()}"
                time.sleep(0.1)
            assert not another.healthy()
        finally:
            another.stop()

    def disk_full() -> None:
        """The folder that workers keep their state in takes nothing for a while."""
        fill = made.folder / "shared" / "fill"
        with contextlib.suppress(OSError), fill.open("wb") as file:
            while True:
                file.write(bytes(1 << 20))
        time.sleep(OUTAGE_S)
        fill.unlink()

    def joined() -> None:
        another = made.another("worker")
        another.start()
        made.wait(120)
        time.sleep(chance.uniform(0.0, 3.0))
        another.stop()

    full = {"disk full": disk_full} if os.path.ismount(made.folder / "shared") else {}
    return (
        {f"{name} killed": role_killed(name) for name in made.roles}
        | full
        | {
            "a gateway's clock is an hour off": clock_off,
            "a third worker comes and goes": joined,
            "worker frozen": lambda: frozen(some("worker")),
            "gateway frozen": lambda: frozen(some("gateway")),
            "broker killed": lambda: killed(made.broker.server),
            "Kafka killed": lambda: killed(made.kafka),
            "Kafka away": lambda: away(made.kafka),
            "InfluxDB killed": lambda: killed(made.influx),
            "InfluxDB away": lambda: away(made.influx),
        }
    )


def test_whatever_fails_nothing_acknowledged_is_lost_and_no_event_is_told_twice_differently(
    tmp_path: Path,
) -> None:
    chance = random.Random(SEED)
    with (
        receiver(tmp_path / "webhooks") as posted,
        small_disk(tmp_path / "shared"),
        system(tmp_path, DEVICES) as made,
    ):
        register(made)
        trucks = Trucks(made.broker, DEVICES)
        trucks.start()
        told = []
        try:
            names = sorted(name for name in faults(made, chance) if ONLY in name)
            order = [*chance.sample(names, len(names)), *chance.choices(names, k=FAULTS)][:FAULTS]
            for name in order:
                time.sleep(chance.uniform(0.5, 2.0))
                for truck in trucks.trucks:
                    truck.gap_s = 0.0
                began = time.monotonic()
                faults(made, chance)[name]()
                ended = time.monotonic()
                made.wait(120)
                told.append(
                    {
                        "fault": name,
                        "lasted_s": round(ended - began, 1),
                        "well_again_s": round(time.monotonic() - ended, 1),
                        "longest_without_ack_s": round(max(t.gap_s for t in trucks.trucks), 1),
                    }
                )
            trucks.park(120)
        finally:
            trucks.end()
            for one in told:
                print(one)
            if os.environ.get("STORM_JSON"):
                Path(os.environ["STORM_JSON"]).write_text(json.dumps(told, indent=1))
        assert [truck.refused for truck in trucks.trucks] == [[]] * len(DEVICES)
        kafka = KafkaSettings(made.kafka.address, partitions=PARTITIONS)
        samples = check_log(kafka, trucks)
        events = check_events(kafka)
        check_readers(made, events)
        check_store(made, samples)
        check_webhooks(made, posted, events)
        check_ledger(made, samples, events)


@contextlib.contextmanager
def small_disk(folder: Path) -> Iterator[None]:
    """A file system of its own in ``folder``, where this machine allows it; else nothing."""
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", f"size={DISK_MB}m", "tmpfs", str(folder)]
    try:
        mounted = subprocess.run(mount, capture_output=True, check=False, timeout=20).returncode == 0
    except OSError:
        mounted = False
    try:
        yield
    finally:
        if mounted:
            subprocess.run(["umount", "--lazy", str(folder)], check=True, timeout=20)


def register(made: System) -> None:
    """A truck for each device."""
    client = made.client(0)
    for device, vin in zip(DEVICES, VINS, strict=True):
        asset = client.post("/v1/assets", {"vin": vin, "name": device})["id"]
        client.post("/v1/devices", {"device": device, "asset": asset})


def check_log(kafka: KafkaSettings, trucks: Trucks) -> dict[str, set[tuple[int, bytes]]]:
    """What was acknowledged is in the log, byte for byte; returns the samples of each asset."""
    log = KafkaLog(kafka)
    there: dict[str, set[bytes]] = {name: set() for name in DEVICES}
    samples: dict[str, set[tuple[int, bytes]]] = {}
    for partition in range(PARTITIONS):
        position = 0
        while records := log.read(partition, position, 8 << 20):
            position = records[-1].position
            for record in records:
                if record.kind is not RecordKind.FRAME:
                    continue
                frame = decode_frame(record.body)
                rows = frame.reports.to_pylist()
                for row in rows:
                    there[row["device"]].add(row["hash"])
                for sample in frame.samples.select(["report", "t_ms"]).to_pylist():
                    row = rows[sample["report"]]
                    samples.setdefault(row["asset"], set()).add((sample["t_ms"], row["hash"]))
    log.close()
    for truck in trucks.trucks:
        assert len(truck.durable) > 50, "too little load to mean anything"
        assert truck.hashes() <= there[truck.name], f"{truck.name}: acknowledged and not in the log"
    return samples


def check_events(kafka: KafkaSettings) -> list[Event]:
    """The events are those of one fold of the log, to the byte, without a hole."""
    zones, gates = geofences.world()
    log, feed = KafkaLog(kafka), EventFeed(kafka)
    got: dict[int, list[Event]] = {partition: [] for partition in range(PARTITIONS)}
    wanted: dict[int, list[Event]] = {}
    for partition in range(PARTITIONS):
        engine, want = Engine(partition, World(zones, gates), partitions=PARTITIONS), list[Event]()
        while records := log.read(partition, engine.position, 8 << 20):
            for record in records:
                want += engine.fold(record).events
        wanted[partition] = want
    deadline = time.monotonic() + 60
    while {p: len(one) for p, one in got.items()} != {p: len(one) for p, one in wanted.items()}:
        assert time.monotonic() < deadline, "events are missing"
        for batch in feed.read(0.5):
            got[batch.partition] += batch.events
    log.close()
    feed.close()
    assert got == wanted
    return [event for row in got.values() for event in row]


def check_readers(made: System, events: list[Event]) -> None:
    """Both APIs have the newest revision of every crossing."""
    newest: dict[str, Event] = {}
    for event in events:
        if event.kind is Kind.CROSSING and event.revision > newest.get(event.id, event).revision - 1:
            newest[event.id] = event
    want = {(one.id, one.revision) for one in newest.values() if one.change != "retracted"}
    assert len(want) >= len(DEVICES)
    for api in made.roles["api"]:
        client = httpx.Client(base_url=f"http://127.0.0.1:{api.port}", timeout=30)
        client.headers["Authorization"] = f"Bearer {made.admin_key}"
        deadline = time.monotonic() + 30
        while (got := _crossings(client)) != want:
            assert time.monotonic() < deadline, (got - want, want - got)
            time.sleep(0.2)
        client.close()


def _crossings(client: httpx.Client) -> set[tuple[str, int]]:
    found, after = set(), None
    while True:
        page = client.get("/v1/crossings", params={"limit": 500} | ({"after": after} if after else {})).json()
        found |= {(one["id"], one["revision"]) for one in page["items"]}
        after = page.get("next")
        if not after:
            return found


def check_store(made: System, samples: dict[str, set[tuple[int, bytes]]]) -> None:
    """The history has every sample once."""
    influx = made.influx
    with InfluxStore(Client(Place(influx.url, influx.org, influx.bucket), influx.token)) as store:
        for asset, wanted in samples.items():
            times = sorted(t for t, _ in wanted)
            deadline = time.monotonic() + 60
            while True:
                got = store.track(asset, times[0], times[-1] + 1, 1_000_000)["t_ms"].to_pylist()
                if sorted(got) == times:
                    break
                assert time.monotonic() < deadline, f"{asset}: got {len(got)} samples, want {len(times)}"
                time.sleep(0.5)


def check_ledger(made: System, samples: dict[str, set[tuple[int, bytes]]], events: list[Event]) -> None:
    """Every report with samples and every revision is in a signed log once, and its proof holds."""
    folder = Folder(made.folder / "ledger")
    revisions = {(one.id, one.revision) for one in events}
    reports = {hash_ for rows in samples.values() for _, hash_ in rows}
    readers = [LedgerReader(folder.ledger(partition)) for partition in range(PARTITIONS)]
    deadline = time.monotonic() + 60
    while True:
        heads = [reader.head()[0] for reader in readers]
        rows = [reader.records(0, head.size, 1_000_000) for reader, head in zip(readers, heads, strict=True)]
        told = [head_of(row) for some in rows for row in some]
        got = {(one["id"], one["revision"]) for one in told if "revision" in one}
        hashes = [one["hash"] for one in told if "hash" in one]
        if got == revisions and reports <= set(hashes):
            break
        assert time.monotonic() < deadline, (len(got), len(revisions), len(set(hashes)), len(reports))
        time.sleep(0.5)
    assert len(told) == len(got) + len(set(hashes)), "something is twice"
    for reader, some in zip(readers, rows, strict=True):
        key = parse_verifier(reader.key())
        for row in some[:: max(1, len(some) // 200)]:
            proof = reader.prove(row)
            assert proof is not None
            proof.verify(row.entry, key)
        reader.close()


def head_of(row: Kept) -> dict[str, Any]:
    """A record's head."""
    head = (row.groups or {})["head"]
    found: dict[str, Any] = json.loads(head) if head[:1] == b"{" else cbor2.loads(head)
    return found


def check_webhooks(made: System, posted: list[dict[str, Any]], events: list[Event]) -> None:
    """The receiver has every revision of every crossing; what came twice was the same."""
    want = {(one.id, one.revision) for one in events if one.kind is Kind.CROSSING}
    deadline = time.monotonic() + 60
    while (got := {(post["data"]["id"], post["data"]["revision"]) for post in list(posted)}) != want:
        if time.monotonic() > deadline:
            missing = [
                (e.partition, e.number, e.id, e.revision) for e in events if (e.id, e.revision) in want - got
            ]
            said = [(one.name, (a := one.answer()) and a.text, one.tail()) for one in made.roles["deliver"]]
            raise AssertionError(f"got {len(got)} of {len(want)}, missing {missing}, {said}")
        time.sleep(0.2)
    by_id: dict[str, dict[str, Any]] = {}
    for post in posted:
        assert by_id.setdefault(post["id"], post) == post
