"""The inbox of a partition: whatever is delivered, and how, each record is folded once, in order."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from streams.records import LogRecord, RecordKind
from streams.runtime.inbox import Inbox

LENGTH = 30
STEP = 0
ACTIONS = st.lists(st.integers(STEP, LENGTH), max_size=120)


def record(position: int, size: int = 10) -> LogRecord:
    return LogRecord(0, position, RecordKind.TICK, 0, "", bytes(size))


class Owner:
    """Folds as ``owner.Owner`` does, from a log of ``LENGTH`` records."""

    def __init__(self, inbox: Inbox, read_at_once: int) -> None:
        self.inbox, self.position, self.reads = inbox, 0, 0
        self._read_at_once = read_at_once
        inbox.begin(0, 0)

    def step(self, end: int = LENGTH) -> None:
        records = self.inbox.take(1_200, 0)
        if not records and self.inbox.behind(self.position):
            self.reads += 1
            records = [
                record(p) for p in range(self.position + 1, min(end, self.position + self._read_at_once) + 1)
            ]
        for one in records:
            assert one.position == self.position + 1
            self.position = one.position


@given(actions=ACTIONS, room=st.sampled_from([1, 2_000, 1 << 20]), read_at_once=st.integers(1, 8))
def test_each_record_once_and_in_order(actions: list[int], room: int, read_at_once: int) -> None:
    inbox = Inbox(room)
    owner = Owner(inbox, read_at_once)
    known = 0
    for action in actions:
        if action == STEP:
            owner.step(known)
            continue
        known = max(known, action)
        if not inbox.offer(record(action)):
            inbox.give_up()
    if not inbox.offer(record(LENGTH)):
        inbox.give_up()
    for _ in range(4 * LENGTH):
        owner.step()
    assert owner.position == LENGTH


def test_what_is_delivered_in_order_is_never_read() -> None:
    inbox = Inbox()
    owner = Owner(inbox, 1)
    owner.step()
    for position in range(1, LENGTH + 1):
        assert inbox.offer(record(position))
        assert inbox.offer(record(position)), "a repeat is let go"
        owner.step()
        assert owner.position == position
    assert owner.reads == 0


def test_a_full_inbox_says_so_and_what_is_given_up_is_read() -> None:
    inbox = Inbox(room=1_000)
    owner = Owner(inbox, LENGTH)
    owner.step()
    assert [inbox.offer(record(p, 400)) for p in (1, 2, 3)] == [True, True, False]
    owner.step()
    assert inbox.offer(record(3, 400)), "there is room again"
    assert not inbox.offer(record(4, 400))
    inbox.give_up()
    assert inbox.offer(record(5)), "nothing waits while the owner reads"
    for _ in range(4):
        owner.step()
    assert owner.position == LENGTH
    assert owner.reads == 1
