"""Pages of a feed: what is in them, what is shown, what proves it, and where they go on."""

from __future__ import annotations

import base64
import contextlib
import sqlite3
from collections.abc import Callable
from typing import Any, cast

import orjson
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from feeds.cursor import CursorError
from feeds.grants import Grant
from feeds.grants.assets import ALWAYS, assets_of
from feeds.grants.grant import EVENTS
from feeds.ledger.book import Row
from feeds.ledger.entry import EntryKind, check_opening, decode
from feeds.ledger.reading import BOOK, LedgerReader
from feeds.records import cursor
from feeds.records.lines import lines
from feeds.records.page import Head, Page, Record, heads_of, read_page
from feeds.records.surroundings import Surroundings
from streams.events import Kind
from tests.unit.feeds.records.house import FLEET, INSURER, LOGS, OTHER, T0, YEAR, House, asset_of, grant

START = (0,) * LOGS


def page(house: House, of: Grant, at: tuple[int, ...] = START, limit: int = 100) -> Page:
    return read_page(house.ledgers, heads_of(house.ledgers), of, assets_of(house.read, of), at, limit)


def plain(house: House, of: Grant, made: Page) -> list[dict[str, Any]]:
    around = Surroundings(house.read, house.ledgers, of.tenant)
    around.prepare(assets_of(house.read, of))
    return [orjson.loads(line) for line in lines(made, around.told)]


def names(record: Record) -> tuple[set[str], set[str]]:
    assert record.opening is not None
    return set(record.opening.shown), set(record.opening.hidden)


def test_a_feed_has_the_records_of_its_tenant_in_the_order_of_the_logs(house: House) -> None:
    made = page(house, grant())
    assert [one.kind for one in made.records] == ["report"] * 3 + ["crossing"] + ["report"] * 2
    assert [one.log for one in made.records] == [0, 0, 0, 0, 1, 1]
    places = [(one.log, one.kept.place) for one in made.records]
    assert places == sorted(places)
    assert {one.kept.tenant for one in made.records} == {FLEET}
    assert not made.more
    assert made.sent() == {"records": 6, "reports": 5, "events": 1, "redacted": 0}


@pytest.mark.parametrize(
    ("more", "report", "event"),
    [
        (
            {"fields": "precise"},
            ({"head", "place", "coarse", "signals", "facts"}, {"whole", "driver"}),
            ({"head", "body", "place"}, {"whole", "driver"}),
        ),
        (
            {"fields": "precise", "driver": True},
            ({"whole", "head", "place", "coarse", "signals", "facts", "driver"}, set()),
            ({"whole", "head", "body", "place", "driver"}, set()),
        ),
        (
            {"fields": "coarse"},
            ({"head", "coarse"}, {"whole", "place", "signals", "driver", "facts"}),
            ({"head", "body"}, {"whole", "place", "driver"}),
        ),
        (
            {"fields": "crossings", "kinds": ["crossing"]},
            None,
            ({"head", "body"}, {"whole", "place", "driver"}),
        ),
    ],
)
def test_what_is_shown_and_what_is_only_proved(house: House, more: Any, report: Any, event: Any) -> None:
    of = grant(**more)
    made = page(house, of)
    for one in made.records:
        assert names(one) == (report if one.kept.kind is EntryKind.REPORT else event)
        assert one.opening is not None
        check_opening(decode(one.kept.entry), one.opening)
    assert any(one.kind == "crossing" for one in made.records)
    told = b"".join(lines(made, lambda page: [None] * len(page.found)))
    hidden = not more.get("driver")
    shown = [
        base64.b64decode(group["content"])
        for line in told.splitlines()
        for group in orjson.loads(line).get("groups", {}).values()
        if "content" in group
    ]
    assert any(b"D-77" in content for content in shown) is not hidden
    assert (b"D-77" in told) is not hidden


def test_nothing_of_others_shows(house: House) -> None:
    of = grant(assets={"list": [asset_of(FLEET), asset_of(OTHER)]})
    assert {one.kept.asset for one in page(house, of).records} == {asset_of(FLEET)}
    text = orjson.dumps(plain(house, of, page(house, of)))
    assert OTHER.encode() not in text
    assert asset_of(OTHER).encode() not in text


@pytest.mark.parametrize(
    ("more", "count"),
    [
        ({"assets": {"fleet": "fleet 1"}}, 2),
        ({"assets": {"fleet": "foreign 0"}}, 0),
        ({"assets": "case"}, 0),
        ({"kinds": ["crossing"]}, 1),
        ({"kinds": ["report"]}, 5),
        ({"kinds": ["visit"]}, 0),
        ({"from_ms": T0 + 2_000, "kinds": ["report"]}, 3),
        ({"to_ms": T0 + 2_000, "kinds": ["report"]}, 2),
    ],
)
def test_assets_kinds_and_period_bound_a_feed(house: House, more: Any, count: int) -> None:
    assert len(page(house, grant(**more)).records) == count


