"""The folder: files whole or not at all, each moved once it is read, and what is lost asked for again."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

from authority_sim.database import Database
from authority_sim.rules import Authority, Faults, Rules
from authority_sim.telling import fetch, put
from authority_sim.window import Window
from feeds.authority.connectors import Connector
from feeds.authority.folder import FolderAuthority
from feeds.authority.port import AuthorityError, Message, Purpose

NAME = "mohan-customs"
GOOD = {"message": "m1", "case": "c", "decision": "wait", "at": "2026-11-22T14:05:00+08:00"}


class Clock:
    """Goes only when told to."""

    now = 2_000_000_000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def adapter(tmp_path: Path, clock: Clock) -> FolderAuthority:
    return FolderAuthority(Connector(NAME, folder=tmp_path), clock)


def message(id_: str) -> Message:
    body: dict[str, Any] = {"MessageID": id_, "Purpose": "lodge", "Corridor": {"Case": "c"}}
    return Message(id_, Purpose.LODGE, "c", body)


def names(folder: Path) -> list[str]:
    return sorted(one.name for one in folder.iterdir())


async def test_a_message_is_put_whole_and_waits_for_its_receipt(
    adapter: FolderAuthority, tmp_path: Path
) -> None:
    answer = await adapter.tell(message("e1"))
    assert answer.pending
    assert names(tmp_path / "outbox") == ["e1.json"]
    assert json.loads((tmp_path / "outbox" / "e1.json").read_text()) == message("e1").body
    assert await adapter.query("e1") == {"id": "e1", "state": "not fetched"}
    (tmp_path / "outbox" / "e1.json").unlink()
    assert await adapter.query("e1") == {"id": "e1", "state": "no receipt"}


async def test_a_receipt_is_used_once_and_moved(adapter: FolderAuthority, tmp_path: Path) -> None:
    await adapter.tell(message("e1"))
    (tmp_path / "inbox" / "e1.receipt.json").write_text('{"state": "accepted"}')
    for _ in range(2):
        assert (await adapter.tell(message("e1"))).status == 200
    assert names(tmp_path / "inbox") == []
    assert names(tmp_path / "sent") == []
    assert names(tmp_path / "done") == ["e1.receipt.json"]


async def test_half_a_receipt_is_left_until_it_is_whole(adapter: FolderAuthority, tmp_path: Path) -> None:
    await adapter.tell(message("e1"))
    receipt = tmp_path / "inbox" / "e1.receipt.json"
    receipt.write_text('{"state": "acc')
    assert (await adapter.tell(message("e1"))).pending
    receipt.write_text('{"state": "accepted"}')
    assert (await adapter.tell(message("e1"))).status == 200


async def test_a_receipt_that_says_nothing_is_put_aside(adapter: FolderAuthority, tmp_path: Path) -> None:
    await adapter.tell(message("e1"))
    (tmp_path / "inbox" / "e1.receipt.json").write_text('{"state": 7}')
    assert (await adapter.tell(message("e1"))).status == 500
    assert names(tmp_path / "refused") == ["e1.receipt.json"]


async def test_a_process_that_died_before_its_own_note_puts_the_same_file_again(
    adapter: FolderAuthority, tmp_path: Path
) -> None:
    await adapter.tell(message("e1"))
    (tmp_path / "sent" / "e1.json").unlink()  # it died between the two renames
    (tmp_path / "outbox" / ".e2.json.part").write_text("{")  # and another in the midst of writing
    assert (await adapter.tell(message("e1"))).pending
    assert names(tmp_path / "outbox") == [".e2.json.part", "e1.json"]


async def test_a_message_whose_receipt_was_lost_is_put_there_again(
    adapter: FolderAuthority, tmp_path: Path, clock: Clock
) -> None:
    faults = Faults(lost_every=1)
    rule = Authority(NAME, "k", folder=str(tmp_path), faults=faults)
    window = Window(Rules({NAME: rule}), Database(tmp_path / "sim.db"), lambda: 0)
    await adapter.tell(message("e1"))
    assert fetch(window, rule) == 1
    sent = tmp_path / "sent" / "e1.json"
    os.utime(sent, (clock.now, clock.now))
    assert (await adapter.tell(message("e1"))).pending
    assert names(tmp_path / "outbox") == []
    clock.now += 7 * 3_600
    assert (await adapter.tell(message("e1"))).pending
    faults.lost_every = 0
    assert fetch(window, rule) == 1
    assert (await adapter.tell(message("e1"))).status == 200
    (kept,) = window.database.messages(NAME)
    assert kept["came"] == 2
    window.database.close()


async def test_half_a_decision_is_never_read(adapter: FolderAuthority, tmp_path: Path, clock: Clock) -> None:
    assert not (await adapter.decisions("")).decisions
    path = tmp_path / "inbox" / "a.decision.json"
    path.write_text(json.dumps(GOOD)[:30])
    (tmp_path / "inbox" / ".b.decision.json").write_text(json.dumps(GOOD))
    os.utime(path, (clock.now, clock.now))
    page = await adapter.decisions("")
    assert (list(page.decisions), page.bad) == ([], {})
    path.write_text(json.dumps(GOOD))
    assert [one.message for one in (await adapter.decisions("")).decisions] == ["m1"]


async def test_what_stays_half_is_put_aside_and_told(
    adapter: FolderAuthority, tmp_path: Path, clock: Clock
) -> None:
    await adapter.decisions("")
    path = tmp_path / "inbox" / "a.decision.json"
    path.write_text("{")
    os.utime(path, (clock.now - 61, clock.now - 61))
    page = await adapter.decisions("")
    assert page.bad == {"a.decision.json": "got no whole JSON"}
    assert names(tmp_path / "refused") == ["a.decision.json"]


async def test_decisions_come_by_name_and_are_moved_when_taken(
    adapter: FolderAuthority, tmp_path: Path
) -> None:
    await adapter.decisions("")
    for at in (2, 1, 3):
        one = GOOD | {"message": f"m{at}"}
        (tmp_path / "inbox" / f"{at}.decision.json").write_text(json.dumps(one))
    page = await adapter.decisions("")
    assert [one.message for one in page.decisions] == ["m1", "m2", "m3"]
    (tmp_path / "inbox" / "2.decision.json").unlink()  # another instance was quicker
    await adapter.taken(page)
    assert names(tmp_path / "inbox") == []
    assert names(tmp_path / "done") == ["1.decision.json", "3.decision.json"]


async def test_an_id_is_never_a_path(adapter: FolderAuthority, tmp_path: Path) -> None:
    answer = await adapter.tell(message("../../etc/x"))
    assert answer.status == 400
    assert await adapter.query("../secret") is None
    assert not (tmp_path / "outbox").exists()


async def test_a_folder_that_is_not_there_is_tried_again(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    adapter = FolderAuthority(Connector(NAME, folder=tmp_path / "file" / "exchange"))
    answer = await adapter.tell(message("e1"))
    assert (answer.status, answer.pending) == (None, False)
    with pytest.raises(AuthorityError, match="folder not usable"):
        await adapter.decisions("")


async def test_the_simulator_puts_each_decision_once(tmp_path: Path, adapter: FolderAuthority) -> None:
    rule = Authority(NAME, "k", folder=str(tmp_path))
    window = Window(Rules({NAME: rule}), Database(tmp_path / "sim.db"), lambda: 5)
    await adapter.tell(message("e1"))
    fetch(window, rule)
    window.decide(NAME, None, "wait", case="c")
    assert [put(window, rule), put(window, rule)] == [1, 0]
    window.database.close()


@pytest.mark.skipif(os.name == "nt", reason="names there have no line ends")
async def test_a_decision_whose_name_has_a_line_end_is_put_away(
    adapter: FolderAuthority, tmp_path: Path
) -> None:
    assert (await adapter.decisions("")).decisions == []
    (tmp_path / "inbox" / "a\nb.decision.json").write_text(json.dumps(GOOD))
    page = await adapter.decisions("")
    assert (page.decisions, list(page.bad.values())) == ([], ["got a name with a line end"])
    assert names(tmp_path / "inbox") == []
    assert names(tmp_path / "refused") == ["a\nb.decision.json"]
