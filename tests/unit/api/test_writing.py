"""Commands by the API: registered, changed, fitted, imported; what is wrong is refused before the log."""

from __future__ import annotations

import asyncio
from typing import Any

import httpx
import pytest

from api.errors import Problem
from api.limits import BodyLimit
from api.ports import AwayError
from tests.unit.api.world import ASSET, OTHER_KEY, VIN, World

on_module = pytest.mark.asyncio(loop_scope="module")

NEW_VIN = "LZZTESTA3PN000005"
EUROPEAN = "WP0ZZZ99ZTS392124"


async def test_asset_is_registered_and_answered_whole(client: httpx.AsyncClient, world: World) -> None:
    body = {"vin": " lzz-testa3pn000005", "chassis": "PN000005", "plates": ["云A 1"], "kind": "tractor"}
    answer = await client.post("/v1/assets", json=body)
    assert answer.status_code == 201
    made = answer.json()
    assert (made["vin"], made["chassis"], made["plates"], made["kind"]) == (
        NEW_VIN,
        "PN000005",
        ["云A 1"],
        "tractor",
    )
    assert (made["revision"], made["change"], made["fleet"]) == (1, "created", None)
    assert answer.headers["location"] == f"/v1/assets/{made['id']}"
    assert (await client.get(answer.headers["location"])).json() == made
    (command,) = world.engine.submitted
    assert command["command"] == "asset.register"
    assert (command["tenant"], command["by"]) == ("main", "admin")
    assert len(command["id"]) == len("cmd_") + 24


async def test_vin_without_an_obliged_check_digit_is_taken(client: httpx.AsyncClient) -> None:
    assert (await client.post("/v1/assets", json={"vin": EUROPEAN})).status_code == 201


async def test_each_tenant_may_register_the_same_vin(client: httpx.AsyncClient) -> None:
    theirs = {"Authorization": f"Bearer {OTHER_KEY}"}
    assert (await client.post("/v1/assets", json={"vin": VIN}, headers=theirs)).status_code == 201
    assert (await client.get(f"/v1/assets/{VIN}")).json()["name"] == "own truck"


@on_module
async def test_registered_vin_is_a_conflict(reader: httpx.AsyncClient) -> None:
    answer = await reader.post("/v1/assets", json={"vin": VIN})
    assert answer.status_code == 409
    assert answer.json()["code"] == "duplicate"
    assert VIN in answer.json()["detail"]


@pytest.mark.parametrize(
    ("body", "field", "got", "want"),
    [
        ({}, "body.vin", "nothing", "a value"),
        ({"vin": "LZZTESTA5PN000001"}, "body.vin", "LZZTESTA5PN000001", "position 9: got 5, want 6"),
        ({"vin": "1M8GDM9AXKPO42788"}, "body.vin", "1M8GDM9AXKPO42788", "position 12: got 'O'"),
        ({"vin": "short"}, "body.vin", "short", "got 5 characters, want 17"),
        ({"vin": 17}, "body.vin", "17", "a valid string"),
        ({"vin": NEW_VIN, "wheels": 4}, "body.wheels", "4", "no such field"),
        ({"vin": NEW_VIN, "kind": "boat"}, "body.kind", "boat", "tractor"),
        ({"vin": NEW_VIN, "plates": ["x"] * 11}, "body.plates", "x", "at most 10"),
        ({"vin": NEW_VIN, "name": "  "}, "body.name", "  ", "at least 1"),
        ({"vin": NEW_VIN, "name": "x" * 201}, "body.name", "xxx", "at most 200"),
        ([], "body", "[]", "object"),
    ],
)
@on_module
async def test_wrong_asset_is_refused_and_not_appended(
    reader: httpx.AsyncClient, shared: World, body: Any, field: str, got: str, want: str
) -> None:
    answer = await reader.post("/v1/assets", json=body)
    assert answer.status_code == 422
    (error,) = answer.json()["errors"]
    assert error["field"] == field
    assert got in error["got"]
    assert want in error["want"]
    assert NEW_VIN not in str(shared.engine.submitted)


