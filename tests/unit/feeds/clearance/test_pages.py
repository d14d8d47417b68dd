"""The report and the trace as pages and CSV: whole, self-contained, and safe with any text."""

from __future__ import annotations

import csv
import io
import re
from html.parser import HTMLParser
from typing import Any

from api.render import render
from feeds.clearance.html import report_page, trace_page
from feeds.clearance.report import report
from feeds.clearance.table import COLUMNS, table
from feeds.clearance.trace import Found, trace
from feeds.clearance.uptime import uptime
from tests.unit.feeds.clearance.cases import HOUR, T0, cleared, data, history

EVIL = '<script>alert(1)</script>"&'
_VOID = {"meta", "br", "link", "img"}


class Page(HTMLParser):
    """Checks that tags are closed in order, and gathers text and addresses."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[str] = []
        self.text: list[str] = []
        self.addresses: list[str] = []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.addresses += [value or "" for name, value in attrs if name in ("src", "href", "action")]
        if tag not in _VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text.append(data)


def answered(*cases: Any, **more: Any) -> dict[str, Any]:
    """The report as the API gives it."""
    found: dict[str, Any] = render(report(cases, gate="mohan-boten", until_ms=T0 + 48 * HOUR, **more))
    return found


def test_the_report_is_one_page_that_fetches_nothing() -> None:
    manual = data(state="manual_verification", conflicts=["c"], exporter="B")
    up = uptime([(T0, T0 + HOUR - 10_000)], T0, T0 + 2 * HOUR)
    found = answered(
        *(history(cleared(20 * n), id_=f"case_{n}") for n in range(1, 12)),
        history(manual, id_="m"),
        conflicts={"c": {"cause": "slip"}},
        uptime=up,
    )
    page = report_page(found)
    read = Page(page)
    said = " ".join(read.text)
    assert read.open == []
    assert read.addresses == []
    assert "script" not in read.tags
    assert page.count("<svg") == 2
    assert "url(" not in page
    for words in ("2.8 h", "slip", "waiting for the release", "By exporter", "49.8 %"):
        assert words in said, words
    assert page.count("<rect") >= 11
    assert "@media print" in page


def test_a_report_of_nothing_is_a_page_too() -> None:
    page = report_page(answered())
    assert Page(page).open == []
    assert "Not measured" in page


def test_text_from_outside_is_escaped() -> None:
    found = answered(
        history(cleared(50, exporter=EVIL, reference=EVIL)), history(data(exporter="x"), id_="y")
    )
    page = report_page(found)
    assert "<script" not in page
    assert page.count("&lt;script&gt;") >= 3
    traced = trace(Found(vin=EVIL, asset={"id": "a", "maker": EVIL}))
    assert "<script" not in trace_page(render(traced))


def test_the_csv_has_a_line_a_case_and_every_column() -> None:
    found = answered(history(cleared(50)), history(data(exporter="=1+1", reference="云-1"), id_="case_2"))
    text = table(found["rows"])
    assert text[0] == "\ufeff"
    rows = list(csv.DictReader(io.StringIO(text[1:])))
    assert tuple(rows[0]) == COLUMNS
    by_case = {row["case"]: row for row in rows}
    assert by_case["case_1"]["total_s"] == "3000"
    assert by_case["case_1"]["within_benchmark"] == "yes"
    assert by_case["case_1"]["lodged"] == "2026-09-21T14:13:20.000Z"
    assert (by_case["case_2"]["exporter"], by_case["case_2"]["reference"]) == ("'=1+1", "云-1")
    assert set(COLUMNS) == set(found["rows"][0]) - {"asset"}


def test_the_trace_is_a_page_with_every_step() -> None:
    case = {"id": "case_1", **cleared(90)}
    filing = {"id": "filing_1", "reference": "R-1", "state": "lodged", "version": 1, "lodged_ms": T0}
    page = trace_page(render(trace(Found("LZZTESTA7RN700001", {"id": "a"}, filings=[filing], cases=[case]))))
    read = Page(page)
    assert read.open == []
    assert len(re.findall("<li", page)) == 3
    assert "Nothing here shows: factory, permit, crossing, release, destination." in " ".join(read.text)
