from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from firmware_sim.flash import Flash, Key
from firmware_sim.outbox import MAX_IN_FLIGHT, Outbox
from firmware_sim.wire import Ack


def outbox(folder: Path, count: int) -> Outbox:
    flash = Flash(folder / "a.flash")
    flash.start_boot("b")
    for seq in range(count):
        flash.store(seq, seq, bytes([seq % 256]))
    return Outbox(flash, "truck")


def ack(
    *durable: tuple[int, int],
    refused: tuple[tuple[int, str], ...] = (),
    later: tuple[tuple[int, int, float, str], ...] = (),
) -> Ack:
    return Ack("b", durable, refused, later)


def test_no_more_than_64_are_in_flight_however_often_it_is_asked(tmp_path: Path) -> None:
    box = outbox(tmp_path, 100)
    assert [key.seq for key in box.take(0.0, 10)] == list(range(10))
    assert len(box.take(0.0)) == 54
    assert box.take(0.0) == []
    assert box.in_flight == MAX_IN_FLIGHT
    box.acknowledge(ack((0, 9)), 1.0)
    assert [key.seq for key in box.take(1.0)] == list(range(64, 74))


def test_it_sends_again_after_10_s_doubling_to_10_minutes_with_jitter(tmp_path: Path) -> None:
    box = outbox(tmp_path, 1)
    box.take(0.0)
    at, pauses = 0.0, []
    for _ in range(10):
        due = box.next_due_s()
        assert due is not None
        assert box.take(due - 0.01) == []
        assert box.take(due) == [Key("b", 0)]
        pauses.append(due - at)
        at = due
    for n, pause in enumerate(pauses):
        planned = min(10 * 2**n, 600)
        assert 0.8 * planned <= pause <= 1.2 * planned
    assert len({round(pause / min(10 * 2**n, 600), 6) for n, pause in enumerate(pauses)}) > 5


def test_refused_is_forgotten_and_counted_with_its_reason(tmp_path: Path) -> None:
    box = outbox(tmp_path, 3)
    box.take(0.0)
    box.acknowledge(ack(refused=((1, "bad_field"),)), 0.0)
    assert [key.seq for key in box.flash.keys()] == [0, 2]  # noqa: SIM118
    assert box.counters.refused == 1
    assert box.counters.reasons == {"bad_field": 1}


def test_later_is_kept_and_sent_after_the_given_time(tmp_path: Path) -> None:
    box = outbox(tmp_path, 2)
    box.take(0.0)
    box.acknowledge(ack((0, 0), later=((1, 1, 42.0, "unknown_device"),)), 1.0)
    assert Key("b", 1) in box.flash
    assert box.take(42.9) == []
    assert box.take(43.1) == [Key("b", 1)]


def test_an_ack_of_another_boot_or_of_what_was_never_sent_changes_nothing_else(tmp_path: Path) -> None:
    box = outbox(tmp_path, 2)
    box.take(0.0)
    box.acknowledge(Ack("other", ((0, 9),), (), ()), 0.0)
    assert len(box.flash) == 2


def test_a_new_connection_starts_the_pauses_over(tmp_path: Path) -> None:
    box = outbox(tmp_path, 1)
    now = 0.0
    for _ in range(7):
        box.take(now)
        now = box.next_due_s() or 0.0
    box.take(now)
    assert (box.next_due_s() or 0) - now > 100
    box.connected(now)
    assert (box.next_due_s() or 0) - now <= 12


@given(
    steps=st.lists(
        st.one_of(
            st.tuples(st.just("take"), st.integers(0, 400), st.integers(1, 70)),
            st.tuples(st.just("ack"), st.integers(0, 120), st.integers(0, 30)),
        ),
        max_size=30,
    )
)
@settings(max_examples=40, deadline=None)
def test_only_what_is_acknowledged_is_ever_missing(
    tmp_path_factory: pytest.TempPathFactory, steps: list[tuple[str, int, int]]
) -> None:
    box = outbox(tmp_path_factory.mktemp("f"), 110)
    told: set[int] = set()
    now = 0.0
    for what, a, b in steps:
        if what == "take":
            now += a
            box.take(now, b)
        else:
            told |= set(range(a, a + b + 1))
            box.acknowledge(ack((a, a + b)), now)
        assert box.in_flight <= MAX_IN_FLIGHT
        assert {key.seq for key in box.flash.keys()} == set(range(110)) - told  # noqa: SIM118
