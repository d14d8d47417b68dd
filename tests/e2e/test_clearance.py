"""Gate board, case, reconcile and report in a real browser: what officers see, do, and may not do."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.e2e.browser import Visit, visiting
from tests.e2e.fake_api import KEY, FakeApi

pytestmark = pytest.mark.integration

expect.set_options(timeout=20_000)

SLIP = 5
"""The truck whose bus tells another VIN."""


@pytest.fixture
def fake() -> FakeApi:
    """A server that makes no crossings by itself; its key is an officer's."""
    made = FakeApi(event_every_s=1e9)
    made.role, made.gates = "customs", ["mohan-boten"]
    return made


@pytest.fixture
def board(visit: Visit) -> Iterator[Page]:
    """The gate board, to which an officer comes first."""
    visit.page.get_by_role("heading", name="Gate board").wait_for()
    visit.page.locator("tr.board-row").first.wait_for()
    yield visit.page
    assert visit.errors == []


def test_an_officer_comes_to_the_board_of_its_gates_with_conflicts_first(board: Page, fake: FakeApi) -> None:
    assert board.url.endswith("#board?gate=mohan-boten")
    expect(board.get_by_role("link", name="Reconcile")).to_have_count(0)
    expect(board.locator("#board-gate option")).to_have_count(1)
    rows = board.locator("tr.board-row")
    expect(rows).to_have_count(12)
    first = rows.first
    expect(first).to_contain_text(fake.trucks[SLIP].vin)
    expect(first).to_contain_text("Manual verification")
    expect(first).to_contain_text("VIN differs, position 9")
    coming = [row.get_attribute("datetime") for row in board.locator(".cell-eta time").all()]
    assert coming[1:] == sorted(str(one) for one in coming[1:])
    expect(board.locator(".port-time")).to_contain_text("Times: China time, UTC+8")
    expect(board.locator(".due-at_risk").first).to_contain_text("Must be lodged by ")


def test_times_are_those_of_the_port_that_was_chosen(board: Page) -> None:
    shown = board.locator(".cell-eta time").last
    hour = int(shown.inner_text().split(":")[0][-2:])
    board.get_by_role("button", name="show Laos time").click()
    expect(board.locator(".port-time")).to_contain_text("Times: Laos time, UTC+7")
    assert int(board.locator(".cell-eta time").last.inner_text().split(":")[0][-2:]) == (hour - 1) % 24


def test_the_board_is_narrowed_and_the_address_keeps_it(board: Page, fake: FakeApi) -> None:
    board.get_by_role("button", name="Laos → China").click()
    expect(board.locator("tr.board-row")).to_have_count(6)
    board.locator(".board-chips").get_by_role("button", name="Manual verification").click()
    expect(board.locator("tr.board-row")).to_have_count(1)
    assert "direction=LA%3ECN" in board.url
    assert "state=manual_verification" in board.url
    board.reload()
    expect(board.locator("tr.board-row")).to_have_count(1)
    board.get_by_role("button", name="Both ways").click()
    board.locator(".board-chips").get_by_role("button", name="Manual verification").click()
    board.get_by_role("searchbox", name="Search the board").fill(fake.trucks[3].vin[-7:].lower())
    expect(board.locator("tr.board-row")).to_have_count(1)
    board.get_by_role("searchbox", name="Search the board").fill("nobody has this")
    expect(board.get_by_text("Nothing matches these filters.")).to_be_visible()


def test_a_conflict_comes_to_the_top_by_its_event(board: Page, fake: FakeApi) -> None:
    late = fake.trucks[8]
    row = board.locator(f'tr[data-case="{fake.clearance.id_of(late)}"]')
    expect(row).not_to_contain_text("Manual verification")
    fake.clearance.slip(late)
    expect(row).to_contain_text("Manual verification")
    top = board.locator("tr.board-row .case-link")
    expect(top.nth(0)).to_have_text(fake.trucks[SLIP].vin)
    expect(top.nth(1)).to_have_text(late.vin)


def test_the_focus_stays_on_a_row_that_changes_and_moves(board: Page, fake: FakeApi) -> None:
    late = fake.trucks[8]
    board.locator(f'tr[data-case="{fake.clearance.id_of(late)}"] .case-link').focus()
    fake.clearance.slip(late)
    expect(board.locator("tr.board-row .case-link").nth(1)).to_have_text(late.vin)
    expect(board.locator("tr.board-row .case-link").nth(1)).to_be_focused()


def test_the_board_is_walked_by_keyboard_and_leads_to_the_case(board: Page, fake: FakeApi) -> None:
    board.locator("tr.board-row .case-link").first.focus()
    board.keyboard.press("ArrowDown")
    board.keyboard.press("Home")
    board.keyboard.press("Enter")
    expect(board.get_by_role("heading", name=fake.trucks[SLIP].vin)).to_be_visible()
    assert board.url.endswith(f"#case/{fake.clearance.id_of(fake.trucks[SLIP])}")
    board.go_back()
    expect(board.get_by_role("heading", name="Gate board")).to_be_visible()


