"""A filing at both sides' authorities: over HTTPS's twin on loopback and over a folder, across restarts."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from authority_sim.rules import Authority as Rule
from authority_sim.rules import Rules
from authority_sim.run import Running, serving
from bench.system import running
from corridor.__main__ import main
from tests.integration.devices import http, until

pytestmark = [pytest.mark.integration, pytest.mark.timeout(200)]

EXIT, ENTRY = "mohan-customs", "boten-customs"
VIN = "LZZ5ELNC4KW123456"
FILING = {
    "reference": "EX-1",
    "vin": VIN,
    "chassis": "KW123456",
    "kind": "tractor",
    "exporter": "Yunnan Heavy Vehicles",
    "consignee": "Vientiane Transport",
    "gate": "mohan-boten",
    "direction": "CN>LA",
    "window_from": f"{datetime.now(UTC) + timedelta(hours=1):%Y-%m-%dT%H:%M:%SZ}",
    "window_until": f"{datetime.now(UTC) + timedelta(days=1):%Y-%m-%dT%H:%M:%SZ}",
}


def listed(data: Path, capsys: pytest.CaptureFixture[str]) -> list[dict[str, Any]]:
    """What `corridor authority list` tells."""
    capsys.readouterr()
    assert main(["authority", "list", "--data-dir", str(data), "--json"]) == 0
    return [json.loads(line) for line in capsys.readouterr().out.splitlines()]


def purposes(sim: Running, name: str) -> list[str]:
    return [one["purpose"] for one in sim.window.database.messages(name)]


def told(sim: Running, count: int) -> bool:
    return all(len(purposes(sim, name)) >= count for name in (EXIT, ENTRY))


def test_a_filing_is_lodged_amended_and_withdrawn_once_over_restarts(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rules = Rules(
        {EXIT: Rule(EXIT, "x" * 20, folder=str(tmp_path / "exchange")), ENTRY: Rule(ENTRY, "k" * 20)}
    )
    file, data = tmp_path / "authorities.toml", tmp_path / "data"
    (tmp_path / "key").write_text("k" * 20)
    with serving(rules, tmp_path / "sim.db") as sim:
        file.write_text(
            f'[[authority]]\nname = "{ENTRY}"\nkind = "http"\nurl = "{sim.url}/{ENTRY}"\nkey_file = "key"\n'
            f'begin = "start"\n'
            f'[[authority]]\nname = "{EXIT}"\nkind = "folder"\nfolder = "exchange"\nbegin = "start"\n'
        )
        with running(data, CORRIDOR_AUTHORITIES_FILE=str(file)) as system, http(system) as client:
            lodged = client.post("/v1/filings", json=FILING)
            assert lodged.status_code in (200, 201), lodged.text
            until(partial(told, sim, 1))
            rules.authorities[ENTRY].faults.away = True
            changed = client.patch("/v1/filings/EX-1", json={"consignee": "Luang Namtha Transport"})
            assert changed.status_code == 200, changed.text
        rules.authorities[ENTRY].faults.away = False
        with running(data, CORRIDOR_AUTHORITIES_FILE=str(file)) as system, http(system) as client:
            until(partial(told, sim, 2))
            gone = client.post("/v1/filings/EX-1/withdraw", json={"reason": "not this time"})
            assert gone.status_code == 200, gone.text
            until(partial(told, sim, 3))
            assert "corridor_authorities_delivered" in client.get("/metrics").text
            until(lambda: listed(data, capsys) == [])  # receipts have come too
        for name in (EXIT, ENTRY):
            assert purposes(sim, name) == ["lodge", "amend", "withdraw"]
            assert {one["came"] for one in sim.window.database.messages(name)} == {1}
        body = sim.window.database.messages(ENTRY)[1]["body"]
        assert body["Corridor"]["Consignee"] == "Luang Namtha Transport"
        assert body["Corridor"]["VIN"] == VIN
    assert listed(data, capsys) == []


def test_a_file_that_is_wrong_keeps_the_system_from_starting_with_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "a.toml").write_text('[[authority]]\nname = "x"\nkind = "fax"\n')
    monkeypatch.setenv("CORRIDOR_AUTHORITIES_FILE", str(tmp_path / "a.toml"))
    words = ["up", "--data-dir", str(tmp_path / "data"), "--http-port", "0", "--mqtt-port", "0"]
    assert main(words) == 2
    assert "authority x: kind: got 'fax', want http or folder" in capsys.readouterr().err
