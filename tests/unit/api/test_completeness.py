"""What came of what a device sent, over HTTP: its own tenant's only, page by page."""

from __future__ import annotations

from hashlib import sha256
from pathlib import Path
from typing import Any

import httpx
import pytest

from feeds.ledger.book import Book
from feeds.ledger.reading import BOOK
from feeds.ledger.writer import LedgerWriter
from streams.codec import encode_frame
from streams.events import Event
from streams.memory_log import MemoryLog
from streams.records import NewRecord, RecordKind
from tests.unit.api.ledgers import folder_of
from tests.unit.api.world import OTHER_KEY, VIN, World
from tests.unit.feeds.ledger.test_writer import frame

PATH = "/v1/devices/dev-own/completeness"
T0 = 1_800_000_000_000


class NoEvents:
    """A read model without events."""

    def partition_after(self, *_: object) -> list[Event]:
        return []

    def last_number(self, _: int) -> int:
        return 0


def kept(root: Path, *reports: dict[str, Any], partition: int = 0) -> None:
    """Put one frame into the log of a partition."""
    log = MemoryLog(2)
    log.append([NewRecord(partition, RecordKind.FRAME, 5, "", encode_frame(frame(*reports)))])
    book = Book(folder_of(root, partition) / BOOK)
    LedgerWriter(log, NoEvents(), book, partition).step()
    book.close()


def report(boot_n: int, seq: int, **more: Any) -> dict[str, Any]:
    raw = f"{boot_n} {seq}"
    before = f"{boot_n} {seq - 1}" if seq else f"{boot_n - 1} 2" if boot_n > 1 else None
    prev = None if before is None else sha256(before.encode()).digest()
    named = {"device": "dev-own", "boot": f"b{boot_n}", "boot_n": boot_n, "raw": raw.encode()}
    return {**named, "seq": seq, "prev": prev, **more}


@pytest.fixture
def told(world: World, tmp_path: Path) -> World:
    """Two starts, one with a hole, then a silence that nothing explains."""
    late = [{"t_ms": T0 - 9_000_000}], [{"t_ms": T0 - 1_000}]
    kept(
        tmp_path,
        *(report(1, seq, samples=late[0]) for seq in (0, 2)),
        *(report(2, seq, samples=late[1]) for seq in (0, 1)),
    )
    return world


async def test_the_statements_of_a_device(told: World, client: httpx.AsyncClient) -> None:
    answer = await client.get(PATH)
    assert answer.status_code == 200
    second, first = answer.json()["items"]
    assert answer.json()["next"] is None
    assert (first["log"], first["boot"], first["received"], first["missing"]) == (
        0,
        "b1",
        [[0, 0], [2, 2]],
        [[1, 1]],
    )
    assert (first["tail"], second["tail"], second["chain"]["first"]) == ("whole", "open", "holds")
    silence = {"from": "2027-01-15T05:30:00.000Z", "to": "2027-01-15T07:59:59.000Z", "explained": False}
    assert second["silences"] == [silence]


async def test_a_time_that_two_starts_tell_of(
    world: World, tmp_path: Path, client: httpx.AsyncClient
) -> None:
    times = [{"t_ms": T0 - 900_000}, {"t_ms": T0 - 500_000}]
    kept(tmp_path, *(report(boot_n, 0, samples=times) for boot_n in (1, 2)))
    second, first = (await client.get(PATH)).json()["items"]
    shared = {"from": "2027-01-15T07:45:00.000Z", "to": "2027-01-15T07:51:40.000Z"}
    assert first["overlaps"] == [{"boot": "b2", **shared}]
    assert second["overlaps"] == [{"boot": "b1", **shared}]


async def test_a_page_at_a_time_and_one_start(told: World, client: httpx.AsyncClient) -> None:
    page = (await client.get(f"{PATH}?limit=1")).json()
    assert [one["boot"] for one in page["items"]] == ["b2"]
    rest = (await client.get(f"{PATH}?limit=1&after={page['next']}")).json()
    assert ([one["boot"] for one in rest["items"]], rest["next"]) == (["b1"], None)
    one = (await client.get(f"{PATH}?boot=b1")).json()
    assert [each["boot"] for each in one["items"]] == ["b1"]
    assert (await client.get(f"{PATH}?boot=b9")).json()["items"] == []
    assert (await client.get(f"{PATH}?after=x")).status_code == 400
    assert (await client.get(f"{PATH}?limit=0")).status_code == 422


async def test_a_device_that_moved_to_another_log(
    told: World, tmp_path: Path, client: httpx.AsyncClient
) -> None:
    kept(tmp_path, report(3, 0, prev=sha256(b"2 1").digest()), partition=1)
    items = (await client.get(PATH)).json()["items"]
    assert [(one["log"], one["boot"], one["tail"]) for one in items] == [
        (1, "b3", "open"),
        (0, "b2", "whole"),
        (0, "b1", "whole"),
    ]
    assert items[0]["chain"]["first"] == "holds"


async def test_what_is_another_tenants_is_not_there(
    told: World, tmp_path: Path, client: httpx.AsyncClient
) -> None:
    theirs = {"Authorization": f"Bearer {OTHER_KEY}"}
    assert (await client.get(PATH, headers=theirs)).status_code == 404
    kept(tmp_path, report(4, 0, tenant="other"), partition=1)
    assert b"b4" not in (await client.get(PATH)).content


async def test_without_a_ledger_there_is_nothing(client: httpx.AsyncClient) -> None:
    assert (await client.get(PATH)).json() == {"items": [], "next": None}
    assert (await client.get("/v1/devices/none/completeness")).status_code == 404


async def test_a_vehicles_way_says_what_came_of_its_devices(told: World, client: httpx.AsyncClient) -> None:
    way = (await client.get(f"/v1/trace/{VIN}")).json()
    (own,) = way["reports"]
    assert (own["device"], own["received"], own["missing"], own["unbroken"]) == ("dev-own", 4, 1, True)


async def test_without_a_ledger_a_vehicles_way_says_nothing_of_it(client: httpx.AsyncClient) -> None:
    assert "reports" not in (await client.get(f"/v1/trace/{VIN}")).json()
