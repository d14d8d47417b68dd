"""Key files: made once, for the owner only, and never made again for a log that has signed."""

from __future__ import annotations

from pathlib import Path

import pytest

from feeds.ledger.errors import LedgerAwayError, LedgerStopError
from feeds.ledger.keyfiles import load_or_make


def test_a_key_is_made_once_and_for_its_owner_only(tmp_path: Path) -> None:
    path = tmp_path / "keys" / "ledger.key"
    made = load_or_make(path, "log.example/1", signed=False)
    assert (path.stat().st_mode & 0o777, path.parent.stat().st_mode & 0o777) == (0o600, 0o700)
    assert str(load_or_make(path, "log.example/other", signed=True).verifier) == str(made.verifier)
    assert [one.name for one in path.parent.iterdir()] == ["ledger.key"]


def test_two_keys_are_not_the_same(tmp_path: Path) -> None:
    keys = {load_or_make(tmp_path / name, "log.example", signed=False).verifier.public for name in ("a", "b")}
    assert len(keys) == 2


def test_a_log_that_has_signed_gets_no_other_key(tmp_path: Path) -> None:
    with pytest.raises(LedgerStopError, match=r"ledger\.key is gone"):
        load_or_make(tmp_path / "ledger.key", "log.example", signed=True)
    assert not (tmp_path / "ledger.key").exists()


@pytest.mark.parametrize("content", [b"", b"nonsense", b"\xff", b"PRIVATE+KEY+a+00000000+AAAA"])
def test_a_broken_key_is_left_as_it_is_and_not_shown(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "ledger.key"
    path.write_bytes(content)
    with pytest.raises(LedgerStopError, match="can't be used") as caught:
        load_or_make(path, "log.example", signed=False)
    assert path.read_bytes() == content
    assert "AAAA" not in str(caught.value)


def test_a_folder_that_takes_nothing_is_told(tmp_path: Path) -> None:
    (tmp_path / "keys").write_text("a file where a folder should be")
    with pytest.raises(LedgerAwayError):
        load_or_make(tmp_path / "keys" / "ledger.key", "log.example", signed=False)
