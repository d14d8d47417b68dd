"""What is pushed of a feed: its events only, and where each is in it."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import orjson
import pytest

from corridor.deliveries import Kept, body_of, push_of
from corridor.settings import SettingsError
from feeds.grants.grant import checked
from feeds.records import cursor
from feeds.records.page import heads_of
from feeds.webhooks.endpoints import Endpoint
from feeds.webhooks.feedpush import FeedPush
from feeds.webhooks.post import Poster
from streams.events import Event, Kind
from tests.unit.feeds.records.house import FLEET, LOGS, T0, YEAR, House, asked, asset_of, opened


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    with opened(tmp_path) as made:
        made.report(FLEET, count=3)
        made.crossing(FLEET)
        made.tell(Kind.TRIP, "trip_1", 1, FLEET, asset_of(FLEET), {"start_ms": T0, "end_ms": None})
        made.crossing(FLEET, 2)
        made.seal()
        yield made


def granted(house: House, **more: Any) -> Endpoint:
    data = checked(FLEET, asked(**{"kinds": ["crossing"], **more}))
    house.command("feed.grant", FLEET, data)
    return Endpoint("insurer", FLEET, "http://127.0.0.1:1/", b"k" * 24, begin=True, feed=data["feed"])


def push(house: House, now_ms: int = T0) -> FeedPush:
    return FeedPush(house.read, house.ledgers, lambda: now_ms)


def crossings(house: House, endpoint: Endpoint, now_ms: int = T0, limit: int = 10) -> list[tuple[str, int]]:
    kept = Kept(house.read, push(house, now_ms))
    return [(one.id, one.revision) for one in kept.after(0, 0, endpoint, limit)]


BOTH = [("crossing_fleet", 1), ("crossing_fleet", 2)]


@pytest.mark.parametrize(
    ("more", "found"),
    [
        ({}, BOTH),
        ({"assets": {"list": [asset_of(FLEET)]}}, BOTH),
        ({"kinds": ["trip"]}, [("trip_1", 1)]),
        ({"assets": {"list": [asset_of(FLEET, 1)]}}, []),
        ({"assets": "cover"}, []),
        ({"from_ms": T0 + 1}, []),
        ({"kinds": ["report"]}, []),
    ],
)
def test_events_of_the_feed_only_are_pushed(house: House, more: dict[str, Any], found: Any) -> None:
    assert crossings(house, granted(house, **more)) == found


def test_a_feed_that_ended_pushes_nothing_any_more(house: House) -> None:
    endpoint = granted(house, expires_ms=T0 + YEAR)
    assert crossings(house, endpoint, T0 + YEAR - 1) == BOTH
    assert crossings(house, endpoint, T0 + YEAR) == []
    house.command("feed.revoke", FLEET, {"feed": endpoint.feed})
    assert crossings(house, endpoint) == []
    kept = Kept(house.read, push(house))
    assert kept.one(0, last(house).number, endpoint) is None


def test_pushes_come_a_few_at_a_time_and_all_once(house: House) -> None:
    endpoint = granted(house)
    kept, at, found = Kept(house.read, push(house)), 0, []
    while some := kept.after(0, at, endpoint, 1):
        found += [(one.id, one.revision) for one in some]
        at = some[-1].number
    assert found == BOTH


def last(house: House) -> Event:
    return house.read.partition_after(0, 0, FLEET, [Kind.CROSSING], 100)[-1]


def test_a_push_says_where_the_record_is_and_nothing_that_it_says(house: House) -> None:
    endpoint = granted(house)
    body = body_of(LOGS, push(house))(endpoint, last(house))
    assert body is not None
    assert not [word for word in (b"mohan", b"lon", b"D-77") if word in body]
    told = orjson.loads(body)
    assert (told["type"], told["subject"]) == ("corridor.feed.record.v1", asset_of(FLEET))
    data = told["data"]
    (kept,) = house.ledgers[data["log"]].records(data["place"], data["place"] + 1, 1)
    assert kept.groups is not None
    head = orjson.loads(kept.groups["head"])
    assert (head["id"], head["revision"]) == (data["id"], data["revision"]) == BOTH[1]
    sizes = [one.size for one in heads_of(house.ledgers)]
    assert endpoint.feed is not None
    assert cursor.decode(data["cursor"], endpoint.feed, sizes) == (data["place"] + 1, 0)


def test_a_push_waits_until_a_head_holds_the_record(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    endpoint = granted(house)
    house.crossing(FLEET, 3)
    made = body_of(LOGS, push(house))
    assert made(endpoint, last(house)) is None
    posted: list[dict[str, Any]] = []

    def answer(request: httpx.Request) -> httpx.Response:
        posted.append(orjson.loads(request.content))
        return httpx.Response(204)

    async def work() -> None:
        poster = Poster(made)
        poster._client = httpx.AsyncClient(transport=httpx.MockTransport(answer))
        monkeypatch.setattr("feeds.webhooks.post._SIGNED_S", 0.0)
        assert (await poster.send(endpoint, last(house))).status == 500
        assert posted == []
        monkeypatch.setattr("feeds.webhooks.post._SIGNED_S", 60.0)
        sending = asyncio.create_task(poster.send(endpoint, last(house)))
        await asyncio.to_thread(house.seal)
        assert (await sending).status == 204
        await poster.close()

    asyncio.run(work())
    assert [one["data"]["revision"] for one in posted] == [3]


def test_without_a_ledger_a_receiver_of_a_feed_is_refused(house: House) -> None:
    endpoint = granted(house)
    with pytest.raises(SettingsError, match="webhook insurer: feed: want the ledger on"):
        push_of(house.read, [], [endpoint])
