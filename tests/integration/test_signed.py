"""Trucks that sign, and those who attack them, on the real embedded broker with the whole system behind it.

The broker holds nobody to a device's topics, so everyone here can do what a stolen password or a bad broker
could.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import shutil
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from functools import partial
from hashlib import sha256
from pathlib import Path
from typing import Any
from zlib import crc32

import aiomqtt
import cbor2
import httpx
import pytest

from bench.system import System, running
from corridor.authority import Authority
from corridor.fleetbook import register
from corridor.folder import Folder
from feeds.ledger.book import ReportKey
from feeds.ledger.reading import LedgerReader
from firmware_sim import cose
from firmware_sim.attacks import edit_one
from firmware_sim.flash import Flash
from firmware_sim.keys import DeviceKey, KeyFolder
from firmware_sim.link import Broker, Link
from firmware_sim.sender import Sender
from firmware_sim.wire import TOPIC, Content, Form
from tests.integration.devices import V5, fit, http, until

pytestmark = [pytest.mark.integration, pytest.mark.timeout(120)]
LON, LAT = 101.70, 21.30


@pytest.fixture(scope="module")
def system(tmp_path_factory: pytest.TempPathFactory) -> Iterator[System]:
    with running(tmp_path_factory.mktemp("signed"), CORRIDOR_LEDGER="true") as found:
        # The first report ever waits for the engine to be compiled, longer than a command is waited for.
        warm = Truck(found, tmp_path_factory.mktemp("warm"), "trk-warm", 99)
        warm.sender.key = None
        warm.measure(1)
        delivered(found, warm.sender)
        with http(found) as client:
            until(lambda: points(client, warm), 90)
        yield found


@pytest.fixture(scope="module")
def client(system: System) -> Iterator[httpx.Client]:
    with http(system) as found:
        yield found


def corridor(system: System, *words: str, code: int = 0) -> str:
    """The output of a verb on the system's folder."""
    command = [sys.executable, "-m", "corridor", *words, "--data-dir", str(system.folder)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert done.returncode == code, done.stderr
    return done.stdout + done.stderr


class Truck:
    """A simulated unit with a key; enrolled when told."""

    def __init__(self, system: System, folder: Path, name: str, number: int, alg: str = "EdDSA") -> None:
        self.system, self.name, self.folder = system, name, folder
        self.asset = fit(system, name, f"WSGNTESTA{number:08d}")
        self.keys = KeyFolder(folder / "keys")
        self.key = self.keys.key(name, alg)
        self.sender = self.switched_on("b1")

    def switched_on(self, boot: str, flash: Path | None = None) -> Sender:
        """The unit after a start, on its own memory or another."""
        memory = Flash(flash or self.folder / f"{self.name}.flash")
        self.sender = Sender(self.name, Form.CBOR, memory, key=self.key, acks=self.keys.acks)
        self.sender.start(boot)
        return self.sender

    def enrol(self, *more: str) -> str:
        """As a person does it: the proof in a file, the ack key given to the device."""
        proofs = self.folder / f"{self.name}.jsonl"
        proofs.write_text(json.dumps(self.key.proof(self.name, 0)))
        said = corridor(self.system, "device", "enroll", str(proofs), *more)
        self.keys.believe(said.split()[-1])
        return said

    def measure(self, reports: int, sender: Sender | None = None) -> list[bytes]:
        """So many more reports in the memory; returns their bytes."""
        unit, found = sender or self.sender, []
        for _ in range(reports):
            t = int(time.time() * 1000)
            columns: dict[str, list[int | float | None]] = {"t": [t], "lon": [LON], "lat": [LAT]}
            columns |= {"fix": [3], "speed_kmh": [61.5]}
            unit.report(t, Content(columns))
            found.append(unit.flash.read(list(unit.flash.keys())[-1]))
        return found

    def head(self, report: bytes) -> dict[str, Any]:
        """What the ledger says of a report, once it is in there."""
        said = cbor2.loads(cbor2.loads(report).value[2])
        key = ReportKey(self.name, said["boot"], said["seq"], sha256(report).digest())

        def look() -> dict[str, Any] | None:
            for path in sorted(Folder(self.system.folder).ledger(0).parent.glob("p*")):
                reader = LedgerReader(path)
                try:
                    kept = reader.find(key)
                finally:
                    reader.close()
                if kept is not None and kept.groups is not None:
                    head: dict[str, Any] = cbor2.loads(kept.groups["head"])
                    return head
            return None

        found: dict[str, Any] = until(look)
        return found


@pytest.fixture
def truck(system: System, tmp_path: Path, request: pytest.FixtureRequest) -> Truck:
    """One that is not enrolled yet."""
    number = crc32(request.node.name.encode()) % 10**8
    return Truck(system, tmp_path, f"trk-{number}", number)


@contextlib.asynccontextmanager
async def sending(system: System, *senders: Sender) -> AsyncIterator[None]:
    links = [
        Link(Broker(system.local.mqtt_host, system.local.mqtt_port), [sender], f"{sender.device}-{n}")
        for n, sender in enumerate(senders)
    ]
    tasks = [asyncio.create_task(link.run()) for link in links]
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def true(found: Callable[[], bool], seconds: float = 30.0) -> None:
    async with asyncio.timeout(seconds):
        while not found():
            await asyncio.sleep(0.02)


def delivered(system: System, *senders: Sender) -> None:
    """Everything in the memories goes out and is answered."""

    async def work() -> None:
        async with sending(system, *senders):
            await true(lambda: not any(len(sender.flash) for sender in senders))

    asyncio.run(work())


class Attacker:
    """Somebody on the broker with a key of his own."""

    def __init__(self, client: aiomqtt.Client, device: str) -> None:
        self.client, self.device, self.key = client, device, DeviceKey.make("EdDSA")

    async def publish(self, channel: str, payload: bytes, device: str | None = None) -> None:
        await self.client.publish(TOPIC.format(device or self.device, channel), payload, qos=1)


def attack(system: System, device: str, work: Callable[[Attacker], Awaitable[None]]) -> None:
    async def run() -> None:
        where = system.local
        async with aiomqtt.Client(
            where.mqtt_host, where.mqtt_port, identifier=f"bad-{device}", protocol=V5
        ) as c:
            await work(Attacker(c, device))

    asyncio.run(run())


def dead(client: httpx.Client, device: str) -> list[str]:
    """Why reports under this name were refused."""
    rows = client.get("/v1/deadletters", params={"device": device}).json()["items"]
    return [row["reason"] for row in rows]


def statement(client: httpx.Client, device: str, boot: str) -> dict[str, Any]:
    rows = client.get(f"/v1/devices/{device}/completeness", params={"boot": boot}).json()["items"]
    return dict(rows[0]) if rows else {}


def points(client: httpx.Client, truck: Truck) -> int:
    return len(client.get(f"/v1/assets/{truck.asset}/track").json()["items"])


@pytest.mark.parametrize("alg", ["EdDSA", "ES256"])
def test_a_signed_report_is_kept_answered_and_says_in_the_ledger_who_signed(
    system: System, client: httpx.Client, tmp_path: Path, alg: str
) -> None:
    truck = Truck(system, tmp_path, f"trk-{alg}", 1 if alg == "EdDSA" else 2, alg)
    said = truck.enrol()
    assert f"trk-{alg}: key {truck.key.id} ({alg})" in said
    assert truck.enrol() == said  # again changes nothing
    found = truck.measure(20)
    delivered(system, truck.sender)
    assert truck.sender.outbox.counters.durable == 20
    head = truck.head(found[7])
    assert (head["signature"], head["key"], head["prev"]) == (1, truck.key.id, sha256(found[6]).digest())
    again = truck.switched_on("b2")
    first = truck.measure(2)[0]
    delivered(system, again)
    assert truck.head(first)["prev"] == sha256(found[-1]).digest()  # over the restart
    until(lambda: statement(client, truck.name, "b2").get("received") == [[0, 1]])
    assert statement(client, truck.name, "b2")["chain"]["holds"]
    assert statement(client, truck.name, "b1")["tail"] == "whole"
    assert dead(client, truck.name) == []
    listed = json.loads(corridor(system, "device", "list", truck.name, "--json"))
    assert (listed["device"], listed["id"], listed["revoked"]) == (truck.name, truck.key.id, None)


def test_forged_acks_let_a_truck_forget_nothing(system: System, client: httpx.Client, truck: Truck) -> None:
    other = Truck(system, truck.folder / "other", "trk-other", 90)
    other.enrol()
    kept = truck.measure(5)
    forged = cbor2.dumps({"boot": "b1", "durable": [[0, 4]]})

    async def work(bad: Attacker) -> None:
        await bad.client.subscribe(TOPIC.format(other.name, "ack"), 1)
        other.measure(5)
        async with sending(
            system, truck.sender, other.sender
        ):  # our truck is not enrolled: nobody answers it
            message = await asyncio.wait_for(anext(bad.client.messages), 30)
            genuine = message.payload
            assert isinstance(genuine, bytes)
            topic = TOPIC.format(truck.name, "ack")
            opened = cose.open1(genuine, topic)
            assert opened is not None
            assert cbor2.loads(opened.payload)["durable"] == [[0, 4]]  # it would fit our truck
            for payload in (
                forged,
                b'{"boot":"b1","durable":[[0,4]],"refused":[]}',
                cose.sign1(bad.key, topic, forged),
                genuine,
                genuine.replace(opened.payload, forged)
                if len(opened.payload) == len(forged)
                else genuine[:-2],
                b"\xd2\x84",
            ):
                await bad.publish("ack", payload)
            await true(lambda: truck.sender.not_believed >= 6)

    attack(system, truck.name, work)
    memory = truck.sender.flash
    assert [memory.read(key) for key in memory.keys()] == kept  # noqa: SIM118 - not a dict
    assert set(dead(client, truck.name)) == {"unknown_key"}
    truck.enrol()
    again = truck.switched_on("b2")
    delivered(system, again)  # the very bytes that waited
    assert truck.head(kept[4])["signature"] == 1


def test_nobody_publishes_as_another_truck(system: System, client: httpx.Client, truck: Truck) -> None:
    truck.enrol()
    mine = truck.measure(3)
    delivered(system, truck.sender)
    before = until(lambda: points(client, truck))
    t = int(time.time() * 1000)
    columns = {"t": [t], "lon": [LON + 1], "lat": [LAT], "fix": [3]}
    false = {"v": 1, "boot": "b1", "boot_n": 1, "seq": 3, **columns}
    topic = TOPIC.format(truck.name, "report")

    class Pretender:
        """Has the id of the truck's key, and another key."""

        id, alg, sign = truck.key.id, "EdDSA", staticmethod(DeviceKey.make("EdDSA").sign)

    async def work(bad: Attacker) -> None:
        await bad.client.subscribe(TOPIC.format(truck.name, "ack"), 1)
        signed = cose.sign1(bad.key, topic, cbor2.dumps(false))
        for payload in (
            cbor2.dumps(false),
            json.dumps(false).encode(),
            signed,
            cose.sign1(Pretender(), topic, cbor2.dumps(false)),
            mine[0][:-1] + bytes([mine[0][-1] ^ 1]),
            b"\xd2" + mine[0],
            cose.sign1(
                Pretender(), topic, cbor2.dumps(false) + b"\0" * 70_000
            ),  # too large, and answers final?
        ):
            await bad.publish("report", payload)
        await asyncio.to_thread(until, lambda: len(dead(client, truck.name)) == 7)
        await bad.publish("report", mine[1])  # replayed: answered, by a signed ack for what is durable
        message = await asyncio.wait_for(anext(bad.client.messages), 30)
        assert isinstance(message.payload, bytes)
        said = truck.keys.acks.check(message.payload, TOPIC.format(truck.name, "ack"))
        assert said is not None
        assert cbor2.loads(said)["durable"] == [[1, 1]]  # the first answer: none of the seven had one
        assert not cbor2.loads(said)["refused"]

    attack(system, truck.name, work)
    reasons = dead(client, truck.name)
    assert sorted(set(reasons)) == ["bad_signature", "not_readable", "too_large", "unknown_key", "unsigned"]
    assert reasons.count("unsigned") == reasons.count("bad_signature") == 2
    until(lambda: statement(client, truck.name, "b1").get("received") == [[0, 2]])
    assert statement(client, truck.name, "b1")["conflicts"] == 0
    assert points(client, truck) == before


def test_a_report_of_one_truck_is_none_of_another(
    system: System, client: httpx.Client, tmp_path: Path
) -> None:
    one, two = (Truck(system, tmp_path / str(n), f"trk-pair-{n}", 70 + n) for n in (1, 2))
    for truck in (one, two):
        truck.enrol()
    (genuine,) = one.measure(1)

    async def work(bad: Attacker) -> None:
        await bad.publish("report", genuine)

    attack(system, two.name, work)
    until(lambda: dead(client, two.name) == ["unknown_key"])
    # the same key for both: a fleet that copies one image into all its units
    two.key = one.key
    two.switched_on("b1")
    two.enrol()
    attack(system, two.name, work)
    until(lambda: dead(client, two.name) == ["unknown_key", "bad_signature"])
    assert statement(client, two.name, "b1") == {}


def test_a_report_edited_in_the_memory_is_refused_and_missing(
    system: System, client: httpx.Client, truck: Truck
) -> None:
    truck.enrol()
    truck.measure(4)
    assert edit_one(truck.sender.flash)
    truck.measure(1)

    async def work() -> None:
        async with sending(system, truck.sender):
            await true(lambda: len(truck.sender.flash) == 1)

    asyncio.run(work())
    assert [key.seq for key in truck.sender.flash.keys()] == [3]  # noqa: SIM118 - not a dict
    until(lambda: dead(client, truck.name) == ["bad_signature"])
    until(lambda: statement(client, truck.name, "b1").get("missing") == [[3, 3]])
    assert statement(client, truck.name, "b1")["received"] == [[0, 2], [4, 4]]


def test_after_the_revocation_reports_are_taken_and_suspect_earlier_ones_stay(
    system: System, truck: Truck
) -> None:
    truck.enrol()
    early = truck.measure(2)
    delivered(system, truck.sender)
    corridor(system, "device", "revoke", truck.name, truck.key.id)
    assert "revoked at" in corridor(system, "device", "list", truck.name)
    old = truck.key
    truck.keys.renew(truck.name, "EdDSA")
    truck.key = truck.keys.key(truck.name, "EdDSA")
    truck.enrol()
    thief = DeviceKey.load(truck.folder / "keys" / f"{truck.name}.old")
    assert thief.id == old.id
    stolen = Sender(
        truck.name,
        Form.CBOR,
        Flash(truck.folder / "thief.flash"),
        key=thief,
        acks=truck.keys.acks,
    )
    stolen.start("thief")
    late = truck.measure(1, stolen)
    rightful = truck.switched_on("b2")
    mine = truck.measure(1)
    delivered(system, stolen, rightful)
    heads = [truck.head(report) for report in (*early, *late, *mine)]
    assert [head["signature"] for head in heads] == [1, 1, 2, 1]
    assert [head["key"] for head in heads] == [old.id, old.id, old.id, truck.key.id]
    said = corridor(system, "device", "revoke", truck.name, "0" * 16, code=2)
    assert "corridor device: " in said


def test_a_copied_unit_shows_as_two_chains(system: System, client: httpx.Client, truck: Truck) -> None:
    truck.enrol()
    truck.measure(3)
    delivered(system, truck.sender)
    shutil.copyfile(truck.sender.flash.path, truck.folder / "copy.flash")
    rightful = truck.switched_on("b2")
    truck.measure(2)
    copy = Sender(
        truck.name, Form.CBOR, Flash(truck.folder / "copy.flash"), key=truck.key, acks=truck.keys.acks
    )
    copy.start("b2-copy")
    truck.measure(2, copy)
    delivered(system, rightful, copy)
    until(lambda: statement(client, truck.name, "b2-copy").get("received") == [[0, 1]])
    until(lambda: statement(client, truck.name, "b2").get("received") == [[0, 1]])
    found = {boot: statement(client, truck.name, boot) for boot in ("b2", "b2-copy")}
    assert found["b2"]["boot_n"] == found["b2-copy"]["boot_n"] == 2
    assert [one["chain"]["holds"] for one in found.values()] == [False, False]


def test_a_memory_put_back_shows_as_a_second_start_of_one_count(
    system: System, client: httpx.Client, truck: Truck
) -> None:
    truck.enrol()
    truck.measure(3)
    delivered(system, truck.sender)
    old = truck.folder / "old.flash"
    shutil.copyfile(truck.sender.flash.path, old)
    for boot in ("b2", "b2-again"):
        sender = truck.switched_on(boot)
        assert len(truck.measure(2)) == 2
        delivered(system, sender)
        shutil.copyfile(old, sender.flash.path)
    until(lambda: statement(client, truck.name, "b2-again").get("received") == [[0, 1]])
    found = {boot: statement(client, truck.name, boot) for boot in ("b1", "b2", "b2-again")}
    assert (found["b2"]["twins"], found["b2-again"]["twins"]) == (["b2-again"], ["b2"])
    assert [one["chain"]["holds"] for one in found.values()] == [True, False, False]


def test_the_scenario_of_attacks_leaves_the_traces_that_the_page_tells(
    system: System, client: httpx.Client, tmp_path: Path
) -> None:
    def sim(*words: str) -> str:
        command = [sys.executable, "-m", "corridor", "sim", *words]
        return subprocess.run(command, capture_output=True, text=True, timeout=90, check=True).stdout

    state, proofs = str(tmp_path / "state"), tmp_path / "proofs.jsonl"
    register(system.client(), [json.loads(line) for line in sim("list", "attacks").splitlines()])
    proofs.write_text(sim("key", "attacks", "--state", state))
    said = corridor(system, "device", "enroll", str(proofs))
    sim("key", "attacks", "--state", state, f"--ack-key={said.split()[-1]}")
    where = f"{system.local.mqtt_host}:{system.local.mqtt_port}"
    sim(
        "run",
        "attacks",
        "--state",
        state,
        "--mqtt",
        where,
        "--speed-up",
        "300",
        "--duration",
        "14",
        "--quiet",
    )

    def starts(truck: int) -> list[dict[str, Any]]:
        items = client.get(f"/v1/devices/atk-{truck:04}/completeness").json()["items"]
        return sorted(items, key=lambda one: one["boot_n"])

    def cut(truck: int) -> bool:
        found = starts(truck)
        return [one["boot_n"] for one in found] == [1, 2] and found[0]["tail"] == "cut"

    # nobody answers it, so it is sent again
    until(lambda: set(dead(client, "atk-0005")) == {"bad_signature"})
    (edited,) = until(lambda: [one for one in starts(5) if one["missing"]])
    assert len(edited["missing"]) == 1
    (unsigned,) = until(lambda: [one for one in starts(7) if not one["chain"]["holds"]])
    assert unsigned["chain"]["broken"] == 1
    for truck in (0, 2):  # a copy, a memory put back
        until(partial(cut, truck))
    until(lambda: [len(one["twins"]) for one in starts(1)] == [1, 1])
    assert all(one["chain"]["holds"] for truck in (3, 4, 6) for one in starts(truck))


def test_a_key_certified_by_the_fleet_is_enrolled_and_another_is_not(system: System, tmp_path: Path) -> None:
    authority = Authority.make(tmp_path / "devices", "Fleet devices")
    ca = ["--ca", str(authority.folder / "ca.crt"), "--crl", str(authority.folder / "crl.pem")]
    certificate = authority.issue("trk-cert")
    (tmp_path / "keys").mkdir()
    shutil.copyfile(authority.folder / "trk-cert.key", tmp_path / "keys" / "trk-cert.pem")
    truck = Truck(system, tmp_path, "trk-cert", 50, "ES256")
    said = corridor(system, "device", "enroll", "--cert", str(certificate), *ca)
    assert f"trk-cert: key {truck.key.id} (ES256)" in said
    truck.keys.believe(said.split()[-1])
    found = truck.measure(2)
    delivered(system, truck.sender)
    assert truck.head(found[1])["key"] == truck.key.id
    stranger = Truck(system, tmp_path / "stranger", "trk-stranger", 51)
    proofs = tmp_path / "p.jsonl"
    proofs.write_text(json.dumps(stranger.key.proof("trk-stranger", 0)))
    said = corridor(system, "device", "enroll", str(proofs), *ca, code=2)
    assert "trk-stranger: got a proof without certificate" in said
    authority.revoke("trk-cert")
    said = corridor(system, "device", "enroll", "--cert", str(certificate), *ca, code=2)
    assert "trk-cert: certificate: it is revoked" in said


def test_a_proof_by_another_key_or_for_another_device_is_refused(system: System, truck: Truck) -> None:
    proofs = truck.folder / "p.jsonl"
    good = truck.key.proof(truck.name, 0)
    other = truck.key.proof("trk-elsewhere", 0)
    stolen = good | {name: DeviceKey.make("EdDSA").proof(truck.name, 0)[name] for name in ("id", "public")}
    for told in (other | {"device": truck.name}, stolen, good | {"proof": good["proof"][:-3]}):
        proofs.write_text(json.dumps(told))
        said = corridor(system, "device", "enroll", str(proofs), code=1)
        assert f"{truck.name}: not enrolled: " in said
    proofs.write_text(json.dumps(good | {"device": "trk-nobody"}))
    assert "trk-nobody: not enrolled: " in corridor(system, "device", "enroll", str(proofs), code=1)
    assert "has no key" in corridor(system, "device", "list", truck.name)
