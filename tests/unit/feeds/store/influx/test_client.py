"""What InfluxDB's answers mean, against a server that says them."""

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from feeds.store.influx.answers import series_of
from feeds.store.influx.client import Client, Place, RefusedError, TooLargeError, identifier
from feeds.store.influx.state import State
from feeds.store.port import StoreAwayError, StoreError

HOSTILE = "x'; DROP MEASUREMENT samples; --\"\\$asset"


class Server(ThreadingHTTPServer):
    """Answers every request with what is set, and remembers the requests."""

    answer: tuple[int, dict[str, str], bytes] = (204, {}, b"")
    requests: list[tuple[str, dict[str, list[str]], str]]
    announced: int | None = None


class Handler(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        assert isinstance(self.server, Server)
        body = self.rfile.read(int(self.headers.get("Content-Length", 0))).decode()
        url = urlsplit(self.path)
        self.server.requests.append((url.path, parse_qs(url.query), body))
        status, headers, content = self.server.answer
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        if status != 204:
            length = len(content) if self.server.announced is None else self.server.announced
            self.send_header("Content-Length", str(length))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, format: str, *words: Any) -> None:
        pass


@pytest.fixture
def server() -> Iterator[Server]:
    with Server(("127.0.0.1", 0), Handler) as server:
        server.requests = []
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield server
        server.shutdown()
        thread.join()


@pytest.fixture
def client(server: Server) -> Iterator[Client]:
    client = Client(Place(f"http://127.0.0.1:{server.server_port}", "org", "bucket"), "secret", timeout_s=5)
    yield client
    client.close()


def said(status: int, message: str, **headers: str) -> tuple[int, dict[str, str], bytes]:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return status, named, json.dumps({"code": "any", "message": message}).encode()


@pytest.mark.parametrize("status", [401, 403])
def test_a_refused_token_is_told_with_what_to_do(server: Server, client: Client, status: int) -> None:
    server.answer = said(status, "unauthorized access")
    with pytest.raises(StoreError, match="influx_token") as raised:
        client.write(b"m f=1i 1")
    assert not isinstance(raised.value, StoreAwayError)
    assert "secret" not in str(raised.value)


def test_a_missing_bucket_is_told_with_what_to_do(server: Server, client: Client) -> None:
    server.answer = said(404, 'bucket "bucket" not found')
    with pytest.raises(StoreError, match="corridor store create"):
        client.write(b"m f=1i 1")
    server.answer = (200, {}, b'{"results":[{"statement_id":0,"error":"database not found: bucket"}]}')
    with pytest.raises(StoreError, match="corridor store create"):
        client.query("SELECT 1", {})


@pytest.mark.parametrize(
    ("status", "headers", "wait"),
    [
        (429, {"Retry_After": "7"}, 7),
        (429, {"Retry_After": "soon"}, 5),
        (503, {"Retry_After": "2.5"}, 2.5),
        (503, {"Retry_After": "86400"}, 300),
        *((status, {}, 5) for status in (408, 429, 500, 502, 503)),
    ],
)
def test_what_passes_is_to_be_tried_again(
    server: Server, client: Client, status: int, headers: dict[str, str], wait: float
) -> None:
    server.answer = said(status, "busy", **headers)
    with pytest.raises(StoreAwayError, match="busy") as raised:
        client.write(b"m f=1i 1")
    assert raised.value.retry_after == wait


def test_refused_lines_are_told_apart(server: Server, client: Client) -> None:
    server.answer = said(400, "unable to parse")
    with pytest.raises(RefusedError) as whole:
        client.write(b"m")
    assert (whole.value.partial, whole.value.late) == (False, False)
    server.answer = said(
        422,
        "partial write: dropped 12 points outside retention policy of duration 1h dropped=12 for database: x",
    )
    with pytest.raises(RefusedError) as late:
        client.write(b"m")
    assert (late.value.partial, late.value.late, late.value.dropped) == (True, True, 12)
    server.answer = said(422, "partial write: field type conflict dropped=2")
    with pytest.raises(RefusedError) as some:
        client.write(b"m")
    assert (some.value.late, some.value.dropped) == (False, 2)
    server.answer = said(413, "request too large")
    with pytest.raises(TooLargeError):
        client.write(b"m")
    server.answer = said(422, "partial write: shard 7 is pending deletion dropped=12")
    with pytest.raises(StoreAwayError):
        client.write(b"m")


