"""The book: all or nothing, each record once, found again, and gone for good when it is redacted."""

from __future__ import annotations

import sqlite3
import tempfile
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from feeds.ledger.book import Book, EventKey, NewEntry, ReportKey
from feeds.ledger.entry import EntryKind
from feeds.ledger.errors import LedgerAwayError, LedgerStopError


def report(seq: int, hash_: bytes = b"h" * 32, asset: str = "asset_1", device: str = "d1") -> NewEntry:
    key = ReportKey(device, "b1", seq, hash_)
    groups = {"whole": b"raw %d" % seq}
    return NewEntry(EntryKind.REPORT, key, asset, "main", 1000 + seq, b"entry %d" % seq, b"s" * 16, groups)


def event(id_: str, revision: int) -> NewEntry:
    key = EventKey(id_, revision)
    return NewEntry(EntryKind.EVENT, key, "asset_1", "main", 5, id_.encode(), b"s" * 16, {"whole": b"e"})


@pytest.fixture
def book(tmp_path: Path) -> Book:
    return Book(tmp_path / "book.db")


def test_entries_come_back_in_order(book: Book) -> None:
    assert book.append([report(2), event("visit_1", 1), report(1)], {"log": 7, "events": 3}) == 3
    assert book.size == 3
    assert book.entries(0, 3) == [b"entry 2", b"visit_1", b"entry 1"]
    assert (book.place_of("log"), book.place_of("events"), book.place_of("other")) == (7, 3, 0)
    kept = book.records(0, 3, 10)
    assert [one.place for one in kept] == [0, 1, 2]
    assert kept[2].groups == {"whole": b"raw 1"}
    assert (kept[0].asset, kept[0].tenant, kept[0].t_ms) == ("asset_1", "main", 1002)


def test_the_same_again_changes_nothing_but_the_places(book: Book) -> None:
    first = [report(1), event("visit_1", 1)]
    assert book.append(first, {"log": 1}) == 2
    assert book.append([report(1), report(2), report(2), event("visit_1", 2), *first], {"log": 9}) == 2
    assert book.entries(0, 4) == [b"entry 1", b"visit_1", b"entry 2", b"visit_1"]
    assert book.append(first, {"log": 10}) == 0
    assert book.place_of("log") == 10


def test_other_bytes_under_one_number_are_a_conflict_and_kept(book: Book) -> None:
    book.append([report(1)], {})
    assert not book.conflicts(report(1).key)  # type: ignore[arg-type]
    other = report(1, b"x" * 32)
    assert book.conflicts(other.key)  # type: ignore[arg-type]
    assert book.append([other], {}) == 1
    assert book.highest("d1", "b1") == 1
    assert book.highest("d1", "b2") == -1


def test_a_record_is_found_by_its_key(book: Book) -> None:
    book.append([report(1), event("visit_1", 3)], {})
    assert book.find(ReportKey("d1", "b1", 1, b"h" * 32)) == 0
    assert book.find(EventKey("visit_1", 3)) == 1
    assert book.find(ReportKey("d1", "b1", 1, b"i" * 32)) is None
    assert book.find(ReportKey("d9", "b1", 1, b"h" * 32)) is None
    assert book.find(EventKey("visit_1", 4)) is None


def test_records_of_some_assets(book: Book) -> None:
    book.append([report(n, asset=f"asset_{n % 3}") for n in range(9)], {})
    assert [one.place for one in book.records(1, 8, 10, ["asset_0", "asset_2", "nobody"])] == [2, 3, 5, 6]
    assert [one.place for one in book.records(0, 9, 2, ["asset_1"])] == [1, 4]
    assert book.records(0, 9, 9, []) == []
    assert [one.place for one in book.records(3, 9, 2)] == [3, 4]


