"""Zones on the map: drawn by pointer and keyboard, edited, tried, published, retired, taken from a file."""

from __future__ import annotations

import json
from itertools import pairwise

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.e2e.browser import Visit, visiting
from tests.e2e.fake_api import KEY, FakeApi

pytestmark = pytest.mark.integration

MIDDLE = (101.68, 21.19)
SIDE = 0.01
SQUARE = [(101.67, 21.18), (101.69, 21.18), (101.69, 21.2), (101.67, 21.2)]


@pytest.fixture
def fake() -> FakeApi:
    return FakeApi(event_every_s=1e9)


@pytest.fixture
def page(visit: Visit) -> Page:
    """The page with its zones open and the map still."""
    visit.page.get_by_role("tab", name="Zones").click()
    visit.settle()
    visit.page.evaluate(f"window.corridor.view({MIDDLE[0]}, {MIDDLE[1]}, 13)")
    visit.settle()
    return visit.page


def press(page: Page, *places: tuple[float, float]) -> None:
    """Press the map at places."""
    for lon, lat in places:
        x, y = page.evaluate(f"window.corridor.pixel({lon}, {lat})")
        page.mouse.click(x, y)


def published(fake: FakeApi) -> dict[str, object]:
    (sent,) = fake.zones.published
    (zone,) = sent["zones"]
    assert isinstance(zone, dict)
    return zone


def name(page: Page, text: str) -> None:
    page.get_by_role("textbox", name="Name", exact=True).fill(text)


def publish(page: Page) -> None:
    page.get_by_role("button", name="Publish", exact=True).click()
    page.get_by_text("The zone is published.").wait_for()


def test_an_area_is_drawn_tried_and_published(page: Page, fake: FakeApi, visit: Visit) -> None:
    page.get_by_role("button", name="Area").click()
    press(page, *SQUARE, SQUARE[0])
    name(page, "Depot 7")
    page.get_by_label("Grace").fill("120")
    page.get_by_role("button", name="Try", exact=True).click()
    expect(page.get_by_text("Would be new: 1")).to_be_visible()
    assert fake.zones.published == []
    assert [one["days"] for one in fake.zones.tried] == [7]
    publish(page)
    zone = published(fake)
    assert zone["properties"] == {
        "id": "depot-7",
        "kind": "custom",
        "name": "Depot 7",
        "grace_s": 120,
        "min_dwell_s": 0,
    }
    assert isinstance(zone["geometry"], dict)
    (ring,) = zone["geometry"]["coordinates"]
    assert ring[0] == ring[-1]
    for (lon, lat), (x, y) in zip(ring[:-1], SQUARE, strict=True):
        assert abs(lon - x) < 1e-3
        assert abs(lat - y) < 1e-3
    page.get_by_role("button", name="Depot 7").wait_for()
    assert visit.errors == []


def test_a_change_of_a_trial_leads_to_its_truck(page: Page, fake: FakeApi) -> None:
    page.get_by_role("button", name="Boten port").click()
    page.get_by_role("button", name="Try", exact=True).click()
    page.locator(".trial .link").first.click()
    details = page.get_by_role("region", name="Details")
    expect(details.get_by_role("heading", name=fake.trucks[2].name)).to_be_visible()


def test_a_circle_has_64_corners_and_the_radius_that_was_typed(page: Page, fake: FakeApi) -> None:
    page.get_by_role("button", name="Circle").click()
    press(page, MIDDLE, (MIDDLE[0] + SIDE, MIDDLE[1]))
    page.get_by_label("Radius").fill("500")
    name(page, "Round")
    publish(page)
    geometry = published(fake)["geometry"]
    assert isinstance(geometry, dict)
    (ring,) = geometry["coordinates"]
    assert len(ring) == 65
    assert abs(max(lat for _, lat in ring) - min(lat for _, lat in ring) - 1000 / 111_195) < 1e-5


def test_a_route_becomes_a_corridor(page: Page, fake: FakeApi) -> None:
    page.get_by_role("button", name="Route", exact=True).click()
    press(page, SQUARE[0], SQUARE[1], SQUARE[2])
    page.get_by_role("button", name="Finish shape").click()
    page.get_by_label("Width").fill("300")
    name(page, "Road")
    publish(page)
    zone = published(fake)
    assert isinstance(zone["properties"], dict)
    assert zone["properties"]["kind"] == "route"


def test_an_area_that_crosses_itself_is_not_sent(page: Page, fake: FakeApi) -> None:
    page.get_by_role("button", name="Area").click()
    press(page, SQUARE[0], SQUARE[2], SQUARE[1], SQUARE[3])
    page.get_by_role("button", name="Finish shape").click()
    name(page, "Bow tie")
    page.get_by_role("button", name="Publish", exact=True).click()
    expect(page.locator(".proposal-output")).to_contain_text("crosses itself")
    assert fake.zones.published == []


