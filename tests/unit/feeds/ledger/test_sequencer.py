"""The sequencer: the same log as a naive tree's, after any fault, any death, and the loss of power."""

from __future__ import annotations

import random
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from feeds.ledger.book import Book
from feeds.ledger.checkpoint import Checkpoint, open_checkpoint
from feeds.ledger.errors import LedgerStopError
from feeds.ledger.files import LogFiles
from feeds.ledger.sequencer import Sequencer
from tests.unit.feeds.ledger import reference
from tests.unit.feeds.ledger.faults import (
    SIGNER,
    SIZES,
    Steps,
    entries,
    fails,
    lose_power,
    sequence,
    stepping,
    story,
    verify,
)
from tests.unit.feeds.ledger.logs import tiled


def _steps(folder: Path) -> int:
    steps = Steps(None, False, fails)
    with stepping(steps):
        story(folder, [], again=False)
    return steps.count


@pytest.mark.parametrize("after", [False, True], ids=["lost", "written"])
@pytest.mark.parametrize("again", [False, True], ids=["goes on", "opened again"])
def test_every_step_that_fails_is_got_over(tmp_path: Path, after: bool, again: bool) -> None:
    count = _steps(tmp_path)
    assert count > 60
    for number in range(again, count, 2):  # the even steps in the one way, the odd ones in the other
        here, seen = tmp_path / f"at {number}", list[str]()
        here.mkdir()
        with stepping(Steps(number, after, fails)):
            story(here, seen, again=again)
        with stepping(Steps(None, False, fails)):
            verify(here, seen)


def test_killed_at_every_step(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "tests.unit.feeds.ledger.killed", str(tmp_path)],
        capture_output=True,
        text=True,
        timeout=110,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert int(done.stdout) > 60


@settings(max_examples=25)
@given(st.lists(st.integers(0, 600), min_size=1, max_size=6))
def test_a_log_is_that_of_a_naive_tree(tmp_path_factory: pytest.TempPathFactory, sizes: list[int]) -> None:
    log = sequence(tmp_path_factory.mktemp("log"))
    heads, total = [], 0
    for size in sizes:
        log.book.append(entries(total, size), {"log": total + size})
        total += size
        note = log.publish()
        if note is not None:
            heads.append(open_checkpoint(note.format(), SIGNER.verifier).checkpoint)
    leaves = [one.entry for one in entries(0, total)]
    assert all(head.root == reference.mth(leaves[: head.size]) for head in heads)
    for path, data in tiled(leaves).items():
        assert log.files.served(path) == data
    log.book.close()


@pytest.mark.parametrize("seed", range(12))
def test_unflushed_files_are_made_again_after_the_loss_of_power(tmp_path: Path, seed: int) -> None:
    rng = random.Random(seed)
    with stepping(Steps(None, False, fails)):
        story(tmp_path, [], again=False)
        lose_power(tmp_path, rng)
        verify(tmp_path, [])


def test_a_settled_tile_that_is_gone_is_made_again(tmp_path: Path) -> None:
    with stepping(Steps(None, False, fails)):
        story(tmp_path, [], again=False)
        book = Book(tmp_path / "book.db")
        assert book.mark("settled") > 0
        book.close()
        (tmp_path / "log" / "public" / "tile" / "0" / "000").unlink()
        verify(tmp_path, [])


def test_two_heads_of_one_size_are_refused(tmp_path: Path) -> None:
    log = sequence(tmp_path)
    log.book.append(entries(0, 5), {})
    log.publish()
    # another book of the same length behind the same files: what a restored backup or a copied key does
    other = Book(tmp_path / "other.db")
    other.append(entries(100, 5), {})
    with pytest.raises(LedgerStopError, match="do not make the root signed at 5"):
        Sequencer(other, LogFiles(tmp_path / "log"), SIGNER)
    assert open_checkpoint(log.files.signed() or "", SIGNER.verifier).checkpoint == log.head
    other.close()
    log.book.close()


def test_two_sequencers_that_run_at_once_never_sign_apart(tmp_path: Path) -> None:
    first = sequence(tmp_path)
    other = Book(tmp_path / "other.db")
    second = Sequencer(other, LogFiles(tmp_path / "log"), SIGNER)
    first.book.append(entries(0, 5), {})
    other.append(entries(100, 5), {})
    first.publish()
    with pytest.raises(LedgerStopError, match="has signed size 5 already"):
        second.publish()
    other.append(entries(200, 5), {})
    with pytest.raises(LedgerStopError, match="signed by somebody else"):
        second.publish()
    assert open_checkpoint(first.files.signed() or "", SIGNER.verifier).checkpoint == first.head
    other.close()
    first.book.close()


def test_only_one_holds_the_lock(tmp_path: Path) -> None:
    with (
        LogFiles(tmp_path).locked(),
        pytest.raises(LedgerStopError, match="another process writes the log"),
        LogFiles(tmp_path).locked(),
    ):
        pass


def test_a_book_that_lost_entries_stops_the_log(tmp_path: Path) -> None:
    log = sequence(tmp_path)
    log.book.append(entries(0, 5), {})
    log.publish()
    log.book.close()
    (tmp_path / "book.db").unlink()
    with pytest.raises(LedgerStopError, match="lost entries: got 0, want 5"):
        sequence(tmp_path)


def test_nothing_new_is_not_signed_again(tmp_path: Path) -> None:
    log = sequence(tmp_path)
    assert log.publish() is not None
    assert log.publish() is None
    log.book.append(entries(0, 1), {})
    assert log.publish() is not None
    assert log.publish() is None
    assert log.head == Checkpoint(SIGNER.name, 1, reference.mth([b"entry 0"]))
    log.book.close()


def test_what_others_serve_is_not_served(tmp_path: Path) -> None:
    log = Sequencer(Book(tmp_path / "book.db"), LogFiles(tmp_path / "log"), SIGNER, serve=False)
    log.publish()
    assert not (tmp_path / "log" / "public" / "checkpoint").exists()
    log.book.close()


def test_all_of_the_story_is_told() -> None:
    assert sum(SIZES) > 512
