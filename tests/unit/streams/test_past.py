"""The contract of the past, for each implementation."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from streams.engine.columns import Array
from streams.engine.rows import EMPTY, NAMES, Rows
from streams.memory_past import MemoryPast
from streams.past import Chunk, KeptObject, KeptState, Past, PastError, Voided
from streams.runtime import chunks
from streams.runtime.chunks import ChunkFiles


def make_memory(_: Path) -> Past:
    return MemoryPast()


class TrimmedAtOnce(ChunkFiles):
    """Every file is looked through at each trim, also where it does not pay."""

    def trim(self, before: int | Array, position: int | None = None) -> None:
        super().trim(before, position)
        while self.compact():
            pass


def make_files(folder: Path) -> Past:
    return TrimmedAtOnce(folder / "past")


@pytest.fixture(params=[make_memory, make_files])
def past(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Past:
    monkeypatch.setattr(chunks, "worth", lambda *_: True)
    make: Callable[[Path], Past] = request.param
    return make(tmp_path)


def samples(*places: tuple[int, int, int]) -> Rows:
    """Of (asset, t, position) each; the other columns tell them apart."""
    table = np.array(places, np.int64).reshape(-1, 3)
    columns = {name: np.arange(len(table)) * 10 + k for k, name in enumerate(NAMES)}
    columns |= {"asset": table[:, 0], "t": table[:, 1], "position": table[:, 2]}
    return Rows(**columns)


def chunk(first: int, last: int, *kept: KeptState | Voided | KeptObject, rows: Rows = EMPTY) -> Chunk:
    states = [one for one in kept if isinstance(one, KeptState)]
    voided = [one for one in kept if isinstance(one, Voided)]
    return Chunk(first, last, rows, states, voided, [one for one in kept if isinstance(one, KeptObject)])


def times(rows: Rows) -> list[tuple[int, int]]:
    return list(zip(rows.t.tolist(), rows.position.tolist(), strict=True))


def test_rows_come_by_time_whatever_came_first(past: Past) -> None:
    past.write(chunk(0, 3, rows=samples((7, 50, 1), (7, 30, 3), (8, 40, 2), (7, 50, 3))))
    past.write(chunk(3, 5, rows=samples((7, 40, 5))))
    assert times(past.rows(7, 0, 5)) == [(30, 3), (40, 5), (50, 1), (50, 3)]
    assert times(past.rows(8, 0, 5)) == [(40, 2)]
    assert len(past.rows(9, 0, 5)) == 0


def test_rows_are_later_than_asked_and_no_newer_than_the_position(past: Past) -> None:
    past.write(chunk(0, 2, rows=samples((7, 30, 1), (7, 40, 2))))
    past.write(chunk(2, 3, rows=samples((7, 35, 3))))
    assert times(past.rows(7, 30, 3)) == [(35, 3), (40, 2)]
    assert times(past.rows(7, 29, 2)) == [(30, 1), (40, 2)]
    assert times(past.rows(7, 29, 99)) == [(30, 1), (35, 3), (40, 2)]


def test_every_column_comes_back_as_it_was(past: Past) -> None:
    edges = np.array([-(1 << 63), (1 << 63) - 1, -(1 << 62), 0, -1, 1 << 40], np.int64)
    columns = {name: np.roll(edges, k) for k, name in enumerate(NAMES)}
    columns |= {"asset": np.full(6, 3), "t": np.arange(6) * 1000, "position": np.full(6, 1)}
    past.write(chunk(0, 1, rows=Rows(**columns)))
    got = past.rows(3, -1, 1)
    for name in NAMES:
        np.testing.assert_array_equal(getattr(got, name), columns[name], err_msg=name)
        assert getattr(got, name).dtype == np.int64


def test_the_state_is_the_newest_one_before(past: Past) -> None:
    old, new, other = KeptState(7, 10, 1, b"a"), KeptState(7, 20, 2, b"b"), KeptState(8, 15, 2, b"")
    past.write(chunk(0, 2, new, old, other))
    assert past.state(7, 21, 2) == new
    assert past.state(7, 20, 2) == old
    assert past.state(7, 21, 1) == old
    assert past.state(7, 10, 2) is None
    assert past.state(8, 99, 2) == other
    assert past.state(9, 99, 2) is None


def test_of_states_of_one_time_the_one_kept_last_counts(past: Past) -> None:
    past.write(chunk(0, 2, KeptState(7, 10, 2, b"b"), KeptState(7, 10, 1, b"a"), KeptState(7, 10, 2, b"c")))
    past.write(chunk(2, 3, KeptState(7, 10, 3, b"d")))
    found = [past.state(7, 11, position) for position in (1, 2, 3)]
    assert [one and one.blob for one in found] == [b"a", b"c", b"d"]


def test_a_void_ends_later_states_kept_before_it_and_no_others(past: Past) -> None:
    past.write(chunk(0, 2, KeptState(7, 10, 1, b"a"), KeptState(7, 20, 2, b"b"), KeptState(8, 20, 2, b"x")))
    past.write(chunk(2, 3, Voided(7, 10, 3), KeptState(7, 15, 3, b"c")))
    got = [past.state(7, 99, position) for position in (2, 3)]
    assert [one and one.blob for one in got] == [b"b", b"c"]
    assert past.state(7, 15, 3) == KeptState(7, 10, 1, b"a")
    assert past.state(8, 99, 3) == KeptState(8, 20, 2, b"x")


def test_of_each_id_the_newest_object_up_to_the_position(past: Past) -> None:
    first, second = KeptObject(7, "v1", 50, 1, b"1"), KeptObject(7, "é", 60, 2, b"2")
    third = KeptObject(7, "v1", 70, 4, b"3")
    past.write(chunk(0, 2, second, first, KeptObject(8, "v1", 99, 2, b"")))
    past.write(chunk(2, 4, third))
    assert past.objects(7, 0, 4) == [second, third]
    assert past.objects(7, 0, 3) == [first, second]
    assert past.objects(7, 61, 4) == [third]
    assert past.objects(7, 60, 4) == [second, third]
    assert past.objects(9, 0, 4) == []


def test_an_objects_newer_version_hides_the_older_one_also_when_it_ends_earlier(past: Past) -> None:
    past.write(chunk(0, 2, KeptObject(7, "v", 90, 1, b"1"), KeptObject(7, "v", 40, 2, b"2")))
    assert past.objects(7, 50, 2) == []
    past.trim(50, 0)
    assert past.objects(7, 50, 2) == []
    assert [one.blob for one in past.objects(7, 50, 1)] == [b"1"]


def test_what_was_written_is_not_written_twice(past: Past) -> None:
    past.write(chunk(0, 2, KeptState(7, 1, 2, b"a"), rows=samples((7, 1, 1))))
    past.write(chunk(0, 2, KeptState(7, 1, 2, b"other"), rows=samples((7, 9, 1))))
    past.write(
        chunk(
            1, 4, KeptState(7, 1, 2, b"other"), KeptState(7, 5, 4, b"b"), rows=samples((7, 1, 2), (7, 2, 3))
        )
    )
    assert past.end == 4
    assert times(past.rows(7, 0, 9)) == [(1, 1), (2, 3)]
    assert past.state(7, 2, 9) == KeptState(7, 1, 2, b"a")
    assert past.state(7, 9, 9) == KeptState(7, 5, 4, b"b")


def test_nothing_is_held_at_first_and_an_empty_chunk_moves_the_end(past: Past) -> None:
    assert (past.end, past.state(1, 1, 1), past.objects(1, 1, 1), len(past.rows(1, 1, 1))) == (0, None, [], 0)
    past.write(chunk(0, 9))
    assert past.end == 9


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        (chunk(3, 4), r"got a chunk after 3, want one after 2"),
        (chunk(4, 3), r"got \(4, 3\], want first <= last"),
        (chunk(2, 3, KeptState(1, 1, 2, b"")), r"got 2 to 2, want \(2, 3\]"),
        (chunk(2, 3, Voided(1, 1, 4)), r"got 4 to 4, want \(2, 3\]"),
        (chunk(2, 3, KeptObject(1, "", 1, 9, b"")), r"got 9 to 9, want \(2, 3\]"),
        (chunk(2, 4, rows=samples((1, 1, 3), (1, 1, 5))), r"got 3 to 5, want \(2, 4\]"),
    ],
)
def test_a_chunk_that_does_not_fit_is_refused_and_changes_nothing(
    past: Past, wrong: Chunk, message: str
) -> None:
    past.write(chunk(0, 2))
    with pytest.raises(PastError, match=message):
        past.write(wrong)
    assert past.end == 2


def test_a_trim_spares_the_anchor_and_what_follows_it(past: Past) -> None:
    rows = samples((7, 10, 1), (7, 20, 1), (7, 25, 1), (7, 40, 1), (8, 10, 1))
    past.write(chunk(0, 1, KeptState(7, 10, 1, b"a"), KeptState(7, 20, 1, b"b"), rows=rows))
    past.trim(30)
    assert past.state(7, 30, 1) == KeptState(7, 20, 1, b"b")
    assert times(past.rows(7, 20, 1)) == [(25, 1), (40, 1)]
    assert times(past.rows(8, 0, 1)) == [(10, 1)]  # has no anchor


def test_a_trim_spares_the_anchors_of_older_positions(past: Past) -> None:
    past.write(chunk(0, 1, KeptState(7, 10, 1, b"a"), rows=samples((7, 10, 1), (7, 12, 1))))
    past.write(chunk(1, 2, KeptState(7, 20, 2, b"b"), rows=samples((7, 20, 2))))
    past.trim(30, 1)
    assert past.state(7, 30, 1) == KeptState(7, 10, 1, b"a")
    assert times(past.rows(7, 10, 1)) == [(12, 1)]


def test_a_trim_spares_objects_that_a_fold_from_the_anchor_says_again(past: Past) -> None:
    objects = [KeptObject(7, name, until, 1, b"") for name, until in (("a", 15), ("b", 25), ("c", 35))]
    objects.append(KeptObject(8, "d", 5, 1, b""))  # of an asset without an anchor
    past.write(chunk(0, 1, *objects, rows=samples((7, 10, 1))))
    open_in_it = KeptObject(7, "e", 15, 3, b"")  # closed after the anchor was kept
    past.write(chunk(1, 3, KeptState(7, 20, 2, b"s"), open_in_it))
    past.trim(30)
    assert [one.id for one in past.objects(7, 0, 3)] == ["b", "c", "e"]
    assert [one.id for one in past.objects(8, 0, 3)] == ["d"]


def test_a_trim_by_asset_spares_those_that_were_silent(past: Past) -> None:
    """An asset's late data is late against its own newest sample, whatever others sent since."""
    states = [KeptState(asset, t, 1, b"s") for asset in (0, 1, 2) for t in (10, 20)]
    rows = samples(*((asset, t, 1) for asset in (0, 1, 2) for t in (5, 15, 25)))
    past.write(chunk(0, 1, *states, rows=rows))
    past.trim(np.array([30, 12]))
    assert times(past.rows(0, 0, 1)) == [(25, 1)]
    assert times(past.rows(1, 0, 1)) == [(15, 1), (25, 1)]
    assert times(past.rows(2, 0, 1)) == [(5, 1), (15, 1), (25, 1)]
    past.trim(np.array([0, 30]))
    assert past.state(0, 20, 1) is None
    assert times(past.rows(1, 0, 1)) == [(25, 1)]


def test_a_voided_state_is_no_anchor(past: Past) -> None:
    past.write(chunk(0, 1, KeptState(7, 10, 1, b"a"), KeptState(7, 20, 1, b"b"), rows=samples((7, 15, 1))))
    past.write(chunk(1, 2, Voided(7, 10, 2)))
    past.trim(30)
    assert past.state(7, 30, 2) == KeptState(7, 10, 1, b"a")
    assert times(past.rows(7, 10, 2)) == [(15, 1)]