def covered(house: House, begin: int, end: int, insurer: str = INSURER, name: str = "one") -> None:
    cover = {"insurer": insurer, "number": name, "from_ms": begin, "until_ms": end, "state": "running"}
    house.tell(Kind.COVER, f"cover_{name}", 1, FLEET, asset_of(FLEET), cover)


def times(house: House, of: Grant) -> list[int]:
    return [one.kept.t_ms - T0 for one in page(house, of).records if one.kind == "report"]


def test_a_feed_of_covers_has_what_lies_in_a_cover_of_the_consumer(house: House) -> None:
    of = grant(assets="cover")
    assert times(house, of) == []
    covered(house, T0 + 2_000, T0 + 4_000)
    covered(house, T0, T0 + YEAR, insurer="another", name="two")
    assert times(house, of) == [2_000]
    covered(house, T0 + 4_000, T0 + 4_001, name="three")
    assert times(house, of) == [2_000, 4_000]
    assert assets_of(house.read, of) == {asset_of(FLEET): ((T0 + 2_000, T0 + 4_001),)}
    covered(house, T0 - 10, T0 - 5, name="four")
    assert assets_of(house.read, of)[asset_of(FLEET)] == ((T0 - 10, T0 - 5), (T0 + 2_000, T0 + 4_001))


def test_a_cover_that_ended_early_ends_what_its_feed_has(house: House) -> None:
    of = grant(assets="cover")
    covered(house, T0, T0 + YEAR)
    assert times(house, of) == [0, 2_000, 4_000]
    cover = {"insurer": INSURER, "number": "one", "from_ms": T0, "until_ms": T0 + 1, "state": "ended"}
    house.tell(Kind.COVER, "cover_one", 2, FLEET, asset_of(FLEET), cover)
    assert times(house, of) == [0]


def test_a_feed_of_cases_has_what_lies_between_lodging_and_end(house: House) -> None:
    of = grant(assets="case")
    case = {"lodged_ms": T0 + 1, "ended_ms": None, "state": "lodged"}
    house.tell(Kind.CASE, "case_1", 1, FLEET, asset_of(FLEET), case)
    assert times(house, of) == [2_000, 4_000]
    house.tell(Kind.CASE, "case_1", 2, FLEET, asset_of(FLEET), case | {"ended_ms": T0 + 2_000})
    assert times(house, of) == [2_000]


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(sizes=st.lists(st.integers(1, 4), min_size=1, max_size=8))
def test_pages_of_any_size_give_every_record_once(house: House, sizes: list[int]) -> None:
    of = grant()
    want = [(one.log, one.kept.place) for one in page(house, of).records]
    found: list[tuple[int, int]] = []
    at, more, turn = START, True, 0
    while more:
        made = page(house, of, at, sizes[turn % len(sizes)])
        found += [(one.log, one.kept.place) for one in made.records]
        at = cursor.decode(made.next, of.feed, [head.size for head in made.heads])
        more, turn = made.more, turn + 1
    assert found == want


class Sparse:
    """A log of reports of one vehicle, one an hour; ``asked`` counts queries."""

    def __init__(self) -> None:
        self.asked = 0

    def rows(self, after: int, below: int, limit: int, assets: object, kind: object) -> list[Row]:
        self.asked += 1
        places = range(after, min(below, after + limit))
        return [(n, EntryKind.REPORT, "a", FLEET, T0 + n * 3_600_000, b"", None, None, None) for n in places]


@given(st.integers(1, 5))
def test_a_small_page_of_a_feed_that_has_little_of_a_log_asks_few_times(limit: int) -> None:
    begin, end = T0 + 15_000 * 3_600_000, T0 + 15_003 * 3_600_000
    of, head = grant(kinds=["report"], from_ms=begin, to_ms=end), Head(0, "log", 30_000, "note")
    ledger, found, more = Sparse(), list[int](), True
    at: tuple[int, ...] = (0,)
    while more:
        made = read_page([cast(LedgerReader, ledger)], [head], of, {"a": ALWAYS}, at, limit)
        assert len(made.found) <= limit
        found += [one.row[0] for one in made.found]
        at, more = made.places, made.more
        assert at[0] > (found or [0])[-1]
    assert found == [15_000, 15_001, 15_002]
    assert ledger.asked < 50


def test_a_late_record_comes_at_the_end(house: House) -> None:
    of = grant()
    first = page(house, of)
    assert page(house, of, first.places).records == []
    house.report(FLEET, t_ms=T0 - 90_000_000)
    house.seal()
    after = page(house, of, first.places)
    assert [one.kept.t_ms for one in after.records] == [T0 - 90_000_000 + 3 * 2_000]


