"""The witness over HTTP: exactly the protocol's paths, types and codes."""

from __future__ import annotations

from collections.abc import AsyncIterator
from hashlib import sha256
from pathlib import Path

import httpx
import pytest

from corridor.__main__ import main
from corridor.witness import app_of, witness_of
from feeds.ledger.checkpoint import open_checkpoint
from feeds.ledger.errors import LedgerStopError
from feeds.ledger.note import parse_lines
from feeds.ledger.witness import MOST_BYTES, Witness
from tests.unit.feeds.ledger.test_witness import LOG, asked

NAME = "witness.example/1"


@pytest.fixture
def logs(tmp_path: Path) -> Path:
    path = tmp_path / "logs.policy"
    path.write_text(f"log {LOG.verifier}\nquorum none\n")
    return path


@pytest.fixture
def witness(tmp_path: Path, logs: Path) -> Witness:
    return witness_of(NAME, logs, tmp_path / "state")


@pytest.fixture
async def client(witness: Witness) -> AsyncIterator[httpx.AsyncClient]:
    transport = httpx.ASGITransport(app_of(witness))
    async with httpx.AsyncClient(transport=transport, base_url="http://witness.test") as opened:
        yield opened


async def test_a_head_is_cosigned_and_read(client: httpx.AsyncClient, witness: Witness) -> None:
    path = f"/{sha256(LOG.name.encode()).hexdigest()}/checkpoint"
    assert (await client.get(path)).status_code == 404
    answer = await client.post("/add-checkpoint", content=asked(0, 20))
    assert answer.status_code == 200
    assert witness.key.signed(parse_lines(answer.text)[0])
    read = await client.get(path)
    assert read.headers["content-type"] == "text/plain; charset=utf-8"
    assert set(open_checkpoint(read.content, LOG.verifier, [witness.key]).witnesses) == {NAME}


async def test_another_size_is_told(client: httpx.AsyncClient) -> None:
    await client.post("/add-checkpoint", content=asked(0, 20))
    answer = await client.post("/add-checkpoint", content=asked(5, 30))
    assert (answer.status_code, answer.text) == (409, "20\n")
    assert answer.headers["content-type"] == "text/x.tlog.size"


async def test_what_is_no_request(client: httpx.AsyncClient) -> None:
    assert (await client.post("/add-checkpoint", content=b"old")).status_code == 400
    assert (await client.post("/add-checkpoint", content=b"x" * (MOST_BYTES + 1))).status_code == 413
    assert (await client.get("/add-checkpoint")).status_code == 405


def test_its_key_stays_and_is_of_its_name(tmp_path: Path, logs: Path, witness: Witness) -> None:
    state = tmp_path / "state"
    assert witness_of(NAME, logs, state).key == witness.key
    assert (state / "witness.key").stat().st_mode & 0o777 == 0o600
    with pytest.raises(LedgerStopError, match=r"is of witness\.example/1: got --name other"):
        witness_of("other", logs, state)
    (state / "witness.key").unlink()
    with pytest.raises(LedgerStopError, match="is gone"):
        witness_of(NAME, logs, state)


def test_a_policy_that_can_not_be_read(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["witness", "--name", NAME, "--state", str(tmp_path / "s"), "--port", "0", "--logs"]
    assert main([*words, str(tmp_path / "none")]) == 2
    (tmp_path / "odd").write_text("log x\n")
    assert main([*words, str(tmp_path / "odd")]) == 2
    assert "policy line 1" in capsys.readouterr().err
