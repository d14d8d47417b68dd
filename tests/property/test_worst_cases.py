"""The worst arrivals that the order-free law found, by name, each as small as it got."""

from __future__ import annotations

import pytest

from streams.events import Kind
from tests.property import nasty
from tests.property.delivery import Delivery, Report
from tests.property.test_order_free import (
    MEMORIES,
    Memory,
    check_history,
    derived,
    differences,
    fold,
    histories,
)
from tests.reference import Sample

T0 = nasty.T0
PORT_LA, BEFORE_PORT = -60_000, -120_000
EAST, WEST = 4_400_000, -600_000


def at(
    t_s: float, lon: int, speed: int | None = 4_000, lat: int = 1_000, odometer: int | None = None
) -> Sample:
    """A sample at seconds after T0."""
    return Sample(T0 + round(t_s * 1000), lon, lat, speed, hdop=100, fix=3, odometer=odometer)


def arriving(*frames: list[Sample], received_s: float = 100_000) -> Delivery:
    """One report of one asset a frame."""
    received = T0 + round(received_s * 1000)
    return Delivery(tuple((Report("a0", n, tuple(frame), received),) for n, frame in enumerate(frames)))


def check(delivery: Delivery, memory: Memory) -> None:
    """Right in content, and each object by an id of its own."""
    events = fold(delivery, memory)
    assert differences(events, delivery) == []
    newest = {event.id: event for event in events}
    for history in histories(events).values():
        check_history(history, newest)


def told(delivery: Delivery, kind: Kind) -> int:
    """How many objects of a kind the reference derives."""
    return sum(count for (_, name, _), count in derived(delivery).items() if name == kind.value)


every_memory = pytest.mark.parametrize("memory", MEMORIES, ids=str)


@every_memory
def test_a_sample_from_next_year_does_not_make_the_others_too_late(memory: Memory) -> None:
    next_year = at(365 * 86_400, PORT_LA)
    delivery = arriving([at(0, PORT_LA), next_year], [at(20, PORT_LA), at(400, PORT_LA, 0)], received_s=500)
    assert told(delivery, Kind.STOP) == 1
    check(delivery, memory)


@every_memory
def test_a_visit_whose_first_told_fix_is_in_its_second_half_can_be_split(memory: Memory) -> None:
    """Told by the fix at 361 s, prolonged to the front by the one at 301 s, cut between them by 331 s."""
    delivery = arriving(
        [at(271, BEFORE_PORT)], [at(361, PORT_LA)], [at(301, PORT_LA)], [at(331, BEFORE_PORT)]
    )
    check(delivery, memory)


@every_memory
def test_a_trip_whose_first_told_fix_is_in_its_second_half_can_be_split(memory: Memory) -> None:
    drive = [at(10 * n, -4_500_000 + 10_000 * n) for n in range(100)]
    later = [at(3_000 + 10 * n, -3_500_000 + 10_000 * n) for n in range(100)]
    pause = [at(1_000 + 290 * n, -3_500_000, 0) for n in range(7)]
    bridge = [at(1_000 + 250 * n, -3_500_000, 4_000) for n in range(8)]
    delivery = arriving(later, drive, bridge[1:4], bridge[4:], pause)
    check(delivery, memory)


@every_memory
def test_two_crossings_that_begin_within_one_step_are_two(memory: Memory) -> None:
    """Out and back over the whole gate, so short that the country did not change."""
    delivery = arriving([at(0, WEST)], [at(700, EAST)], [at(1_400, WEST)], [at(2_100, WEST, 0)])
    assert told(delivery, Kind.CROSSING) == 3
    check(delivery, memory)


@every_memory
def test_a_crossing_that_ends_with_the_fix_that_opens_the_next_one_is_not_it(memory: Memory) -> None:
    on_the_fence = at(121, 20_000)
    delivery = arriving(
        [at(1, -10_000)],
        [at(91, -10_000)],
        [at(181, -63_000, 0)],
        [on_the_fence],
        [at(211, -57_000, 0)],
        [at(301, -63_000, 0)],
    )
    assert told(delivery, Kind.CROSSING) == 2
    check(delivery, memory)


@every_memory
def test_a_crossing_of_which_only_a_line_was_seen_that_was_taken_back_is_none(memory: Memory) -> None:
    """Over the line and back at a gate without approaches, too short in its ports to be there."""
    there = [(0, -20_000), (5, 10_000), (14, 65_000), (60, 65_000)]
    back = [(70, 65_000), (79, 10_000), (84, -20_000), (90, -65_000), (140, -65_000)]
    out, home = ([at(t, lon, lat=3_000_000) for t, lon in part] for part in (there, back))
    assert told(arriving(out), Kind.CROSSING) == 1
    assert told(arriving(out, home), Kind.CROSSING) == 0
    for delivery in (arriving(out, home), arriving(home, out), arriving(out[::2], home, out[1::2])):
        check(delivery, memory)


@every_memory
def test_a_sample_refused_for_its_future_time_counts_when_another_report_brings_it_again(
    memory: Memory,
) -> None:
    """What is not good takes no part in anything, so one good copy is enough."""
    ahead = at(3_600, EAST)
    first = Report("a0", 0, (at(0, WEST), ahead), T0 + 10_000)
    again = Report("a0", 1, (ahead, at(3_700, WEST)), T0 + 3_800_000)
    check(Delivery(((first,), (again,))), memory)


@every_memory
def test_a_report_that_comes_again_after_the_past_was_sealed_changes_nothing(memory: Memory) -> None:
    standing = [at(60 * n, WEST, 0) for n in range(40)]
    reports = [standing[n : n + 2] for n in range(0, 40, 2)]
    plain = arriving(*reports)
    again = Delivery((*plain.frames, plain.frames[3], plain.frames[0]))
    check(again, memory)
    late = arriving(*reports[:3], *reports[4:], reports[3])
    check(late, memory)


@every_memory
def test_a_line_crossed_at_another_gate_is_none_of_the_crossing_in_progress(memory: Memory) -> None:
    far = 2_000_000
    drive = [
        *(at(0, -100_000), at(10, -100_000), at(20, 0, lat=far)),
        *(at(30 + 700 * n, 2_000 if n % 2 else -2_000, 0, lat=far) for n in range(4)),
        at(3_530, 2_000, 0, lat=far),
    ]
    check(arriving(*([one] for one in drive)), memory)
