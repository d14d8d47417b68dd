"""The public files of a log: whole or not there, and nothing else is served."""

from __future__ import annotations

from pathlib import Path

import pytest

from feeds.ledger.errors import FormatError, LedgerAwayError, LedgerError
from feeds.ledger.files import LogFiles
from feeds.ledger.tiles import ENTRIES, Tile


def test_a_tile_lies_where_its_path_says(tmp_path: Path) -> None:
    files = LogFiles(tmp_path)
    files.write(Tile(0, 1234067, 3), b"t" * 96)
    assert (tmp_path / "public/tile/0/x001/x234/067.p/3").read_bytes() == b"t" * 96
    assert files.served("tile/0/x001/x234/067.p/3") == b"t" * 96
    assert files.loose == 1
    files.settle()
    assert files.loose == 0


def test_a_partial_tile_is_cut_from_the_full_one(tmp_path: Path) -> None:
    files = LogFiles(tmp_path)
    files.write(Tile(0, 0, 5), b"a" * 160)
    files.write(Tile(0, 0), bytes(range(256)) * 32)
    files.forget_partial(Tile(0, 0))
    assert not (tmp_path / "public/tile/0/000.p").exists()
    assert files.served("tile/0/000.p/5") == (bytes(range(256)) * 32)[:160]
    with pytest.raises(LedgerError, match=r"no tile/entries/000\.p/5"):
        files.read(Tile(ENTRIES, 0, 5))
    files.settle()


@pytest.mark.parametrize(
    "path", ["signed", "../signed", "lock", "tile/0/../../signed", "tile/0/.000.new", ""]
)
def test_nothing_else_is_served(tmp_path: Path, path: str) -> None:
    files = LogFiles(tmp_path)
    files.put_signed("secret head")
    with pytest.raises(FormatError):
        files.served(path)


def test_the_checkpoint_is_there_once_it_is_published(tmp_path: Path) -> None:
    files = LogFiles(tmp_path)
    assert files.signed() is None
    with pytest.raises(LedgerError, match="no checkpoint yet"):
        files.served("checkpoint")
    files.put_signed("one")
    files.publish("one")
    files.publish("two")
    assert (files.signed(), files.served("checkpoint")) == ("one", b"two")
    assert not list(tmp_path.rglob("*.new"))


def test_a_folder_that_takes_nothing_is_told(tmp_path: Path) -> None:
    files = LogFiles(tmp_path)
    (tmp_path / "public" / "tile").write_text("a file where a folder should be")
    with pytest.raises(LedgerAwayError, match="000 could not be written"):
        files.write(Tile(0, 0), b"x")
