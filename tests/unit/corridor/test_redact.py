"""``corridor redact`` over a small system that is stopped: what goes, what stays, what holds afterwards."""

from __future__ import annotations

import json
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import pytest

from corridor.__main__ import main
from corridor.folder import Folder
from corridor.ledger import PartitionLedger
from feeds import readredact, redactions
from feeds.deadletters import DeadLetter, DeadLetters
from feeds.ledger.book import Book
from feeds.ledger.entry import EntryKind
from feeds.ledger.note import parse_signer
from feeds.ledger.opened import unpack
from feeds.ledger.reading import BOOK, LedgerReader
from feeds.readmodel import ReadModel
from feeds.redactions import MOVEMENT, Redaction, RedactionsError
from feeds.store import purge
from feeds.store.duck import DuckStore
from feeds.store.writer import StoreWriter
from streams.events import Change, Event, Kind
from streams.runtime import embedded
from streams.sqlite_log import SqliteLog
from tests.unit.corridor.test_rebuild import events, rebuild_of, records, system
from tests.unit.feeds.store.frames import Report, at, frame
from tests.unit.streams.engine.small_world import T0

HALF = T0 + 3_600_000  # the drive there is before, the drive back after
ALL = (0, 1 << 60)


@pytest.fixture(autouse=True)
def _a_record_a_step(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(embedded, "_READ_BYTES", 1)


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    """A stopped system with a store and a ledger of two drives."""
    folder = system(tmp_path)
    with (
        closing(SqliteLog(folder.log)) as log,
        ReadModel(folder.read, 1) as read,
        DuckStore(folder.store) as store,
    ):
        writer = StoreWriter(log, store, range(1))
        while writer.step():
            pass
        store.compact(T0 + 10 * 86_400_000, 60)
        ledger = PartitionLedger(folder.ledger(0), folder.ledger_key(0), "log.example/0", log, read, 0)
        while ledger.step(True):
            pass
        ledger.close()
    return folder


def text(t_ms: int) -> str:
    return datetime.fromtimestamp(t_ms / 1000, UTC).isoformat()


def redact(folder: Folder, *more: str) -> int:
    where = ["--data-dir", str(folder.root), "--reason", "the driver asked"]
    return main(["redact", "--asset", "a1", "--to", text(HALF), *where, *more])


def test_it_reaches_everything_and_leaves_the_rest(
    folder: Folder, capsys: pytest.CaptureFixture[str]
) -> None:
    before = events(folder.read)
    assert {event.kind for event in before} >= {Kind.VISIT, Kind.CROSSING}
    old = len(list(folder.snapshots.glob("*.snap")))
    assert old > 1
    size = (folder.ledger(0) / "public" / "checkpoint").read_text().splitlines()[1]
    assert redact(folder, "--json") == 0
    told = json.loads(capsys.readouterr().out)
    with DuckStore(folder.store) as store:
        held = store.track("a1", *ALL, 1 << 20)["t_ms"].to_pylist()
        assert held
        assert min(held) >= HALF
        assert store.position(0) == len(records())
    after = events(folder.read)
    assert after
    assert not [event for event in after if event.kind in MOVEMENT and event.t_ms < HALF]
    gone = {(e.kind, e.id) for e in before if e.kind in MOVEMENT and e.t_ms < HALF}
    assert not gone & {(event.kind, event.id) for event in after}
    assert (told["samples"] > 100, told["events"]) == (True, len(before) - len(after))
    assert told["snapshots"] == old - 1
    assert told["log_ms"] > told["to_ms"]
    assert folder.redactions.stat().st_mode & 0o777 == 0o600
    with closing(Book(folder.ledger(0) / BOOK)) as book:
        assert book.size == int(size)
        reports = [one for one in book.records(0, book.size, 1 << 20) if one.kind is EntryKind.REPORT]
        assert {one.groups is None for one in reports if one.t_ms < HALF} == {True}
        assert {one.groups is None for one in reports if one.t_ms >= HALF + 86_400_000} <= {False}
        assert told["contents"] == sum(1 for one in book.records(0, book.size, 1 << 20) if not one.groups)


def test_proofs_hold_of_what_is_redacted_and_of_the_rest(folder: Folder) -> None:
    assert redact(folder) == 0
    key = parse_signer(folder.ledger_key(0).read_text()).verifier
    reader = LedgerReader(folder.ledger(0))
    seen = set()
    for kept in reader.records(0, 1 << 40, 1 << 20):
        proof = reader.prove(kept)
        assert proof is not None
        opened = unpack(proof.extra)
        proof.verify(opened.entry.encode(), key, [])
        seen.add(opened.opening is None)
    reader.close()
    assert seen == {True, False}


def test_no_bytes_of_it_are_left_in_the_served_files(folder: Folder) -> None:
    with closing(Book(folder.ledger(0) / BOOK)) as book:
        gone = [one for one in book.records(0, book.size, 1 << 20) if one.t_ms < HALF and one.groups]
        salts = [bytes(one.salts or b"")[:16] for one in gone]
    assert redact(folder) == 0
    data = b"".join(path.read_bytes() for path in folder.ledger(0).glob("book.db*"))
    assert not [salt for salt in salts if salt in data]
    assert not list(folder.store.glob("*.new*"))


def test_again_changes_nothing(folder: Folder, capsys: pytest.CaptureFixture[str]) -> None:
    assert redact(folder) == 0
    served = events(folder.read)
    capsys.readouterr()
    assert redact(folder, "--json") == 0
    told = json.loads(capsys.readouterr().out)
    names = ("samples", "events", "objects", "contents", "snapshots")
    assert [told[name] for name in names] == [0] * len(names)
    assert events(folder.read) == served
    assert len(redactions.load(folder.redactions)) == 2


def test_a_replay_says_so_and_keeps_what_is_served(folder: Folder) -> None:
    assert redact(folder) == 0
    served = events(folder.read)
    rebuild = rebuild_of(folder)
    result = rebuild.run()
    assert result.redacted > 0
    assert (result.comparison.same, result.comparison.equal) == (True, len(served))
    rebuild.replace(result)
    assert events(folder.read) == served
    with DuckStore(folder.store) as store:
        assert min(store.track("a1", *ALL, 1 << 20)["t_ms"].to_pylist()) >= HALF


def test_what_is_left_aside_is_named(folder: Folder, capsys: pytest.CaptureFixture[str]) -> None:
    (folder.root / "read.db.before-rebuild").write_bytes(b"")
    assert redact(folder) == 0
    out = capsys.readouterr().out
    assert "left, delete it yourself: read.db.before-rebuild" in out
    assert "gone from the log by 20" in out
    assert "gone from the engine's state once" in out


def test_a_dry_run_changes_nothing(folder: Folder, capsys: pytest.CaptureFixture[str]) -> None:
    before = events(folder.read)
    assert redact(folder, "--dry-run") == 0
    assert "objects would go" in capsys.readouterr().out
    assert events(folder.read) == before
    assert not folder.redactions.exists()


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--asset", "nobody"], "no such asset: got nobody"),
        (["--all", "--from", "yesterday"], "--from: got 'yesterday'"),
        (["--all", "--from", "2030-01-01", "--to", "2029-01-01"], "an empty time"),
    ],
)
def test_what_cannot_be_is_refused(
    folder: Folder, capsys: pytest.CaptureFixture[str], arguments: list[str], says: str
) -> None:
    where = ["--data-dir", str(folder.root), "--reason", "none"]
    assert main(["redact", *arguments, *where]) == 2
    assert says in capsys.readouterr().err
    assert not folder.redactions.exists()


