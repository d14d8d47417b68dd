"""The ledger's thread: it fills and signs by itself; what is wrong with it is said and stops nothing."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest

from corridor.folder import Folder
from corridor.ledger import LedgerThread, PartitionLedger, ledger_of, place_of
from feeds.ledger.checkpoint import open_checkpoint
from feeds.ledger.errors import LedgerAwayError
from feeds.ledger.files import LogFiles
from feeds.ledger.note import parse_signer
from streams.memory_log import MemoryLog
from tests.unit.feeds.ledger.test_writer import Told, event, logged


class Signalling(PartitionLedger):
    """Says when it has caught up and signed; ``away`` steps fail first."""

    def __init__(self, folder: Folder, log: MemoryLog, told: Told, away: int = 0) -> None:
        super().__init__(folder.ledger(0), folder.ledger_key(0), "log.example/0", log, told, 0)
        self.caught_up, self.away = threading.Event(), away

    def step(self, sign: bool) -> int:
        if self.away:
            self.away -= 1
            raise LedgerAwayError("no space left on device", 0.01)
        read = super().step(sign)
        if sign and not read:
            self.caught_up.set()
        return read


def ran(log: Signalling) -> LedgerThread:
    """A thread that ran until everything was signed, and ended."""
    thread = LedgerThread([log])
    thread.start()
    assert log.caught_up.wait(60)
    thread.halt.set()
    thread.join(60)
    assert not thread.is_alive()
    return thread


def test_it_fills_signs_and_goes_on_where_it_was(tmp_path: Path) -> None:
    folder, log, told = Folder(tmp_path), MemoryLog(1), Told(event(1))
    logged(log, {"seq": 1}, {"seq": 2})
    thread = ran(Signalling(folder, log, told))
    assert thread.figures() == {"size": 3, "lag": 0, "parked": 0, "missed": 0, "trouble": None}
    assert thread.covered(0, 99) == 1
    assert thread.covered(0, 0) == 0
    logged(log, {"seq": 3})
    told.events.append(event(2))
    assert ran(Signalling(folder, log, told)).figures()["size"] == 5
    assert place_of(folder.ledger(0)) == 2
    key = parse_signer(folder.ledger_key(0).read_text()).verifier
    head = open_checkpoint(LogFiles(folder.ledger(0)).served("checkpoint"), key).checkpoint
    assert (head.origin, head.size) == ("log.example/0", 5)


def test_trouble_passes(tmp_path: Path) -> None:
    log = Signalling(Folder(tmp_path), MemoryLog(1), Told(event(1)), away=2)
    thread = LedgerThread([log])
    assert thread._step(0, log, True) == 0
    assert thread.trouble == "LedgerAwayError: no space left on device"
    assert thread.covered(0, 5) == 0
    assert ran(log).figures() == {"size": 1, "lag": 0, "parked": 0, "missed": 0, "trouble": None}


def test_contents_are_let_go_of_and_entries_stay(tmp_path: Path) -> None:
    folder, log = Folder(tmp_path), MemoryLog(1)
    one = Signalling(folder, log, Told(event(1), event(2)))
    thread = LedgerThread([one], content_days=1)
    assert thread._step(0, one, True) == 2
    assert [kept.groups for kept in one.reader.records(0, 9, 9)] == [None, None]
    assert thread.figures()["size"] == 2
    assert one.let_go(1 << 60) == 0
    one.close()
    whole = Signalling(folder, log, Told(event(1), event(2), event(3)))
    assert LedgerThread([whole])._step(0, whole, True) == 1
    assert whole.let_go(0) == 0
    assert whole.reader.records(2, 3, 1)[0].groups is not None
    whole.close()


def _no_key(folder: Folder) -> None:
    folder.ledger_key(0).unlink()


def _no_book(folder: Folder) -> None:
    (folder.ledger(0) / "book.db").unlink()


@pytest.mark.parametrize(("harm", "reason"), [(_no_key, "key"), (_no_book, "lost entries")])
def test_a_log_that_may_not_go_on_says_so_and_holds_nothing_back(
    tmp_path: Path, harm: object, reason: str
) -> None:
    folder = Folder(tmp_path)
    ran(Signalling(folder, MemoryLog(1), Told(event(1))))
    assert callable(harm)
    harm(folder)
    signed = LogFiles(folder.ledger(0)).signed()
    log = Signalling(folder, MemoryLog(1), Told(event(1), event(2)))
    thread = LedgerThread([log])
    assert thread._step(0, log, True) == 0
    assert thread.trouble is not None
    assert thread.trouble.startswith("stopped: ")
    assert reason in thread.trouble
    assert thread.covered(0, 7) == 7
    assert LogFiles(folder.ledger(0)).signed() == signed
    log.close()


def test_a_log_that_another_process_writes_is_left_alone(tmp_path: Path) -> None:
    folder = Folder(tmp_path)
    log = Signalling(folder, MemoryLog(1), Told(event(1)))
    thread = LedgerThread([log])
    with LogFiles(folder.ledger(0)).locked():
        assert thread._step(0, log, True) == 0
    assert "another process writes the log" in (thread.trouble or "")


def test_each_partition_has_a_log_and_a_key_of_its_own(tmp_path: Path) -> None:
    folder = Folder(tmp_path)
    thread = ledger_of(folder, MemoryLog(3), Told())
    names = {log._origin for log in thread.logs}
    assert len(names) == 3
    assert all(name.startswith("corridor-") for name in names)
    assert place_of(folder.ledger(0)) == 0
    assert not folder.ledger(0).exists()


def test_a_policy_that_can_not_be_read_stops_it(tmp_path: Path) -> None:
    folder = Folder(tmp_path)
    thread = ledger_of(folder, MemoryLog(1), Told(), tmp_path / "none.policy")
    assert thread._step(0, thread.logs[0], True) == 0
    assert "witnesses_file can't be read" in (thread.trouble or "")