def open_case(page: Page, fake: FakeApi, number: int) -> None:
    """Go to a truck's case by its address."""
    page.evaluate(f"location.hash = '#case/{fake.clearance.id_of(fake.trucks[number])}'")
    page.get_by_role("heading", name=fake.trucks[number].vin).wait_for()


def test_both_codes_are_shown_with_the_character_that_differs(board: Page, fake: FakeApi) -> None:
    open_case(board, fake, SLIP)
    want = fake.trucks[SLIP].vin
    codes = board.locator(".conflict .codes")
    lines = codes.locator(".code-line:not(.code-marks)")
    assert lines.nth(1).inner_text().replace("\n", "") == want
    marked = codes.locator(".code-first")
    expect(marked).to_have_count(2)
    expect(marked.nth(1)).to_have_text(want[8])
    expect(codes.locator(".code-marks b")).to_have_text("9")
    assert "position 9" in str(codes.get_attribute("aria-label"))


def test_stages_steps_back_evidence_and_papers_of_a_case(board: Page, fake: FakeApi) -> None:
    open_case(board, fake, SLIP)
    expect(board.locator(".steps .step")).to_have_count(9)
    expect(board.locator(".step-here")).to_have_count(1)
    expect(board.locator(".explain-entry.explain-back")).to_contain_text("Stepped back")
    entries = board.locator(".explain-said")
    expect(entries.first).to_contain_text("rule: filed-by-evidence")
    expect(entries.first).to_contain_text("cause: filing")
    assert " UTC" not in entries.first.inner_text()
    expect(board.locator(".explain-revision").first).to_contain_text(
        "regime mohan-boten-cn-la, version 0f0f0f0f"
    )
    expect(board.locator(".paper")).to_contain_text("Export declaration")
    expect(board.locator(".versions li")).to_have_count(2)
    board.locator(".history summary").click()
    expect(board.locator(".revision")).to_have_count(2)


def test_the_evidence_is_on_the_map_with_the_bounds_of_each_stage(board: Page, fake: FakeApi) -> None:
    with_crossing = next(n for n in range(12) if f"crossing_{n:04d}" in fake.crossings)
    known = [name for name, b in fake.crossings[f"crossing_{with_crossing:04d}"]["stages"].items() if b]
    open_case(board, fake, with_crossing)
    expect(board.locator(".evidence-mark")).to_have_count(len(known))
    row = board.locator(".case-side button.line-row").first
    row.click()
    expect(row).to_have_attribute("aria-pressed", "true")
    expect(board.locator(".evidence-map .diamond")).to_have_count(1)


def test_a_decision_needs_a_reason_and_is_sent_once(board: Page, fake: FakeApi) -> None:
    open_case(board, fake, 4)
    board.get_by_role("button", name="Release", exact=True).click()
    dialog = board.get_by_role("dialog")
    dialog.get_by_role("button", name="Release").click()
    assert fake.clearance.decisions == []
    dialog.get_by_label("Reason").fill("  ")
    dialog.get_by_role("button", name="Release").click()
    assert fake.clearance.decisions == []
    dialog.get_by_label("Reason").fill("papers and codes checked")
    dialog.get_by_role("button", name="Release").click()
    expect(dialog).to_be_hidden()
    expect(board.locator(".case-title .state")).to_have_text("Released")
    (sent,) = fake.clearance.decisions
    assert sent["decision"] == "release"
    assert sent["reason"] == "papers and codes checked"


def test_a_verified_binding_names_both_codes_and_settles_the_case(board: Page, fake: FakeApi) -> None:
    truck = fake.trucks[SLIP]
    open_case(board, fake, SLIP)
    board.get_by_role("button", name="Verify binding").click()
    dialog = board.get_by_role("dialog")
    vin = dialog.get_by_label("VIN as seen")
    expect(vin).to_be_focused()
    expect(vin).to_have_value("")
    vin.fill(truck.vin.lower())
    dialog.get_by_label("Chassis number as seen").fill("ka100685")
    dialog.get_by_label("Reason").fill("seen on frame and plate")
    dialog.get_by_role("button", name="Verify binding").click()
    expect(dialog).to_be_hidden()
    expect(board.locator(".conflict")).to_have_count(0)
    (sent,) = fake.clearance.settled
    assert (sent["vin"], sent["chassis"]) == (truck.vin, "KA100685")