@on_module
async def test_body_that_is_not_json_is_refused(reader: httpx.AsyncClient) -> None:
    answer = await reader.post("/v1/assets", content=b"{", headers={"Content-Type": "application/json"})
    assert answer.status_code == 422
    assert "not JSON" in answer.json()["detail"]


async def test_asset_is_changed_field_by_field(client: httpx.AsyncClient) -> None:
    answer = await client.patch(f"/v1/assets/{VIN}", json={"fleet": "north", "plates": ["A1", "B2"]})
    assert answer.status_code == 200
    changed = answer.json()
    assert (changed["fleet"], changed["plates"], changed["name"]) == ("north", ["A1", "B2"], "own truck")
    assert (changed["revision"], changed["change"]) == (2, "amended")


@pytest.mark.parametrize(
    ("body", "want"), [({}, "want any of chassis"), ({"vin": NEW_VIN}, "want no such field")]
)
@on_module
async def test_wrong_change_is_refused(reader: httpx.AsyncClient, body: Any, want: str) -> None:
    answer = await reader.patch(f"/v1/assets/{ASSET}", json=body)
    assert answer.status_code == 422
    assert want in answer.json()["detail"]


async def test_device_is_fitted_and_taken_off(client: httpx.AsyncClient) -> None:
    body = {"device": "dev-2", "asset": VIN, "from": "2026-11-22T07:00:00+08:00"}
    answer = await client.post("/v1/devices", json=body)
    assert answer.status_code == 201
    fitted = answer.json()
    assert (fitted["device"], fitted["asset"], fitted["to"]) == ("dev-2", ASSET, None)
    assert fitted["from"] == "2026-11-21T23:00:00.000Z"
    taken = await client.delete("/v1/devices/dev-2")
    assert taken.status_code == 200
    assert taken.json()["to"] is not None
    again = await client.delete("/v1/devices/dev-2")
    assert (again.status_code, again.json()["code"]) == (409, "not_fitted")


async def test_the_datum_of_a_device_is_registered_and_changed(client: httpx.AsyncClient) -> None:
    answer = await client.post("/v1/devices", json={"device": "dev-4", "asset": VIN, "datum": "gcj02"})
    assert (answer.status_code, answer.json()["datum"]) == (201, "gcj02")
    answer = await client.post("/v1/devices", json={"device": "dev-4", "asset": VIN})
    assert (answer.status_code, answer.json()["datum"], answer.json()["revision"]) == (201, "wgs84", 2)


@pytest.mark.parametrize(
    ("body", "status", "want"),
    [
        ({"device": "a b", "asset": VIN}, 422, "pattern"),
        ({"device": "x" * 65, "asset": VIN}, 422, "pattern"),
        ({"device": "dev-3", "asset": "LZZTESTA0PN000009"}, 404, "no such asset"),
        ({"device": "dev-3", "asset": VIN, "from": "now"}, 422, "RFC 3339"),
        ({"device": "dev-3", "asset": VIN, "datum": "nad27"}, 422, "'wgs84', 'gcj02' or 'bd09'"),
        ({"device": "dev-foreign", "asset": VIN}, 409, "can't be fitted here"),
    ],
)
@on_module
async def test_wrong_fitting_is_refused(reader: httpx.AsyncClient, body: Any, status: int, want: str) -> None:
    answer = await reader.post("/v1/devices", json=body)
    assert answer.status_code == status
    assert want in answer.json()["detail"]


async def test_log_that_takes_nothing_is_answered_with_when_to_try_again(
    client: httpx.AsyncClient, world: World
) -> None:
    world.engine.away = AwayError("the log is full", 7)
    answer = await client.post("/v1/assets", json={"vin": NEW_VIN})
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "7")
    assert answer.json()["detail"] == "the log is full"


