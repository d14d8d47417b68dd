"""Feeds of the embedded system as an insurer has them: granted, read, pushed, taken along, verified."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest

from api.times import format_instant
from bench.system import System, running
from feeds.grants.grant import checked
from tests.integration.devices import as_json, device, fit, http, until
from tests.integration.drives import drive, hours_ago, reports
from tests.integration.receiver import receiver
from tests.integration.test_signed import Truck, corridor, delivered

pytestmark = [pytest.mark.integration, pytest.mark.timeout(240)]
DRIVEN, EXPIRES_MS = "WFEEDTESTA0000001", 4_070_908_800_000
NOTE = {"kind": "note", "text": "Somchai drives"}
SIGNED = 20


def words(**more: Any) -> dict[str, Any]:
    """What is granted, as the feed's id is computed of it."""
    plain: dict[str, Any] = {
        "consumer": "insurer",
        "purpose": "cover",
        "assets": "tenant",
        "fields": "precise",
    }
    plain |= {"kinds": ["report", "crossing"], "driver": False, "from_ms": 0, "to_ms": None}
    return {**plain, "expires_ms": EXPIRES_MS, **more}


PLAIN, WHOLE, COVER = words(), words(driver=True), words(assets="cover", purpose="a policy")


@dataclass
class Insured:
    """A fleet that granted feeds, and its insurer. ``sent``: the times of the driven truck's reports."""

    system: System
    key: Path
    vkey: str
    sent: list[int]
    posted: list[dict[str, Any]]

    def url(self, feed: str) -> str:
        return f"{self.system.local.url}/v1/feeds/{feed}"

    def lines(self, feed: str, **query: Any) -> list[dict[str, Any]]:
        """Records of a feed, as the insurer reads them."""
        head = {"Authorization": f"Bearer {self.key.read_text().strip()}"}
        answer = httpx.get(f"{self.url(feed)}/records", params={"limit": 10_000, **query}, headers=head)
        answer.raise_for_status()
        *records, last = map(json.loads, answer.text.splitlines())
        assert not last["page"]["more"]
        return records

    def run(self, *words: str, code: int = 0) -> str:
        """The output of a verb, as the insurer runs it: without the fleet's folder."""
        command = [sys.executable, "-m", "corridor", *words]
        away = {"XDG_CONFIG_HOME": str(self.key.parent)}
        done = subprocess.run(command, capture_output=True, text=True, timeout=100, env=os.environ | away)
        assert done.returncode == code, done.stdout + done.stderr
        return done.stdout + done.stderr


def granted(client: httpx.Client, asked: dict[str, Any]) -> str:
    """Grant; returns the feed's id, which is what its words make."""
    names = {"from_ms": "from", "to_ms": "to", "expires_ms": "expires"}
    body = {names.get(name, name): one for name, one in asked.items() if one is not None}
    body |= {name: format_instant(body[name]) for name in ("from", "expires")}
    answer = client.post("/v1/feeds", json=body)
    assert answer.status_code == 201, answer.text
    assert answer.json()["id"] == checked("main", asked)["feed"]
    return str(answer.json()["id"])


@pytest.fixture(scope="module")
def insured(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Insured]:
    root = tmp_path_factory.mktemp("feeds")
    with receiver(root) as posted:
        hooks = root / "webhooks.toml"
        hooks.write_text(f'{hooks.read_text()}feed = "{checked("main", PLAIN)["feed"]}"\n')
        more = {"CORRIDOR_LEDGER": "true", "CORRIDOR_WEBHOOKS_FILE": str(hooks)}
        with running(root / "data", **more) as system, http(system) as client:
            for asked in (PLAIN, WHOLE, COVER):
                granted(client, asked)
            truck = Truck(system, root, "trk-signed", 700)
            truck.enrol()
            truck.measure(SIGNED)
            delivered(system, truck.sender)
            fit(system, "drv", DRIVEN)
            rows = reports(drive(hours_ago(5)))
            for row in rows:
                row["facts"] = [{"t": row["t"][0], **NOTE}, {"t": row["t"][0], "kind": "seal", "seal": "S1"}]
            asyncio.run(send(system, as_json(*rows)))
            key = root / "insurer.key"
            made = corridor(
                system, "keys", "create", "ada", "--role", "insurer", "--tenant", "insurer", "--json"
            )
            key.write_text(json.loads(made)["key"])
            vkey = until(
                lambda: client.get(f"/v1/feeds/{checked('main', PLAIN)['feed']}/logs").json()["logs"]
            )
            found = Insured(system, key, vkey[0]["key"], [row["t"][0] for row in rows], posted)
            until(lambda: whole(found, client), 90)
            yield found


async def send(system: System, rows: list[bytes]) -> None:
    async with device(system.local, "drv") as one:
        await one.durable(*rows)


def whole(found: Insured, client: httpx.Client) -> bool:
    """Whether everything is told and under signed heads."""
    crossings = client.get("/v1/crossings").json()["items"]
    if [one["state"] for one in crossings] != ["completed"]:
        return False
    kinds = [one["kind"] for one in found.lines(checked("main", PLAIN)["feed"])]
    told = kinds.count("crossing")
    return kinds.count("report") == SIGNED + len(found.sent) and told == crossings[0]["revision"]