def test_what_no_head_holds_is_not_served(house: House) -> None:
    of = grant()
    heads = heads_of(house.ledgers)
    house.report(FLEET)
    house.seal()
    made = read_page(house.ledgers, heads, of, assets_of(house.read, of), START, 100)
    assert len(made.records) == 6


def test_a_redacted_record_says_so_and_keeps_its_entry(house: House) -> None:
    of = grant()
    before = page(house, of).records[0]
    house.redact(0, before.kept.place)
    made = page(house, of)
    told = plain(house, of, made)[0]
    assert told["redacted"] is True
    assert not told.keys() & {"groups", "data", "assurance"}
    assert made.records[0].kept.entry == before.kept.entry
    assert made.sent()["redacted"] == 1


def test_a_redacted_event_is_in_feeds_of_its_kind_only(house: House) -> None:
    of = grant(kinds=["crossing"])
    (crossing,) = page(house, of).records
    house.redact(0, crossing.kept.place)
    (left,) = page(house, of).records
    assert (left.kind, left.opening, left.kept.entry) == ("crossing", None, crossing.kept.entry)
    assert page(house, grant(kinds=["visit", "trip"])).records == []
    assert {one.kind for one in page(house, grant(kinds=["report", "visit"])).records} == {"report"}


def test_an_event_redacted_before_its_kind_was_kept_is_in_feeds_of_all_kinds_only(house: House) -> None:
    (crossing,) = page(house, grant(kinds=["crossing"])).records
    house.redact(0, crossing.kept.place)
    with sqlite3.connect(house.folder(0) / BOOK) as db:
        db.execute("DELETE FROM gone")
    db.close()
    assert page(house, grant(kinds=["crossing"])).records == []
    left = [one for one in page(house, grant(kinds=sorted(EVENTS))).records if one.opening is None]
    assert [(one.kind, one.kept.place) for one in left] == [("event", crossing.kept.place)]


def test_lines_tell_data_assurance_completeness_and_the_page(house: House) -> None:
    of = grant()
    *records, last = plain(house, of, page(house, of))
    first = records[0]
    assert first["data"]["head"]["device"] == "unit-fleet-0"
    assert first["data"]["place"]["lon_e7"] == [1_016_512_345, 1_016_512_345]
    assert first["data"]["place"]["alt_mm"] == [None, None]
    assert first["data"]["signals"]["engine_rpm"] == [900.0, 900.0]
    assert first["data"]["facts"] == [{"t": T0, "kind": "seal", "id": "S1"}]
    assert first["assurance"]["level"] == "attributed"
    assert first["assurance"]["vouched_by"] == "gateway"
    assert first["completeness"] == {"missing_before": 0, "chain": "holds"}
    assert records[1]["completeness"]["chain"] == "holds"
    assert last["page"]["sent"]["records"] == len(records)
    assert [one["log"] for one in last["page"]["checkpoints"]] == [0, 1]
    assert last["page"]["next"] == page(house, of).next


def test_a_log_that_was_never_written_has_no_head(house: House) -> None:
    (head,) = heads_of([LedgerReader(house.root / "nowhere")])
    assert (head.size, head.note) == (0, "")


def _other(text: str) -> str:
    return cursor.encode("feed_other", (1, 1))


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (_other, "of another feed"),
        (lambda _: cursor.encode("feed_own", (9, 1)), "ahead of log 0: got place 9, and 5 are signed"),
        (lambda _: cursor.encode("feed_own", (1, 1, 1)), "repartitioning"),
        (lambda _: cursor.encode("feed_own", (-1, 1)), "damaged"),
        (lambda _: cursor.encode("feed_own", ("a", 1)), "damaged"),  # type: ignore[arg-type]
        (lambda text: text + "!", "not readable"),
        (lambda _: "", "not readable"),
        (lambda _: "AAAA", "not readable"),
        (lambda _: "é", "not readable"),
        (lambda _: "W10", "something else"),
        (lambda _: "WzEsMiwwLDBd", "something else"),
        (lambda _: "a" * 5_000, "too long"),
    ],
)
def test_a_cursor_that_can_not_be_used_is_refused_with_the_reason(
    change: Callable[[str], str], says: str
) -> None:
    with pytest.raises(CursorError, match=says):
        cursor.decode(change(cursor.encode("feed_own", (1, 1))), "feed_own", (5, 5))


def test_logs_that_follow_others_since_are_read_from_their_beginning() -> None:
    assert cursor.decode(cursor.encode("feed_own", (3,)), "feed_own", (5, 5)) == (3, 0)


@given(text=st.text(max_size=60))
def test_any_text_is_a_cursor_or_refused(text: str) -> None:
    with contextlib.suppress(CursorError):
        cursor.decode(text, "feed_own", (5, 5))


def test_the_consumer_is_who_was_named() -> None:
    assert grant().consumer == INSURER