async def test_what_breaks_inside_is_not_shown(
    client: httpx.AsyncClient, world: World, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(*_: object) -> None:
        raise RuntimeError("secret of the house")

    monkeypatch.setattr(world.live, "snapshot", broken)
    answer = await client.get("/v1/positions")
    assert answer.status_code == 500
    assert answer.headers["content-type"] == "application/problem+json"
    assert "secret" not in answer.text
    assert "secret of the house" in caplog.text


CSV = f"vin,chassis,plates,name\n{NEW_VIN},PN000005,云A1;老B2,one\n{EUROPEAN},,,two\n"


async def post(client: httpx.AsyncClient, body: str | bytes, mode: str = "all") -> httpx.Response:
    headers = {"Content-Type": "text/csv"}
    return await client.post("/v1/assets/import", params={"mode": mode}, content=body, headers=headers)


async def test_file_is_imported(client: httpx.AsyncClient) -> None:
    answer = await post(client, CSV)
    assert answer.json() == {"rows": 2, "registered": 2, "refused": []}
    assert (await client.get(f"/v1/assets/{NEW_VIN}")).json()["plates"] == ["云A1", "老B2"]


@on_module
async def test_file_with_a_wrong_row_registers_nothing(reader: httpx.AsyncClient, shared: World) -> None:
    answer = await post(reader, CSV + f"{VIN},,,known\nLZZTESTA5PN000001,,,bad\n")
    assert answer.status_code == 422
    assert answer.json()["code"] == "import_faults"
    assert [(e["row"], e["column"], e["got"]) for e in answer.json()["errors"]] == [
        (4, "vin", VIN),
        (5, "vin", "LZZTESTA5PN000001"),
    ]
    assert NEW_VIN not in str(shared.engine.submitted)


async def test_file_row_by_row_registers_the_good_ones(client: httpx.AsyncClient) -> None:
    answer = await post(client, CSV + "LZZTESTA5PN000001,,,bad\n", "rows")
    report = answer.json()
    assert (report["rows"], report["registered"]) == (3, 2)
    assert [(r["row"], r["want"]) for r in report["refused"]] == [
        (4, "check digit at position 9: got 5, want 6")
    ]


async def test_vin_registered_in_between_is_reported(
    client: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("api.scope.Scope.registered", lambda *_: set())
    report = (await post(client, CSV + f"{VIN},,,known\n")).json()
    assert report["registered"] == 2
    assert [(r["row"], r["got"]) for r in report["refused"]] == [(4, VIN)]


@on_module
async def test_mode_of_import_is_one_of_two(reader: httpx.AsyncClient) -> None:
    answer = await post(reader, CSV, "some")
    assert answer.status_code == 422
    assert "got some, want 'all' or 'rows'" in answer.json()["detail"]


@on_module
async def test_body_above_the_limit_is_refused_by_its_declared_length(reader: httpx.AsyncClient) -> None:
    answer = await reader.post("/v1/assets", content=b" " * ((1 << 20) + 1))
    assert answer.status_code == 413
    assert answer.headers["content-type"] == "application/problem+json"
    assert "got 1048577 bytes, want at most 1048576" in answer.json()["detail"]


@on_module
async def test_body_above_the_limit_is_refused_while_it_comes(reader: httpx.AsyncClient) -> None:
    async def endless() -> Any:
        while True:
            yield b" " * 100_000

    headers = {"Content-Type": "application/json"}
    answer = await reader.post("/v1/assets", content=endless(), headers=headers)
    assert answer.status_code == 413
    assert "want at most 1048576" in answer.json()["detail"]


@on_module
async def test_import_may_be_larger(reader: httpx.AsyncClient) -> None:
    answer = await post(reader, b" " * ((1 << 20) + 1))
    assert answer.status_code == 422
    answer = await post(reader, b" " * ((5 << 20) + 1))
    assert answer.status_code == 413


async def test_body_that_stops_coming_is_given_up() -> None:
    async def never() -> Any:
        await asyncio.Event().wait()

    async def reading(scope: Any, receive: Any, send: Any) -> None:
        await receive()

    async def send(message: Any) -> None:
        raise AssertionError(message)

    limited = BodyLimit(reading, timeout_s=0.01)
    with pytest.raises(Problem, match="408") as refused:
        await limited({"type": "http", "path": "/", "headers": []}, never, send)
    assert refused.value.detail == "body stopped coming: got 0 bytes, want the next within 0.01 s"
