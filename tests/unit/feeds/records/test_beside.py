"""What goes beside a feed's records: of starts with a report in it only, of its times only."""

from __future__ import annotations

from typing import Any

import pytest

from feeds.grants import Grant
from feeds.grants.assets import assets_of
from feeds.records.beside import Beside, gather
from feeds.records.page import heads_of
from streams.events import Kind
from tests.unit.feeds.records.house import FLEET, HOUR, INSURER, T0, House, asset_of, grant

DEVICES = ["unit-fleet-0", "unit-fleet-1"]


def beside(house: House, of: Grant, sizes: dict[int, int] | None = None) -> Beside:
    return gather(house.read, house.ledgers, of, assets_of(house.read, of), None, sizes)


def told(house: House, of: Grant) -> list[tuple[str, str]]:
    heads = {head.log: head.size for head in heads_of(house.ledgers)}
    now = beside(house, of).completeness
    assert beside(house, of, heads).completeness == now
    return sorted((one["device"], one["boot"]) for one in now)


@pytest.mark.parametrize(
    ("more", "devices"),
    [
        ({}, DEVICES),
        ({"from_ms": T0 + 4_000}, DEVICES[:1]),
        ({"from_ms": T0 + 4_001}, []),
        ({"to_ms": T0}, []),
        ({"to_ms": T0 + 1}, DEVICES),
        ({"assets": {"list": [asset_of(FLEET, 1)]}}, DEVICES[1:]),
        ({"kinds": ["crossing"]}, []),
        ({"assets": "cover"}, []),
    ],
)
def test_only_starts_with_a_report_in_the_feed_are_told(
    house: House, more: dict[str, Any], devices: list[str]
) -> None:
    of = grant(**more)
    assert told(house, of) == [(device, "b1") for device in devices]


def test_a_start_that_is_redacted_is_told_still(house: House) -> None:
    house.redact(0, *range(heads_of(house.ledgers)[0].size))
    assert told(house, grant()) == [(device, "b1") for device in DEVICES]


def test_reports_above_the_heads_bring_no_start(house: House) -> None:
    of, sizes = grant(from_ms=T0 + HOUR), {head.log: head.size for head in heads_of(house.ledgers)}
    house.report(FLEET, t_ms=T0 + HOUR)
    house.seal()
    assert beside(house, of, sizes).completeness == []
    assert told(house, of) == [(DEVICES[0], "b1")]


def test_keys_of_devices_without_a_report_in_the_feed_are_not_told(house: House) -> None:
    for number in range(2):
        key = {"id": f"key {number}", "from_ms": 1, "revoked_ms": None}
        id_ = house.read.objects(Kind.DEVICE, FLEET)[-1 - number].id
        held = house.read.object(Kind.DEVICE, FLEET, id_)
        assert held is not None
        house.tell(Kind.DEVICE, id_, held.revision + 1, FLEET, "", {**held.data, "keys": [key]})
    assert {one["device"] for one in beside(house, grant()).device_keys} == set(DEVICES)
    of = grant(from_ms=T0 + 4_000)
    assert {one["device"] for one in beside(house, of).device_keys} == {DEVICES[0]}


def silent(house: House) -> None:
    """The truck is silent for an hour, twice, and says what it had to drop each time."""
    for hour in (1, 2):
        t_ms = T0 + hour * HOUR
        lost = {"t": t_ms, "kind": "overflow", "reports": hour}
        house.report(FLEET, t_ms=t_ms, facts=[lost])
    house.seal()


def test_silences_and_what_was_dropped_are_told_of_the_feeds_time(house: House) -> None:
    silent(house)

    def times(**more: Any) -> tuple[list[tuple[int, int]], list[int]]:
        one = next(one for one in beside(house, grant(**more)).completeness if one["device"] == DEVICES[0])
        silences = [(silence["from_ms"] - T0, silence["to_ms"] - T0) for silence in one["silences"]]
        return silences, [lost["reports"] for lost in one["overflow"]]

    first, second = (5_000, HOUR + 6_000), (HOUR + 7_000, 2 * HOUR + 8_000)
    assert times() == ([first, second], [1, 2])
    assert times(from_ms=T0 + 10_000) == ([(10_000, first[1]), second], [1, 2])
    assert times(to_ms=T0 + HOUR) == ([(first[0], HOUR)], [])
    assert times(from_ms=T0 + HOUR + 100_000) == ([(HOUR + 100_000, second[1])], [2])
    assert times(fields="coarse") == ([], [])


def test_times_that_two_starts_tell_of_are_those_of_the_feed(house: House) -> None:
    house.report(FLEET, t_ms=T0 + 500_000)
    house.boots[DEVICES[0]] = 2
    for t_ms in (T0 + 100_000, T0 + 500_000):
        house.report(FLEET, t_ms=t_ms)
    house.seal()

    def times(**more: Any) -> list[tuple[str, str, int, int]]:
        return [
            (one["boot"], two["boot"], two["from_ms"] - T0, two["to_ms"] - T0)
            for one in beside(house, grant(**more)).completeness
            for two in one["overlaps"]
        ]

    ((_, _, begin, end), _) = made = times()
    assert 100_000 <= begin < 110_000
    assert 500_000 <= end < 510_000
    assert made == [("b1", "b2", begin, end), ("b2", "b1", begin, end)]
    assert [one[2:] for one in times(from_ms=T0 + 200_000)] == [(200_000, end)] * 2
    assert times(fields="coarse") == []


def test_a_feed_of_covers_tells_of_the_times_of_covers(house: House) -> None:
    silent(house)
    cover = {"insurer": INSURER, "number": "1", "from_ms": T0 + HOUR, "until_ms": T0 + 2 * HOUR}
    house.tell(Kind.COVER, "cover_1", 1, FLEET, asset_of(FLEET), cover)
    made = beside(house, grant(assets="cover"))
    (one,) = made.completeness
    assert [(two["from_ms"] - T0, two["to_ms"] - T0) for two in one["silences"]] == [
        (HOUR, HOUR + 6_000),
        (HOUR + 7_000, 2 * HOUR),
    ]
    assert [lost["reports"] for lost in one["overflow"]] == [1]
    assert [(asset["id"], asset["periods"]) for asset in made.assets] == [
        (asset_of(FLEET), [[T0 + HOUR, T0 + 2 * HOUR]])
    ]
    assert [asset["periods"] for asset in beside(house, grant()).assets] == [None, None]