def files(folder: Path) -> bytes:
    return b"".join(path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file())


@pytest.mark.parametrize(("asked", "driver"), [(PLAIN, False), (WHOLE, True)])
def test_what_is_exported_and_what_is_mirrored_both_verify(
    insured: Insured, tmp_path: Path, asked: dict[str, Any], driver: bool
) -> None:
    feed = checked("main", asked)["feed"]
    corridor(insured.system, "feed", "export", feed, str(tmp_path / "export"))
    key, api = ("--key", insured.vkey), ("--api-key-file", str(insured.key))
    insured.run("feed", "pull", insured.url(feed), str(tmp_path / "mirror"), *key, *api)
    count = len(insured.lines(feed))
    for where in ("export", "mirror"):
        said = insured.run("verify", str(tmp_path / where), *key, "--feed", feed)
        assert feed in said
        assert f"{count:,} records in order under signed heads" in said
        assert (f"{SIGNED} device signatures" in said) is driver
        assert (b"Somchai" in files(tmp_path / where)) is driver
    assert f"{count:,} records in order" in insured.run("verify", insured.url(feed), *key, *api)
    other = checked("main", WHOLE if asked is PLAIN else PLAIN)["feed"]
    assert other in insured.run("verify", str(tmp_path / "mirror"), *key, "--feed", other, code=1)


def test_lines_show_what_is_granted_and_who_vouches(insured: Insured) -> None:
    for asked in (PLAIN, WHOLE):
        lines = insured.lines(checked("main", asked)["feed"])
        rows = [one for one in lines if one["kind"] == "report"]
        assert {one["assurance"]["level"] for one in rows} >= {"signed", "attributed"}
        vouched = {one["assurance"]["vouched_by"] for one in rows if one["assurance"]["level"] == "signed"}
        assert vouched == ({"device"} if asked is WHOLE else {"gateway"})
        told = [one["data"] for one in rows if one["t_ms"] in insured.sent]
        assert len(told) == len(insured.sent)
        assert all([fact["kind"] for fact in one["facts"]] == ["seal"] for one in told)
        assert all(("driver" in one) is (asked is WHOLE) for one in told)


def test_push_and_pull_meet(insured: Insured) -> None:
    feed = checked("main", PLAIN)["feed"]
    lines = insured.lines(feed)
    places = [(one["log"], one["place"]) for one in lines if one["kind"] == "crossing"]
    until(lambda: len(insured.posted) >= len(places))
    pushed = [one["data"] for one in insured.posted]
    assert [(one["log"], one["place"]) for one in pushed] == places
    assert {(one["feed"], one["kind"]) for one in pushed} == {(feed, "crossing")}
    assert not any("object" in one for one in pushed)
    for one in pushed:
        at = lines.index(
            next(row for row in lines if (row["log"], row["place"]) == (one["log"], one["place"]))
        )
        assert [row["place"] for row in insured.lines(feed, after=one["cursor"])] == [
            row["place"] for row in lines[at + 1 :]
        ]


def test_a_feed_of_covers_goes_as_far_as_the_cover(insured: Insured, tmp_path: Path) -> None:
    feed = checked("main", COVER)["feed"]
    assert insured.lines(feed) == []
    begin, end, early = insured.sent[3], insured.sent[12], insured.sent[8]
    with http(insured.system) as client:
        policy = {"vin": DRIVEN, "number": "P-1", "insurer": "insurer", "countries": ["CN", "LA"]}
        policy |= {"from": format_instant(begin), "until": format_instant(end)}
        cover = client.post("/v1/covers", json=policy)
        assert cover.status_code == 201, cover.text

        def times() -> list[int]:
            return [one["t_ms"] for one in insured.lines(feed) if one["kind"] == "report"]

        assert times() == insured.sent[3:12]
        key, api = ("--key", insured.vkey), ("--api-key-file", str(insured.key))
        insured.run("feed", "pull", insured.url(feed), str(tmp_path / "mirror"), *key, *api)
        assert "would not be missed" in insured.run("verify", str(tmp_path / "mirror"), *key)
        ended = client.post(
            f"/v1/covers/{cover.json()['id']}/end", json={"at": format_instant(early), "reason": "sold"}
        )
        assert ended.status_code == 200, ended.text
        assert times() == insured.sent[3:8]


def test_a_changed_record_is_named(insured: Insured, tmp_path: Path) -> None:
    feed = checked("main", WHOLE)["feed"]
    corridor(insured.system, "feed", "export", feed, str(tmp_path / "export"))
    kinds = ("--kind", "dropped", "--kind", "salt")
    made = insured.run("tamper", str(tmp_path / "export"), str(tmp_path / "bad"), *kinds, "--json")
    for told in map(json.loads, made.splitlines()):
        where = tmp_path / "bad" / told["kind"]
        said = json.loads(insured.run("verify", str(where), "--key", insured.vkey, "--json", code=1))
        assert said["findings"], told
