"""The book of zones: what holds when, and that commands, repeats and snapshots change nothing else."""

from __future__ import annotations

from typing import Any

import orjson
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st

from geofences.geojson import zone_feature
from geofences.zone import Zone, ZoneKind
from streams.events import Change
from streams.zones import MAX_ZONES, ZoneBook, ZoneBookError

PORT = Zone("port-a", ZoneKind.PORT, "Port A", shapely.box(1, 1, 2, 2), gate="g", side="LA", country="LA")
LAND = Zone("la", ZoneKind.COUNTRY, "Laos", shapely.box(0, 0, 9, 9), country="LA")
YARD = Zone("yard", ZoneKind.YARD, "Yard", shapely.box(3, 3, 4, 4), grace_s=60)
BASE = (PORT, LAND, YARD)


def zone(id_: str, east: float = 6.0, **more: Any) -> Zone:
    return Zone(id_, more.pop("kind", ZoneKind.CUSTOM), f"zone {id_}", shapely.box(5, 5, east, 6), **more)


def publish(*zones: Zone, at: Any = 1_000) -> dict[str, Any]:
    data = {"zones": [zone_feature(z) for z in zones], "valid_from_ms": at}
    text = orjson.dumps({"command": "zone.publish", "tenant": "main", "data": data})
    made: dict[str, Any] = orjson.loads(text)
    return made


def retire(*ids: Any, at: Any = 1_000) -> dict[str, Any]:
    return {"command": "zone.retire", "tenant": "main", "data": {"ids": list(ids), "valid_from_ms": at}}


def names(book: ZoneBook, t_ms: int) -> dict[str, float]:
    return {z.id: z.geometry.bounds[2] for z in book.at(t_ms)}


def test_a_new_zone_holds_from_its_instant_on() -> None:
    book = ZoneBook(BASE)
    (fact,) = book.apply(publish(zone("a")))
    assert (fact.id, fact.revision, fact.change, fact.tenant) == ("a", 1, Change.CREATED, "main")
    assert fact.data["valid_from_ms"] == 1_000
    assert fact.data["version"] == zone("a").version
    assert fact.data["geometry"]["type"] == "Polygon"
    assert set(names(book, 999)) == {"port-a", "la", "yard"}
    assert set(names(book, 1_000)) == {"port-a", "la", "yard", "a"}
    assert book.epochs() == [1_000]


def test_a_shipped_zone_is_replaced_from_its_instant_on() -> None:
    book = ZoneBook(BASE)
    book.apply(publish(zone("yard", 7.0, kind=ZoneKind.YARD), at=50))
    assert (names(book, 49)["yard"], names(book, 50)["yard"]) == (4.0, 7.0)
    assert [z.id for z in book.at(50)] == ["port-a", "la", "yard"]
    assert [v.valid_from_ms for v in book.timeline("yard")] == [None, 50]


def test_a_retired_zone_holds_no_more_and_its_versions_stay() -> None:
    book = ZoneBook(BASE)
    (fact,) = book.apply(retire("yard", at=70))
    assert (fact.change, fact.data["retired"], fact.data["version"]) == (Change.CREATED, True, YARD.version)
    assert "yard" in names(book, 69)
    assert "yard" not in names(book, 70)
    assert [v.retired for v in book.timeline("yard")] == [False, True]
    book.apply(publish(YARD, at=90))
    assert "yard" in names(book, 90)


def test_of_two_versions_for_one_instant_the_later_command_holds() -> None:
    book = ZoneBook()
    book.apply(publish(zone("a", 7.0)))
    (fact,) = book.apply(publish(zone("a", 8.0)))
    assert (fact.revision, fact.change) == (2, Change.AMENDED)
    assert names(book, 1_000) == {"a": 8.0}
    assert len(book.timeline("a")) == 1


def test_a_version_before_another_holds_until_that_one() -> None:
    book = ZoneBook()
    book.apply(publish(zone("a", 8.0), at=20))
    book.apply(publish(zone("a", 7.0), at=10))
    assert [names(book, t).get("a") for t in (9, 10, 19, 20)] == [None, 7.0, 7.0, 8.0]


def test_what_holds_already_makes_no_fact() -> None:
    book = ZoneBook(BASE)
    assert book.apply(publish(YARD, at=40)) == []
    book.apply(publish(zone("a"), at=10))
    assert book.apply(publish(zone("a"), at=10)) == []
    assert book.apply(publish(zone("a"), at=30)) == []
    book.apply(retire("a", at=50))
    assert book.apply(retire("a", at=60)) == []
    assert book.epochs() == [10, 50]


