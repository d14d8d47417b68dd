"""Covers over the real engine: written one by one and by file, ended, listed; the report; what is refused."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from api.coverschemas import Cover, CoverReport, Exposure, Finding, Handover
from feeds.ledger import proof as proofs
from tests.unit.api import world as small
from tests.unit.api.deskworld import OFFICER, THEIRS, DeskWorld, as_, client_of, make
from tests.unit.api.ledgers import seal
from tests.unit.streams.engine.desk_world import VINS, asset_of, lodging, through
from tests.unit.streams.engine.small_world import Sample

VIN, OTHER = VINS[:2]


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[DeskWorld]:
    made = make(tmp_path)
    yield made
    made.close()


@pytest.fixture
async def client(desk: DeskWorld) -> AsyncIterator[httpx.AsyncClient]:
    async with client_of(desk) as opened:
        for vin in (VIN, OTHER):
            made = await opened.post("/v1/assets", json={"vin": vin, "chassis": vin})
            assert made.status_code == 201, made.text
        yield opened


def cover(**more: Any) -> dict[str, Any]:
    """The body of a cover that is all right."""
    return {
        "vin": VIN,
        "number": "C-1",
        "insurer": "First Mutual",
        "countries": ["CN"],
        "from": "2026-09-01T00:00:00+08:00",
        "until": "2027-09-01T00:00:00+08:00",
    } | more


async def over_the_line(desk: DeskWorld, hours: int = 1) -> None:
    """Drive from China to Laos and stand there."""
    way = through(VIN, 7_200, -0.15)
    for first in range(0, len(way), 20):
        desk.engine.drive(VIN, way[first : first + 20])
    end = way[-1].t_s
    rest = [Sample(end + 60 * n, -0.15, speed=0.0, asset=asset_of(VIN)) for n in range(1, 60 * hours)]
    for first in range(0, len(rest), 20):
        desk.engine.drive(VIN, rest[first : first + 20])


async def test_written_listed_and_ended(client: httpx.AsyncClient) -> None:
    made = await client.post("/v1/covers", json=cover())
    assert made.status_code == 201, made.text
    told = made.json()
    Cover.model_validate(told)
    assert (told["state"], told["from"], told["until"]) == (
        "running",
        "2026-08-31T16:00:00.000Z",
        "2027-08-31T16:00:00.000Z",
    )
    assert (await client.get(made.headers["location"])).json() == told
    listed = (await client.get("/v1/covers", params={"asset": VIN, "state": "running"})).json()["items"]
    assert [one["id"] for one in listed] == [told["id"]]
    ended = await client.post(f"/v1/covers/{told['id']}/end", json={"reason": "sold"})
    assert (ended.status_code, ended.json()["state"], ended.json()["reason"]) == (200, "ended", "sold")
    again = await client.post(f"/v1/covers/{told['id']}/end", json={"reason": "sold"})
    assert (again.status_code, again.json()["code"]) == (409, "ended")


@pytest.mark.parametrize(
    ("more", "status", "says"),
    [
        ({"countries": []}, 422, "countries"),
        ({"countries": ["China"]}, 422, "countries"),
        ({"until": "2026-08-01T00:00:00Z"}, 422, "ends before it begins"),
        ({"from": "yesterday"}, 422, "from"),
        ({"vin": "LVBTESTE0RB000005"}, 404, "no such asset"),
        ({"conditions": {"excluded_hours": {"from_min": 1440, "until_min": 0}}}, 422, "from_min"),
        ({"conditions": {"excluded_hours": {"from_min": 60, "until_min": 60}}}, 422, "no time at all"),
        ({"conditions": {"utc_offset_min": {"CN": 2000}}}, 422, "utc_offset_min"),
        ({"premium": 1}, 422, "premium"),
    ],
)
async def test_what_is_wrong_is_named(
    client: httpx.AsyncClient, more: dict[str, Any], status: int, says: str
) -> None:
    got = await client.post("/v1/covers", json=cover(**more))
    assert got.status_code == status, got.text
    assert says in got.text


async def test_a_policy_is_written_once_and_renewed(client: httpx.AsyncClient) -> None:
    assert (await client.post("/v1/covers", json=cover())).status_code == 201
    again = await client.post("/v1/covers", json=cover(countries=["LA"]))
    assert (again.status_code, again.json()["code"]) == (409, "duplicate")
    renewed = cover(**{"from": "2027-09-01T00:00:00+08:00", "until": "2028-09-01T00:00:00+08:00"})
    assert (await client.post("/v1/covers", json=renewed)).status_code == 201


async def test_a_file_is_written_row_by_row(client: httpx.AsyncClient) -> None:
    lines = [
        "vin,number,insurer,countries,from,until,use",
        f"{VIN},C-1,First Mutual,CN,2026-09-01T00:00:00Z,2027-09-01T00:00:00Z,hire and reward",
        f'{OTHER},C-2,First Mutual,"CN, LA",2026-09-01T00:00:00Z,2027-09-01T00:00:00Z,',
        f"{VINS[2]},C-3,First Mutual,CN,2026-09-01T00:00:00Z,2027-09-01T00:00:00Z,",
    ]
    got = await client.post("/v1/covers/bulk", content="\r\n".join(lines))
    assert got.status_code == 200, got.text
    told = got.json()
    assert (told["rows"], [one["row"] for one in told["written"]]) == (3, [1, 2])
    assert [(one["row"], one["column"]) for one in told["refused"]] == [(3, "unknown")]
    listed = (await client.get("/v1/covers", params={"asset": OTHER})).json()["items"]
    assert listed[0]["countries"] == ["CN", "LA"]


@pytest.mark.parametrize(
    ("body", "says"),
    [
        (b"", "no cover"),
        (b"[]", "no cover"),
        (b"[", "not readable"),
        (b"\xff\xfe", "UTF-8"),
        (b'{"vin": 1}\n', "nothing written"),
        (b'{"vin"\n', "a JSON object"),
        (b"[1, null]", "a JSON object"),
        (b"vin,premium\na,1\n", "premium"),
        (b"vin,number\na,b,c\n", "3 cells"),
        (b'vin,number\n"a,b\n', "not readable"),
    ],
)
async def test_a_file_with_a_fault_writes_nothing(client: httpx.AsyncClient, body: bytes, says: str) -> None:
    got = await client.post("/v1/covers/bulk", content=body)
    assert got.status_code == 422, got.text
    assert says in got.text
    assert (await client.get("/v1/covers")).json()["items"] == []


async def test_a_policy_that_is_twice_in_a_file_is_a_fault(client: httpx.AsyncClient) -> None:
    got = await client.post("/v1/covers/bulk", json=[cover(), cover()])
    assert (got.status_code, got.json()["errors"][0]["row"]) == (422, 2)


async def test_what_follows_from_a_cover_is_listed_and_cited(
    client: httpx.AsyncClient, desk: DeskWorld
) -> None:
    await client.post("/v1/covers", json=cover())
    await client.post("/v1/covers", json=cover(number="L-1", insurer="Second", countries=["LA"]))
    await over_the_line(desk)
    exposures = (await client.get("/v1/exposures", params={"asset": VIN})).json()["items"]
    assert [(one["country"], one["state"]) for one in exposures] == [("LA", "running"), ("CN", "ended")]
    for one in exposures:
        Exposure.model_validate(one)
        assert one["driven"]["m"] > 10_000
    (passed,) = (await client.get("/v1/handovers", params={"gate": "g"})).json()["items"]
    Handover.model_validate(passed)
    assert (passed["from"], passed["to"], passed["at"]) == ("CN", "LA", exposures[0]["from"])
    assert (await client.get(f"/v1/handovers/{passed['id']}")).json() == passed
    assert (await client.get("/v1/gaps")).json()["items"] == []
    assert (await client.get("/v1/handovers", headers=as_(THEIRS))).json()["items"] == []
    assert (await client.get("/v1/covers", headers=as_(THEIRS))).json()["items"] == []
    assert (await client.get(f"/v1/covers/{exposures[0]['cover']}", headers=as_(THEIRS))).status_code == 404


async def test_customs_see_the_handover_of_what_is_filed_at_their_gate_and_no_policy(
    client: httpx.AsyncClient, desk: DeskWorld
) -> None:
    await client.post("/v1/covers", json=cover())
    await over_the_line(desk)
    assert (await client.get("/v1/handovers", headers=as_(OFFICER))).json()["items"] == []
    desk.engine.fold(
        {
            "id": "f1",
            "command": "filing.lodge",
            "tenant": "main",
            "by": "clerk",
            "role": "operator",
            "data": lodging(VIN, "R1"),
        }
    )
    (passed,) = (await client.get("/v1/handovers", headers=as_(OFFICER))).json()["items"]
    assert passed["giving"][0]["number"] == "C-1"
    for path in ("covers", "exposures", "gaps", "breaches", "incidents"):
        assert (await client.get(f"/v1/{path}", headers=as_(OFFICER))).status_code == 403


async def test_gaps_breaches_and_incidents_are_listed(client: httpx.AsyncClient, desk: DeskWorld) -> None:
    await client.post("/v1/covers", json=cover())
    hard = [Sample(3_600 + n, 0.15, speed=s, asset=asset_of(VIN)) for n, s in enumerate((50, 36, 36))]
    desk.engine.drive(VIN, hard)
    await over_the_line(desk)
    for path, what in (("gaps", "cover"), ("breaches", "outside_countries"), ("incidents", "harsh_braking")):
        (one,) = (await client.get(f"/v1/{path}", params={"asset": VIN})).json()["items"]
        Finding.model_validate(one)
        assert one["what"] == what


async def test_the_report_says_why_it_gives_no_figure(client: httpx.AsyncClient, desk: DeskWorld) -> None:
    await client.post("/v1/covers", json=cover())
    empty = (await client.get(f"/v1/assets/{VIN}/cover-report", params={"month": "2026-09"})).json()
    CoverReport.model_validate(empty)
    assert (empty["exposures"], empty["driving"]) == (None, None)
    assert empty["quality"]["reasons"] == ["no driving under a cover was told in this month"]
    await over_the_line(desk)
    told = (await client.get(f"/v1/assets/{VIN}/cover-report", params={"month": "2026-09"})).json()
    assert [one["country"] for one in told["exposures"]] == ["CN"]
    assert told["driving"] is None
    assert "too short a way" in told["driving_missing"][0]
    assert told["crossings"] == {"handovers": 1, "automatic_release": 0}
    assert told["formula"] == "corridor-cover-1"
    known = {one["id"] for one in (await client.get("/v1/exposures")).json()["items"]}
    assert known <= {one["id"] for one in told["inputs"]}
    assert (
        await client.get(f"/v1/assets/{VIN}/cover-report", params={"month": "2026-13"})
    ).status_code == 422
    assert (await client.get("/v1/assets/none/cover-report", params={"month": "2026-09"})).status_code == 404


async def test_a_report_and_a_handover_are_cited_by_their_places_in_the_ledger(tmp_path: Path) -> None:
    world = small.make(tmp_path)
    seal(tmp_path, world.ports.read)
    transport = httpx.ASGITransport(world.app, raise_app_exceptions=False)
    headers = {"Authorization": f"Bearer {small.KEY}"}
    async with httpx.AsyncClient(transport=transport, base_url="http://corridor.test", headers=headers) as it:
        passed = (await it.get("/v1/handovers/handover_own")).json()
        where = {"event": passed["id"], "revision": passed["revision"]}
        proof = proofs.parse((await it.get("/v1/ledger/proof", params=where)).text)
        report = await it.get(f"/v1/assets/{small.VIN}/cover-report", params={"month": "2026-11"})
    world.close()
    told = report.json()
    assert {"id": passed["id"], "revision": 1} in told["inputs"]
    (part,) = told["ledger"]
    assert part["records"] == len(told["inputs"])
    assert part["first"] <= proof.index <= part["last"]
