"""Events of the embedded system at a receiver's door, over restarts."""

from __future__ import annotations

import asyncio
from functools import partial
from pathlib import Path
from typing import Any

import httpx
import pytest

from bench.system import System, running
from corridor.__main__ import main
from tests.integration.devices import as_json, device, events, fit, http, until
from tests.integration.drives import drive, hours_ago, reports
from tests.integration.receiver import receiver

pytestmark = [pytest.mark.integration, pytest.mark.timeout(200)]


async def send(system: System, rows: list[bytes]) -> None:
    async with device(system.local, "hook") as one:
        await one.durable(*rows)


def done(client: httpx.Client, count: int) -> bool:
    states = [one["state"] for one in client.get("/v1/crossings").json()["items"]]
    return states.count("completed") == count and len(states) == count


def came(posted: list[dict[str, Any]], count: int) -> bool:
    return len(posted) >= count


def test_each_crossing_is_posted_once_in_order_and_a_restart_goes_on_from_there(tmp_path: Path) -> None:
    with receiver(tmp_path / "webhooks") as posted:
        file = str(tmp_path / "webhooks" / "webhooks.toml")
        told: list[tuple[str, int]] = []
        for turn in range(2):
            with running(tmp_path / "data", CORRIDOR_WEBHOOKS_FILE=file) as system, http(system) as client:
                fit(system, "hook", "WSYSTESTA00000011")
                rows = as_json(
                    *(one | {"boot": f"b{turn}"} for one in reports(drive(hours_ago(30 - 10 * turn))))
                )

                asyncio.run(send(system, rows))
                until(partial(done, client, 2 * turn + 1))  # in between it went back unseen
                told = [(one["id"], one["revision"]) for one in events(client) if one["kind"] == "crossing"]
                until(partial(came, posted, len(told)))
        got = [(post["data"]["id"], post["data"]["revision"]) for post in posted]
        assert got == told
        assert [post["id"] for post in posted] == [f"{id_}-r{revision}" for id_, revision in told]
        assert posted[0]["type"] == "corridor.crossing.created.v1"


def test_a_file_that_is_wrong_keeps_the_system_from_starting_with_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "webhooks.toml").write_text('[[webhook]]\nname = "x"\nurl = "gopher://x"\n')
    monkeypatch.setenv("CORRIDOR_WEBHOOKS_FILE", str(tmp_path / "webhooks.toml"))
    words = ["up", "--data-dir", str(tmp_path / "data"), "--http-port", "0", "--mqtt-port", "0"]
    assert main(words) == 2
    assert "webhook x: url: got 'gopher://x', want https://" in capsys.readouterr().err
