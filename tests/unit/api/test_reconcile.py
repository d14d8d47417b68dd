"""POST /v1/reconcile: files in, findings out; what is no list, too much, or not allowed is refused."""

from __future__ import annotations

import io
from typing import Any

import httpx
import pytest
from openpyxl import load_workbook

from api.limits import MAX_LISTS_BODY
from api.routes import reconcile
from tests.unit.api.world import CUSTOMS_KEY, INSURER_KEY
from tests.unit.feeds.sheets.books import book

A, B = "LZZTESTA6PN000001", "LZZTESTA8PN000002"
MADE = f"VIN,底盘号\n{A},AB 1001\n{B},CD 2002\n".encode()
FILED = f"reference;VIN;chassis\nR1;{A};CD2002\nR2;{B};AB1001\n".encode("utf-16")


async def post(client: httpx.AsyncClient, query: str = "", **parts: Any) -> httpx.Response:
    files = {name: part if isinstance(part, tuple) else (f"{name}.csv", part) for name, part in parts.items()}
    return await client.post(f"/v1/reconcile{query}", files=files)


async def test_findings_are_answered_with_addresses(client: httpx.AsyncClient) -> None:
    response = await post(client, production=MADE, filings=FILED, registry=f"vin\n{A}\n".encode())
    body = response.json()
    assert response.status_code == 200
    assert (body["clean"], body["total"], body["counts"]) == (False, 1, {"swapped_pair": 1})
    (finding,) = body["findings"]
    assert finding["changes"][0] == {
        "side": "filings",
        "address": "line 2, column 3",
        "got": "CD2002",
        "want": "AB1001",
    }
    assert finding["places"][0]["reference"] == "R1"
    assert [one["rows"] for one in body["lists"]] == [2, 2, 1]


async def test_a_workbook_and_its_sheet_are_read(client: httpx.AsyncClient) -> None:
    def more(made: Any) -> None:
        made.create_sheet("May").append(["VIN", "chassis"])

    filed = book([["VIN", "chassis"], [A, "AB1001"], [B, 1.23e16]], more)
    refused = await post(client, production=MADE, filings=filed)
    assert refused.status_code == 422
    assert "got 2 sheets with such columns ('Sheet1', 'May')" in refused.json()["detail"]
    files = {"production": ("p", MADE), "filings": ("f.xlsx", filed)}
    answer = await client.post("/v1/reconcile", files=files, data={"filings_sheet": "Sheet1"})
    (finding,) = answer.json()["findings"]
    assert (finding["kind"], finding["places"][0]["chassis_at"]) == ("unreadable", "Sheet1!B3")


async def test_reports_are_files(client: httpx.AsyncClient) -> None:
    html = await post(client, "?format=html", production=MADE, filings=FILED)
    assert html.headers["content-type"] == "text/html; charset=utf-8"
    assert html.headers["content-disposition"] == 'attachment; filename="reconcile.html"'
    assert "swapped pair" in html.text
    xlsx = await post(client, "?format=xlsx", production=MADE, filings=FILED)
    assert load_workbook(io.BytesIO(xlsx.content)).sheetnames == ["summary", "findings"]


async def test_a_body_of_6_mb_is_compared_and_one_above_the_limit_refused(client: httpx.AsyncClient) -> None:
    rows = b"".join(b"%s,%s,%s\n" % (A.encode(), b"x", b"n" * 1_500) for _ in range(4_000))
    large = b"VIN,chassis,note\n" + rows
    assert len(large) > 5 << 20
    answer = await post(client, production=b"VIN,chassis\n" + f"{A},x\n".encode(), filings=large)
    assert answer.json()["counts"] == {"doubled_vin": 1}
    refused = await post(client, production=MADE, filings=bytes(MAX_LISTS_BODY))
    assert refused.status_code == 413
    assert f"want at most {MAX_LISTS_BODY}" in refused.json()["detail"]


@pytest.mark.parametrize(
    ("parts", "detail"),
    [
        ({"production": MADE}, "part filings: got nothing, want a file"),
        ({"production": MADE, "filings": FILED, "other": MADE}, "part 'other': got it, want each once of"),
        ({"production": MADE, "filings": b""}, "filings (filings.csv): file is empty: got 0 bytes"),
        (
            {"production": MADE, "filings": b"a,b\n1,2\n"},
            "filings (filings.csv): header in line 1: got 'a', 'b'",
        ),
        ({"production": MADE, "filings": b"PK\x03\x04"}, "got a damaged zip"),
    ],
)
async def test_what_is_no_list_is_refused(
    client: httpx.AsyncClient, parts: dict[str, Any], detail: str
) -> None:
    response = await post(client, **parts)
    assert response.status_code == 422
    assert detail in response.json()["detail"]


async def test_other_bodies_are_refused(client: httpx.AsyncClient) -> None:
    plain = await client.post("/v1/reconcile", content=b"{}", headers={"Content-Type": "application/json"})
    assert (plain.status_code, plain.json()["detail"]) == (
        415,
        "body: got application/json, want multipart/form-data",
    )
    field = await client.post("/v1/reconcile", files={"production": ("p", MADE)}, data={"filings": "VIN"})
    assert "part filings: got a plain field, want a file" in field.json()["detail"]
    broken = await client.post(
        "/v1/reconcile", content=b"--x\r\nbroken", headers={"Content-Type": "multipart/form-data; boundary=x"}
    )
    assert broken.status_code in (400, 422)
    many = [("production", ("p", MADE))] * 4
    assert (await client.post("/v1/reconcile", files=many)).status_code in (400, 422)
    assert (await post(client, "?format=pdf", production=MADE, filings=FILED)).status_code == 422


async def test_a_second_comparison_is_put_off(client: httpx.AsyncClient) -> None:
    with reconcile._ONE_AT_A_TIME:
        response = await post(client, production=MADE, filings=FILED)
    assert (response.status_code, response.headers["retry-after"]) == (503, "5")
    assert (await post(client, production=MADE, filings=FILED)).status_code == 200


async def test_a_refusal_lets_the_next_comparison_run(client: httpx.AsyncClient) -> None:
    assert (await post(client, production=MADE, filings=b"a\n1\n")).status_code == 422
    assert (await post(client, production=MADE, filings=FILED)).status_code == 200


@pytest.mark.parametrize("key", [CUSTOMS_KEY, INSURER_KEY])
async def test_only_the_exporter_s_own_people_compare(client: httpx.AsyncClient, key: str) -> None:
    files = {"production": ("p", MADE), "filings": ("f", FILED)}
    headers = {"Authorization": f"Bearer {key}"}
    assert (await client.post("/v1/reconcile", files=files, headers=headers)).status_code == 403
