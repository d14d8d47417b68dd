"""Filings over the real engine: lodged, amended, withdrawn; each thing that is wrong named field by field."""

from __future__ import annotations

import base64
import json
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import pytest_asyncio

from api.clearanceschemas import Case, Filing, Permit
from streams.events import Kind, object_id
from tests.unit.api.deskworld import CLERK, OFFICER, THEIRS, DeskWorld, as_, client_of, make
from tests.unit.streams.engine.desk_world import VINS

VIN, VIN2, VIN3 = VINS[:3]
LATER = "2026-02-01T00:00:00Z"
LONG_AGO = ("2020-01-01T00:00:00Z", "2020-01-02T00:00:00Z")
on_module = pytest.mark.asyncio(loop_scope="module")


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[DeskWorld]:
    made = make(tmp_path)
    yield made
    made.close()


@pytest.fixture
async def client(desk: DeskWorld) -> AsyncIterator[httpx.AsyncClient]:
    async with client_of(desk) as opened:
        yield opened


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def reader(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[httpx.AsyncClient]:
    """A client of a world with one filing, R1, that no test changes; tests run on the module's loop."""
    made = make(tmp_path_factory.mktemp("world"))
    async with client_of(made) as opened:
        await lodged(opened)
        yield opened
    made.close()


def filing(**more: Any) -> dict[str, Any]:
    """The body of a filing that is all right."""
    return {
        "reference": "R1",
        "vin": VIN,
        "chassis": VIN,
        "exporter": "good-exports",
        "consignee": "someone",
        "gate": "g",
        "direction": "CN>LA",
        "window_from": "2026-09-21T20:00:00+08:00",
        "window_until": "2026-09-22T20:00:00+08:00",
        "documents": [{"kind": "export_declaration", "number": "D1"}],
        "data": {"filer": "me"},
    } | more


async def lodged(client: httpx.AsyncClient, **more: Any) -> dict[str, Any]:
    answer = await client.post("/v1/filings", json=filing(**more))
    assert answer.status_code == 201, answer.text
    return dict(answer.json())


async def test_a_filing_is_lodged_with_its_case_and_vehicle(
    client: httpx.AsyncClient, desk: DeskWorld
) -> None:
    made = await lodged(client, kind="tractor", batch="B1")
    Filing.model_validate(made)
    asset = object_id(Kind.ASSET, "main", VIN)
    assert (made["asset"], made["state"], made["version"]) == (asset, "lodged", 1)
    assert made["window_from"] == "2026-09-21T12:00:00.000Z"
    assert made["documents"][0] == {
        "kind": "export_declaration",
        "number": "D1",
        "issued": None,
        "expires": None,
        "sha256": None,
    }
    (command,) = desk.engine.submitted
    assert (command["command"], command["by"], command["role"]) == ("filing.lodge", "clerk", "operator")
    by_reference = (await client.get("/v1/filings/R1")).json()
    assert by_reference == (await client.get(f"/v1/filings/{made['id']}")).json() == made
    held = (await client.get(f"/v1/cases/{made['case']}")).json()
    Case.model_validate(held)
    assert (held["filing"], held["asset"], held["batch"], held["ended"]) == (made["id"], asset, "B1", None)
    assert held["benchmark_s"] == 10_080
    assert (await client.get(f"/v1/assets/{VIN}")).json()["id"] == asset
    batch = (await client.get("/v1/batches/B1")).json()
    assert [one["case"] for one in batch["cases"]] == [made["case"]]


@pytest.mark.parametrize(
    ("change", "field", "got", "want"),
    [
        ({"vin": "LZZTESTA5PN000001"}, "body.vin", "LZZTESTA5PN000001", "position 9: got 5, want 6"),
        ({"window_until": "2026-02-30T00:00:00Z"}, "body.window_until", "2026-02-30", "out of range"),
        ({"window_from": "2026-09-21"}, "body.window_from", "2026-09-21", "RFC 3339"),
        ({"window_from": "2026-09-21T20:00:00"}, "body.window_from", "2026-09-21T20", "with its offset"),
        ({"window_from": "1026-09-21T20:00:00Z"}, "body.window_from", "1026-09-21", "2000 to 2099"),
        ({"window_until": "2026-09-21T12:00:00Z"}, "body", "reference", "it ends before it begins"),
        ({"gate": "atlantis"}, "body.gate", "atlantis", "one of g"),
        ({"direction": "CN>RU"}, "body.direction", "CN>RU", "LA>CN"),
        ({"direction": "CN-LA"}, "body.direction", "CN-LA", "pattern"),
        ({"exporter": "bad-exports"}, "body.exporter", "bad-exports", "bad-exports"),
        ({"exporter": " "}, "body.exporter", " ", "at least 1"),
        ({"chassis": None}, "body.chassis", "None", "string"),
        ({"regime": "none-such"}, "body.regime", "none-such", "none-such"),
        ({"kind": "boat"}, "body.kind", "boat", "tractor"),
        ({"documents": [{"number": "D1"}]}, "body.documents.0.kind", "nothing", "a value"),
        ({"documents": [{"kind": "x", "sha256": "abc"}]}, "body.documents.0.sha256", "abc", "pattern"),
        (
            {"documents": [{"kind": "x", "issued": LATER, "expires": "2026-01-01T00:00:00Z"}]},
            "body.documents.0",
            "issued",
            "it ends before it begins",
        ),
        ({"data": {"filer": 5}}, "body.data.filer", "5", "string"),
        ({"colour": "red"}, "body.colour", "red", "no such field"),
        ({"reference": "x" * 65}, "body.reference", "xxx", "at most 64"),
        ({"window_from": LONG_AGO[0], "window_until": LONG_AGO[1]}, "body.window_until", "", "30 days"),
    ],
)
@on_module
async def test_what_is_wrong_is_named_field_by_field(
    reader: httpx.AsyncClient, change: dict[str, Any], field: str, got: str, want: str
) -> None:
    given = {"reference": "R7", "vin": VIN3, "chassis": VIN3} | change
    answer = await reader.post("/v1/filings", json=filing(**given))
    assert answer.status_code == 422, answer.text
    (error,) = answer.json()["errors"]
    assert error["field"] == field
    assert got in error["got"]
    assert want in error["want"]
    assert (await reader.get("/v1/filings/R7")).status_code == 404


@on_module
async def test_every_fault_is_told_at_once(reader: httpx.AsyncClient) -> None:
    answer = await reader.post("/v1/filings", json={"vin": "x", "gate": "", "batch": 5})
    fields = {error["field"] for error in answer.json()["errors"]}
    assert {"body.vin", "body.gate", "body.batch", "body.reference", "body.window_from"} <= fields


async def test_a_reference_is_used_once_and_a_vin_is_filed_once_anywhere(client: httpx.AsyncClient) -> None:
    await lodged(client)
    again = await client.post("/v1/filings", json=filing(vin=VIN2, chassis=VIN2))
    assert (again.status_code, again.json()["code"]) == (409, "duplicate")
    assert again.json()["errors"][0]["field"] == "body.reference"
    same_vin = await client.post("/v1/filings", json=filing(reference="R2"))
    assert (same_vin.status_code, same_vin.json()["code"]) == (409, "filed_elsewhere")
    theirs = await client.post("/v1/filings", json=filing(), headers=as_(THEIRS))
    assert (theirs.status_code, theirs.json()["code"]) == (409, "filed_elsewhere")
    assert theirs.json()["errors"][0] | {"want": ""} == {"field": "body.vin", "got": VIN, "want": ""}
    own = await client.post("/v1/filings", json=filing(vin=VIN2, chassis=VIN2), headers=as_(THEIRS))
    assert own.status_code == 201


async def test_amendments_keep_every_version(client: httpx.AsyncClient) -> None:
    made = await lodged(client)
    changes = {"consignee": "another", "documents": [{"kind": "export_declaration", "number": "D2"}]}
    answer = await client.patch("/v1/filings/R1", json=changes)
    assert answer.status_code == 200
    now = answer.json()
    assert (now["version"], now["consignee"], now["documents"][0]["number"]) == (2, "another", "D2")
    assert [(one["by"], one["changed"]) for one in now["versions"]] == [
        ("clerk", []),
        ("clerk", ["consignee", "documents"]),
    ]
    history = (await client.get(f"/v1/objects/{made['id']}/revisions")).json()["items"]
    assert [one["object"]["consignee"] for one in history] == ["another", "someone"]


@pytest.mark.parametrize(
    ("change", "field", "want"),
    [
        ({}, None, "got no field, want any of chassis"),
        ({"vin": VIN2}, "body.vin", "no such field"),
        ({"reference": "R9"}, "body.reference", "no such field"),
        ({"exporter": None}, "body", "leave the field out"),
        ({"gate": "atlantis"}, "body.gate", "one of g"),
        ({"direction": "CN>RU"}, "body.direction", "LA>CN"),
        ({"window_until": "2026-09-21T12:00:00Z"}, "body.window_until", "after window_from 2026-09-21T12:00"),
        ({"exporter": "bad-exports"}, "body.exporter", "bad-exports"),
    ],
)
@on_module
async def test_a_wrong_amendment_changes_nothing(
    reader: httpx.AsyncClient, change: dict[str, Any], field: str | None, want: str
) -> None:
    made = (await reader.get("/v1/filings/R1")).json()
    answer = await reader.patch("/v1/filings/R1", json=change)
    assert answer.status_code == 422, answer.text
    if field is None:
        assert want in answer.json()["detail"]
    else:
        (error,) = answer.json()["errors"]
        assert error["field"] == field
        assert want in error["want"]
    assert (await reader.get("/v1/filings/R1")).json() == made


async def test_a_withdrawn_filing_is_over(client: httpx.AsyncClient) -> None:
    made = await lodged(client)
    answer = await client.post("/v1/filings/R1/withdraw", json={"reason": "sold"})
    assert (answer.status_code, answer.json()["state"]) == (200, "withdrawn")
    held = (await client.get(f"/v1/cases/{made['case']}")).json()
    assert held["state"] == "withdrawn"
    assert held["ended"] is not None
    for again in (
        await client.post("/v1/filings/R1/withdraw", json={"reason": "sold"}),
        await client.patch("/v1/filings/R1", json={"batch": "B2"}),
    ):
        assert (again.status_code, again.json()["code"]) == (409, "ended")
    assert (await client.get("/v1/cases?open=true")).json()["items"] == []
    assert len((await client.get("/v1/cases?open=false")).json()["items"]) == 1
    assert len((await client.get("/v1/filings?state=withdrawn")).json()["items"]) == 1
    assert (await client.post("/v1/filings", json=filing(reference="R2"))).status_code == 201


async def test_a_withdrawal_needs_a_reason(client: httpx.AsyncClient) -> None:
    await lodged(client)
    answer = await client.post("/v1/filings/R1/withdraw", json={"reason": " "})
    assert answer.json()["errors"][0]["field"] == "body.reason"


async def test_foreign_filings_can_not_be_touched(client: httpx.AsyncClient) -> None:
    made = await lodged(client)
    for request in (
        client.patch(f"/v1/filings/{made['id']}", json={"batch": "X"}, headers=as_(THEIRS)),
        client.post(f"/v1/filings/{made['id']}/withdraw", json={"reason": "x"}, headers=as_(THEIRS)),
        client.get(f"/v1/filings/{made['id']}", headers=as_(THEIRS)),
        client.get("/v1/filings/R1", headers=as_(THEIRS)),
    ):
        assert (await request).status_code == 404
    assert (await client.get("/v1/filings/R1", headers=as_(OFFICER))).json()["id"] == made["id"]
    assert (
        await client.patch("/v1/filings/R1", json={"batch": "X"}, headers=as_(OFFICER))
    ).status_code == 403


def permit(**more: Any) -> dict[str, Any]:
    return {
        "number": "P1",
        "vin": VIN,
        "chassis": VIN,
        "country": "LA",
        "valid_from": "2026-01-01T00:00:00Z",
        "valid_until": "2027-01-01T00:00:00Z",
        "axle_limit_kg": 9000,
        "axles": 3,
        "emission_class": "Euro V",
    } | more


async def test_a_permit_is_put_in_and_revoked(client: httpx.AsyncClient) -> None:
    await lodged(client)
    answer = await client.post("/v1/permits", json=permit())
    assert answer.status_code == 201, answer.text
    made = answer.json()
    Permit.model_validate(made)
    assert (made["state"], made["axle_limit_kg"], made["valid_until"]) == (
        "granted",
        9000,
        "2027-01-01T00:00:00.000Z",
    )
    assert answer.headers["location"] == f"/v1/permits/{made['id']}"
    assert (await client.get(f"/v1/permits?vin={VIN}")).json()["items"] == [made]
    again = await client.post("/v1/permits", json=permit())
    assert (again.status_code, again.json()["code"]) == (409, "duplicate")
    assert again.json()["errors"][0]["field"] == "body.number"
    officer = await client.post(
        f"/v1/permits/{made['id']}/revoke", json={"reason": "forged"}, headers=as_(OFFICER)
    )
    assert (officer.status_code, officer.json()["state"], officer.json()["reason"]) == (
        200,
        "revoked",
        "forged",
    )
    once_more = await client.post(f"/v1/permits/{made['id']}/revoke", json={"reason": "forged"})
    assert (once_more.status_code, once_more.json()["code"]) == (409, "ended")


@pytest.mark.parametrize(
    ("change", "field", "want"),
    [
        ({"valid_until": "2025-01-01T00:00:00Z"}, "body", "it ends before it begins"),
        ({"valid_until": "2026-13-01T00:00:00Z"}, "body.valid_until", "month must be in 1..12"),
        ({"axle_limit_kg": -1}, "body.axle_limit_kg", "greater than or equal to 1"),
        ({"axle_limit_kg": 9000.5}, "body.axle_limit_kg", "integer"),
        ({"country": "Laos"}, "body.country", "pattern"),
        ({"vin": "short"}, "body.vin", "want 17"),
    ],
)
@on_module
async def test_a_wrong_permit_is_refused(
    reader: httpx.AsyncClient, change: dict[str, Any], field: str, want: str
) -> None:
    answer = await reader.post("/v1/permits", json=permit(**change))
    assert answer.status_code == 422
    (error,) = answer.json()["errors"]
    assert error["field"] == field
    assert want in error["want"]


@on_module
async def test_a_body_beyond_the_limit_is_refused_as_soon_as_it_is_known(reader: httpx.AsyncClient) -> None:
    body = b'{"reference": "' + b"x" * (5 << 20) + b'"}'
    answer = await reader.post(
        "/v1/filings", content=body, headers=as_(CLERK) | {"Content-Type": "application/json"}
    )
    assert (answer.status_code, answer.json()["code"]) == (413, "too_large")
    assert f"got {len(body)} bytes, want at most 1048576" in answer.json()["detail"]


@pytest.mark.parametrize("reference", ["a\nb", "a\x00b", "a\x1fb", "a\u202eb", "a\u2028b", "a\u200bb"])
@on_module
async def test_a_code_has_nothing_that_is_not_seen(reader: httpx.AsyncClient, reference: str) -> None:
    for name in ("reference", "chassis", "batch"):
        body = filing(vin=VIN2, chassis=VIN2, reference="R2") | {name: reference}
        answer = await reader.post("/v1/filings", json=body)
        assert (answer.status_code, answer.json()["errors"][0]["field"]) == (422, f"body.{name}")
        assert "control characters" in answer.json()["detail"]


@pytest.mark.parametrize("path", ["filings", "cases", "releases", "deadletters"])
@on_module
async def test_a_cursor_beyond_what_storage_takes_is_refused(reader: httpx.AsyncClient, path: str) -> None:
    place = [path, 2**63] if path == "deadletters" else [path, 2**63, "x"]
    after = base64.urlsafe_b64encode(json.dumps(place).encode()).decode().rstrip("=")
    answer = await reader.get(f"/v1/{path}?after={after}")
    assert (answer.status_code, answer.json()["code"]) == (400, "bad_cursor")


async def test_a_vin_that_another_filed_says_nothing_of_whose(client: httpx.AsyncClient) -> None:
    made = await lodged(client)
    body = filing(reference="theirs", exporter="good-exports")
    one = await client.post("/v1/filings", json=body, headers=as_(THEIRS))
    many = await client.post("/v1/filings/bulk", json=body, headers=as_(THEIRS))
    assert (one.status_code, many.status_code) == (409, 422)
    for told in (one.text, many.text):
        for word in ("main", made["id"], made["case"], made["asset"], made["reference"], "someone"):
            assert word not in told
