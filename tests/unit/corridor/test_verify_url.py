"""``corridor verify URL``: mirrored over real HTTP and verified; the key goes to nobody but who was named."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pyarrow as pa
import pytest

from corridor.__main__ import main
from corridor.pulling import KEY_VARIABLE
from tests.unit.feeds.records.conftest import house
from tests.unit.feeds.records.house import LOGS, House, grant, signer_of
from tests.unit.feeds.records.test_pull import Served

__all__ = ["house"]

KEYS = [word for log in range(LOGS) for word in ("--key", str(signer_of(log).verifier))]


@contextmanager
def server(
    answer: Callable[[str], tuple[int, bytes, str]], asked: list[tuple[str, str | None]]
) -> Iterator[str]:
    """Answers GET by ``answer`` (status, body, where to); ``asked``: paths and credentials that came."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append((self.path, self.headers.get("Authorization")))
            status, body, where = answer(self.path)
            self.send_response(status)
            if where:
                self.send_header("Location", where)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:
            pass

    served = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=served.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{served.server_address[1]}"
    finally:
        served.shutdown()
        thread.join()
        served.server_close()


@pytest.fixture(autouse=True)
def settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "settings"))
    monkeypatch.setenv(KEY_VARIABLE, "secret-key")


def test_a_feed_is_verified_from_its_url(
    house: House, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    of, asked = grant(), list[tuple[str, str | None]]()
    served = Served(house, of)
    with server(lambda path: (200, served(path), ""), asked) as url:
        assert main(["verify", f"{url}/v1/feeds/{of.feed}", *KEYS]) == 0
        assert capsys.readouterr().out.startswith("All holds: 6 records")
        kept = ["--mirror", str(tmp_path / "kept")]
        assert main(["verify", f"{url}/v1/feeds/{of.feed}", *KEYS, *kept]) == 0
    assert main(["verify", str(tmp_path / "kept"), *KEYS]) == 0
    assert {key for path, key in asked if path.startswith("/v1/")} == {"Bearer secret-key"}
    assert {key for path, key in asked if path.startswith("/ledger/")} == {None}


def test_a_server_that_forges_is_caught(house: House, capsys: pytest.CaptureFixture[str]) -> None:
    def moved(table: pa.Table) -> pa.Table:
        at = table.schema.get_field_index("content_place")
        column = [None if one is None else one[:-1] + b"\x07" for one in table.column(at).to_pylist()]
        return table.set_column(at, table.schema.field(at), pa.array(column, pa.binary()))

    of = grant()
    served = Served(house, of, moved)
    with server(lambda path: (200, served(path), ""), []) as url:
        assert main(["verify", f"{url}/v1/feeds/{of.feed}", *KEYS]) == 1
    assert capsys.readouterr().out.startswith("FAILS mirror: does not hold")


def test_a_refusal_is_told_and_a_redirect_is_not_followed(capsys: pytest.CaptureFixture[str]) -> None:
    there: list[tuple[str, str | None]] = []
    with (
        server(lambda _: (200, b"", ""), there) as other,
        server(lambda _: (302, b"", f"{other}/v1/feeds/f"), []) as url,
    ):
        assert main(["verify", f"{url}/v1/feeds/f", *KEYS]) == 2
    assert "refused with 302" in capsys.readouterr().err
    assert there == []
    with server(lambda _: (403, b'{"detail": "feed f was revoked"}', ""), []) as url:
        assert main(["verify", f"{url}/v1/feeds/f", *KEYS]) == 2
    assert "refused with 403: feed f was revoked" in capsys.readouterr().err
