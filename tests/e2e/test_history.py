"""What the page tells of a truck's past: bounds, sureness, revisions, what was taken back, flagged fixes."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import closing

import pytest
from playwright.sync_api import Browser, Locator, WebSocketRoute, expect

from tests.e2e.browser import Visit, visiting
from tests.e2e.fake_api import KEY, FakeApi
from tests.e2e.fake_world import JUMP, Truck

pytestmark = pytest.mark.integration


@pytest.fixture
def fake() -> FakeApi:
    """A server that makes no events by itself after the first hundred."""
    made = FakeApi(event_every_s=1e9)
    for number in range(5, 100):
        made.make_event(number)
    return made


@pytest.fixture
def truck(fake: FakeApi) -> Truck:
    """A truck with crossings, visits, and a visit that became part of another one."""
    with_visits = {one["asset"] for one in fake.visits.values()}
    crossed = [one["asset"] for one in fake.crossings.values() if one["confidence"] < 1]
    return fake.by_asset[next(asset for asset in crossed if asset in with_visits)]


@pytest.fixture
def detail(visit: Visit, truck: Truck) -> Iterator[Locator]:
    visit.page.evaluate(f"window.corridor.select('truck', '{truck.asset}')")
    yield visit.page.get_by_role("region", name="Details")
    assert visit.errors == []


def test_a_crossing_shows_each_stage_between_its_bounds_and_on_the_map(
    visit: Visit, detail: Locator, fake: FakeApi, truck: Truck
) -> None:
    (crossing,) = [one for one in fake.crossings.values() if one["asset"] == truck.asset]
    known = [name for name, bracket in crossing["stages"].items() if bracket]
    rows = detail.locator(".passage-crossing button.line-row")
    expect(rows).to_have_count(len(known))
    expect(detail.locator(".passage-crossing")).to_contain_text("62 % sure")
    first = rows.first
    expect(first).to_have_accessible_name(r := first.get_attribute("aria-label") or "")
    assert "between" in r
    assert "probably" in r
    first.click()
    expect(first).to_have_attribute("aria-pressed", "true")
    expect(visit.page.locator(".diamond")).to_have_count(1)
    first.click()
    expect(visit.page.locator(".diamond")).to_have_count(0)


def test_revisions_say_when_what_and_from_which_records(detail: Locator, fake: FakeApi, truck: Truck) -> None:
    (crossing,) = [one for one in fake.crossings.values() if one["asset"] == truck.asset]
    card = detail.locator(".passage-crossing")
    card.get_by_text("revision").first.click()
    revisions = card.locator(".revision")
    expect(revisions).to_have_count(crossing["revision"])
    expect(revisions.last).to_contain_text("1. Created")
    expect(revisions.last).to_contain_text("log 10")
    if crossing["revision"] > 1:
        expect(revisions.first).to_contain_text(f"{crossing['revision']}. Amended")
        expect(revisions.first).to_contain_text("→")


def test_a_merged_visit_is_struck_through_and_leads_to_what_it_became(detail: Locator) -> None:
    gone = detail.locator(".passage-visit.passage-gone")
    expect(gone).to_have_count(2)
    expect(gone.locator("s").first).to_be_visible()
    merged = gone.filter(has_text="Merged")
    merged.locator("summary").first.click()
    merged.get_by_role("button", name="show what it became").click()
    expect(detail.locator(".passage-visit:not(.passage-gone)[open]")).to_have_count(1)
    never = gone.filter(has_text="Retracted")
    never.locator("summary").first.click()
    expect(never).to_contain_text("it never was")


def test_what_is_open_stays_open_when_something_new_is_told(
    detail: Locator, fake: FakeApi, truck: Truck
) -> None:
    visit_card = detail.locator(".passage-visit").first
    visit_card.locator("summary").first.click()
    before = detail.locator(".passage-crossing").count()
    fake.alarm(truck)
    expect(detail.locator(".passage-crossing")).to_have_count(before + 1)
    expect(detail.locator(".passage-visit[open]")).to_have_count(1)


def test_trips_and_stops_have_their_way_and_countries(detail: Locator) -> None:
    trip = detail.locator(".passage-trip").filter(has_text="84.3 km")
    trip.locator("summary").first.click()
    for words in ("Odometer", "84.7 km", "+378 m"):
        expect(trip).to_contain_text(words)
    expect(trip.get_by_role("row", name="Laos 32.3 km 22 min")).to_be_visible()
    stop = detail.locator(".passage-stop")
    expect(stop).to_contain_text("24 min")


def test_a_flagged_fix_is_a_hollow_dot_that_says_why_and_no_part_of_the_track(
    visit: Visit, detail: Locator, fake: FakeApi, truck: Truck
) -> None:
    expect(detail).to_contain_text("4 fixes with doubts: 2 jump")
    wild = next(row for row in truck.track(fake.seconds(), 400) if row["flags"] == JUMP)
    # so near that no truck that drives by is under the pointer
    visit.page.evaluate(f"window.corridor.view({wild['lon']}, {wild['lat']}, 16)")
    visit.settle()
    x, y = visit.page.evaluate(f"window.corridor.pixel({wild['lon']}, {wild['lat']})")
    visit.page.mouse.move(x + 1, y + 1)
    expect(visit.page.locator("#tooltip")).to_contain_text("jump: not used")


def test_a_border_crossed_off_any_gate_is_red_in_the_list(visit: Visit, fake: FakeApi) -> None:
    fake.alarm(fake.trucks[7])
    alarm = visit.page.locator("button.event-alarm")
    expect(alarm).to_contain_text("Shacman 08 crossed the border away from any gate")
    alarm.click()
    expect(visit.page.get_by_role("region", name="Details")).to_contain_text("Off any gate")


def test_a_truck_and_its_past_fit_a_phone(browser: Browser, url: str, truck: Truck) -> None:
    with visiting(browser, url, KEY, size=(360, 740), has_touch=True, is_mobile=True) as visit:
        visit.page.evaluate(f"window.corridor.select('truck', '{truck.asset}')")
        visit.page.locator(".passage-crossing button.line-row").first.wait_for()
        assert visit.page.evaluate("document.documentElement.scrollWidth") == 360
        wide = "[...document.querySelectorAll('#detail *')].some(e => e.scrollWidth > 362)"
        assert not visit.page.evaluate(wide)


def test_a_truck_that_is_opened_before_its_place_came_gets_its_day(
    browser: Browser, url: str, fake: FakeApi, truck: Truck
) -> None:
    sockets: list[WebSocketRoute] = []
    with closing(browser.new_context()) as context:
        page = context.new_page()
        page.route_web_socket("**/v1/live", lambda one: sockets.append(one))  # answers nothing yet
        page.goto(f"{url}/#key={KEY}")
        page.wait_for_function("window.corridor")
        page.evaluate(f"window.corridor.select('truck', '{truck.asset}')")
        detail = page.get_by_role("region", name="Details")
        expect(detail).to_contain_text("No track in the last 24 hours.")
        sockets[0].send(json.dumps({"type": "welcome", "cursor": fake.head()}))
        sockets[0].send(json.dumps({"type": "positions", "items": [truck.row(fake.seconds())]}))
        expect(detail).to_contain_text("4 fixes with doubts: 2 jump")
