"""Completeness as of a head: what a start's statement was before the newest came."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from feeds.completeness import History
from feeds.grants.assets import assets_of
from feeds.ledger.book import Book
from feeds.ledger.reading import BOOK
from feeds.ledger.writer import LedgerWriter
from feeds.records.asof import as_of, tail_of, without
from feeds.records.beside import gather
from feeds.records.export import export
from feeds.records.page import heads_of
from streams.records import Form
from tests.unit.feeds.records.house import FLEET, T0, House, asset_of, grant


def statements(house: House) -> list[dict[str, Any]]:
    starts = house.ledgers[0].starts("unit-fleet-0", FLEET)
    return [History(starts).statement("unit-fleet-0", boot) for boot in sorted(starts)]


def write_on(house: House) -> None:
    """Put what is new into the book, and sign nothing."""
    book = Book(house.folder(0) / BOOK)
    while LedgerWriter(house.log, house.read, book, 0).step():
        pass
    book.close()


def test_what_came_above_the_head_is_not_told(house: House) -> None:
    (before,) = statements(house)
    size = heads_of(house.ledgers)[0].size
    house.sent["unit-fleet-0"] = 5  # numbers 3 and 4 did not come
    house.report(FLEET, count=2)
    write_on(house)
    (after,) = statements(house)
    assert after["received"] == [[0, 2], [5, 6]]
    tails = tail_of(house.ledgers[0], size, [asset_of(FLEET)])
    assert tails == {("unit-fleet-0", "b1"): {5, 6}}
    assert as_of(after, tails) == before


def test_of_reports_without_numbers_those_above_the_head_are_not_counted(house: House) -> None:
    house.boots["unit-fleet-0"] = 2
    house.report(FLEET, count=3, form=Form.NMEA)
    house.seal()
    before = statements(house)[-1]
    size = heads_of(house.ledgers)[0].size
    house.report(FLEET, count=2, form=Form.NMEA)
    write_on(house)
    after = statements(house)[-1]
    assert (before["uncounted"], after["uncounted"]) == (3, 5)
    assert as_of(after, tail_of(house.ledgers[0], size, [asset_of(FLEET)])) == before
    assert as_of(before, {("unit-fleet-0", "b2"): {0, 1, 2}}) is None


def test_a_hole_that_was_closed_since_is_a_hole_as_of_then(house: House) -> None:
    house.sent["unit-fleet-0"] = 5
    house.report(FLEET)
    house.seal()
    (before,) = statements(house)
    size = heads_of(house.ledgers)[0].size
    house.sent["unit-fleet-0"] = 3
    house.report(FLEET, count=2)
    write_on(house)
    (after,) = statements(house)
    assert (before["missing"], after["missing"]) == ([[3, 4]], [])
    told = as_of(after, tail_of(house.ledgers[0], size, [asset_of(FLEET)]))
    assert told is not None
    assert (told["received"], told["missing"]) == (before["received"], before["missing"])


def test_a_start_that_had_not_begun_is_left_out(house: House) -> None:
    (now,) = statements(house)
    assert as_of(now, tail_of(house.ledgers[0], 0, [asset_of(FLEET)])) is None


def test_an_export_ends_where_its_heads_do_though_more_is_written(house: House, tmp_path: Path) -> None:
    sizes = {head.log: head.size for head in heads_of(house.ledgers)}
    of, assets = grant(), assets_of(house.read, grant())
    before = gather(house.read, house.ledgers, of, assets, None, sizes).completeness
    house.report(FLEET, count=2)
    write_on(house)
    made = export(house.source, of, tmp_path / "export", T0)
    assert made["counts"]["reports"] == 5
    after = gather(house.read, house.ledgers, of, assets, None, sizes).completeness
    assert after == before
    assert sorted(one["received"] for one in after) == [[[0, 1]], [[0, 2]]]


@given(have=st.sets(st.integers(0, 40)), gone=st.sets(st.integers(0, 40)))
def test_ranges_without_numbers_are_the_difference(have: set[int], gone: set[int]) -> None:
    ranges = without([(one, one) for one in sorted(have)], gone)
    assert {n for first, last in ranges for n in range(first, last + 1)} == have - gone
    whole = without([(0, 40)], gone)
    assert {n for first, last in whole for n in range(first, last + 1)} == set(range(41)) - gone
    assert all(left[1] + 1 < right[0] for left, right in pairwise(whole))
