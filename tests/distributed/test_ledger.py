"""The ledger of the distributed system: one log a partition by processes that die, pause and take over.

Whatever happens to them, every record is in its log once, every head extends the ones before, and every
proof holds; and the entries are those that one machine makes of the same log.
"""

from __future__ import annotations

import contextlib
import os
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import cbor2
import httpx
import orjson
import pytest

from corridor.folder import Folder
from corridor.roles.ledgers import index_of
from feeds.ledger import merkle
from feeds.ledger.book import Book, Kept
from feeds.ledger.checkpoint import open_checkpoint
from feeds.ledger.entry import EntryKind, check_opening, decode
from feeds.ledger.files import LogFiles
from feeds.ledger.framed import FrameReports, sound
from feeds.ledger.index import INDEX_KEY, open_index
from feeds.ledger.note import parse_verifier
from feeds.ledger.opened import opening_of
from feeds.ledger.reading import LedgerReader
from feeds.ledger.tree import TileNodes
from feeds.ledger.writer import LedgerWriter
from feeds.readmodel import ReadModel
from streams.codec import decode_frame
from streams.records import RecordKind
from tests.distributed.process import Server, free_port
from tests.distributed.servers import Kafka
from tests.distributed.worker_system import System, backlogs, system

pytestmark = pytest.mark.timeout(300)
PARTITIONS = 2
HEAD = ["device", "boot", "seq", "hash"]


class Ledgers:
    """Processes of the role over the topics of ``workers``, and what they wrote."""

    def __init__(self, workers: System, folder: Path) -> None:
        self.workers, self.root = workers, folder
        self.folder = Folder(folder / "ledger")
        self.keys = folder / "ledger-keys"
        self.all: list[Server] = []
        self.ports: dict[str, int] = {}
        self.heads: dict[int, set[str]] = {p: set() for p in range(PARTITIONS)}

    def another(self, name: str) -> Server:
        """One more process, started; ready when it owns what it was given and is well."""
        folder = self.root / name
        folder.mkdir()
        port = self.ports[name] = free_port()
        settings = self.workers.settings
        server = Server(
            name,
            [sys.executable, "-m", "corridor", "ledger", "run"],
            folder,
            lambda: bool(self.said(name)),
            environment={
                "PYTHONPATH": str(Path(__file__).parents[2]),
                "CORRIDOR_KAFKA_SERVERS": str(settings.kafka_servers),
                "CORRIDOR_KAFKA_PREFIX": settings.kafka_prefix,
                "CORRIDOR_PARTITIONS": str(settings.partitions),
                "CORRIDOR_DATA_DIR": str(folder / "data"),
                "CORRIDOR_LEDGER_DIR": str(self.folder.root),
                "CORRIDOR_LEDGER_KEYS_DIR": str(self.keys),
                "CORRIDOR_HEALTH_PORT": str(port),
            },
        )
        self.all.append(server)
        server.start()
        return server

    def said(self, name: str) -> dict[str, Any]:
        """What a process says of itself; nothing while it does not answer."""
        with contextlib.suppress(httpx.HTTPError):
            told = httpx.get(f"http://127.0.0.1:{self.ports[name]}/health", timeout=5).json()
            return {"ready": told["ready"], **told["checks"]}
        return {}

    def owned(self) -> list[int]:
        """The partitions of all that run, as they say."""
        said = [self.said(one.name) for one in self.all if one.running]
        return sorted(p for one in said for p in one.get("partitions", []))

    def until(self, holds: Callable[[], bool], within_s: float = 90.0) -> None:
        """Wait, and look at every head that is served meanwhile."""
        deadline = time.monotonic() + within_s
        while not holds():
            self.look()
            if time.monotonic() > deadline:
                said = {one.name: self.said(one.name) for one in self.all if one.running}
                raise AssertionError(
                    "\n".join([f"it does not come: {said}", *(one.tail() for one in self.all)])
                )
            time.sleep(0.05)
        self.look()

    def look(self) -> None:
        """Remember the heads that are served."""
        for partition, heads in self.heads.items():
            with contextlib.suppress(OSError):
                heads.add((self.folder.ledger(partition) / "public" / "checkpoint").read_text("utf-8"))

    def size(self) -> int:
        """Entries under a signed head."""
        return sum(one.size for one in (open_checkpoint(text, key).checkpoint for text, key in self.newest()))

    def newest(self) -> Iterator[tuple[str, Any]]:
        """Of each log that has a head the newest one and the log's key."""
        for partition in range(PARTITIONS):
            with contextlib.suppress(OSError):
                folder = self.folder.ledger(partition)
                text = (folder / "public" / "checkpoint").read_text("utf-8")
                yield text, parse_verifier((folder / "key.pub").read_text("utf-8").strip())

    def wanted(self, partition: int) -> set[tuple[Any, ...]]:
        """The keys of all records: reports of the log, revisions of the events."""
        found: set[tuple[Any, ...]] = {
            (event.id, event.revision) for event in self.workers.published(partition)
        }
        place = 0
        while records := self.workers.log.read(partition, place, 4 << 20):
            place = records[-1].position
            frames = [decode_frame(one.body) for one in records if one.kind is RecordKind.FRAME]
            found |= {row[:4] for frame in frames for row in FrameReports([sound(frame, 1)]).rows}
        return found

    def stop(self) -> None:
        """End them all, also those that are paused."""
        for one in self.all:
            one.stop()


@pytest.fixture
def ledgers(kafka: Kafka, tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Ledgers]:
    """Everything folded by a worker, nothing in the ledger yet."""
    prefix = f"ledger-{abs(hash(request.node.name)) % 10**8}-{os.getpid()}"
    with system(kafka.address, tmp_path, PARTITIONS, prefix) as workers:
        made = Ledgers(workers, tmp_path)
        workers.worker("worker")
        try:
            yield made
        finally:
            made.stop()


