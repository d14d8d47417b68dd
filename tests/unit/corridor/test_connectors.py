"""Events to authorities and decisions back, through the read model, lanes and a single window that serves."""

from __future__ import annotations

import asyncio
import contextlib
import json
import time
from base64 import b64encode
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest

from api.ports import AwayError
from authority_sim.rules import Authority as Rule
from authority_sim.rules import Rules, parse
from authority_sim.run import Running, running
from authority_sim.telling import push
from authority_sim.window import Window
from corridor.connectors import RULE, Authorities, adapter_of, ports
from corridor.pushes import Pushes
from feeds.authority.connectors import NOTES, Connector
from feeds.authority.effects import Effect
from feeds.authority.http import HttpAuthority
from feeds.authority.intake import REFUSED, Intake
from feeds.authority.messages import render
from feeds.authority.reading import EffectItems, FactReader
from feeds.authority.routes import RouteBook
from feeds.outbound.filenotes import FileNotes
from feeds.outbound.lane import Lane
from feeds.outbound.schedule import Answer
from feeds.readmodel import ReadModel
from feeds.webhooks.signing import headers
from streams.events import Change, Event, Kind
from tests.unit.feeds.authority.world import CASE, ENTRY, EXIT, RELEASE, other, story

ORDER = [
    *("lodge", "amend", "notify_arrival", "notify_arrival", "ask_release"),
]
AT = "2026-11-22T14:05:00+07:00"
AT_EXIT = ["lodge", "amend", "notify_arrival", "notify_departure"]


class Clock:
    """Each look is minutes later, so that what is to be tried again is due at once."""

    now = 1_790_000_000_000

    def __call__(self) -> int:
        self.now += 120_000
        return self.now


@dataclass
class Log:
    """The way into the log: decides each authority message once, as the desk does."""

    seen: set[str] = field(default_factory=set)
    taken: list[dict[str, Any]] = field(default_factory=list)
    away: int = 0

    async def submit(self, bodies: Sequence[dict[str, Any]]) -> list[Event]:
        if self.away:
            self.away -= 1
            raise AwayError("the log takes nothing now")
        return [self._one(body) for body in bodies]

    def _one(self, body: dict[str, Any]) -> Event:
        message = body["data"]["message"]
        error = None
        if message in self.seen:
            error = {"code": "duplicate", "detail": "once is enough"}
        elif body["data"]["decision"] == "detain":
            error = {"code": "ended", "detail": "the case has ended"}
        else:
            self.taken.append(body)
        self.seen.add(message)
        data = {"command": body["command"], "ok": error is None, "error": error, "object": None}
        return Event(0, 1, 1, Kind.COMMAND, body["id"], 1, Change.CREATED, "main", "", 0, 0, data)


@dataclass
class World:
    """Both sides of the border: the exit side by a folder, the entry side over HTTP."""

    sim: Running
    read: ReadModel
    notes: FileNotes
    connectors: list[Connector]
    log: Log = field(default_factory=Log)

    def tell(self, events: Sequence[Event]) -> None:
        start = self.read.last_number(0)
        numbered = [replace(one, number=start + at, position=start + at) for at, one in enumerate(events, 1)]
        self.read.apply(0, start + len(events), numbered)

    def purposes(self, name: str, case: str = CASE) -> list[str]:
        return [one["purpose"] for one in self.sim.window.database.messages(name, case)]

    @contextlib.asynccontextmanager
    async def working(self, clock: Callable[[], int] | None = None) -> AsyncIterator[Authorities]:
        made = Authorities(self.connectors, self.read, self.notes, self.log.submit, 1, clock or Clock())
        await made.take(0)
        try:
            yield made
        finally:
            await made.close()


async def until(done: Callable[[], bool]) -> None:
    async with asyncio.timeout(30):
        while not done():
            await asyncio.sleep(0.01)


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    exchange = tmp_path / "exchange"
    rules = {
        ENTRY: Rule(ENTRY, "k" * 20, must_lodge=True),
        EXIT: Rule(EXIT, "x" * 20, must_lodge=True, folder=str(exchange)),
    }
    async with running(Rules(rules), tmp_path / "sim.db") as sim:
        entry = Connector(ENTRY, url=f"{sim.url}/{ENTRY}", key="k" * 20, poll_s=0.02, begin=True, timeout_s=5)
        leave = Connector(EXIT, folder=exchange, poll_s=0.02, begin=True)
        read, notes = ReadModel(tmp_path / "read.db", 1), FileNotes(tmp_path / "deliveries.db")
        yield World(sim, read, notes, [entry, leave])
        notes.close()
        read.close()


