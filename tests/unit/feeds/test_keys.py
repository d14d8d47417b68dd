"""API keys: shown once, hashed at rest, replaced by a preset, refused when wrong."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest

from feeds.keys import KeyRing, KeysError, Principal, Role, is_guessable, new_key


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "data" / "keys.json"


def test_admin_key_is_made_once_and_survives(path: Path) -> None:
    key = KeyRing(path).ensure_admin()
    assert key is not None
    again = KeyRing(path)
    assert again.ensure_admin() is None
    assert again.find(key) == Principal("admin", "main", Role.ADMIN)


def test_file_holds_no_key_and_only_its_owner_reads_it(path: Path) -> None:
    key = KeyRing(path).ensure_admin()
    assert key is not None
    assert key not in path.read_text()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert [p.name for p in path.parent.iterdir()] == ["keys.json"]


def test_preset_takes_the_place_of_the_admin_key(path: Path) -> None:
    first = KeyRing(path).ensure_admin()
    assert first is not None
    ring = KeyRing(path)
    assert ring.ensure_admin("a-key-of-my-own-choice") is None
    assert ring.find(first) is None
    later = KeyRing(path)
    assert later.ensure_admin() is None
    assert later.find("a-key-of-my-own-choice") == Principal("admin", "main", Role.ADMIN)


def test_same_preset_writes_nothing(path: Path) -> None:
    KeyRing(path).ensure_admin("a-key-of-my-own-choice")
    before = path.stat().st_ino
    KeyRing(path).ensure_admin("a-key-of-my-own-choice")
    assert path.stat().st_ino == before


def test_passing_key_is_not_written(path: Path) -> None:
    ring = KeyRing(path)
    ring.ensure_admin()
    local = new_key()
    ring.add_passing(local, Principal("local", "main", Role.ADMIN))
    assert ring.find(local) == Principal("local", "main", Role.ADMIN)
    assert KeyRing(path).find(local) is None


@pytest.mark.parametrize("wrong", ["", "x", "ck_", "x" * 300, "ck_\udcff", "キー"])
def test_wrong_key_finds_nobody(path: Path, wrong: str) -> None:
    ring = KeyRing(path)
    ring.ensure_admin()
    assert ring.find(wrong) is None


@pytest.mark.parametrize("preset", ["", "with space", "x" * 257, "line\nbreak", "ключ"])
def test_preset_that_no_header_can_carry_is_refused(path: Path, preset: str) -> None:
    with pytest.raises(KeysError, match=f"got {len(preset)} characters, want 1 to 256"):
        KeyRing(path).ensure_admin(preset)
    assert not path.exists()


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        "{}",
        '{"version":2,"keys":[]}',
        '{"version":1,"keys":[{}]}',
        '{"version":1,"keys":[{"name":"a","tenant":"t","role":"king","sha256":"00"}]}',
        '{"version":1,"keys":[{"name":"a","tenant":"t","role":"admin","sha256":"00"}]}',
    ],
)
def test_damaged_file_is_refused_and_left_as_it_is(path: Path, text: str) -> None:
    path.parent.mkdir()
    path.write_text(text)
    with pytest.raises(KeysError, match=r"keys\.json"):
        KeyRing(path)
    assert path.read_text() == text


def test_new_keys_differ_and_are_not_guessable() -> None:
    keys = {new_key() for _ in range(100)}
    assert len(keys) == 100
    assert not any(is_guessable(key) for key in keys)
    assert is_guessable("secret")
    assert is_guessable("a" * 40)
