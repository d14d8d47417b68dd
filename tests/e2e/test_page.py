"""The built page in a real browser against the fake server: what a person sees, does, and must not lose."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Route

from tests.e2e.browser import Facts, Visit, visiting, watch
from tests.e2e.fake_api import KEY, FakeApi

pytestmark = pytest.mark.integration


def test_trucks_move_and_an_event_arrives_and_nothing_leaves_the_host(
    browser: Browser, url: str, tmp_path: Path
) -> None:
    picture = tmp_path / "page.png"
    facts = watch(browser, url, KEY, picture)
    assert facts == Facts(24, facts.moved, facts.events, foreign=[], errors=[])
    assert facts.moved >= 10
    assert facts.events >= 1
    assert picture.stat().st_size > 50_000


def test_the_key_leaves_the_address_and_a_wrong_one_is_asked_for_again(browser: Browser, url: str) -> None:
    context = browser.new_context()
    page = context.new_page()
    page.goto(f"{url}/#key=wrong")
    page.get_by_label("Access key").fill("still wrong")
    page.get_by_role("button", name="Open the map").click()
    page.get_by_text("The server said: key not known").wait_for()
    assert "key=" not in page.url
    page.get_by_label("Access key").fill(KEY)
    page.get_by_role("button", name="Open the map").click()
    page.get_by_role("button", name="Live", exact=True).wait_for()
    context.close()


def test_a_lost_connection_is_shown_and_recovered_without_gaps_or_doubles(
    fake: FakeApi, visit: Visit
) -> None:
    visit.until("window.corridor.events().some(e => e.cursor)")
    before = len(fake.events) - 1
    fake.away = True
    visit.until("window.corridor.status() === 'waiting'")
    visit.page.get_by_role("button", name="Lost").wait_for()
    for number in range(len(fake.events), len(fake.events) + 700):
        fake.make_event(number)
    wanted = [(event["id"], event["revision"]) for event in fake.events[before:]]
    fake.away = False
    visit.until(f"window.corridor.events().length >= {len(wanted)}")
    visit.until("window.corridor.status() === 'live'")
    shown = visit.events()
    assert [event for event in reversed(shown) if event in set(wanted)] == wanted
    assert len(set(shown)) == len(shown)


def test_a_truck_is_found_by_its_vin_and_shown_with_track_signals_and_crossings(
    fake: FakeApi, visit: Visit
) -> None:
    truck = fake.trucks[6]
    visit.page.keyboard.press("/")
    visit.page.keyboard.type(truck.vin[-6:].lower())
    visit.page.keyboard.press("Enter")
    detail = visit.page.get_by_role("region", name="Details")
    detail.get_by_role("heading", name=truck.name).wait_for()
    detail.get_by_text(truck.vin).wait_for()
    detail.get_by_role("slider", name="Time of day on the track").wait_for()
    detail.get_by_role("img", name="Coolant").wait_for()
    slider = detail.get_by_role("slider")
    newest = slider.get_attribute("aria-valuetext")
    slider.focus()
    visit.page.keyboard.press("PageDown")
    assert slider.get_attribute("aria-valuetext") != newest
    visit.page.keyboard.press("Escape")
    assert detail.is_hidden()


def test_a_search_that_is_faster_than_the_trucks_waits_for_them(
    fake: FakeApi, browser: Browser, url: str
) -> None:
    held: list[Route] = []
    with closing(browser.new_context()) as context:
        page = context.new_page()
        page.route("**/v1/positions*", lambda route: held.append(route))
        page.goto(f"{url}/#key={KEY}")
        page.get_by_label("Search trucks by name or VIN").fill(fake.trucks[6].vin)
        page.keyboard.press("Enter")
        page.get_by_text("No trucks yet").or_(page.get_by_text("No truck matches")).wait_for()
        for route in held:
            route.continue_()
        page.unroute("**/v1/positions*")
        detail = page.get_by_role("region", name="Details")
        detail.get_by_role("heading", name=fake.trucks[6].name).wait_for()


def test_a_gate_shows_its_queue_and_crossings_and_leads_to_a_truck(fake: FakeApi, visit: Visit) -> None:
    visit.page.locator("button.gate").first.click()
    detail = visit.page.get_by_role("region", name="Details")
    detail.get_by_role("heading", name="Mohan–Boten").wait_for()
    waiting = sum(fake.queue().values())
    assert waiting > 0
    detail.get_by_text("Exit port").first.wait_for()
    link = detail.locator(".crossing .link").first
    link.hover()  # holds the list still
    visit.page.wait_for_timeout(300)
    name = link.inner_text()
    link.click()
    detail.get_by_role("heading", name=name).wait_for()


def test_lists_are_walked_by_arrow_keys(visit: Visit) -> None:
    visit.page.get_by_role("tab", name="Trucks").click()
    visit.page.get_by_role("button", name="HOWO 01").focus()
    visit.page.keyboard.press("ArrowDown")
    focused = visit.page.evaluate("document.activeElement.querySelector('strong').textContent")
    assert focused != "HOWO 01"
    visit.page.keyboard.press("Home")
    assert visit.page.evaluate("document.activeElement.matches('li:first-child button.truck')")


def test_a_state_can_be_hidden(visit: Visit) -> None:
    chip = visit.page.get_by_role("button", name="Silent")
    chip.click()
    assert chip.get_attribute("aria-pressed") == "false"
    visit.page.get_by_role("tab", name="Trucks").click()
    assert visit.page.locator("button.truck .mark-silent").count() == 0
    assert visit.page.locator("button.truck .mark-moving").count() > 0


def test_colours_follow_the_system_and_the_button(browser: Browser, url: str) -> None:
    with visiting(browser, url, KEY, scheme="dark") as visit:
        theme = "document.documentElement.dataset.theme"
        assert visit.page.evaluate(theme) == "dark"
        visit.page.get_by_role("button", name="Colours as the system has them").click()
        assert visit.page.evaluate(theme) == "light"
        assert visit.errors == []


def test_nothing_is_wider_than_a_phone(browser: Browser, url: str) -> None:
    with visiting(browser, url, KEY, size=(360, 740), has_touch=True, is_mobile=True) as visit:
        assert visit.page.evaluate("document.documentElement.scrollWidth") == 360
        visit.page.get_by_role("button", name="Panel height").click()
        visit.page.get_by_role("tab", name="Trucks").click()
        visit.page.locator("button.truck").first.click()
        box = visit.page.get_by_role("region", name="Details").bounding_box()
        assert box is not None
        assert box["x"] == 0
        assert box["width"] == 360


def test_five_thousand_trucks_are_drawn_within_a_frame(visit: Visit) -> None:
    visit.settle()
    visit.page.evaluate("window.corridor.frames()")
    visit.page.evaluate("window.corridor.feed(5000, 1, 4)")
    costs = sorted(visit.page.evaluate("window.corridor.frames().costs"))
    assert len(costs) >= 4
    assert costs[len(costs) // 2] < 33


def test_markup_in_a_name_stays_text(fake: FakeApi, browser: Browser, url: str) -> None:
    fake.trucks[0].name = "<img src=x onerror=alert(1)>"
    with visiting(browser, url, KEY) as visit:
        visit.page.get_by_role("tab", name="Trucks").click()
        visit.page.locator("button.truck").get_by_text("<img src=x onerror=alert(1)>").wait_for()
        assert visit.errors == []


def test_the_page_says_so_when_the_base_map_is_missing(browser: Browser, url: str) -> None:
    context = browser.new_context()
    page = context.new_page()

    def refuse(route: Route) -> None:
        route.fulfill(status=404, body="")

    page.route("**/basemap.geojson", refuse)
    page.goto(f"{url}/#key={KEY}")
    page.get_by_text("The base map could not be loaded").wait_for()
    page.get_by_role("button", name="Live", exact=True).wait_for()
    context.close()