async def test_both_sides_are_told_in_order_and_the_release_comes_back(world: World) -> None:
    async with world.working() as made:
        world.tell(story())
        await until(lambda: bool(world.log.taken) and len(world.purposes(EXIT)) == len(AT_EXIT))
        await until(lambda: made.status()["messages_waiting"] == 0)
        assert made.status()["decisions_taken"] == 1
    assert world.purposes(ENTRY) == ORDER
    assert world.purposes(EXIT) == AT_EXIT
    (command,) = world.log.taken
    assert command["command"] == "authority.decide"
    assert (command["by"], command["role"], command["tenant"]) == (ENTRY, "authority", "main")
    assert command["data"]["request"] == RELEASE
    assert command["data"]["decision"] == "release"


async def test_a_restart_and_a_replay_send_nothing_twice(world: World) -> None:
    world.tell(story())
    for _ in range(2):
        async with world.working() as made:
            await until(lambda: bool(world.log.taken) and len(world.purposes(EXIT)) == len(AT_EXIT))
            await until(lambda: made.status()["messages_waiting"] == 0)
            await until(lambda: all(one.place for one in made.lanes.lanes.values()))
    kept = [one for name in (ENTRY, EXIT) for one in world.sim.window.database.messages(name)]
    assert {one["came"] for one in kept} == {1}
    assert len(world.log.taken) == 1


async def test_500s_for_long_delay_and_lose_nothing(world: World) -> None:
    world.sim.window.rules.authorities[ENTRY].faults.errors_first = 9
    world.tell([one for n in range(3) for one in [other(each, n) for each in story()]])
    async with world.working() as made:
        await until(lambda: len(world.sim.window.database.messages(ENTRY)) == 3 * len(ORDER))
        await until(lambda: made.status()["messages_waiting"] == 0)
        assert made.status()["messages_parked"] == 0
    for n in range(3):
        assert world.purposes(ENTRY, f"{CASE}-{n}") == ORDER


async def test_every_answer_lost_every_third_request_busy_ends_in_the_same(world: World) -> None:
    faults = world.sim.window.rules.authorities[ENTRY].faults
    faults.lost_every, faults.busy_every, faults.error_every, faults.twice = 2, 3, 5, True
    world.tell(story())
    async with world.working() as made:
        await until(lambda: bool(world.log.taken))
        await until(lambda: len(world.purposes(ENTRY)) == len(ORDER))
        faults.lost_every = faults.busy_every = faults.error_every = 0
        await until(lambda: made.status()["messages_waiting"] == 0 and not made.trouble)
    assert world.purposes(ENTRY) == ORDER
    assert len(world.log.taken) == 1


async def test_a_window_that_is_away_gets_all_when_it_is_back(world: World) -> None:
    faults = world.sim.window.rules.authorities[ENTRY].faults
    faults.away = True
    world.tell(story())
    async with world.working() as made:
        await until(lambda: bool(made.trouble))
        await until(lambda: any(lane.away for lane in made.lanes.lanes.values()))
        assert made.status()["messages_parked"] == 0
        assert world.purposes(ENTRY) == []
        await until(lambda: world.purposes(EXIT) == AT_EXIT)  # the other side is told meanwhile
        faults.away = False
        await until(lambda: world.purposes(ENTRY) == ORDER)


async def test_a_log_that_is_away_takes_the_decision_later(world: World) -> None:
    world.log.away = 1
    world.tell(story())
    entry = world.connectors[0]
    adapter = adapter_of(entry)
    async with world.working(lambda: 10**12):
        await until(lambda: len(world.purposes(ENTRY)) == len(ORDER))
    world.log = Log(away=1)
    world.notes.put(0, {f"{entry.name}/after": None})
    intake = Intake(entry, adapter, world.read, world.notes, 0, world.log.submit, lambda: 5)
    await intake.begin()
    with pytest.raises(AwayError):
        await intake.step()
    assert f"{entry.name}/after" not in world.notes.load(0)
    assert await intake.step()
    assert await intake.step() is False
    assert len(world.log.taken) == 1
    await adapter.close()


