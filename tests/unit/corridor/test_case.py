"""``corridor case`` and ``corridor trace`` against an API of their own: what they ask, print and refuse."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, ClassVar
from urllib.parse import parse_qs, urlsplit

import pytest

from api.render import render
from corridor.__main__ import main
from corridor.folder import Folder, Local
from feeds.clearance.explain import explain
from feeds.clearance.report import report
from feeds.clearance.trace import Found, trace
from tests.unit.feeds.clearance.cases import HOUR, T0, cleared, data, history, steps

VIN = "LZZTESTA7RN700001"
KEY = "a-key"


def answers() -> dict[str, Any]:
    held = data(state="held", reasons=[{"code": "permit_missing", "text": "no permit", "source": "regime"}])
    cases = [{"id": f"case_{n}", "asset": "a", "revision": 1, **render(held)} for n in range(5)]
    told = explain(history(data(), data(state="arrived", steps=steps(0, 1)), data()))
    made = report([history(cleared(90)), history(held, id_="b")], gate="mohan-boten", until_ms=T0 + 48 * HOUR)
    return {
        "/v1/cases": cases,
        "/v1/cases/case_1/explain": {
            "case": "case_1",
            "asset": "a",
            "state": "filed",
            "revisions": render(told),
        },
        "/v1/gates/mohan-boten/clearance": render(made),
        f"/v1/trace/{VIN}": render(trace(Found(VIN, {"id": "asset_1", "maker": "Sinotruk"}))),
        "/v1/trace/UNKNOWN": render(trace(Found("UNKNOWN"))),
    }


class Handler(BaseHTTPRequestHandler):
    asked: ClassVar[list[str]]

    def do_GET(self) -> None:
        type(self).asked.append(self.path)
        address = urlsplit(self.path)
        found = answers().get(address.path)
        query = parse_qs(address.query)
        if self.headers["Authorization"] != f"Bearer {KEY}" or found is None:
            body: Any = {"title": "unknown", "detail": f"nothing at {address.path}"}
            self.send_response(404)
        else:
            self.send_response(200)
            body = found
            if address.path == "/v1/cases":
                first, count = int(query.get("after", ["0"])[0]), min(2, int(query["limit"][0]))
                rest = len(found) > first + count
                body = {"items": found[first : first + count], "next": str(first + count) if rest else None}
        self.end_headers()
        self.wfile.write(json.dumps(body).encode())

    def log_message(self, *_: Any) -> None:
        pass


@contextmanager
def serving(folder: Path) -> Iterator[list[str]]:
    class Noting(Handler):
        asked: ClassVar[list[str]] = []

    server = ThreadingHTTPServer(("127.0.0.1", 0), Noting)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    place = Folder(folder)
    place.announce(Local(f"http://127.0.0.1:{server.server_port}", KEY, "127.0.0.1", 1, 1))
    try:
        yield Noting.asked
    finally:
        place.retract()
        server.shutdown()
        thread.join()
        server.server_close()


def test_a_list_goes_through_all_pages_and_says_why(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with serving(tmp_path) as asked:
        words = ["--gate", "mohan-boten", "--state", "held", "--open", "--data-dir", str(tmp_path)]
        assert main(["case", "list", *words]) == 0
    said = capsys.readouterr()
    lines = said.out.splitlines()
    assert len(lines) == 5
    assert lines[0].startswith("case_0  R-1 ")
    assert lines[0].endswith("held (filed)                       no permit")
    assert "5 cases" in said.err
    assert len(asked) == 3
    assert asked[0] == "/v1/cases?gate=mohan-boten&state=held&open=true&limit=100"


def test_a_list_ends_at_its_limit(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with serving(tmp_path) as asked:
        assert main(["case", "list", "--json", "--limit", "3", "--data-dir", str(tmp_path)]) == 0
        assert main(["case", "list", "--limit", "0", "--data-dir", str(tmp_path)]) == 2
    assert [json.loads(line)["id"] for line in capsys.readouterr().out.splitlines()] == [
        "case_0",
        "case_1",
        "case_2",
    ]
    assert asked[-1] == "/v1/cases?limit=1&after=2"


def test_explain_prints_every_step_and_those_back(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with serving(tmp_path):
        assert main(["case", "explain", "case_1", "--data-dir", str(tmp_path)]) == 0
    said = capsys.readouterr().out
    assert said.startswith("case_1 of a: filed\n")
    assert "revision 2, log 102, 2026-09-21T14:23:20.000Z: arrived [mohan-boten 01234567]" in said
    assert "  - VIN and chassis number bound to each other at" in said
    assert '  < Stepped back: "bound"' in said


def test_the_report_writes_page_and_table(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    page, rows = tmp_path / "report.html", tmp_path / "report.csv"
    with serving(tmp_path) as asked:
        words = ["--html", str(page), "--csv", str(rows), "--from", "2026-09-01T00:00:00Z"]
        assert main(["case", "report", "--gate", "mohan-boten", *words, "--data-dir", str(tmp_path)]) == 0
    said = capsys.readouterr().out
    assert "mohan-boten: 2 cases lodged: 1 cleared, 1 held" in said
    assert "clearance time: mean 1.50 h, median 1.50 h, 90 % within 1.50 h; 100 % within 2.80 h" in said
    assert "system up: not measured" in said
    assert page.read_text("utf-8").startswith("<!doctype html>")
    assert rows.read_bytes().startswith(b"\xef\xbb\xbfcase,reference,")
    assert rows.read_bytes().count(b"\r\n") == 3
    assert asked == ["/v1/gates/mohan-boten/clearance?from=2026-09-01T00%3A00%3A00Z"]


def test_a_trace_is_text_and_a_page(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    page = tmp_path / "trace.html"
    with serving(tmp_path):
        assert main(["trace", VIN, "--html", str(page), "--data-dir", str(tmp_path)]) == 0
        assert main(["trace", "UNKNOWN", "--data-dir", str(tmp_path)]) == 1
    said = capsys.readouterr().out
    assert f"{VIN} is registered and has no case." in said
    assert "Registered: Sinotruk" in said
    assert "nothing here shows: factory, filing, permit, crossing, release, destination" in said
    assert "No vehicle with VIN UNKNOWN is registered here." in said
    assert f"<h1>{VIN}</h1>" in page.read_text("utf-8")


@pytest.mark.parametrize(
    "words",
    [
        ["case", "explain", "case_9"],
        ["case", "report", "--gate", "nowhere"],
        ["case", "report", "--gate", "mohan-boten", "--html", "/nowhere/report.html"],
        ["trace", VIN, "--html", "/nowhere/trace.html"],
    ],
)
def test_what_can_not_be_done_is_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], words: list[str]
) -> None:
    with serving(tmp_path):
        assert main([*words, "--data-dir", str(tmp_path)]) == 2
    said = capsys.readouterr().err
    assert said.count("\n") == 1
    assert "nothing at" in said or "/nowhere/" in said


@pytest.mark.parametrize("words", [["case", "list"], ["trace", VIN]])
def test_without_a_running_system_it_says_so(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], words: list[str]
) -> None:
    assert main([*words, "--data-dir", str(tmp_path / "none")]) == 2
    assert "no system runs on the data folder" in capsys.readouterr().err
    assert not (tmp_path / "none").exists()