def test_a_system_that_runs_or_lags_is_refused(folder: Folder, capsys: pytest.CaptureFixture[str]) -> None:
    folder.hold()
    try:
        assert main(["redact", "--all", "--data-dir", str(folder.root), "--reason", "x"]) == 2
    finally:
        folder.release()
    assert "in use" in capsys.readouterr().err
    (folder.store / "samples.duckdb").unlink()
    assert redact(folder) == 2
    assert f"store and ledger are at 0 of {len(records())}" in capsys.readouterr().err


def test_dead_letters_of_its_devices_go(tmp_path: Path) -> None:
    path, read = tmp_path / "letters.db", tmp_path / "read.db"
    fitted = {"device": "unit-1", "asset": "a1", "from_ms": 0, "state": "fitted"}
    with ReadModel(read, 1) as model:
        where = ("main", "a1", 5, 6)
        model.apply(0, 1, [Event(0, 1, 1, Kind.DEVICE, "device_1", 1, Change.CREATED, *where, fitted)])
    assert readredact.devices_of(read, ["a1"]) == ["unit-1"]
    assert readredact.assets_of(read, ["a1", "a2"]) == {"a1": ["a1"], "a2": []}
    with closing(DeadLetters(path)) as held:
        held.add(
            [
                DeadLetter(t, "main", device, "t", "unsigned", "", b"SECRET-%d" % t)
                for device, t in (("unit-1", 5), ("unit-1", 50), ("unit-2", 5))
            ]
        )
        assert held.redact(["unit-1"], 0, 10) == 1
        assert [(one.device, one.received_ms) for one in held.list()] == [("unit-1", 50), ("unit-2", 5)]
    assert readredact.devices_in(path) == ["unit-1", "unit-2"]


@pytest.mark.parametrize("settled", [True, False])
def test_the_store_keeps_others_and_the_newest(tmp_path: Path, settled: bool) -> None:
    with DuckStore(tmp_path) as store:
        for position, t_ms in enumerate((1_000, 2_000, 3_000), 1):
            store.write(0, position, [frame(Report(asset, [at(t_ms)], seq=position)) for asset in ("a", "b")])
        if settled:
            store.compact(1 << 45, 60)
    assert purge.redact(tmp_path, ["a", "none"], 2_000, 9_000) == 2
    assert purge.redact(tmp_path, ["none"], 0, 9_000) == 0
    with DuckStore(tmp_path) as store:
        assert store.position(0) == 3
        assert {n: store.track(n, *ALL, 9)["t_ms"].to_pylist() for n in "ab"} == {
            "a": [1_000],
            "b": [1_000, 2_000, 3_000],
        }
        assert dict(
            zip(*(store.latest(["a", "b"])[n].to_pylist() for n in ("asset", "t_ms")), strict=True)
        ) == {"a": 1_000, "b": 3_000}
        store.write(0, 4, [frame(Report("c", [at(4_000)]))])
        assert store.track("c", *ALL, 9)["t_ms"].to_pylist() == [4_000]
    assert purge.redact(tmp_path, [], 0, 9_000) == 5
    assert purge.redact(tmp_path / "none", [], 0, 9_000) == 0


@pytest.mark.parametrize("line", [b"{", b"[]", b"{}", b'{"made_ms":"x"}', b"\xff"])
def test_a_broken_list_is_refused(tmp_path: Path, line: bytes) -> None:
    path = tmp_path / "redactions.jsonl"
    redactions.add(path, Redaction(1, "why", ("a",), (), 0, 5, 9))
    assert redactions.load(path) == [Redaction(1, "why", ("a",), (), 0, 5, 9)]
    with path.open("ab") as file:
        file.write(line + b"\n")
    with pytest.raises(RedactionsError, match="line 2"):
        redactions.load(path)
