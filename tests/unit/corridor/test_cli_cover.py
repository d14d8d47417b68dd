"""``corridor cover`` against an API of its own: what it asks, prints and refuses."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, ClassVar
from urllib.parse import urlsplit

import pytest

from api.render import render
from corridor.__main__ import main
from corridor.cli.cover import lines
from corridor.folder import Folder, Local
from streams.cover.report import report
from tests.unit.streams.cover.test_report import MONTH, exposure, incident

VIN = "LZZTESTA6PN000001"
COVER = {
    "id": "cover_1",
    "number": "C-1",
    "insurer": "First",
    "countries": ["CN", "LA"],
    "from": "2026-11-01T00:00:00.000Z",
    "until": "2027-11-01T00:00:00.000Z",
    "state": "running",
}
POLICY = ["--vin", VIN, "--number", "C-1", "--insurer", "First", "--countries", "CN,LA"]
PERIOD = ["--from", "2026-11-01T00:00:00Z", "--until", "2027-11-01T00:00:00Z"]


def made() -> dict[str, Any]:
    """A report with everything in it."""
    told: dict[str, Any] = render(report(MONTH, [exposure()], [incident("harsh_braking", 1)], [], [], []))
    ledger = [{"log": 0, "first": 3, "last": 9, "records": 2}]
    return {"asset": "asset_1", **told, "ledger": ledger}


class Handler(BaseHTTPRequestHandler):
    asked: ClassVar[list[tuple[str, str, bytes]]]
    answers: ClassVar[dict[str, Any]] = {
        "/v1/covers": {"items": [COVER], "next": None},
        "/v1/covers/bulk": {
            "rows": 2,
            "written": [{"row": 1, "number": "C-1", "id": "cover_1"}],
            "refused": [{"row": 2, "column": "unknown", "got": "C-2", "want": "no such asset: got x"}],
        },
        "/v1/covers/cover_1/end": COVER | {"state": "ended"},
        f"/v1/assets/{VIN}/cover-report": made(),
    }

    def do_GET(self) -> None:
        self._answer(b"")

    def do_POST(self) -> None:
        self._answer(self.rfile.read(int(self.headers["Content-Length"])))

    def _answer(self, body: bytes) -> None:
        type(self).asked.append((self.command, self.path, body))
        path = urlsplit(self.path).path
        found = COVER if (self.command, path) == ("POST", "/v1/covers") else self.answers.get(path)
        text = json.dumps({"detail": f"nothing at {path}"} if found is None else found).encode()
        self.send_response(404 if found is None else 200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    def log_message(self, *_: Any) -> None:
        pass


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    """The data folder of a system whose API this is."""
    Handler.asked = []
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    place = Folder(tmp_path)
    place.announce(Local(f"http://127.0.0.1:{server.server_port}", "a-key", "127.0.0.1", 1, 1))
    yield tmp_path
    place.retract()
    server.shutdown()
    thread.join()
    server.server_close()


def run(folder: Path, *words: str) -> int:
    return main(["cover", *words, "--data-dir", str(folder)])


def test_one_policy_is_written(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(folder, "write", *POLICY, *PERIOD, "--use", "hire") == 0
    method, path, body = Handler.asked[0]
    assert (method, path) == ("POST", "/v1/covers")
    assert json.loads(body) == {
        "vin": VIN,
        "number": "C-1",
        "insurer": "First",
        "countries": ["CN", "LA"],
        "from": PERIOD[1],
        "until": PERIOD[3],
        "use": "hire",
    }
    assert "cover_1  C-1" in capsys.readouterr().out


def test_a_file_is_sent_and_what_was_refused_is_told(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "covers.csv"
    file.write_text("vin\n", "utf-8")
    assert run(folder, "write", "--file", str(file)) == 1
    out = capsys.readouterr().out
    assert "row 2: unknown: got C-2, no such asset: got x" in out
    assert "1 of 2 covers written" in out


def test_covers_are_listed_and_ended(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(folder, "list", "--asset", VIN) == 0
    assert "CN LA" in capsys.readouterr().out
    assert run(folder, "end", "cover_1", "--reason", "sold") == 0
    assert capsys.readouterr().out.rstrip().endswith("ended")
    assert json.loads(Handler.asked[-1][2]) == {"reason": "sold"}


def test_the_report_is_read_by_people_and_programs(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(folder, "report", VIN, "--month", MONTH) == 0
    out = capsys.readouterr().out
    assert "formula corridor-cover-1" in out
    assert "LA C-1: 200.0 km in 4.0 h, 25% by night" in out
    assert "driving index 92.3 of 100 over 150.0 km" in out
    assert "harsh_braking: 2.66 points off" in out
    assert "ledger log 0: 2 records, 3 to 9" in out
    assert run(folder, "report", VIN, "--month", MONTH, "--json") == 0
    assert json.loads(capsys.readouterr().out) == made()


def test_a_report_without_figures_says_why() -> None:
    told: dict[str, Any] = render(report(MONTH, [], [], [], [], []))
    text = "\n".join(lines({"asset": "asset_1", **told, "ledger": []}))
    assert "no figure: no driving under a cover" in text


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["write", *POLICY], "got no --from, --until"),
        (["write", *POLICY, *PERIOD, "--file", "covers.csv"], "want one of them"),
        (["write", "--file", "none.csv"], "none.csv"),
        (["list", "--limit", "0"], "--limit"),
        (["end", "cover_0", "--reason", "sold"], "nothing at /v1/covers/cover_0/end"),
    ],
)
def test_what_cannot_be_done_is_one_line(
    folder: Path, capsys: pytest.CaptureFixture[str], words: list[str], says: str
) -> None:
    assert run(folder, *words) == 2
    assert says in capsys.readouterr().err
