"""`corridor keys`: made, listed and revoked while a system runs; shared by API instances over Kafka."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from corridor.__main__ import main
from feeds.keys import KeyRing, Principal, Role


def made(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    assert main(["keys", "create", *arguments, "--json"]) == 0
    key: str = json.loads(capsys.readouterr().out)["key"]
    return key


def test_a_key_works_at_once_and_ends_when_revoked(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    ring = KeyRing(tmp_path / "keys.json")
    ring.ensure_admin()
    folder = ("--data-dir", str(tmp_path))
    key = made(capsys, "boten", "--role", "customs", "--gates", "mohan-boten", *folder)
    assert ring.find(key) == Principal("boten", "main", Role.CUSTOMS, ("mohan-boten",))
    assert main(["keys", "list", "--json", *folder]) == 0
    told = capsys.readouterr().out
    assert key not in told
    assert [(one["name"], one["role"], one["gates"]) for one in json.loads(told)] == [
        ("admin", "admin", []),
        ("boten", "customs", ["mohan-boten"]),
    ]
    assert main(["keys", "revoke", "boten", *folder]) == 0
    assert ring.find(key) is None


def test_the_list_for_people_names_what_a_key_may(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = ("--data-dir", str(tmp_path))
    assert main(["keys", "list", *folder]) == 0
    assert "no keys" in capsys.readouterr().out
    assert main(["keys", "create", "link", "--role", "authority", "--authority", "la", *folder]) == 0
    assert "not shown again" in capsys.readouterr().out
    assert main(["keys", "list", *folder]) == 0
    assert "link                 authority  main" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "want"),
    [
        (["create", "x", "--role", "customs", "--gates", "atlantis"], "got atlantis, want any of"),
        (["create", "x", "--role", "operator", "--gates", "mohan-boten"], "they are for customs"),
        (["create", "x", "--role", "authority"], "for role authority only"),
        (["create", "admin", "--role", "admin"], "want another"),
        (["revoke", "nobody"], "got nobody, want one of none"),
    ],
)
def test_what_makes_no_sense_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], want: str
) -> None:
    assert main(["keys", *arguments, "--data-dir", str(tmp_path)]) == 2
    assert want in capsys.readouterr().err
    assert not (tmp_path / "keys.json").exists()


def test_with_kafka_keys_lie_in_the_shared_folder(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CORRIDOR_KAFKA_SERVERS", "127.0.0.1:9")
    assert main(["keys", "list"]) == 2
    assert "shared_dir" in capsys.readouterr().err
    monkeypatch.setenv("CORRIDOR_SHARED_DIR", str(tmp_path / "shared"))
    key = made(capsys, "north", "--role", "operator", "--tenant", "north")
    ring = KeyRing(tmp_path / "own" / "keys.json", tmp_path / "shared" / "keys.json")
    assert ring.find(key) == Principal("north", "north", Role.OPERATOR)
