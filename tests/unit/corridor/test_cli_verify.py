"""``corridor verify`` and ``corridor tamper``: what they print, exit codes, what they can do without."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from corridor.__main__ import main
from feeds.ledger.note import COSIGNATURE, Signer
from feeds.records.export import export
from tests.unit.feeds.records.house import FLEET, LOGS, T0, grant, opened, signer_of

KEYS = [word for log in range(LOGS) for word in ("--key", str(signer_of(log).verifier))]
WITNESS = str(Signer("witness.example", bytes(32), COSIGNATURE).verifier)
EXTRAS = (
    *("aiomqtt", "cantools", "duckdb", "fastapi", "gmqtt", "httpx", "iotcore", "nacl", "openpyxl", "paho"),
    *("prometheus_client", "pynmea2", "starlette", "uvicorn", "websockets"),
)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("feed")
    with opened(root) as made:
        made.report(FLEET, count=6)
        made.report(FLEET, number=1, count=2, log=1)
        made.crossing(FLEET)
        made.seal()
        export(made.source, grant(), root / "export", T0)
    return root / "export"


@pytest.fixture(autouse=True)
def settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The user's settings folder."""
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "settings"))
    return tmp_path / "settings"


def test_what_holds_is_one_line_and_its_heads_are_remembered(
    folder: Path, settings: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["verify", str(folder), *KEYS]) == 0
    assert capsys.readouterr().out.startswith("All holds: 9 records")
    assert set(json.loads((settings / "corridor" / "seen.json").read_bytes())) == {
        "log.example/0",
        "log.example/1",
    }
    assert main(["verify", str(folder), *KEYS, "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["ok"]
    assert told["findings"] == []


def test_each_forged_copy_is_caught_where_it_was_forged(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["tamper", str(folder), str(tmp_path / "forged"), "--json"]) == 0
    made = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert len(made) == 11
    for one in made:
        assert main(["verify", str(tmp_path / "forged" / one["kind"]), *KEYS, "--json"]) == 1, one
        found = json.loads(capsys.readouterr().out)["findings"]
        assert any(finding["log"] == one["log"] for finding in found), one


def test_a_witness_that_did_not_cosign_is_named(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["verify", str(folder), *KEYS, "--witness", WITNESS]) == 1
    assert "FAILS witness: log 0: not cosigned by witness.example" in capsys.readouterr().out


def test_the_feed_that_was_asked_for_is_looked_at(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    feed = grant().feed
    assert main(["verify", str(folder), *KEYS, "--feed", feed]) == 0
    assert f"they are what {feed} grants" in capsys.readouterr().out
    assert main(["verify", str(folder), *KEYS, "--feed", "feed_other"]) == 1
    assert f"FAILS scope: it is of feed {feed}, want feed_other" in capsys.readouterr().out


def test_who_has_read_enough_goes_away(folder: Path, tmp_path: Path) -> None:
    words = [*KEYS, "--seen", str(tmp_path / "seen.json"), "--json"]
    done = subprocess.Popen(
        [sys.executable, "-m", "corridor", "verify", str(folder), *words],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert done.stdout is not None
    assert done.stderr is not None
    done.stdout.close()
    with done.stderr:
        told = done.stderr.read()
    assert (done.wait(100), told) == (141, "")


def test_a_head_that_was_larger_before_is_told(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    seen = tmp_path / "seen.json"
    seen.write_text(json.dumps({"log.example/0": [1_000, "A" * 43 + "="]}))
    assert main(["verify", str(folder), *KEYS, "--seen", str(seen)]) == 1
    assert "1000 entries was seen before" in capsys.readouterr().out
    assert json.loads(seen.read_bytes())["log.example/0"][0] == 1_000


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["nowhere", *KEYS, "--quorum", "1"], "--quorum: got 1 of 0 witnesses"),
        (["nowhere", *KEYS, "--witness", WITNESS, "--quorum", "0"], "--quorum: got 0 of 1 witnesses"),
        (["nowhere", *KEYS], "no manifest.json in"),
        (["nowhere", "--key", "nonsense"], "--key: verifier key"),
        (["nowhere", "--key", WITNESS], "got type 4, want 1"),
        (["nowhere", *KEYS, "--witness", KEYS[1]], "got type 1, want 4"),
        (["nowhere", *KEYS, "--processes", "0"], "want at least 1"),
        (["https://feed.example/v1/feeds/f", *KEYS], "API key: got none"),
        (["https://feed.example/elsewhere", *KEYS], "want https://HOST/v1/feeds/FEED"),
        (["nowhere", *KEYS, "--mirror", "x"], "go with a URL"),
    ],
)
def test_what_can_not_be_checked_is_said_in_a_line(
    words: list[str], says: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["verify", *words]) == 2
    told = capsys.readouterr().err
    assert says in told
    assert told.count("\n") == 1


def test_a_log_without_a_trusted_key_can_not_be_checked(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["verify", str(folder), *KEYS[:2]]) == 2
    assert "want a key for it (--key)" in capsys.readouterr().err


def test_heads_seen_that_can_not_be_read_are_told(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "seen.json").write_bytes(b"\xff")
    assert main(["verify", str(folder), *KEYS, "--seen", str(tmp_path / "seen.json")]) == 2
    assert "heads seen before" in capsys.readouterr().err


def test_an_unknown_forgery_is_refused(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["tamper", str(folder), str(tmp_path / "forged"), "--kind", "painted"]) == 2
    assert "got painted, want some of" in capsys.readouterr().err


def test_it_needs_nothing_that_servers_need(folder: Path, tmp_path: Path) -> None:
    code = (
        f"import sys\nfor name in {EXTRAS!r}: sys.modules[name] = None\n"
        f"from corridor.__main__ import main\nraise SystemExit(main(sys.argv[1:]))"
    )
    words = ["verify", str(folder), *KEYS, "--seen", str(tmp_path / "seen.json")]
    done = subprocess.run([sys.executable, "-c", code, *words], capture_output=True, text=True, timeout=100)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("All holds")


def test_a_feed_that_begins_later_holds(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "house").mkdir()
    with opened(tmp_path / "house") as made:
        made.report(FLEET, count=6)
        made.seal()
        export(made.source, grant(from_ms=T0 + 5_000), tmp_path / "export", T0)
    assert main(["verify", str(tmp_path / "export"), *KEYS]) == 0
    assert "All holds: 3 records" in capsys.readouterr().out