@pytest.mark.parametrize(
    ("command", "code", "message"),
    [
        (publish(), "zones", "zones: got 0, want a list of 1 to 1000 features"),
        (publish(zone("a"), at=True), "valid_from", "valid_from_ms: got True"),
        (publish(zone("a"), at=-1), "valid_from", "valid_from_ms: got -1"),
        (publish(zone("a"), at=1.5), "valid_from", "valid_from_ms: got 1.5"),
        (publish(LAND), "country", "countries can't be published"),
        (publish(Zone("la", ZoneKind.YARD, "x", shapely.box(0, 0, 1, 1))), "country", "zone la"),
        (publish(zone("a b")), "id", "feature 0: id: got 'a b'"),
        (publish(zone("a"), zone("a")), "geometry", "id 'a' is used twice"),
        (publish(zone("port-a", kind=ZoneKind.PORT)), "gate", "gate and side can't change"),
        (publish(zone("a", gate="g", side="LA")), "gate", "got ('g', 'LA'), want (None, None)"),
        (publish(zone("port-a", gate="g", side="LA")), "gate", "zone port-a serves gate g: got kind custom"),
        (retire("nowhere"), "unknown", "no such zone: got nowhere"),
        (retire("la"), "country", "countries can't be retired"),
        (retire("port-a"), "gate", "zone port-a belongs to gate g"),
        (retire(), "ids", "ids: got 0"),
        (retire(5), "ids", "ids: got 5"),
        (retire("yard", "yard"), "ids", "want each id once"),
        (retire("yard", at=None), "valid_from", "valid_from_ms: got None"),
        ({"command": "zone.burn", "tenant": "main", "data": {}}, "unknown_command", "got zone.burn"),
        ({"command": "zone.publish", "tenant": "main", "data": None}, "zones", "zones: got None"),
    ],
)
def test_what_is_not_in_order_is_refused_whole(command: dict[str, Any], code: str, message: str) -> None:
    book = ZoneBook(BASE)
    with pytest.raises(ZoneBookError) as caught:
        book.apply(command)
    assert caught.value.code == code
    assert message in str(caught.value)
    assert book.epochs() == []


def test_broken_geometry_names_its_ring() -> None:
    command = publish(zone("a"))
    del command["data"]["zones"][0]["geometry"]["coordinates"][0][-1]
    with pytest.raises(ZoneBookError, match="ring 0 is not closed"):
        ZoneBook().apply(command)


def test_one_refused_zone_refuses_the_command() -> None:
    book = ZoneBook(BASE)
    with pytest.raises(ZoneBookError):
        book.apply(publish(zone("a"), LAND))
    assert book.timeline("a") == ()


def test_a_zone_can_be_retired_only_once_it_holds() -> None:
    book = ZoneBook()
    book.apply(publish(zone("a"), at=100))
    with pytest.raises(ZoneBookError, match="zone a is not in force at 50 ms"):
        book.apply(retire("a", at=50))


def test_too_many_zones_or_bytes_are_refused() -> None:
    many = [zone(str(n)) for n in range(MAX_ZONES + 1)]
    with pytest.raises(ZoneBookError, match="zones: got 1001"):
        ZoneBook().apply(publish(*many))
    disc = shapely.Point(5, 5).buffer(1, quad_segs=10_000)
    big = [Zone(f"big-{n}", ZoneKind.CUSTOM, "big", disc) for n in range(4)]
    with pytest.raises(ZoneBookError, match="want at most 4194304 in one command"):
        ZoneBook().apply(publish(*big))


def test_a_snapshot_of_another_form_is_refused() -> None:
    with pytest.raises(ZoneBookError, match="zones of another form: got 9"):
        ZoneBook().load({"form": 9, "published": []})


IDS = ("yard", "a", "b")
commands = st.one_of(
    st.builds(
        lambda id_, east, at: publish(zone(id_, east), at=at),
        st.sampled_from(IDS),
        st.sampled_from([7.0, 8.0]),
        st.integers(0, 6),
    ),
    st.builds(lambda id_, at: retire(id_, at=at), st.sampled_from(IDS), st.integers(0, 6)),
)


def applied(book: ZoneBook, command: dict[str, Any]) -> list[Any]:
    try:
        return [(f.id, f.revision, f.data) for f in book.apply(command)]
    except ZoneBookError as error:
        return [error.code]


@settings(deadline=None)
@given(st.lists(commands, max_size=12))
def test_what_holds_is_what_a_list_of_all_commands_says(history: list[dict[str, Any]]) -> None:
    """The model: for each id the put of the greatest instant up to t, the newest of one instant."""
    book = ZoneBook(BASE)
    puts: dict[str, dict[int, float | None]] = {"yard": {-1: 4.0}, "a": {}, "b": {}}
    for command in history:
        data, at = command["data"], command["data"]["valid_from_ms"]
        id_ = data["ids"][0] if "ids" in data else data["zones"][0]["id"]
        east = None if "ids" in data else max(p[0] for p in data["zones"][0]["geometry"]["coordinates"][0])
        facts = applied(book, command)
        before = [puts[id_][t] for t in sorted(puts[id_]) if t <= at]
        if "ids" in data and not before:
            assert facts in (["unknown"], ["not_in_force"])
        elif before and before[-1] == east:
            assert facts == []
        else:
            assert len(facts) == 1
            puts[id_][at] = east
    for t in range(-1, 8):
        want = {i: [p[k] for k in sorted(p) if k <= t] for i, p in puts.items()}
        got = {i: e for i, e in names(book, t).items() if i in IDS}
        assert got == {i: held[-1] for i, held in want.items() if held and held[-1] is not None}


@settings(deadline=None)
@given(st.lists(commands, max_size=10), st.integers(0, 10))
def test_a_snapshot_goes_on_as_if_nothing_had_stopped(history: list[dict[str, Any]], cut: int) -> None:
    whole, first, second = ZoneBook(BASE), ZoneBook(BASE), ZoneBook(BASE)
    facts = [applied(whole, command) for command in history]
    for command in history[:cut]:
        applied(first, command)
    second.load(orjson.loads(orjson.dumps(first.dump())))
    assert [applied(second, command) for command in history[cut:]] == facts[cut:]
    assert orjson.dumps(second.dump()) == orjson.dumps(whole.dump())
    assert [z.version for z in second.at(3)] == [z.version for z in whole.at(3)]
    assert second.numbered(3) == whole.numbered(3)
