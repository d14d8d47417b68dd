"""Filings in bulk over the real engine: all or nothing, row by row, every fault told by its cell."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.unit.api.deskworld import THEIRS, DeskWorld, as_, client_of, make
from tests.unit.api.test_filings import filing
from tests.unit.streams.engine.desk_world import VINS, body, lodging

JSONL = {"Content-Type": "application/x-ndjson"}
CSV = {"Content-Type": "text/csv"}
HEADER = (
    "reference,vin,chassis,exporter,consignee,gate,direction,window_from,window_until,"
    "document.export_declaration"
)


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[DeskWorld]:
    made = make(tmp_path)
    yield made
    made.close()


@pytest.fixture
async def client(desk: DeskWorld) -> AsyncIterator[httpx.AsyncClient]:
    async with client_of(desk) as opened:
        yield opened


def row(n: int, **more: Any) -> dict[str, Any]:
    return filing(**{"reference": f"R{n}", "vin": VINS[n], "chassis": VINS[n]} | more)


def lines(*rows: dict[str, Any]) -> bytes:
    return b"".join(json.dumps(one).encode() + b"\n" for one in rows)


def csv(*rows: str) -> bytes:
    return "\n".join((HEADER, *rows)).encode()


def cells(n: int, **more: str) -> str:
    values = {
        "reference": f"R{n}",
        "vin": VINS[n],
        "chassis": VINS[n],
        "exporter": "good-exports",
        "consignee": "someone",
        "gate": "g",
        "direction": "CN>LA",
        "window_from": "2026-09-21T20:00:00+08:00",
        "window_until": "2026-09-22T20:00:00+08:00",
        "document": "D1",
    }
    return ",".join((values | more).values())


async def references(client: httpx.AsyncClient, state: str = "lodged") -> list[str]:
    found = (await client.get(f"/v1/filings?state={state}")).json()["items"]
    return sorted(one["reference"] for one in found)


@pytest.mark.parametrize("mode", ["all", "rows"])
async def test_json_lines_are_lodged_in_their_order(client: httpx.AsyncClient, mode: str) -> None:
    answer = await client.post(
        f"/v1/filings/bulk?mode={mode}", content=lines(row(1), row(0), row(2)), headers=JSONL
    )
    assert answer.status_code == 200, answer.text
    told = answer.json()
    assert (told["rows"], told["refused"]) == (3, [])
    assert [(one["row"], one["reference"]) for one in told["lodged"]] == [(1, "R1"), (2, "R0"), (3, "R2")]
    held = (await client.get(f"/v1/filings/{told['lodged'][0]['id']}")).json()
    assert (held["reference"], held["data"]) == ("R1", {"filer": "me"})


async def test_an_array_and_csv_are_the_same(client: httpx.AsyncClient) -> None:
    array = await client.post("/v1/filings/bulk", content=json.dumps([row(0)]).encode())
    table = await client.post("/v1/filings/bulk", content=csv(cells(1)), headers=CSV)
    assert (array.status_code, table.status_code) == (200, 200), table.text
    first, second = [(await client.get(f"/v1/filings/R{n}")).json() for n in (0, 1)]
    for name in ("exporter", "gate", "direction", "window_from", "window_until", "documents", "state"):
        assert first[name] == second[name], name


def xlsx(*rows: list[str]) -> bytes:
    """The least workbook there is, all cells as inline text."""
    out = io.BytesIO()
    types = (
        '<Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types">'
        '<Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/>'
        '<Default Extension="xml" ContentType="application/xml"/>'
        '<Override PartName="/xl/workbook.xml" ContentType='
        '"application/vnd.openxmlformats-officedocument.spreadsheetml.sheet.main+xml"/>'
        '<Override PartName="/xl/worksheets/sheet1.xml" ContentType='
        '"application/vnd.openxmlformats-officedocument.spreadsheetml.worksheet+xml"/></Types>'
    )
    rels = '<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships">{}</Relationships>'
    kind = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
    names = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
    sheet = "".join(
        f'<row r="{r}">'
        + "".join(
            f'<c r="{chr(65 + c)}{r}" t="inlineStr"><is><t>{value.replace(">", "&gt;")}</t></is></c>'
            if not value.startswith("#")
            else f'<c r="{chr(65 + c)}{r}"><v>{value[1:]}</v></c>'
            for c, value in enumerate(one)
        )
        + "</row>"
        for r, one in enumerate(rows, 1)
    )
    with zipfile.ZipFile(out, "w") as file:
        file.writestr("[Content_Types].xml", types)
        main = f'<Relationship Id="r1" Type="{kind}/officeDocument" Target="xl/workbook.xml"/>'
        file.writestr("_rels/.rels", rels.format(main))
        file.writestr(
            "xl/workbook.xml",
            f'<workbook xmlns="{names}" xmlns:r="{kind}"><sheets>'
            '<sheet name="Trucks" sheetId="1" r:id="r1"/></sheets></workbook>',
        )
        part = f'<Relationship Id="r1" Type="{kind}/worksheet" Target="worksheets/sheet1.xml"/>'
        file.writestr("xl/_rels/workbook.xml.rels", rels.format(part))
        file.writestr(
            "xl/worksheets/sheet1.xml",
            f'<worksheet xmlns="{names}"><sheetData>{sheet}</sheetData></worksheet>',
        )
    return out.getvalue()


async def test_a_workbook_is_lodged_and_its_faults_have_addresses(client: httpx.AsyncClient) -> None:
    good = await client.post(
        "/v1/filings/bulk", content=xlsx(HEADER.split(","), cells(0).split(",")), headers={}
    )
    assert good.status_code == 200, good.text
    floated = cells(1, chassis="#1.23E+16").split(",")
    bad = await client.post("/v1/filings/bulk", content=xlsx(HEADER.split(","), floated))
    assert bad.status_code == 422
    (error,) = bad.json()["errors"]
    assert (error["row"], error["column"], error["address"]) == (2, "chassis", "Trucks!C2")
    assert await references(client) == ["R0"]


@pytest.mark.parametrize(
    ("wrong", "column", "got", "want"),
    [
        (row(1, vin="LZZTESTA5PN000001"), "vin", "LZZTESTA5PN000001", "want 6"),
        (row(1, window_until="2026-02-30T00:00:00Z"), "window_until", "2026-02-30", "out of range"),
        (row(1, gate="atlantis"), "gate", "atlantis", "one of g"),
        (row(1, direction="CN>RU"), "direction", "CN>RU", "LA>CN"),
        (row(1, exporter="bad-exports"), "exporter", "bad-exports", "lists"),
        (row(1, regime="none"), "regime", "none", "in force"),
        (row(1, reference="R0"), "reference", "R0", "in 1 too"),
        (row(1, vin=VINS[0]), "vin", VINS[0], "in 1 too"),
        (row(1, colour="red"), "colour", "red", "no such field"),
        ({"reference": "R1"}, "vin", "nothing", "a value"),
    ],
)
async def test_one_wrong_row_lodges_nothing_or_all_the_others(
    client: httpx.AsyncClient, desk: DeskWorld, wrong: dict[str, Any], column: str, got: str, want: str
) -> None:
    content = lines(row(0), wrong, row(2))
    answer = await client.post("/v1/filings/bulk", content=content, headers=JSONL)
    assert (answer.status_code, answer.json()["code"]) == (422, "import_faults")
    fault = next(one for one in answer.json()["errors"] if one["column"] == column)
    assert (fault["row"], fault["address"]) == (2, "line 2")
    assert got in fault["got"]
    assert want in fault["want"]
    assert desk.engine.submitted == []
    rows = await client.post("/v1/filings/bulk?mode=rows", content=content, headers=JSONL)
    assert rows.status_code == 200
    assert [one["reference"] for one in rows.json()["lodged"]] == ["R0", "R2"]
    assert {one["row"] for one in rows.json()["refused"]} == {2}


async def test_what_is_there_already_is_seen_before_anything_is_lodged(
    client: httpx.AsyncClient, desk: DeskWorld
) -> None:
    await client.post("/v1/filings", json=row(0))
    await client.post("/v1/filings", json=row(1, reference="T1"), headers=as_(THEIRS))
    desk.engine.submitted.clear()
    content = lines(row(2), row(3, reference="R0"), row(1))
    answer = await client.post("/v1/filings/bulk", content=content, headers=JSONL)
    told = [(one["row"], one["column"], one["want"]) for one in answer.json()["errors"]]
    assert told == [
        (2, "reference", "a reference that is not used yet"),
        (3, "vin", "a VIN without an open filing (somebody else filed it)"),
    ]
    assert desk.engine.submitted == []


async def test_all_or_nothing_holds_when_somebody_is_quicker(
    client: httpx.AsyncClient, desk: DeskWorld
) -> None:
    desk.engine.before = [body("filing.lodge", "cmd_quick", lodging(VINS[1], "QUICK"))]
    answer = await client.post("/v1/filings/bulk", content=lines(row(0), row(1), row(2)), headers=JSONL)
    assert (answer.status_code, answer.json()["code"]) == (409, "not_lodged")
    assert answer.json()["withdrawn"] == ["R0", "R2"]
    (error,) = answer.json()["errors"]
    assert (error["row"], error["column"], error["got"]) == (2, "vin", VINS[1])
    assert await references(client) == ["QUICK"]
    assert await references(client, "withdrawn") == ["R0", "R2"]


async def test_rows_are_lodged_but_for_those_where_somebody_was_quicker(
    client: httpx.AsyncClient, desk: DeskWorld
) -> None:
    desk.engine.before = [body("filing.lodge", "cmd_quick", lodging(VINS[1], "QUICK"))]
    answer = await client.post(
        "/v1/filings/bulk?mode=rows", content=lines(row(0), row(1), row(2)), headers=JSONL
    )
    assert [one["reference"] for one in answer.json()["lodged"]] == ["R0", "R2"]
    assert [(one["row"], one["column"]) for one in answer.json()["refused"]] == [(2, "vin")]


async def test_a_log_that_goes_away_in_between_leaves_nothing(
    client: httpx.AsyncClient, desk: DeskWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    from api.routes import bulk

    monkeypatch.setattr(bulk, "_AT_ONCE", 1)
    desk.engine.away_after = 2
    answer = await client.post("/v1/filings/bulk", content=lines(row(0), row(1), row(2)), headers=JSONL)
    assert answer.status_code == 503
    assert "nothing lodged for good" in answer.json()["detail"]
    assert await references(client) == []


async def test_columns_that_a_table_lacks_are_given_by_the_request(client: httpx.AsyncClient) -> None:
    head = "reference,vin,chassis,window_from,window_until"
    table = f"{head}\nR0,{VINS[0]},{VINS[0]},2026-09-21 20:00,2026-09-22 20:00\n"
    query = "gate=g&direction=CN%3ELA&exporter=good-exports&offset_min=480"
    answer = await client.post(f"/v1/filings/bulk?{query}", content=table.encode(), headers=CSV)
    assert answer.status_code == 200, answer.text
    assert (await client.get("/v1/filings/R0")).json()["window_from"] == "2026-09-21T12:00:00.000Z"


@pytest.mark.parametrize(
    ("change", "column", "want"),
    [
        ({"reference": "R" * 65}, "reference", "at most 64"),
        ({"reference": '"R\n1"'}, "reference", "control characters"),
        ({"exporter": "e" * 201}, "exporter", "at most 200"),
        ({"consignee": "c" * 201}, "consignee", "at most 200"),
        ({"document": "d" * 201}, "documents.0.number", "at most 200"),
        ({"exporter": ""}, "exporter", "a value"),
        ({"window_until": "2026-09-21T20:00:00+08:00"}, "", "ends before it begins"),
    ],
)
async def test_a_row_of_a_table_is_held_to_what_a_request_is(
    client: httpx.AsyncClient, change: dict[str, str], column: str, want: str
) -> None:
    answer = await client.post("/v1/filings/bulk", content=csv(cells(1, **change)), headers=CSV)
    assert answer.status_code == 422
    (error,) = answer.json()["errors"]
    assert error["column"] == column
    assert want in error["want"]
    assert await references(client) == []


@pytest.mark.parametrize(
    ("content", "want"),
    [
        (b"", "0 bytes"),
        (b"[]", "got no filing"),
        (b"[1", "not JSON"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1rest", "old .xls"),
        (b"%PDF-1.7", "PDF"),
        (b"colour,size\nred,1\n", "vin"),
        (csv(), "got no filing"),
    ],
)
async def test_what_is_no_list_of_filings_is_refused(
    client: httpx.AsyncClient, content: bytes, want: str
) -> None:
    answer = await client.post("/v1/filings/bulk", content=content, headers=CSV)
    assert answer.status_code == 422
    assert want in answer.json()["detail"]


async def test_a_line_that_is_not_json_is_a_fault_of_that_line(client: httpx.AsyncClient) -> None:
    content = lines(row(0)) + b'{"reference": \n' + lines(row(2))
    answer = await client.post("/v1/filings/bulk?mode=rows", content=content, headers=JSONL)
    assert [one["reference"] for one in answer.json()["lodged"]] == ["R0", "R2"]
    (fault,) = answer.json()["refused"]
    assert (fault["row"], fault["got"]) == (2, "a line that is not JSON")


async def test_too_large_and_too_many_are_refused(
    client: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    from api import bulk

    answer = await client.post("/v1/filings/bulk", content=b"{" + b" " * (5 << 20), headers=JSONL)
    assert (answer.status_code, answer.json()["code"]) == (413, "too_large")
    assert "want at most 5242880" in answer.json()["detail"]
    monkeypatch.setattr(bulk, "MAX_ROWS", 1)
    answer = await client.post("/v1/filings/bulk", content=lines(row(0), row(1)), headers=JSONL)
    assert "too many filings" in answer.json()["detail"]