def test_a_refused_decision_says_why_and_keeps_what_was_written(
    board: Page, visit: Visit, fake: FakeApi
) -> None:
    fake.clearance.refuse = "case has ended: got cleared"
    open_case(board, fake, 4)
    board.get_by_role("button", name="Detain").click()
    dialog = board.get_by_role("dialog")
    dialog.get_by_label("Reason").fill("brakes")
    dialog.get_by_role("button", name="Detain").click()
    expect(dialog).to_contain_text("The server said: case has ended: got cleared")
    expect(dialog.get_by_label("Reason")).to_have_value("brakes")
    board.keyboard.press("Escape")
    expect(dialog).to_be_hidden()
    visit.errors.clear()  # the browser's own words about a 409


def test_an_operator_sees_its_cases_and_decides_nothing(fake: FakeApi, browser: Browser, url: str) -> None:
    fake.role, fake.gates = "operator", []
    with visiting(browser, url, KEY) as visit:
        page = visit.page
        page.get_by_role("link", name="Gate board").first.click()
        page.locator("tr.board-row").first.wait_for()
        expect(page.locator(".row-menu")).to_have_count(0)
        open_case(page, fake, SLIP)
        expect(page.locator(".decisions")).to_have_count(0)
        assert visit.errors == []


def test_a_case_that_is_not_there_is_said(board: Page, visit: Visit) -> None:
    board.evaluate("location.hash = '#case/case_nowhere'")
    expect(board.get_by_role("status").get_by_text("Could not load the case")).to_be_visible()
    visit.errors.clear()  # the browser's own words about a 404


def test_two_files_are_reconciled_and_the_report_taken_along(
    fake: FakeApi, browser: Browser, url: str, tmp_path: Path
) -> None:
    fake.role, fake.gates = "operator", []
    with visiting(browser, url, KEY) as visit:
        page = visit.page
        page.get_by_role("link", name="Reconcile").first.click()
        compare = page.get_by_role("button", name="Compare")
        expect(compare).to_be_disabled()
        for side in ("production", "filings"):
            file = tmp_path / f"{side}.csv"
            file.write_text(f"vin,chassis\n{side},1\n")
            page.locator(f"#file-{side}").set_input_files(file)
        compare.click()
        expect(page.locator(".finding-group")).to_contain_text("Slip in the VIN")
        expect(page.locator(".tile").first).to_contain_text("41")
        expect(page.locator(".finding .code-first").first).to_have_text("4")
        assert fake.clearance.files == {s: f"vin,chassis\n{s},1\n" for s in ("production", "filings")}
        with page.expect_download() as download:
            page.get_by_role("button", name="Report to read").click()
        assert download.value.suggested_filename == "reconciliation.html"
        assert visit.errors == []


def test_the_report_shows_times_causes_and_lost_hours(board: Page) -> None:
    board.get_by_role("link", name="Report", exact=True).last.click()
    expect(board.locator(".histogram rect")).to_have_count(9)
    expect(board.locator(".histogram .over")).to_have_count(3)
    expect(board.get_by_role("region", name="Manual verification by cause")).to_contain_text(
        "two vehicles swapped"
    )
    expect(board.get_by_role("region", name="Hours lost by stage")).to_contain_text("6.0 h over 10 cases")
    assert "#report?gate=mohan-boten" in board.url


def test_the_views_fit_a_phone_in_dark(browser: Browser, url: str, fake: FakeApi) -> None:
    phone = visiting(browser, url, KEY, size=(360, 740), scheme="dark", has_touch=True, is_mobile=True)
    with phone as visit:
        page = visit.page
        page.locator("tr.board-row").first.wait_for()
        wide = "document.querySelector('.view-body').scrollWidth <= 360"
        assert page.evaluate(wide)
        open_case(page, fake, SLIP)
        page.locator(".conflict").wait_for()
        assert page.evaluate(wide)
        for view in ("reconcile", "report"):
            page.evaluate(f"location.hash = '#{view}'")
            page.get_by_role("heading", level=2).wait_for()
            assert page.evaluate(wide)
        assert visit.errors == []


def test_the_map_is_one_press_away_and_a_link_leads_straight_to_a_view(
    browser: Browser, url: str, fake: FakeApi
) -> None:
    with visiting(browser, url, KEY + "&go=report") as visit:
        expect(visit.page.get_by_role("heading", name="Clearance report")).to_be_visible()
        assert "key=" not in visit.page.url
        visit.page.get_by_role("link", name="Map", exact=True).last.click()
        expect(visit.page.get_by_role("searchbox", name="Search trucks")).to_be_visible()
        visit.page.evaluate(f"window.corridor.select('truck', '{fake.trucks[SLIP].asset}')")
        case = visit.page.get_by_role("region", name="Clearance", exact=True).get_by_role("link")
        expect(case).to_contain_text("Manual verification")
        case.click()
        expect(visit.page.get_by_role("heading", name=fake.trucks[SLIP].vin)).to_be_visible()