async def test_a_process_that_dies_before_its_note_sends_again_under_the_same_id(world: World) -> None:
    entry = world.connectors[0]
    items, facts = EffectItems(world.read, RouteBook(world.read).routes), FactReader(world.read, ports())
    adapter = adapter_of(entry)

    class Dying:
        """Notes that fail as long as ``dies``."""

        dies = True

        def load(self, partition: int) -> dict[str, bytes]:
            return world.notes.load(partition)

        def put(self, partition: int, values: Mapping[str, bytes | None]) -> None:
            if self.dies and any(key.endswith("/place") for key in values) and world.purposes(ENTRY):
                raise OSError("power is gone")
            world.notes.put(partition, values)

    async def send(connector: Connector, effect: Effect) -> Answer:
        return await adapter.tell(render(effect, facts.facts(0, effect), connector))

    notes = Dying()
    world.tell(story()[:3])  # registered and filed: one message
    lane = Lane(entry, 0, items, notes, send, Clock(), RULE)
    await lane.begin()
    with pytest.raises(OSError, match="power"):
        await lane.step()
    notes.dies = False
    world.tell(story()[3:])  # what is known changes before it is sent again
    lane = Lane(entry, 0, items, notes, send, Clock(), RULE)
    await lane.begin()
    while await lane.step():
        pass
    kept = world.sim.window.database.messages(ENTRY)
    assert [one["purpose"] for one in kept] == ORDER
    assert [one["came"] for one in kept] == [2, 1, 1, 1, 1]  # the same bytes: other ones were refused
    assert lane.counts()["parked"] == 0
    await adapter.close()


async def test_a_refused_message_is_parked_with_its_reason_and_those_behind_it_go_on(world: World) -> None:
    events = story()
    world.tell([events[0], *events[2:]])  # never lodged here
    async with world.working() as made:
        await until(lambda: made.status()["messages_parked"] > 0 and made.status()["messages_waiting"] == 0)
        parked = [one for lane in made.lanes.lanes.values() for row in lane.waiting.values() for one in row]
    assert all(one.parked and one.attempts == 1 for one in parked)
    assert {one.row for one in parked} == {CASE}
    assert any("nothing lodged for case" in one.detail for one in parked)
    assert {one.what.split(":")[0] for one in parked} >= {"notify_arrival", "ask_release"}


async def test_an_authority_may_not_answer_for_another(world: World) -> None:
    world.tell(story())
    async with world.working():
        await until(lambda: bool(world.log.taken) and len(world.purposes(EXIT)) == len(AT_EXIT))
        inbox = Path(str(world.sim.window.rules.authorities[EXIT].folder)) / "inbox"
        forged = {
            "message": "mohan-1",
            "case": CASE,
            "request": RELEASE,
            "decision": "release",
            "at": "2026-11-22T14:05:00+08:00",
        }
        named = forged | {"message": "mohan-2", "authority": ENTRY}
        for one in (forged, named):
            (inbox / f".{one['message']}").write_text(json.dumps(one))
            (inbox / f".{one['message']}").rename(inbox / f"{one['message']}.decision.json")
        await until(lambda: len(refusals(world, EXIT)) == 2)
    assert len(world.log.taken) == 1
    assert sorted(refusals(world, EXIT)) == [
        f"authority: got {ENTRY}, want {EXIT}",
        f"request not known: got {RELEASE}, want one that was asked of {EXIT}",
    ]


async def test_a_decision_that_the_desk_refuses_is_kept_with_its_reason(world: World) -> None:
    world.tell(story())
    async with world.working():
        await until(lambda: bool(world.log.taken))
        world.sim.window.decide(ENTRY, RELEASE, "detain", "too late")
        world.sim.window.decide(ENTRY, None, "inspect", case="case_unknown")
        await until(lambda: len(refusals(world, ENTRY)) == 2)
    assert sorted(refusals(world, ENTRY)) == [
        "case not known: got case_unknown",
        "ended: the case has ended",
    ]


def refusals(world: World, name: str) -> list[str]:
    kept = world.notes.load(0)
    prefix = f"{NOTES}{name}/{REFUSED}"
    return [json.loads(value)["reason"] for key, value in kept.items() if key.startswith(prefix)]


async def test_a_filing_whose_case_is_not_there_yet_has_the_regime_in_force(world: World) -> None:
    filed = story()[1]
    nowhere = replace(filed, id="filing_2", data=filed.data | {"gate": "nowhere", "case": "case_2"})
    named = replace(filed, id="filing_3", data=filed.data | {"regime": "mohan-boten-cn-la", "gate": "x"})
    world.tell([filed, nowhere, named])
    items = EffectItems(world.read, RouteBook(world.read).routes)
    found = items.after(0, 0, world.connectors[0], 10)
    assert [one.object for one in found] == [filed.id, "filing_3"]


