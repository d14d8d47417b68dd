"""``corridor ledger``: shown, proved and verified from a folder that no system runs on."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from corridor.__main__ import main
from corridor.folder import Folder
from feeds.ledger.book import Book, EventKey
from feeds.ledger.files import LogFiles
from feeds.ledger.keyfiles import load_or_make
from feeds.ledger.note import COSIGNATURE, Signer
from feeds.ledger.reading import BOOK
from feeds.ledger.sequencer import Sequencer
from feeds.ledger.writer import LedgerWriter
from streams.memory_log import MemoryLog
from tests.unit.feeds.ledger.test_writer import Told, event

WITNESS = Signer("witness.example", bytes(32), COSIGNATURE)


@pytest.fixture
def key(tmp_path: Path) -> str:
    """The public key of a log with five events in the folder ``tmp_path``."""
    folder = Folder(tmp_path)
    signer = load_or_make(folder.ledger_key(0), "log.example/0", signed=False)
    book = Book(folder.ledger(0) / BOOK)
    log = Sequencer(book, LogFiles(folder.ledger(0)), signer)
    told = Told(*(event(n, driver="somebody") for n in range(1, 6)))
    LedgerWriter(MemoryLog(1), told, book, 0).step()
    log.publish()
    assert book.find(EventKey("visit_3", 1)) == 2
    book.close()
    return str(signer.verifier)


def prove(folder: Path, *more: str) -> Path:
    """The proof file of one event."""
    out = folder / "one.tlog-proof"
    where = ["--data-dir", str(folder), "--out", str(out)]
    assert main(["ledger", "prove", "--event", "visit_3", "--revision", "1", *where, *more]) == 0
    return out


def test_the_log_is_shown(tmp_path: Path, key: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["ledger", "show", "--data-dir", str(tmp_path), "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert (told["origin"], told["size"], told["key"]) == ("log.example/0", 5, key)
    assert main(["ledger", "show", "--data-dir", str(tmp_path)]) == 0
    assert "PRIVATE" not in capsys.readouterr().out


def test_a_proof_is_made_and_holds(tmp_path: Path, key: str, capsys: pytest.CaptureFixture[str]) -> None:
    out = prove(tmp_path, "--groups", "head")
    assert b"somebody" not in out.read_bytes()
    assert main(["ledger", "verify-proof", str(out), "--key", key]) == 0
    assert "holds: entry 2 of 5 in log.example/0: event" in capsys.readouterr().out
    assert main(["ledger", "verify-proof", str(out), "--key", key, "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert (told["shown"], told["hidden"]) == (["head"], ["body", "driver", "whole"])


def test_what_does_not_hold_is_1(tmp_path: Path, key: str, capsys: pytest.CaptureFixture[str]) -> None:
    out = prove(tmp_path)
    text = out.read_text()
    out.write_text(text.replace("index 2", "index 3"))
    assert main(["ledger", "verify-proof", str(out), "--key", key]) == 1
    assert "does not hold: entry 3 is not in the tree" in capsys.readouterr().out
    out.write_text(text)
    other = str(Signer("log.example/0", bytes(32)).verifier)
    assert main(["ledger", "verify-proof", str(out), "--key", other]) == 1
    assert "no trusted signature" in capsys.readouterr().out
    wanted = ["--witness", str(WITNESS.verifier)]
    assert main(["ledger", "verify-proof", str(out), "--key", key, *wanted]) == 1
    assert "not cosigned by witness.example" in capsys.readouterr().out
    out.write_text("no proof")
    assert main(["ledger", "verify-proof", str(out), "--key", key]) == 1


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        (["prove", "--event", "visit_9", "--revision", "1"], "not in the ledger"),
        (["prove", "--event", "visit_3"], "which record"),
        (["prove", "--device", "d", "--boot", "b", "--seq", "1", "--hash", "zz"], "64 hexadecimal"),
    ],
)
def test_what_can_not_be_proved(
    tmp_path: Path, key: str, capsys: pytest.CaptureFixture[str], words: list[str], reason: str
) -> None:
    assert main(["ledger", *words, "--data-dir", str(tmp_path)]) == 2
    assert reason in capsys.readouterr().err


def test_a_folder_without_a_ledger(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["ledger", "show", "--data-dir", str(tmp_path)]) == 2
    assert "no ledger here" in capsys.readouterr().err
    assert main(["ledger", "show", "--data-dir", str(tmp_path / "none")]) == 2


def test_a_key_that_is_none(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["ledger", "verify-proof", str(tmp_path / "x"), "--key", "nonsense"]) == 2
    assert "verifier key" in capsys.readouterr().err
