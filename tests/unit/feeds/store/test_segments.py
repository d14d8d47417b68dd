from feeds.store.periods import cut
from feeds.store.segments import ARRIVED, FAN, OPEN, Segment, Work, next_work


def of(*levels: int, day: int = 10) -> list[Segment]:
    return [Segment(n, level, day, 0, 1) for n, level in enumerate(levels)]


def test_nothing_to_do_while_only_the_open_segment_grows() -> None:
    assert next_work(of(OPEN), 99) is None
    assert next_work(of(OPEN, 1, 2, 3), 10) is None


def test_oldest_arrived_segment_comes_first() -> None:
    some = of(1, ARRIVED, ARRIVED, OPEN)
    assert next_work(some, 99) == Work((some[1],), 1)


def test_full_level_is_merged_into_the_next() -> None:
    some = of(*[1] * (FAN - 1), 2)
    assert next_work(some, 10) is None
    full = of(*[1] * (FAN + 2), 2)
    assert next_work(full, 10) == Work(tuple(full[:FAN]), 2)


def test_day_that_is_over_becomes_one_segment() -> None:
    some = of(1, 3, 2)
    assert next_work(some, 10) is None
    assert next_work(some, 11) == Work(tuple(some), 4)
    assert next_work(of(4), 11) is None


def test_days_are_never_merged_with_each_other() -> None:
    assert next_work([Segment(n, 1, n, 0, 1) for n in range(2 * FAN)], 999) is None


def test_cut_covers_every_asset_once_in_ranges_of_about_the_size() -> None:
    counts = [(2, 5), (3, 5), (7, 30), (8, 1), (9, 1)]
    assert cut(counts, 10) == [(2, 3, 10), (7, 7, 30), (8, 9, 2)]
    assert cut([], 10) == []
    assert cut([(4, 100)], 10) == [(4, 4, 100)]