def test_nobody_there_and_answers_that_break_off_are_away(server: Server, client: Client) -> None:
    server.answer = (200, {}, b'{"results":[')
    server.announced = 100
    with pytest.raises(StoreAwayError):
        client.query("SELECT 1", {})
    nobody = Client(Place("http://127.0.0.1:1", "org", "bucket"), "secret")
    with pytest.raises(StoreAwayError, match="does not answer"):
        nobody.write(b"m f=1i 1")
    nobody.close()


@pytest.mark.parametrize("url", ["127.0.0.1:8086", "mqtt://x", "", "http:///x"])
def test_an_address_of_another_kind_is_refused(url: str) -> None:
    with pytest.raises(StoreError, match="influx_url"):
        Client(Place(url, "org", "bucket"), "secret")


def test_what_is_asked_for_is_never_part_of_the_text(server: Server, client: Client) -> None:
    server.answer = (200, {}, b'{"results":[{"statement_id":0}]}')
    assert client.query("SELECT $f WHERE a = $a", {"f": identifier(HOSTILE), "a": HOSTILE}) == []
    ((path, _, body),) = server.requests
    form = parse_qs(body)
    assert path == "/query"
    assert form["q"] == ["SELECT $f WHERE a = $a"]
    assert json.loads(form["params"][0]) == {"f": {"identifier": HOSTILE}, "a": HOSTILE}


def test_an_error_among_the_rows_is_an_error() -> None:
    rows = b'{"statement_id":0,"series":[{"name":"s","columns":["time","v"],"values":[[1,2],[3,null]]}]%s}'
    found, error = series_of(b'{"results":[' + rows % b"" + b"]}\n")
    assert error == ""
    assert found[0].table({}).to_pydict() == {"time": [1.0, 3.0], "v": [2.0, None]}
    for broken in (rows % b',"error":"out of memory"', rows % b',"partial":true', rows[:-10], rows[:60]):
        found, error = series_of(b'{"results":[' + broken + b"]}")
        assert (found, bool(error)) == ([], True)


def test_tags_may_look_like_rows() -> None:
    nasty = '"values":[[1,2]],]]'
    series = {
        "name": "s",
        "tags": {"device": nasty},
        "columns": ["time", "v"],
        "values": [[1, 2.5], [2, 1e300]],
    }
    answer = json.dumps({"results": [{"series": [series, series]}]}, separators=(",", ":")).encode()
    found, error = series_of(answer)
    assert error == ""
    assert [s.tags for s in found] == [{"device": nasty}] * 2
    assert found[1].table({}).to_pydict() == {"time": [1.0, 2.0], "v": [2.5, 1e300]}


def test_a_position_is_asked_for_again_after_a_while(server: Server, client: Client) -> None:
    def stands_at(position: int) -> None:
        row = f'"series":[{{"name":"covered","columns":["time","position"],"values":[[5,{position}]]}}]'
        server.answer = (200, {}, f'{{"results":[{{"statement_id":0,{row}}}]}}'.encode())

    now = [100.0]
    state = State(client, lambda: now[0])
    stands_at(7)
    assert state.position(0) == 7
    stands_at(9)
    assert state.position(0) == 7
    now[0] += 60
    assert state.position(0) == 9
    asked = len(server.requests)
    state.cover(0, 8)  # behind what is covered: nothing to say
    assert len(server.requests) == asked
    state.cover(0, 10)
    assert server.requests[-1][2].startswith("covered,partition=0 position=10i ")
    assert state.position(0) == 10
