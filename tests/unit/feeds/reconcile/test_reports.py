"""The reports: nothing of the lists is markup or a formula, and nothing is loaded from elsewhere."""

from __future__ import annotations

import html
import io
import re
from typing import Any

import orjson
from openpyxl import load_workbook

from feeds.reconcile import Result
from feeds.reconcile import page as pages
from feeds.reconcile.page import page
from feeds.reconcile.plain import plain
from feeds.reconcile.workbook import workbook
from tests.unit.feeds.reconcile.fleets import compared, vehicles

NASTY = '=cmd|"/c calc"!A1</script><script>alert(1)</script>\x01'


def nasty() -> Result:
    made = [*vehicles(6), ["WDBTESTE5TN000999", NASTY]]
    filed = [list(pair) for pair in made]
    filed[0][1], filed[1][1] = filed[1][1], filed[0][1]
    filed[2][0] = filed[2][0][:12] + "7" + filed[2][0][13:]
    filed[6][1] = NASTY + "x"
    return compared(made, filed)


def test_json_has_everything() -> None:
    told = orjson.loads(orjson.dumps(plain(nasty())))
    assert (told["clean"], told["agreed"], told["total"]) == (False, 3, 3)
    assert told["counts"] == {"swapped_pair": 1, "vin_slip": 1, "chassis_slip": 1}
    assert [one["side"] for one in told["lists"]] == ["production", "filings"]
    assert told["findings"][1]["position"] == 13
    assert told["findings"][1]["changes"][0]["address"] == "line 4, column 1"
    assert len(plain(nasty(), 1)["findings"]) == 1
    assert plain(nasty(), 1)["total"] == 3


def test_the_page_is_one_file_and_escapes_what_the_lists_hold() -> None:
    text = page(nasty())
    assert text.count("<section ") == 3
    assert not re.search(r"(?:src|href|url\()\s*=?", text.replace("default-src", "").replace("-src", ""))
    assert "alert(1)" in text
    assert "<script>alert" not in text
    assert html.escape('=CMD|"/CCALC"!A1</SCRIPT>') in text
    assert "script-src 'sha256-" in text
    assert "<mark>7</mark>" in text


def test_a_clean_page_says_so() -> None:
    made = vehicles(3)
    assert "Nothing to look at" in page(compared(made, made))
    assert "<section" not in page(compared(made, made))


def test_the_page_says_when_it_does_not_show_all(monkeypatch: Any) -> None:
    monkeypatch.setattr(pages, "MOST", 2)
    text = page(nasty())
    assert text.count("<section ") == 2
    assert "The first 2 of 3 findings" in text


def test_the_workbook_has_a_row_a_finding_and_no_formula() -> None:
    book: Any = load_workbook(io.BytesIO(workbook(nasty())))
    rows = list(book["findings"].iter_rows())
    assert [cell.value for cell in rows[0]][:3] == ["No.", "severity", "finding"]
    assert [row[2].value for row in rows[1:]] == [
        "swapped pair",
        "slip in the VIN",
        "slip in the chassis number",
    ]
    assert {cell.data_type for row in rows for cell in row} <= {"s", "n"}
    assert rows[3][7].value.startswith("=cmd|")
    assert [row[0].value for row in book["summary"].iter_rows(max_row=2)] == ["production", "filings"]
