"""What every adapter does, against the reference single window as a real server: over HTTP and a folder."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from authority_sim.rules import Authority as Rule
from authority_sim.rules import Faults, Rules, Script
from authority_sim.run import Running, running
from feeds.authority.connectors import Connector
from feeds.authority.folder import FolderAuthority
from feeds.authority.http import HttpAuthority
from feeds.authority.port import Authority, AuthorityError, Decision, Message, Purpose
from feeds.outbound.schedule import Answer

NAME = "boten-customs"


class World:
    """A single window and the adapter that speaks to it."""

    def __init__(self, sim: Running, adapter: Authority, folder: Path) -> None:
        self.sim, self.adapter, self.folder = sim, adapter, folder
        self.rule = sim.window.rules.authorities[NAME]
        self.after = ""

    async def told(self, message: Message) -> Answer:
        """The final answer to a message."""
        async with asyncio.timeout(20):
            while True:
                answer = await self.adapter.tell(message)
                if not answer.pending:
                    return answer
                await asyncio.sleep(0.01)

    async def decided(self, count: int) -> list[Decision]:
        """At least so many decisions, as they come."""
        found: list[Decision] = []
        async with asyncio.timeout(20):
            while len(found) < count:
                page = await self.adapter.decisions(self.after)
                found += page.decisions
                self.after = page.after
                await self.adapter.taken(page)
                await asyncio.sleep(0.01)
        return found

    def kept(self) -> list[dict[str, Any]]:
        """The messages that the window has."""
        return self.sim.window.database.messages(NAME)


@pytest.fixture(params=["http", "folder"])
async def world(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[World]:
    folder = tmp_path / "exchange"
    http = request.param == "http"
    rule = Rule(NAME, "k" * 20, auto=None, must_lodge=True, folder=None if http else str(folder))
    script = (Script("release", reference="R1", reason="clean"),)
    async with running(Rules({NAME: rule}, script), tmp_path / "sim.db") as sim:
        adapter: Authority
        if http:
            adapter = HttpAuthority(Connector(NAME, url=f"{sim.url}/{NAME}", key="k" * 20, timeout_s=5))
        else:
            adapter = FolderAuthority(Connector(NAME, folder=folder))
        yield World(sim, adapter, folder)
        await adapter.close()


def message(
    id_: str, purpose: Purpose = Purpose.LODGE, case: str = "case_1", reference: str = "R1", **more: Any
) -> Message:
    own = {"Case": case, "Reference": reference, "VIN": "V1"} | more
    return Message(id_, purpose, case, {"MessageID": id_, "Purpose": purpose.value, "Corridor": own})


async def test_a_message_is_accepted_and_kept_as_it_was_sent(world: World) -> None:
    one = message("effect_1", Note="云A12345")
    assert (await world.told(one)).status in (200, 201)
    (kept,) = world.kept()
    assert kept["body"] == one.body
    found = await world.adapter.query("effect_1")
    assert found is not None
    assert found["state"] == "accepted"
    assert await world.adapter.query("effect_2") is None


async def test_the_same_message_again_is_one(world: World) -> None:
    for _ in range(3):
        assert (await world.told(message("effect_1"))).status in (200, 201)
    assert len(world.kept()) == 1


async def test_a_no_is_told_with_its_reason_and_the_message_may_be_sent_again(world: World) -> None:
    arrival = message("effect_2", Purpose.NOTIFY_ARRIVAL)
    refused = await world.told(arrival)
    assert refused.status == 422
    assert "nothing lodged for case case_1" in refused.detail
    assert (await world.told(message("effect_1"))).status in (200, 201)
    assert (await world.told(arrival)).status in (200, 201)
    assert [one["id"] for one in world.kept()] == ["effect_1", "effect_2"]


async def test_a_decision_comes_until_it_is_taken(world: World) -> None:
    await world.told(message("effect_1"))
    await world.told(message("release_1", Purpose.ASK_RELEASE, Request={"ID": "release_1"}))
    async with asyncio.timeout(20):
        while not (page := await world.adapter.decisions("")).decisions:
            await asyncio.sleep(0.01)
    again = await world.adapter.decisions("")
    assert again.decisions == page.decisions
    (one,) = page.decisions
    assert (one.case, one.request, one.decision, one.reason) == ("case_1", "release_1", "release", "clean")
    await world.adapter.taken(page)
    assert not (await world.adapter.decisions(page.after)).decisions


async def test_an_officer_decides_and_decides_otherwise(world: World) -> None:
    await world.told(message("effect_1", reference="R2"))
    asked = message("release_1", Purpose.ASK_RELEASE, reference="R2", Request={"ID": "release_1"})
    await world.told(asked)
    (waiting,) = world.sim.window.waiting(NAME)
    world.sim.window.decide(NAME, waiting["id"], "inspect", "open the doors")
    world.sim.window.decide(NAME, waiting["id"], "release")
    found = await world.decided(2)
    assert [(one.decision, one.reason) for one in found] == [("inspect", "open the doors"), ("release", "")]
    assert len({one.message for one in found}) == 2


async def test_an_answer_twice_has_one_message_id(world: World) -> None:
    world.rule.faults.twice = True
    await world.told(message("effect_1"))
    await world.told(message("release_1", Purpose.ASK_RELEASE, Request={"ID": "release_1"}))
    found = await world.decided(2)
    assert len({one.message for one in found}) == 1


async def test_a_window_that_is_away_is_no_ones_fault(world: World) -> None:
    world.rule.faults.away = True
    answer = await world.adapter.tell(message("effect_1"))
    assert answer.pending or answer.status == 503
    assert world.kept() == []
    world.rule.faults.away = False
    assert (await world.told(message("effect_1"))).status in (200, 201)


async def test_what_is_decided_wrongly_is_told_and_the_rest_is_taken(world: World) -> None:
    await world.told(message("effect_1"))
    world.sim.window.decide(NAME, None, "detain", "x" * 3_000, case="case_1")
    world.sim.window.decide(NAME, None, "detain", "seal", case="case_1")
    bad: dict[str, str] = {}
    found: list[Decision] = []
    async with asyncio.timeout(20):
        while not (found and bad):
            page = await world.adapter.decisions(world.after)
            bad |= page.bad
            found += page.decisions
            world.after = page.after
            await world.adapter.taken(page)
            await asyncio.sleep(0.01)
    assert [one.reason for one in found] == ["seal"]
    assert ["reason: got" in reason for reason in bad.values()] == [True]


async def test_a_lost_answer_over_http_is_made_good_by_the_same_key(tmp_path: Path) -> None:
    rule = Rule(NAME, "k" * 20, faults=Faults(lost_every=1))
    async with running(Rules({NAME: rule}), tmp_path / "sim.db") as sim:
        adapter = HttpAuthority(Connector(NAME, url=f"{sim.url}/{NAME}", key="k" * 20))
        lost = await adapter.tell(message("effect_1"))
        assert lost.status is None
        rule.faults.lost_every = 0
        assert (await adapter.tell(message("effect_1"))).status == 200
        (kept,) = sim.window.database.messages(NAME)
        assert kept["came"] == 2
        other = message("effect_1", Note="changed")
        assert (await adapter.tell(other)).status == 409
        await adapter.close()


async def test_what_a_server_answers_is_kept_apart(tmp_path: Path) -> None:
    rule = Rule(NAME, "k" * 20)
    async with running(Rules({NAME: rule}), tmp_path / "sim.db") as sim:
        stranger = HttpAuthority(Connector(NAME, url=f"{sim.url}/{NAME}", key="wrong"))
        answer = await stranger.tell(message("effect_1"))
        assert (answer.status, "key not known" in answer.detail) == (401, True)
        with pytest.raises(AuthorityError, match="status 401"):
            await stranger.decisions("")
        await stranger.close()
        adapter = HttpAuthority(Connector(NAME, url=f"{sim.url}/{NAME}", key="k" * 20, timeout_s=0.2))
        rule.faults.busy_every, rule.faults.retry_after_s = 1, 7
        busy = await adapter.tell(message("effect_1"))
        assert (busy.status, busy.retry_after_s) == (429, 7.0)
        rule.faults.busy_every, rule.faults.error_every = 0, 1
        assert (await adapter.tell(message("effect_1"))).status == 500
        rule.faults.error_every, rule.faults.hang_every, rule.faults.hang_s = 0, 1, 30.0
        late = await adapter.tell(message("effect_1"))
        assert (late.status, late.detail) == (None, "no answer in 0.2 s")
        with pytest.raises(AuthorityError):
            await adapter.decisions("no number")
        await adapter.close()
    nobody = HttpAuthority(Connector(NAME, url=f"{sim.url}/{NAME}", key="k"))
    assert (await nobody.tell(message("effect_1"))).status is None
    await nobody.close()
