"""The view Feed in a real browser: records read on, proofs checked there, forgeries caught and shown."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.e2e.browser import Visit, visiting
from tests.e2e.fake_api import KEY, FakeApi

pytestmark = pytest.mark.integration

expect.set_options(timeout=20_000)


@pytest.fixture
def feed(visit: Visit) -> Iterator[Page]:
    """The view with its first record open."""
    visit.page.get_by_role("link", name="Feed", exact=True).last.click()
    visit.page.get_by_role("img", name="The way from the entry").wait_for()
    yield visit.page
    assert visit.errors == []


def test_a_records_proof_is_checked_and_drawn(feed: Page, tmp_path: Path) -> None:
    checks = feed.locator(".record-checks li")
    expect(checks).to_have_count(3)
    expect(feed.locator(".check-bad")).to_have_count(0)
    expect(checks.nth(0)).to_contain_text("head, place")
    expect(checks.nth(1)).to_contain_text("entry 6 to the signed root of 11 entries")
    expect(feed.locator(".record-assurance")).to_contain_text("the gateway vouches")
    expect(feed.locator(".group-hidden")).to_have_count(2)
    feed.screenshot(path=tmp_path / "feed.png")


def test_every_forgery_is_caught_and_taken_back(feed: Page) -> None:
    choice = feed.get_by_label("Tamper and see")
    names = choice.locator("option").all_inner_texts()
    assert len(names) == 8
    for name in names[1:]:
        choice.select_option(label=name)
        expect(feed.get_by_text("Caught:")).to_be_visible()
        expect(feed.locator(".check-bad").first).to_be_visible()
        choice.select_option(label="as it came")
        expect(feed.locator(".check-bad")).to_have_count(0)


def test_the_feed_is_read_on_from_where_it_was(feed: Page, fake: FakeApi) -> None:
    rows = feed.locator("tr.board-row")
    expect(rows).to_have_count(1)
    feed.get_by_role("button", name="Read on").click()
    expect(rows).to_have_count(2)
    expect(feed.get_by_role("button", name="Read on")).to_be_hidden()
    rows.nth(1).click()
    expect(feed.locator(".feed-record h3").first).to_have_text("Crossing, entry 10 of log 0")
    expect(feed.locator(".check-bad")).to_have_count(0)


def test_a_server_that_lies_is_caught(fake: FakeApi, browser: Browser, url: str) -> None:
    fake.feed.records[0]["place"] += 1
    with visiting(browser, url, KEY) as visit:
        visit.page.get_by_role("link", name="Feed", exact=True).last.click()
        expect(visit.page.locator(".check-bad")).to_contain_text("The proof is of entry 6, the record says 7")


def test_a_page_that_is_cut_off_is_said_to_be(fake: FakeApi, browser: Browser, url: str) -> None:
    with visiting(browser, url, KEY) as visit:
        visit.page.route("**/records*", lambda route: route.fulfill(body="", status=200))
        visit.page.get_by_role("link", name="Feed", exact=True).last.click()
        visit.page.get_by_text("the page of records was cut off").wait_for()


def test_an_insurers_key_opens_its_feeds_and_asks_for_nothing_else(
    fake: FakeApi, browser: Browser, url: str
) -> None:
    fake.role = "insurer"
    asked: list[str] = []
    with closing(browser.new_context()) as context:
        page = context.new_page()
        page.on("request", lambda made: asked.append(urlsplit(made.url).path))
        page.goto(f"{url}/#key={KEY}")
        page.get_by_role("img", name="The way from the entry").wait_for()
        expect(page.locator(".view-head .view-links a:visible")).to_have_text(["Feed"])
        expect(page.locator(".view-head .pill")).to_be_hidden()
    api = {path for path in asked if path.startswith("/v1/")}
    assert {path.split("/")[2] for path in api} == {"whoami", "feeds"}