async def test_a_window_that_knows_no_regime_of_ours_is_left_alone(world: World) -> None:
    events = [one for one in story() if one.kind is not Kind.RELEASE]
    unknown = [
        replace(one, data=one.data | {"regime_version": "0" * 24}) if one.kind is Kind.CASE else one
        for one in events
    ]
    world.tell(unknown)
    items = EffectItems(world.read, RouteBook(world.read).routes)
    assert items.after(0, 0, world.connectors[0], 10) == []


async def test_pages_of_events_without_effects_are_passed_over(world: World) -> None:
    quiet = [
        Event(0, 0, 0, Kind.CASE, f"case_{n}", 1, Change.CREATED, "main", "a", 0, 0, {"steps": []})
        for n in range(600)
    ]
    world.tell([*quiet, *story()])
    items = EffectItems(world.read, RouteBook(world.read).routes)
    found = items.after(0, 0, world.connectors[0], 100)
    assert [one.purpose.value for one in found] == ORDER
    assert items.after(0, found[1].number, world.connectors[0], 2) == found[2:4]
    assert items.one(0, found[3].number, world.connectors[0]) == found[3]
    assert items.after(0, items.newest(0), world.connectors[0], 10) == []


def test_the_rules_of_a_file_make_a_window() -> None:
    rules = parse('[[authority]]\nname = "a"\nkey = "k"\n')
    assert rules.authorities["a"].auto == "release"
    assert isinstance(adapter_of(Connector("a", url="https://example.org", key="k")), HttpAuthority)
    assert ports()["mohan-boten"] == {"CN": "CNMHN", "LA": "LABTN"}


async def test_what_is_pushed_counts_only_with_the_connectors_signature(world: World) -> None:
    secret = b"s" * 32
    connector = replace(world.connectors[0], secret=secret)
    pushes = Pushes([connector, world.connectors[1]], world.read, world.log.submit)
    world.tell(story())
    good = {"message": "m1", "case": CASE, "request": RELEASE, "decision": "release", "at": AT}
    body = json.dumps(good).encode()
    signed = headers(secret, "m1", int(time.time()), body)
    assert await pushes(ENTRY, signed, body) == (200, {"taken": 1, "refused": {}})
    assert await pushes(ENTRY, signed, body) == (200, {"taken": 1, "refused": {}})
    assert len(world.log.taken) == 1
    forged = headers(b"x" * 32, "m2", int(time.time()), body)
    for name, head in ((ENTRY, forged), (EXIT, signed), ("nobody", signed), (ENTRY, {})):
        assert (await pushes(name, head, body))[0] == 401
    wrong = json.dumps(good | {"message": "m3", "request": "release_x"}).encode()
    status, told = await pushes(ENTRY, headers(secret, "m3", int(time.time()), wrong), wrong)
    assert status == 422
    assert told["refused"] == {"m3": f"request not known: got release_x, want one that was asked of {ENTRY}"}
    assert len(world.log.taken) == 1


async def test_a_window_that_pushes_signs_and_tries_again_until_it_is_taken(world: World) -> None:
    """The single window's own posting, to a real server; a forged signature is never taken."""
    secret = b"s" * 32
    pushes = Pushes([replace(world.connectors[0], secret=secret)], world.read, world.log.submit)
    statuses: list[int] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")[1:-2]
        lines = dict(line.split(": ", 1) for line in head)
        given = {name.lower(): value for name, value in lines.items()}
        body = await reader.readexactly(int(given["content-length"]))
        status, _ = await pushes(ENTRY, given, body)
        statuses.append(status)
        writer.write(f"HTTP/1.1 {status} X\r\nContent-Length: 0\r\nConnection: close\r\n\r\n".encode())
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    rule = Rule(
        ENTRY, "k" * 20, push=f"http://127.0.0.1:{port}/", secret=f"whsec_{b64encode(secret).decode()}"
    )
    rule.faults.forged = rule.faults.twice = True
    world.tell(story())
    window = Window(Rules({ENTRY: rule}), world.sim.window.database, lambda: 10**12)
    window.database.decide(ENTRY, CASE, RELEASE, "release", "clean", "rule", 0)
    assert await asyncio.to_thread(push, window, rule) is False
    assert (statuses, world.log.taken) == ([401], [])
    rule.faults.forged = False
    assert await asyncio.to_thread(push, window, rule) is True
    assert statuses == [401, 200, 200]
    assert len(world.log.taken) == 1
    assert await asyncio.to_thread(push, window, rule) is True
    assert len(statuses) == 3
    server.close()
