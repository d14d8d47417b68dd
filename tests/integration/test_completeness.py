"""What came of a device, over HTTP by the whole system: a hole, its closing, a conflict, a next start."""

from __future__ import annotations

import time
from collections.abc import Iterator
from hashlib import sha256
from typing import Any

import cbor2
import httpx
import pytest

from bench.system import System, running
from tests.integration.devices import device, fit, http, report, until

pytestmark = [pytest.mark.integration, pytest.mark.timeout(120)]


@pytest.fixture(scope="module")
def system(tmp_path_factory: pytest.TempPathFactory) -> Iterator[System]:
    with running(tmp_path_factory.mktemp("complete"), CORRIDOR_LEDGER="true") as found:
        yield found


@pytest.fixture(scope="module")
def client(system: System) -> Iterator[httpx.Client]:
    with http(system) as found:
        yield found


def chained(*counts: int) -> list[list[bytes]]:
    """The reports of so many starts, each naming the one before."""
    now, prev, starts = int(time.time() * 1000), None, []
    for boot_n, count in enumerate(counts, 1):
        made: list[bytes] = []
        for seq in range(count):
            place = {"t": [now], "lon": [101.7], "lat": [21.3], "fix": [3], "prev": prev}
            made.append(cbor2.dumps(report(seq, f"b{boot_n}", **place) | {"boot_n": boot_n}))
            prev = sha256(made[-1]).digest()
        starts.append(made)
    return starts


def told(client: httpx.Client, name: str, boot: str) -> dict[str, Any]:
    """The statement of a start; empty while there is none."""
    answer = client.get(f"/v1/devices/{name}/completeness", params={"boot": boot})
    answer.raise_for_status()
    found: dict[str, Any] = next(iter(answer.json()["items"]), {})
    return found


def line_of(client: httpx.Client, vin: str) -> str:
    """What a vehicle's way says of its one device."""
    (line,) = client.get(f"/v1/trace/{vin}").json()["reports"]
    return str(line["text"])


async def test_a_hole_is_told_until_the_late_report_closes_it(system: System, client: httpx.Client) -> None:
    fit(system, "holey", "WSGNTESTA00007001")
    first, second = chained(4, 2)
    async with device(system.local, "holey") as unit:
        await unit.durable(first[0], first[1])
        await unit.durable(second[0], second[1])
        until(lambda: told(client, "holey", "b2").get("received") == [[0, 1]])
        early = told(client, "holey", "b1")
        assert (early["received"], early["tail"]) == ([[0, 1]], "cut")
        assert told(client, "holey", "b2")["chain"]["first"] == "unknown"
        await unit.durable(first[3])
        until(lambda: told(client, "holey", "b1")["missing"] == [[2, 2]])
        await unit.durable(first[2])
        until(lambda: told(client, "holey", "b1")["missing"] == [])
    whole = told(client, "holey", "b1")
    assert (whole["received"], whole["tail"], whole["chain"]["holds"]) == ([[0, 3]], "whole", True)
    assert told(client, "holey", "b2")["chain"]["first"] == "holds"
    assert line_of(client, "WSGNTESTA00007001") == "6 reports of 2 starts came, 0 missing, chain unbroken"


async def test_other_bytes_under_a_number_stay_to_be_seen(system: System, client: httpx.Client) -> None:
    fit(system, "twice", "WSGNTESTA00007002")
    (sent,) = chained(3)
    async with device(system.local, "twice") as unit:
        await unit.durable(*sent)
        await unit.durable(cbor2.dumps(report(1, "b1", t=[int(time.time() * 1000)])))
        until(lambda: told(client, "twice", "b1").get("conflicts") == 1)
    made = told(client, "twice", "b1")
    assert made["received"] == [[0, 2]]
    assert (made["chain"]["holds"], made["chain"]["contested"]) == (False, [[1, 1]])
