"""A page by columns is the page row by row, byte for byte."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from feeds.grants.grant import EVENTS
from feeds.ledger import sha
from feeds.records.columns import arrow
from feeds.records.lines import lines
from feeds.records.page import Page
from feeds.records.surroundings import Surroundings
from streams.events import Kind, object_id
from tests.unit.feeds.records import slowly
from tests.unit.feeds.records.house import FLEET, LOGS, T0, House, asset_of, device_of, grant
from tests.unit.feeds.records.test_page import page

WAYS: tuple[dict[str, Any], ...] = (
    {"fields": "precise"},
    {"fields": "precise", "driver": True},
    {"fields": "coarse"},
    {"fields": "crossings", "kinds": ["crossing"]},
    {"kinds": ["report"]},
    {"kinds": sorted(EVENTS)},
)


def same(house: House, made: Page) -> None:
    around = Surroundings(house.read, house.ledgers, made.grant.tenant)
    around.prepare(one.row[2] for one in made.found)
    assert arrow(made, around.told) == slowly.arrow(house, made)
    told = [slowly.told(house, made.grant.tenant, record) for record in made.records]
    assert list(lines(made, around.told)) == slowly.lines(made, told)


@pytest.fixture
def varied(house: House) -> House:
    """With holes, a second start, facts of older books, keys, a conflict, and something redacted."""
    house.sent[device_of(FLEET)] = 5
    house.report(FLEET, count=2)
    house.boots[device_of(FLEET)] = 2
    house.report(FLEET, count=3, t_ms=T0 + 7_200_000)
    house.report(FLEET, number=1, log=1, facts=[])
    house.seal()
    device = house.read.object(Kind.DEVICE, FLEET, object_id(Kind.DEVICE, device_of(FLEET)))
    assert device is not None
    data = {**device.data, "keys": [{"id": "k1", "from_ms": T0, "revoked_ms": T0 + 3_600_000}]}
    house.tell(Kind.DEVICE, device.id, device.revision + 1, FLEET, device.asset, data)
    found = {"source": "can:vin", "state": "open", "got": "LZZTESTA1PN000009", "seen": []}
    house.tell(Kind.CONFLICT, "conflict_1", 1, FLEET, asset_of(FLEET, 1), found)
    house.redact(0, 1)
    return house


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("openssl", [True, False])
def test_the_same_bytes_whatever_is_shown(
    varied: House, way: dict[str, Any], openssl: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sha, "FOUND", openssl and sha.FOUND)
    made = page(varied, grant(**way))
    assert made.found
    same(varied, made)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=25, deadline=None)
@given(way=st.sampled_from(WAYS), at=st.tuples(*[st.integers(0, 12)] * LOGS), limit=st.integers(1, 12))
def test_the_same_bytes_of_any_page(
    varied: House, way: dict[str, Any], at: tuple[int, ...], limit: int
) -> None:
    same(varied, page(varied, grant(**way), at, limit))


def test_what_was_redacted_since_is_in_no_page(varied: House) -> None:
    of = grant(driver=True)
    before = page(varied, of)
    place = next(one.row[0] for one in before.found if one.log == 0 and one.row[7] is not None)
    secret = next(one for one in before.records if one.kept.place == place).kept.groups
    assert secret is not None
    assert secret["whole"] in slowly.arrow(varied, before)
    varied.redact(0, place)
    after = page(varied, of)
    around = Surroundings(varied.read, varied.ledgers, FLEET)
    assert secret["whole"] not in arrow(after, around.told)
    same(varied, after)


def test_many_conflicts_are_asked_for_asset_by_asset(varied: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("feeds.records.surroundings._MOST", 1)
    made = page(varied, grant())
    around = Surroundings(varied.read, varied.ledgers, FLEET)
    around.prepare(one.row[2] for one in made.found)
    levels = {
        one.row[2]: about.assurance["level"]
        for one, about in zip(made.found, around.told(made), strict=True)
        if about
    }
    assert levels[asset_of(FLEET, 1)] == "suspect"
    assert levels[asset_of(FLEET)] != "suspect"