def keys_of(rows: list[Kept]) -> list[tuple[Any, ...]]:
    """What makes each record one."""
    found: list[tuple[Any, ...]] = []
    for row in rows:
        groups = row.groups or {}
        if decode(row.entry).kind is EntryKind.REPORT:
            head = cbor2.loads(groups["head"])
            found.append(tuple(head[name] for name in HEAD))
        else:
            head = orjson.loads(groups["head"])
            found.append((head["id"], head["revision"]))
    return found


def check(ledgers: Ledgers) -> dict[int, list[Kept]]:
    """Every record once, every proof, every head that was seen; returns the entries by log."""
    found = {}
    index_text = index_of(ledgers.folder).read_text("utf-8")
    index = open_index(index_text, parse_verifier((ledgers.folder.ledgers / INDEX_KEY).read_text().strip()))
    assert [one.log for one in index.logs] == list(range(PARTITIONS))
    for partition in range(PARTITIONS):
        reader = LedgerReader(ledgers.folder.ledger(partition))
        key = parse_verifier(reader.key())
        head, note = reader.head()
        rows = reader.records(0, head.size, 1_000_000)
        assert len(rows) == head.size
        keys = keys_of(rows)
        assert len(set(keys)) == len(keys), "something is twice"
        assert set(keys) == ledgers.wanted(partition), "something is missing or was never there"
        for row in rows:
            proof = reader.prove(row)
            assert proof is not None
            proof.verify(row.entry, key)
            opening = opening_of(row)
            assert opening is not None
            check_opening(decode(row.entry), opening)
        nodes = TileNodes(LogFiles(ledgers.folder.ledger(partition)).read, head.size)
        seen: dict[int, bytes] = {}
        for text in {*ledgers.heads[partition], note}:
            older = open_checkpoint(text, key).checkpoint
            assert seen.setdefault(older.size, older.root) == older.root, "two heads of one size"
            assert merkle.root(older.size, nodes) == older.root
        index.agrees(partition, head)
        assert head.origin.endswith(f"/ledger/{partition}")
        assert index.logs[partition].size == head.size
        reader.close()
        found[partition] = rows
    origins = {one.key.name.removesuffix(str(one.log)) for one in index.logs}
    assert len(origins) == 1, "one installation, one name"
    return found


def caught_up(ledgers: Ledgers) -> bool:
    """Whether all that was published is signed and in the index."""
    want = sum(len(ledgers.wanted(partition)) for partition in range(PARTITIONS))
    if ledgers.size() != want or not index_of(ledgers.folder).exists():
        return False
    key = parse_verifier((ledgers.folder.ledgers / INDEX_KEY).read_text().strip())
    return sum(one.size for one in open_index(index_of(ledgers.folder).read_bytes(), key).logs) == want


def alone(ledgers: Ledgers, partition: int) -> list[Kept]:
    """What one machine writes of the same log and events."""
    read = ReadModel(ledgers.root / f"alone-{partition}-read.db", PARTITIONS)
    events = ledgers.workers.published(partition)
    read.apply(partition, events[-1].position, events)
    book = Book(ledgers.root / f"alone-{partition}.db")
    writer = LedgerWriter(ledgers.workers.log, read, book, partition)
    while writer.step():
        pass
    rows = book.records(0, book.size, 1_000_000)
    book.close()
    read.close()
    return rows


def fed(ledgers: Ledgers, begin: Callable[[], None]) -> None:
    """Feed everything; ``begin`` happens beside it. Returns when all is folded, signed and in the index."""
    records = backlogs(8, PARTITIONS)
    with ledgers.workers.feeding(records, 0.05):
        begin()
    ledgers.workers.wait_folded()
    ledgers.workers.stop()
    ledgers.until(lambda: caught_up(ledgers))


def test_killed_anywhere_everything_is_there_once_as_on_one_machine(ledgers: Ledgers) -> None:
    def begin() -> None:
        one = ledgers.another("one")
        ledgers.until(lambda: ledgers.owned() == [0, 1] and ledgers.size() > 0)
        two = ledgers.another("two")
        ledgers.until(lambda: ledgers.said("one")["partitions"] != [0, 1] and ledgers.owned() == [0, 1])
        had = ledgers.size()
        one.kill()
        ledgers.until(lambda: ledgers.owned() == [0, 1] and ledgers.size() > had)
        two.kill()
        one.start()

    fed(ledgers, begin)
    assert ledgers.said("one")["ready"]
    assert ledgers.said("one")["ledger_lost_records"] == 0
    found = check(ledgers)
    for partition, rows in found.items():
        want = alone(ledgers, partition)
        got = dict(zip(keys_of(rows), rows, strict=True))
        assert len(got) == len(want)
        for key, row in zip(keys_of(want), want, strict=True):
            assert got[key].groups == row.groups
            assert decode(got[key].entry).position == decode(row.entry).position


@pytest.mark.long
def test_an_owner_that_was_paused_keeps_its_logs_and_nobody_forks_them(ledgers: Ledgers) -> None:
    def begin() -> None:
        one = ledgers.another("one")
        ledgers.until(lambda: ledgers.owned() == [0, 1] and ledgers.size() > 0)
        one.pause()
        two = ledgers.another("two")
        ledgers.until(lambda: "another process writes" in str(ledgers.said("two").get("ledger")))
        assert not ledgers.said("two")["ready"]
        one.resume()
        ledgers.until(
            lambda: ledgers.owned() == [0, 1] and all(ledgers.said(x.name)["ready"] for x in (one, two))
        )

    fed(ledgers, begin)
    check(ledgers)
