"""Deliveries listed and asked for by the commands, whether a system runs or not."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

import orjson
import pytest

from corridor.__main__ import main
from corridor.deliveries import RULE
from corridor.lanes import Lanes
from feeds.outbound.filenotes import FileNotes
from feeds.outbound.lane import Waiting
from feeds.outbound.schedule import Answer
from feeds.webhooks.endpoints import Endpoint
from streams.events import Change, Event, Kind

HOOK = Endpoint("hook", "main", "https://example.org", b"k" * 24, begin=True)


class Events:
    """Events in memory, as items of a lane."""

    def __init__(self, count: int) -> None:
        self.all = [
            Event(0, n, n, Kind.VISIT, f"v{n}", 1, Change.CREATED, "main", "a", 0, 0, {})
            for n in range(1, count + 1)
        ]

    def newest(self, partition: int) -> int:
        return len(self.all)

    def after(self, partition: int, number: int, target: Endpoint, limit: int) -> Sequence[Event]:
        return self.all[number : number + limit]

    def one(self, partition: int, number: int, target: Endpoint) -> Event | None:
        return self.all[number - 1]


def keep(folder: Path, *waiting: tuple[str, Waiting]) -> FileNotes:
    folder.mkdir(exist_ok=True)
    notes = FileNotes(folder / "deliveries.db")
    notes.put(0, {f"{name}/{one.number}": orjson.dumps(asdict(one)) for name, one in waiting})
    return notes


def test_webhooks_and_authorities_are_listed_apart(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    parked = Waiting(7, "asset_1", 9, 0, "status 400", parked=True, what="visit.created")
    due = Waiting(8, "case_1", 1, 1_700_000_000_000, "status 500", what="lodge")
    keep(tmp_path, ("hook", parked), ("@cn", due)).close()
    assert main(["webhooks", "list", "--data-dir", str(tmp_path), "--json"]) == 0
    (line,) = capsys.readouterr().out.splitlines()
    assert json.loads(line) == {"receiver": "hook", "partition": 0, **asdict(parked)}
    assert main(["authority", "list", "--data-dir", str(tmp_path)]) == 0
    out = capsys.readouterr().out
    for word in ("case_1", "due 2023-11-14T22:13:20+00:00", "status 500"):
        assert word in out
    assert "asset_1" not in out
    assert main(["authority", "list", "la", "--data-dir", str(tmp_path)]) == 0
    assert "nothing waits" in capsys.readouterr().out


def test_a_receiver_that_is_away_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    notes = keep(tmp_path)
    notes.put(0, {"hook/place": b'{"number":7,"gone":false,"away":"status 503"}'})
    notes.put(0, {"well/place": b'{"number":7,"gone":false}'})
    notes.close()
    assert main(["webhooks", "list", "--data-dir", str(tmp_path)]) == 0
    (line,) = capsys.readouterr().out.splitlines()
    assert line.endswith("is away, all that is new waits: status 503")


def test_decisions_that_were_refused_are_listed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    notes = keep(tmp_path)
    told = {"message": "m1", "reason": "ended: the case has ended", "at_ms": 0}
    notes.put(0, {"@boten/refused-abc": orjson.dumps(told)})
    notes.close()
    assert main(["authority", "list", "boten", "--data-dir", str(tmp_path)]) == 0
    out = capsys.readouterr().out
    assert "decision m1 refused 1970-01-01T00:00:00+00:00: ended: the case has ended" in out
    assert main(["authority", "list", "mohan", "--data-dir", str(tmp_path)]) == 0
    assert "nothing waits" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["resend", "hook", "9"], "got hook number 9, want one of the list"),
        (["resend", "nobody"], "got nobody parked, want one of the list"),
        (["park", "hook", "7", "--partition", "3"], "want one of the list"),
    ],
)
def test_what_is_not_there_is_told(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], words: list[str], said: str
) -> None:
    keep(tmp_path, ("hook", Waiting(7, "asset_1", 9, 0, "status 400", parked=True))).close()
    assert main(["webhooks", *words, "--data-dir", str(tmp_path)]) == 2
    assert said in capsys.readouterr().err


def test_a_folder_without_deliveries_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["webhooks", "list", "--data-dir", str(tmp_path / "none")]) == 2
    assert "no deliveries here" in capsys.readouterr().err
    assert not (tmp_path / "none").exists()


async def test_what_is_asked_is_done_by_who_delivers_and_then_forgotten(tmp_path: Path) -> None:
    first = Waiting(1, "a", 9, 0, "status 400", parked=True)
    second = Waiting(2, "a", 1, 2**50, "status 500")
    notes = keep(tmp_path, ("hook", first), ("hook", second))
    notes.put(0, {"hook/place": b'{"number":2,"gone":false}'})
    sent: asyncio.Queue[int] = asyncio.Queue()

    async def send(target: Endpoint, event: Event) -> Answer:
        sent.put_nowait(event.number)
        return Answer(200)

    assert main(["webhooks", "resend", "hook", "--data-dir", str(tmp_path)]) == 0
    lanes = Lanes([HOOK], Events(2), notes, send, RULE)
    await lanes.take(0)
    async with asyncio.timeout(20):
        assert await sent.get() == 1
        assert main(["webhooks", "resend", "hook", "2", "--data-dir", str(tmp_path)]) == 0
        assert await sent.get() == 2
        while notes.asks(0):
            await asyncio.sleep(0.01)
    await lanes.close()
    assert set(notes.load(0)) == {"hook/place"}
    notes.close()


async def test_one_that_is_parked_lets_the_next_go(tmp_path: Path) -> None:
    waiting = [("hook", Waiting(n, "a", 1, 2**50, "status 500")) for n in (1, 2)]
    notes = keep(tmp_path, *waiting)
    notes.put(0, {"hook/place": b'{"number":2,"gone":false}'})
    sent: asyncio.Queue[int] = asyncio.Queue()

    async def send(target: Endpoint, event: Event) -> Answer:
        sent.put_nowait(event.number)
        return Answer(500 if event.number == 1 else 200)

    lanes = Lanes([HOOK], Events(2), notes, send, RULE, lambda: 2**51)
    assert main(["webhooks", "park", "hook", "1", "--data-dir", str(tmp_path)]) == 0
    await lanes.take(0)
    async with asyncio.timeout(20):
        while await sent.get() != 2:
            continue
    await lanes.close()
    notes.close()