@settings(max_examples=60, deadline=None)
@given(
    reports=st.lists(st.tuples(st.integers(0, 12), st.integers(0, 20), st.booleans()), max_size=12),
    window=st.tuples(st.integers(0, 20), st.integers(0, 20)),
    below=st.none() | st.integers(0, 12),
    in_order=st.booleans(),
)
def test_whether_a_start_has_a_report_of_a_time(
    reports: list[tuple[int, int, bool]], window: tuple[int, int], below: int | None, in_order: bool
) -> None:
    if in_order:
        times = sorted(t_ms for _, t_ms, _ in reports)
        reports = [(seq, t_ms, own) for (seq, _, own), t_ms in zip(sorted(reports), times, strict=True)]
    with tempfile.TemporaryDirectory() as folder:
        made = Book(Path(folder) / "book.db")
        rows = [
            replace(report(seq, bytes([n]) * 32, "asset_1" if own else "asset_2"), t_ms=t_ms)
            for n, (seq, t_ms, own) in enumerate(reports)
        ]
        made.append([*rows, report(3, device="d2")], {})
        places = range(len(rows)) if below is None else range(min(below, len(rows)))
        want = any(rows[at].asset == "asset_1" and window[0] <= rows[at].t_ms < window[1] for at in places)
        assert made.reported("d1", "b1", "asset_1", *window, below) is want
        assert not made.reported("d1", "b2", "asset_1", 0, 30)
        assert not made.reported("d1", "b1", "nobody", 0, 30)
        made.close()


def test_all_or_nothing(book: Book) -> None:
    book.append([report(1)], {"log": 1})
    book._db.execute("CREATE TRIGGER broken BEFORE INSERT ON places BEGIN SELECT RAISE(ABORT, 'full'); END")
    with pytest.raises(LedgerAwayError, match="full"):
        book.append([report(2, asset="new", device="new")], {"log": 2})
    assert (book.size, book.place_of("log"), book.find(ReportKey("new", "b1", 2, b"h" * 32))) == (1, 1, None)
    book._db.execute("DROP TRIGGER broken")
    assert book.append([report(2, asset="new", device="new")], {"log": 2}) == 1
    assert book.records(1, 2, 1)[0].asset == "new"


def test_it_is_as_it_was_when_opened_again(tmp_path: Path) -> None:
    book = Book(tmp_path / "book.db")
    book.append([report(1)], {"log": 1})
    book.set_mark("settled", 256)
    book.close()
    again = Book(tmp_path / "book.db")
    assert (again.size, again.place_of("log"), again.mark("settled"), again.mark("x")) == (1, 1, 256, 0)
    assert again.append([report(1)], {}) == 0
    again.close()


def test_redacted_contents_are_gone_from_the_files(tmp_path: Path) -> None:
    book = Book(tmp_path / "book.db")
    secret = b"somebody drove here, and this is long enough to be found"
    one = report(1)
    book.append(
        [NewEntry(one.kind, one.key, one.asset, one.tenant, 1, one.entry, b"S" * 16, {"whole": secret})], {}
    )
    book.append([report(2)], {})
    assert book.redact([0]) == 1
    assert book.redact([0, 99]) == 0
    assert not any(secret in path.read_bytes() for path in tmp_path.iterdir())
    kept = book.records(0, 2, 2)
    assert (kept[0].groups, kept[0].salts, kept[0].entry) == (None, None, b"entry 1")
    assert kept[1].groups == {"whole": b"raw 2"}
    book.close()


def test_entries_that_are_not_there(book: Book) -> None:
    with pytest.raises(LedgerStopError, match="entries 0 to 2: got 0, want 2"):
        book.entries(0, 2)


def test_a_book_of_another_version(tmp_path: Path) -> None:
    with sqlite3.connect(tmp_path / "book.db") as db:
        db.execute("PRAGMA user_version = 9")
    db.close()
    with pytest.raises(LedgerStopError, match="got version 9, want 1"):
        Book(tmp_path / "book.db")


def test_a_file_that_is_no_book(tmp_path: Path) -> None:
    (tmp_path / "book.db").write_bytes(b"no database" * 100)
    with pytest.raises(LedgerAwayError, match="not a database"):
        Book(tmp_path / "book.db")
