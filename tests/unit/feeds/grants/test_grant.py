"""Grants: what makes sense to grant, until when it is read, and how the engine keeps it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from feeds.grants import Ended, Grant, GrantError
from feeds.grants.grant import checked
from feeds.readmodel import ObjectFilter
from feeds.readreach import OfConsumer
from streams.engine.registry import Registry
from streams.events import Kind
from tests.unit.feeds.records.house import FLEET, INSURER, OTHER, T0, YEAR, asked, grant, opened


@pytest.mark.parametrize(
    ("more", "says"),
    [
        ({"fields": "all"}, "fields: got 'all', want precise, coarse, crossings"),
        ({"kinds": []}, "kinds: got none"),
        ({"kinds": ["report", "command"]}, "kinds: got command"),
        ({"fields": "crossings"}, "want crossing alone"),
        ({"fields": "coarse", "driver": True}, "driver: got true"),
        ({"consumer": FLEET}, "want another tenant"),
        ({"from_ms": 5, "to_ms": 5}, "period: got 5 to 5"),
        ({"assets": "all"}, "assets: got 'all'"),
        ({"assets": {"list": []}}, "assets: got"),
        ({"assets": {"list": [1]}}, "assets: got"),
        ({"assets": {"fleet": ""}}, "assets: got"),
        ({"assets": {"fleet": "a", "list": ["b"]}}, "assets: got"),
    ],
)
def test_what_makes_no_sense_is_refused(more: dict[str, Any], says: str) -> None:
    with pytest.raises(GrantError, match=says):
        checked(FLEET, asked(**more))


def test_the_id_is_computed_of_who_grants_what() -> None:
    first = checked(FLEET, asked())["feed"]
    assert first.startswith("feed_")
    assert checked(FLEET, asked(kinds=["crossing", "report", "crossing"]))["feed"] == first
    assert checked(OTHER, asked())["feed"] != first
    assert checked(FLEET, asked(purpose="else"))["feed"] != first


def test_a_feed_ends_by_its_expiry_or_when_it_is_revoked() -> None:
    of = grant(expires_ms=T0 + 10)
    of.check_open(T0 + 9)
    with pytest.raises(Ended, match="expired"):
        of.check_open(T0 + 10)
    ended = Grant.of(of.feed, FLEET, {**of.plain(), "revoked_ms": T0 + 5})
    ended.check_open(T0 + 4)
    with pytest.raises(Ended, match="revoked by fleet"):
        ended.check_open(T0 + 5)


def test_the_engine_keeps_grants_and_only_who_granted_revokes(tmp_path: Path) -> None:
    with opened(tmp_path) as house:
        data = checked(FLEET, asked())
        assert house.command("feed.grant", FLEET, data)["object"] == data["feed"]
        again = house.command("feed.grant", FLEET, data)
        assert again["error"]["code"] == "duplicate"
        late = checked(FLEET, asked(expires_ms=T0))
        assert house.command("feed.grant", FLEET, late)["error"]["code"] == "ended"
        for reach in (FLEET, OfConsumer(FLEET), OfConsumer(INSURER)):
            (held,) = house.read.objects(Kind.FEED, reach, ObjectFilter())
            assert Grant.of(held.id, held.tenant, held.data).plain() == {
                **data,
                "tenant": FLEET,
                "granted_ms": T0,
                "revoked_ms": None,
            }
        assert house.read.objects(Kind.FEED, OfConsumer(OTHER), ObjectFilter()) == []
        assert house.read.objects(Kind.ASSET, OfConsumer(FLEET), ObjectFilter()) == []

        theirs = house.command("feed.revoke", OTHER, {"feed": data["feed"]})
        assert theirs["error"]["code"] == "unknown"
        assert house.command("feed.revoke", FLEET, {"feed": data["feed"], "at_ms": T0 + YEAR})["ok"]
        assert house.command("feed.revoke", FLEET, {"feed": data["feed"]})["ok"]
        assert house.command("feed.revoke", FLEET, {"feed": data["feed"]})["error"]["code"] == "ended"
        ended = house.read.object(Kind.FEED, FLEET, data["feed"])
        assert ended is not None
        assert (ended.data["state"], ended.data["revoked_ms"], ended.revision) == ("revoked", T0, 3)


def test_feeds_live_in_the_snapshot_and_only_when_there_are_some(tmp_path: Path) -> None:
    with opened(tmp_path) as house:
        assert "feeds" not in house.registry.dump()
        house.command("feed.grant", FLEET, checked(FLEET, asked()))
        again = Registry()
        again.load(house.registry.dump())
        assert again.feeds == house.registry.feeds
