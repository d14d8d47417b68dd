"""The single window over HTTP: keys, the officers' page, and requests that are none."""

from __future__ import annotations

import re
from base64 import b64encode
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from authority_sim.__main__ import main
from authority_sim.rules import parse
from authority_sim.run import Running, serving

RULES = """
officer_password = "secret"
[[authority]]
name = "boten-customs"
title = "Laos <Boten>"
key = "key-of-boten"
auto = "officer"
"""
HEAD = {"authorization": "Bearer key-of-boten"}
OFFICER = {"authorization": "Basic " + b64encode(b"officer:secret").decode()}


@pytest.fixture
def sim(tmp_path: Path) -> Iterator[Running]:
    with serving(parse(RULES), tmp_path / "sim.db") as found:
        yield found


def post(sim: Running, id_: str, **own: object) -> httpx.Response:
    body = {"MessageID": id_, "Purpose": "ask_release", "Corridor": {"Case": "c1", **own}}
    head = HEAD | {"idempotency-key": id_}
    return httpx.post(f"{sim.url}/boten-customs/messages", json=body, headers=head)


def test_a_message_is_created_once(sim: Running) -> None:
    assert [post(sim, "e1").status_code for _ in range(2)] == [201, 200]
    told = httpx.get(f"{sim.url}/boten-customs/messages/e1", headers=HEAD).json()
    assert (told["state"], told["came"]) == ("accepted", 2)


@pytest.mark.parametrize(
    ("method", "path", "head", "body", "status"),
    [
        ("GET", "/boten-customs/decisions", {}, b"", 401),
        ("GET", "/boten-customs/decisions", {"authorization": "Bearer x"}, b"", 401),
        ("GET", "/nobody/decisions", HEAD, b"", 404),
        ("GET", "/boten-customs/decisions?after=x", HEAD, b"", 400),
        ("GET", "/boten-customs/messages/none", HEAD, b"", 404),
        ("GET", "/boten-customs/else", HEAD, b"", 404),
        ("POST", "/boten-customs/else", HEAD, b"{}", 404),
        ("POST", "/boten-customs/messages", HEAD | {"idempotency-key": "e"}, b"{", 400),
        ("POST", "/boten-customs/messages", HEAD | {"idempotency-key": "e"}, b"{}", 422),
        ("POST", "/boten-customs/messages", HEAD, b"x" * ((1 << 20) + 1), 413),
        ("GET", "/", {}, b"", 401),
        ("POST", "/boten-customs/decide", {}, b"request=e1&decision=release", 401),
        ("POST", "/boten-customs/decide", OFFICER | {"origin": "http://evil.example"}, b"", 403),
        ("POST", "/boten-customs/decide", OFFICER, b"request=none&decision=release", 404),
    ],
)
def test_what_is_not_allowed_is_refused(
    sim: Running, method: str, path: str, head: dict[str, str], body: bytes, status: int
) -> None:
    assert httpx.request(method, sim.url + path, headers=head, content=body).status_code == status


def test_the_page_runs_no_script_and_stands_in_no_frame(sim: Running) -> None:
    policy = httpx.get(sim.url, headers=OFFICER).headers["content-security-policy"]
    assert {"default-src 'none'", "frame-ancestors 'none'", "form-action 'self'"} <= set(policy.split("; "))


def test_an_officer_decides_on_the_page_and_nothing_there_is_markup(sim: Running) -> None:
    post(sim, "release_1", VIN="<script>alert(1)</script>", Request={"ID": "release_1"})
    page = httpx.get(sim.url, headers=OFFICER).text
    assert "Wait for a decision: 1" in page
    assert "<script>" not in page
    assert "Laos &lt;Boten&gt;" in page
    action = re.search(r'action="([^"]+)"', page)
    request = re.search(r'name="request" value="([^"]+)"', page)
    assert action is not None
    assert request is not None
    form = {"request": request[1], "decision": "inspect", "reason": "doors & seals"}
    done = httpx.post(sim.url + action[1], data=form, headers=OFFICER | {"origin": sim.url})
    assert (done.status_code, done.headers["location"]) == (303, "/")
    page = httpx.get(sim.url, headers=OFFICER).text
    assert "Wait for a decision: 0" in page
    assert "doors &amp; seals" in page
    told = httpx.get(f"{sim.url}/boten-customs/decisions", headers=HEAD).json()
    assert [one["decision"] for one in told["decisions"]] == ["inspect"]
    assert httpx.get(f"{sim.url}/boten-customs/decisions?after={told['after']}", headers=HEAD).json() == {
        "decisions": [],
        "after": told["after"],
    }


def test_a_port_that_is_taken_and_rules_that_are_wrong_are_one_line(
    sim: Running, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["--port", str(sim.port), "--db", str(tmp_path / "other.db")]) == 2
    assert f"127.0.0.1:{sim.port}" in capsys.readouterr().err
    (tmp_path / "rules.toml").write_text("x = 1")
    assert main(["--script", str(tmp_path / "rules.toml")]) == 2
    assert "got x, want authority" in capsys.readouterr().err
