"""``corridor feed``: exports of a folder that no system runs on; what is asked wrongly; the demo's feeds."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from corridor import demofeeds
from corridor.__main__ import main
from corridor.folder import Folder
from feeds.grants.grant import checked
from feeds.grants.reads import FeedReads
from feeds.keys import KeyRing, Role
from feeds.ledger.note import Signer
from feeds.ledger.reading import LedgerReader
from feeds.verify.verifier import verify
from tests.unit.feeds.records.house import FLEET, LOGS, OTHER, House, asked, grant, opened, signer_of
from tests.unit.feeds.records.test_pull import Served


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    root = tmp_path / "data"
    Folder(root)
    with opened(root) as made:
        made.report(FLEET, count=3)
        made.report(OTHER)
        made.crossing(FLEET, log=1)
        made.seal()
        yield made


def granted(house: House, **more: Any) -> str:
    data = checked(FLEET, asked(**more))
    assert house.command("feed.grant", FLEET, data)["ok"]
    return str(data["feed"])


def test_an_export_is_made_of_the_folder(
    house: House, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    feed = granted(house, expires_ms=int(time.time() * 1000) + 60_000_000_000)
    into = tmp_path / "out"
    assert main(["feed", "export", feed, str(into), "--data-dir", str(house.root)]) == 0
    said = capsys.readouterr().out
    assert f"{into}: 4 records (3 reports, 1 events, 0 redacted)" in said
    assert "log 1: " in said
    assert pq.read_table(into / "records.parquet").num_rows == 4
    assert json.loads((into / "zones.json").read_bytes())["versions"]
    reads = FeedReads(Folder(house.root).feed_reads)
    (read,) = reads.list(feed)
    reads.close()
    assert (read.how, read.sent["records"]) == ("export", 4)
    assert main(["feed", "export", feed, str(into), "--data-dir", str(house.root)]) == 2
    assert "want a new or an empty one" in capsys.readouterr().err


def test_an_export_is_signed_by_the_first_key_that_may_be_read(house: House, tmp_path: Path) -> None:
    feed = granted(house, expires_ms=int(time.time() * 1000) + 60_000_000_000)
    folder = Folder(house.root)
    folder.ledger_key(0).parent.mkdir(exist_ok=True)
    for log, signer in ((0, Signer("log.example/0", b"\x42" * 32)), (1, signer_of(1))):
        folder.ledger_key(log).write_text(signer.secret() + "\n")  # the first one has another key now
    assert main(["feed", "export", feed, str(tmp_path / "out"), "--data-dir", str(house.root)]) == 0
    result = verify(tmp_path / "out", [signer_of(0).verifier, signer_of(1).verifier])
    assert result.findings == []
    assert "the manifest is signed by log.example/1" in result.holds


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({}, "no such feed: got feed_else"),
        ({"expires_ms": 1_795_330_900_000}, "expired at"),
    ],
)
def test_a_feed_that_is_not_open_is_not_exported(
    house: House, tmp_path: Path, capsys: pytest.CaptureFixture[str], change: dict[str, Any], says: str
) -> None:
    feed = granted(house, **change) if change else "feed_else"
    assert main(["feed", "export", feed, str(tmp_path / "out"), "--data-dir", str(house.root)]) == 2
    assert says in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


class Server:
    """A feed over real HTTP on a free port of the loopback; asks for the key ``sesame``."""

    def __init__(self, served: Served) -> None:
        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                if self.path.startswith("/v1/") and self.headers["Authorization"] != "Bearer sesame":
                    self.send_response(403)
                    self.end_headers()
                    self.wfile.write(b'{"detail": "feed_1 was revoked by fleet"}')
                    return
                body = served(self.path)
                self.send_response(200)
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: object) -> None:
                pass

        self.http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.http.server_port}"
        threading.Thread(target=self.http.serve_forever, daemon=True).start()


def test_a_mirror_over_http(
    house: House, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    of = grant()
    server = Server(Served(house, of))
    monkeypatch.setenv("FEED_API_KEY", "sesame")
    words = ["feed", "pull", f"{server.url}/v1/feeds/{of.feed}", str(tmp_path / "mirror")]
    try:
        assert main(words) == 0
        first = capsys.readouterr().out
        assert "4 records, each in a signed head" in first
        assert "compare it by another way" in first
        assert main([*words, "--json"]) == 0
        assert json.loads(capsys.readouterr().out)["counts"]["records"] == 4
        monkeypatch.setenv("FEED_API_KEY", "other")
        assert main(words) == 1
        assert "refused with 403: feed_1 was revoked by fleet" in capsys.readouterr().err
    finally:
        server.http.shutdown()
        server.http.server_close()


@pytest.mark.parametrize(
    ("url", "says"),
    [
        ("ftp://host/v1/feeds/feed_1", "URL: got"),
        ("http://host/v1/feeds/", "URL: got"),
        ("http://host/v1/feeds/feed_1", "API key: got none"),
        ("http://host/v1/feeds/feed_1/../x", "URL: got"),
    ],
)
def test_what_can_not_be_pulled(
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    url: str,
    says: str,
) -> None:
    monkeypatch.delenv("FEED_API_KEY", raising=False)
    assert main(["feed", "pull", url, str(tmp_path / "mirror")]) == 2
    assert says in capsys.readouterr().err


class Asked:
    """A client of a system that keeps feeds."""

    def __init__(self) -> None:
        self.feeds: list[dict[str, Any]] = []

    def get(self, _: str) -> Any:
        return {"items": self.feeds, "next": None}

    def post(self, path: str, body: dict[str, Any]) -> Any:
        assert path == "/v1/feeds"
        self.feeds.append({**body, "id": f"feed_{len(self.feeds)}"})
        return self.feeds[-1]


def test_the_demo_grants_once_and_its_keys_stay(tmp_path: Path) -> None:
    client: Any = Asked()
    first = demofeeds.granted(client, tmp_path)
    assert [one.consumer for one in first] == ["demo-insurer", "demo-customs"]
    assert demofeeds.granted(client, tmp_path) == first
    assert len(client.feeds) == 2
    ring = KeyRing(tmp_path / "keys.json")
    who = ring.find(first[0].key)
    assert who is not None
    assert (who.role, who.tenant) == (Role.INSURER, "demo-insurer")
    (tmp_path / "demo-feeds.json").write_text("{")
    again = demofeeds.granted(client, tmp_path)
    assert [one.id for one in again] == [one.id for one in first]
    assert KeyRing(tmp_path / "keys.json").find(first[0].key) is None
    assert (tmp_path / "demo-feeds.json").stat().st_mode & 0o077 == 0


def test_logs_of_the_folder_are_those_of_its_partitions(house: House) -> None:
    folder = Folder(house.root)
    assert [LedgerReader(folder.ledger(log)).key() for log in range(LOGS)]