def test_an_area_is_drawn_by_keyboard_alone(page: Page, fake: FakeApi) -> None:
    page.get_by_role("button", name="Area").focus()
    page.keyboard.press("Enter")
    page.locator(".maplibregl-canvas").focus()
    for key in ("ArrowRight", "ArrowDown", "ArrowLeft"):
        page.keyboard.press("Enter")
        page.keyboard.press(key)
        page.evaluate("window.corridor.settled()")
    expect(page.locator(".draw-corner")).to_have_count(3)
    page.keyboard.press("Enter")
    page.keyboard.press("Backspace")
    page.get_by_role("button", name="Finish shape").focus()
    page.keyboard.press("Enter")
    corner = page.get_by_role("button", name="Corner 2", exact=True)
    corner.focus()
    page.keyboard.press("Shift+ArrowUp")
    expect(corner).to_be_focused()
    name(page, "By hand")
    publish(page)
    geometry = published(fake)["geometry"]
    assert isinstance(geometry, dict)
    assert len(geometry["coordinates"][0]) == 4


def test_a_corner_of_a_zone_is_dragged_and_taken_back(page: Page, fake: FakeApi) -> None:
    before = fake.zones.by_id["mohan-boten-la-port"]["geometry"]["coordinates"][0]
    page.get_by_role("button", name="Boten port").click()
    page.evaluate("window.corridor.settled()")
    undo = page.get_by_role("button", name="Undo")
    expect(undo).to_be_disabled()
    corner = page.get_by_role("button", name="Corner 5", exact=True)
    box = corner.bounding_box()
    assert box is not None
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    page.mouse.move(x, y)
    page.mouse.down()
    for step in range(1, 5):
        page.mouse.move(x + step * 5, y - step * 5)
    page.mouse.up()
    expect(undo).to_be_enabled()
    publish(page)
    geometry = published(fake)["geometry"]
    assert isinstance(geometry, dict)
    after = geometry["coordinates"][0]
    moved = [n for n, (old, new) in enumerate(zip(before, after, strict=True)) if far(old, new) > 1e-6]
    assert moved == [4]


def far(a: list[float], b: list[float]) -> float:
    return max(abs(a[0] - b[0]), abs(a[1] - b[1]))


def test_a_zone_is_retired_after_a_second_press(page: Page, fake: FakeApi) -> None:
    page.get_by_role("button", name="Boten port").click()
    page.get_by_role("button", name="Retire", exact=True).click()
    assert fake.zones.retired == []
    page.get_by_role("button", name="Retire it").click()
    page.get_by_text("The zone is retired.").wait_for()
    assert fake.zones.retired == ["mohan-boten-la-port"]
    expect(page.get_by_role("button", name="Boten port")).to_have_count(0)


def test_a_repaired_zone_is_published_only_after_it_was_shown(page: Page, fake: FakeApi) -> None:
    page.get_by_role("button", name="Area").click()
    press(page, *SQUARE, SQUARE[0])
    name(page, "folded")
    page.get_by_role("button", name="Publish", exact=True).click()
    expect(page.get_by_role("list", name="Findings")).to_contain_text("repaired")
    assert fake.zones.published == []
    page.get_by_role("button", name="Publish the repaired form").click()
    page.get_by_text("The zone is published.").wait_for()


def test_a_file_is_checked_shown_and_published_without_what_is_wrong(page: Page, fake: FakeApi) -> None:
    ring = [[lon, lat] for lon, lat in [*SQUARE, SQUARE[0]]]
    features = [
        {
            "type": "Feature",
            "properties": {"name": text},
            "geometry": {"type": "Polygon", "coordinates": [ring]},
        }
        for text in ("good one", "broken one")
    ]
    content = json.dumps({"type": "FeatureCollection", "features": features}).encode()
    file = {"name": "depots.geojson", "mimeType": "application/geo+json", "buffer": content}
    page.get_by_label("A file of zones").set_input_files(file)  # type: ignore[arg-type]
    expect(page.get_by_role("list", name="Findings")).to_contain_text("broken")
    expect(page.locator(".zone-list")).to_contain_text("good one")
    assert fake.zones.files == ["depots.geojson"]
    publish(page)
    assert isinstance(properties := published(fake)["properties"], dict)
    assert properties["name"] == "good one"


def test_a_truck_is_not_chosen_while_a_zone_is_drawn(visit: Visit, page: Page) -> None:
    asset, (lon, lat) = next(iter(visit.trucks().items()))
    page.evaluate(f"window.corridor.view({lon}, {lat}, 12)")
    page.get_by_role("button", name="Area").click()
    press(page, (lon, lat))
    expect(page.get_by_role("region", name="Details")).to_be_hidden()
    page.keyboard.press("Escape")
    assert asset


def test_keys_of_other_roles_see_no_zones_to_draw(browser: Browser, url: str, fake: FakeApi) -> None:
    fake.role = "operator"
    with visiting(browser, url, KEY) as visit:
        visit.page.get_by_role("tab", name="Trucks").wait_for()
        expect(visit.page.get_by_role("tab", name="Zones")).to_have_count(0)
        tabs = visit.page.get_by_role("tab")
        tabs.first.focus()
        for here, there in pairwise(["Live", "Trucks", "Live"]):
            visit.page.keyboard.press("ArrowRight")
            focused = visit.page.evaluate("document.activeElement.textContent")
            assert focused.startswith(there), here
