"""Keys that are made and revoked while others use the file, with role, gates and authority."""

from __future__ import annotations

from pathlib import Path

import pytest

from feeds.keyfile import KeyFile
from feeds.keys import KeyRing, KeysError, Principal, Role, create, revoke


@pytest.fixture
def file(tmp_path: Path) -> KeyFile:
    return KeyFile(tmp_path / "keys.json")


def test_a_running_ring_knows_a_new_key_and_forgets_a_revoked_one(file: KeyFile) -> None:
    ring = KeyRing(file.path)
    admin = ring.ensure_admin()
    key = create(file, "boten", Role.CUSTOMS, "main", ["mohan-boten"], created_ms=5)
    assert ring.find(key) == Principal("boten", "main", Role.CUSTOMS, ("mohan-boten",))
    revoke(file, "boten")
    assert ring.find(key) is None
    assert ring.find(admin or "") == Principal("admin", "main", Role.ADMIN)


def test_the_key_is_in_no_file_and_its_attributes_are(file: KeyFile) -> None:
    key = create(file, "link", Role.AUTHORITY, "main", authority="cn-customs", created_ms=7)
    assert key not in file.path.read_text()
    (entry,) = file.read()
    assert (entry.name, entry.role, entry.authority, entry.created_ms) == (
        "link",
        "authority",
        "cn-customs",
        7,
    )


def test_shared_keys_are_accepted_beside_the_own(tmp_path: Path) -> None:
    shared = KeyFile(tmp_path / "shared" / "keys.json")
    ring = KeyRing(tmp_path / "own" / "keys.json", shared.path)
    ring.ensure_admin("a-preset-admin-key-of-mine")
    key = create(shared, "boten", Role.CUSTOMS, "main")
    assert ring.find(key) == Principal("boten", "main", Role.CUSTOMS)
    assert [one.name for one in shared.read()] == ["boten"]


def test_a_file_that_breaks_later_leaves_the_keys_that_were(file: KeyFile) -> None:
    key = create(file, "north", Role.OPERATOR, "north")
    ring = KeyRing(file.path)
    file.path.write_text("{")
    assert ring.find(key) == Principal("north", "north", Role.OPERATOR)


def test_a_file_that_could_not_be_opened_once_is_read_again(
    file: KeyFile, monkeypatch: pytest.MonkeyPatch
) -> None:
    key = create(file, "boten", Role.CUSTOMS, "main")
    ring = KeyRing(file.path)
    revoke(file, "boten")
    with monkeypatch.context() as broken:

        def refused(path: Path) -> bytes:
            raise OSError(24, "Too many open files")

        broken.setattr(Path, "read_bytes", refused)
        ring.find(key)
    assert ring.find(key) is None


@pytest.mark.parametrize("tenant", ["", "a:b", "Main", "a\x1fb", "a" * 33, "-a", "a\n"])
def test_a_tenant_is_named_as_in_the_settings(file: KeyFile, tenant: str) -> None:
    with pytest.raises(KeysError, match="tenant of a key"):
        create(file, "north", Role.OPERATOR, tenant)
    assert file.read() == []


@pytest.mark.parametrize(
    ("name", "role", "gates", "authority", "want"),
    [
        ("", Role.OPERATOR, [], None, "want 1 to 64"),
        ("admin", Role.ADMIN, [], None, "want another"),
        ("x", Role.OPERATOR, ["mohan-boten"], None, "they are for customs"),
        ("x", Role.CUSTOMS, [], "cn-customs", "for role authority only"),
        ("x", Role.AUTHORITY, [], None, "for role authority only"),
    ],
)
def test_a_key_that_makes_no_sense_is_refused(
    file: KeyFile, name: str, role: Role, gates: list[str], authority: str | None, want: str
) -> None:
    with pytest.raises(KeysError, match=want):
        create(file, name, role, "main", gates, authority)
    assert file.read() == []


def test_a_name_is_used_once_and_the_admin_is_not_revoked(file: KeyFile) -> None:
    create(file, "north", Role.OPERATOR, "main")
    with pytest.raises(KeysError, match="not in use"):
        create(file, "north", Role.OPERATOR, "main")
    with pytest.raises(KeysError, match="got south, want one of north"):
        revoke(file, "south")
    with pytest.raises(KeysError, match="can't be revoked"):
        revoke(file, "admin")
