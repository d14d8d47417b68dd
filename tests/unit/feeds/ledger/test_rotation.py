"""A log ends with a signed statement, another follows it: what is known stays known, both are served."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from corridor.__main__ import main
from corridor.folder import Folder
from corridor.ledger import ledger_of
from feeds.completeness import History
from feeds.ledger import proof, rotation
from feeds.ledger.book import Book, EventKey
from feeds.ledger.checkpoint import open_checkpoint
from feeds.ledger.entry import EntryKind
from feeds.ledger.errors import LedgerAwayError, LedgerError, LedgerStopError
from feeds.ledger.files import LogFiles
from feeds.ledger.note import parse_verifier
from feeds.ledger.opened import unpack
from feeds.ledger.reading import BOOK, LedgerReader
from feeds.ledger.writer import LedgerWriter
from streams.codec import load_json
from streams.memory_log import MemoryLog
from tests.unit.feeds.ledger.test_writer import Told, event, logged


class House:
    """A data folder with the ledger of one partition."""

    def __init__(self, root: Path) -> None:
        self.folder, self.log, self.told = Folder(root), MemoryLog(1), Told(event(1))
        logged(self.log, {"seq": 1}, {"seq": 2})

    def run(self) -> int:
        """Everything that is to be read, is; returns the size of the log that is written now."""
        thread = ledger_of(self.folder, self.log, self.told)
        (one,) = thread.logs
        try:
            while one.step(True):
                pass
            return int(one.figures["size"])
        finally:
            one.close()

    def rotate(self, number: int) -> int:
        return rotation.rotate(self.folder.ledgers, number, self.folder.ledger_key, 1, 77)

    def reader(self, number: int) -> LedgerReader:
        return LedgerReader(self.folder.ledger(number))


@pytest.fixture
def house(tmp_path: Path) -> House:
    made = House(tmp_path)
    assert made.run() == 3
    return made


def checked(reader: LedgerReader) -> tuple[str, int]:
    """Origin and size of the head, signed by the key that the log names."""
    head, note = reader.head()
    return open_checkpoint(note, parse_verifier(reader.key())).checkpoint.origin, head.size


def test_the_end_is_signed_and_names_what_follows(house: House) -> None:
    assert house.rotate(0) == 1
    old, new = house.reader(0), house.reader(1)
    origin, size = checked(old)
    assert (size, checked(new)) == (4, (f"{origin}/r1", 0))
    assert old.key() != new.key()
    end = proof.parse(old.served("end").decode())
    opened = unpack(end.extra)
    end.verify(opened.entry.encode(), parse_verifier(old.key()), [])
    assert (opened.entry.kind, end.index) == (EntryKind.END, 3)
    assert opened.opening is not None
    told = load_json(opened.opening.shown["whole"][1])
    assert told == {
        "ended": origin,
        "size": 3,
        "next": {"origin": f"{origin}/r1", "key": new.key()},
        "at_ms": 77,
    }
    with closing(Book(house.folder.ledger(0) / BOOK)) as book:
        assert rotation.statement(book) == told
    with closing(Book(house.folder.ledger(1) / BOOK)) as book:
        assert rotation.statement(book) is None
    with pytest.raises(LedgerError, match="no end yet"):
        new.served("end")


def test_what_came_before_comes_once_and_what_follows_goes_on(house: House) -> None:
    device = "unit-1"
    before = house.reader(0).starts(device)
    assert house.rotate(0) == 1
    logged(house.log, {"seq": 2}, {"seq": 3})
    house.told.events += [event(1), event(2)]
    assert house.run() == 2
    assert house.run() == 2
    assert (checked(house.reader(0))[1], checked(house.reader(1))[1]) == (4, 2)
    with closing(house.reader(0)) as old, closing(house.reader(1)) as new:
        assert old.find(EventKey("visit_1", 1)) is not None
        assert new.find(EventKey("visit_1", 1)) is None
        found = new.find(EventKey("visit_2", 1))
        assert found is not None
        made = new.prove(found)
        assert made is not None
        made.verify(found.entry, parse_verifier(new.key()), [])
        assert old.starts(device) == {}
        after = new.starts(device)
    ((boot, start),) = after.items()
    assert set(before) == {boot}
    told = History({boot: start}).statement(device, boot)
    assert (told["received"], told["doubled"]) == ([[1, 3]], 1)


def test_again_and_again(house: House) -> None:
    assert [house.rotate(0), house.rotate(1)] == [1, 2]
    assert rotation.chains(house.folder.ledgers) == {0: 1, 1: 2}
    assert (rotation.current(house.folder.ledgers, 0), rotation.numbers(house.folder.ledgers)) == (
        2,
        [0, 1, 2],
    )
    origin = checked(house.reader(0))[0]
    assert checked(house.reader(2))[0] == f"{origin}/r2"
    logged(house.log, {"seq": 1}, {"seq": 9})
    assert house.run() == 1
    thread = ledger_of(house.folder, house.log, house.told)
    assert [one.head()[0].size for one in thread.readers] == [4, 1, 1]
    with pytest.raises(LedgerStopError, match="has ended already: p1 follows it"):
        house.rotate(0)


def _dies(monkeypatch: pytest.MonkeyPatch, where: Any, name: str, after: bool) -> None:
    whole: Callable[..., Any] = getattr(where, name)

    def dying(*args: Any, **more: Any) -> Any:
        if after:
            whole(*args, **more)
        raise LedgerAwayError("died here")

    monkeypatch.setattr(where, name, dying)


@pytest.mark.parametrize("after", [False, True])
@pytest.mark.parametrize(
    ("where", "name"),
    [
        (rotation, "_prepare"),
        (rotation, "_append_end"),
        (LogFiles, "put_signed"),
        (LogFiles, "publish"),
        (LogFiles, "put_end"),
        (rotation, "_flush"),
        (Path, "rename"),
    ],
)
def test_a_death_anywhere_is_finished_by_the_same_call(
    house: House, monkeypatch: pytest.MonkeyPatch, where: Any, name: str, after: bool
) -> None:
    origin = checked(house.reader(0))[0]
    with monkeypatch.context() as broken:
        _dies(broken, where, name, after)
        with pytest.raises(LedgerAwayError, match="died here"):
            house.rotate(0)
    if not rotation.chains(house.folder.ledgers):
        assert house.rotate(0) == 1
    assert checked(house.reader(0)) == (origin, 4)
    assert checked(house.reader(1)) == (f"{origin}/r1", 0)
    assert house.reader(0).served("end")
    logged(house.log, {"seq": 1}, {"seq": 3})
    assert house.run() == 1


def test_a_log_that_ended_takes_nothing_more(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as broken:
        _dies(broken, LogFiles, "put_end", after=False)
        with pytest.raises(LedgerAwayError):
            house.rotate(0)
    with closing(Book(house.folder.ledger(0) / BOOK)) as book:
        assert book.ended
        with pytest.raises(LedgerStopError, match="the log has ended"):
            LedgerWriter(house.log, house.told, book, 0)
        assert book.redact_before(1 << 60, 99) == 3
        assert rotation.statement(book) is not None


def test_what_cannot_be_is_refused(house: House) -> None:
    with LogFiles(house.folder.ledger(0)).locked(), pytest.raises(LedgerStopError, match="another process"):
        house.rotate(0)
    key = house.folder.ledger_key(0)
    text = key.read_text()
    key.unlink()
    with pytest.raises(LedgerStopError, match="is gone"):
        house.rotate(0)
    key.write_text(text)
    assert house.rotate(0) == 1
    for bad in ("p7", "x", ""):
        (house.folder.ledger(1) / "follows").write_text(bad)
        with pytest.raises(LedgerStopError, match="want an older log"):
            rotation.current(house.folder.ledgers, 0)
    (one,) = ledger_of(house.folder, house.log, house.told).logs
    with pytest.raises(LedgerStopError, match="the log has ended"):
        one.step(True)
    one.close()


def test_the_command(house: House, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    where = ["--data-dir", str(tmp_path)]
    assert main(["ledger", "rotate", *where]) == 0
    assert "log 0 has ended; log 1 follows it, its key: corridor-" in capsys.readouterr().out
    assert main(["ledger", "show", *where]) == 0
    out = capsys.readouterr().out
    assert "followed_by 1" in out
    assert house.reader(1).key() in out
    proof_file = tmp_path / "proof"
    asked = ["--event", "visit_1", "--revision", "1", "--out", str(proof_file)]
    assert main(["ledger", "prove", *asked, *where]) == 0
    assert main(["ledger", "verify-proof", str(proof_file), "--key", house.reader(0).key()]) == 0
    house.folder.hold()
    try:
        assert main(["ledger", "rotate", *where]) == 2
    finally:
        house.folder.release()
    assert main(["ledger", "rotate", "--data-dir", str(Folder(tmp_path / "new").root)]) == 2


def test_keys_may_lie_elsewhere(tmp_path: Path) -> None:
    folder, keys = Folder(tmp_path / "data"), tmp_path / "vault"
    (one,) = ledger_of(folder, MemoryLog(1), Told(event(1)), keys=keys).logs
    assert one.step(True) == 1
    one.close()
    assert not folder.ledger_key(0).exists()
    assert folder.ledger_key(0, keys).stat().st_mode & 0o777 == 0o600
    assert rotation.rotate(folder.ledgers, 0, lambda n: folder.ledger_key(n, keys), 1, 5) == 1
    assert sorted(path.name for path in keys.iterdir()) == ["ledger-p0.key", "ledger-p1.key"]
