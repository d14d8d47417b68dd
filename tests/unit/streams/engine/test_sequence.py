"""The judgement of reports, against a plain loop with full hashes; and snapshots anywhere in between."""

from __future__ import annotations

import itertools
from dataclasses import dataclass, field

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from streams.engine.sequence import Sequences, Verdict
from streams.engine.sequence_kernel import BITS, RING

_GAPS = 256
_EARLIER = 8


@dataclass
class Boot:
    """One start of one device, with everything that ever came of it."""

    name: str
    next: int = 0
    gaps: list[tuple[int, int]] = field(default_factory=list)
    ring: dict[int, int] = field(default_factory=dict)

    def fill(self, seq: int) -> bool:
        for i, (first, last) in enumerate(self.gaps):
            if first <= seq <= last:
                self.gaps[i : i + 1] = [r for r in ((first, seq - 1), (seq + 1, last)) if r[0] <= r[1]]
                return True
        return False

    def open(self, seq: int) -> None:
        if seq > self.next:
            self.gaps = [*self.gaps, (self.next, seq - 1)][-_GAPS:]

    def late(self, seq: int) -> Verdict:
        if seq >= self.next:
            self.open(seq)
            self.next = seq + 1
            return Verdict.NEW
        return Verdict.NEW if self.fill(seq) else Verdict.DUPLICATE

    def judge(self, seq: int, digest: int) -> Verdict:
        if seq < self.next - RING:
            return self.late(seq)
        if seq < self.next and not self.fill(seq):
            return Verdict.DUPLICATE if self.ring.get(seq % RING, 0) == digest else Verdict.CONFLICT
        self.open(seq)
        self.ring[seq % RING] = digest
        self.next = max(self.next, seq + 1)
        return Verdict.NEW


class Plain:
    """The same judgement, report by report, with whole hashes and names."""

    def __init__(self) -> None:
        self.boots: dict[str, list[Boot]] = {}

    def judge(self, device: str, name: str, seq: int, digest: int) -> Verdict:
        boots = self.boots.setdefault(device, [Boot(name)])
        if boots[-1].name != name:
            for earlier in boots[:-1]:
                if earlier.name == name:
                    return earlier.late(seq)
            boots.append(Boot(name))
            del boots[: -_EARLIER - 1]
        return boots[-1].judge(seq, digest)

    def missing(self, device: str) -> list[tuple[int, int]]:
        return self.boots[device][-1].gaps


Report = tuple[str, str, int, int]
"""Device, boot, seq, content; contents differ in the bits that are kept."""


@st.composite
def reports(draw: st.DrawFn) -> list[Report]:
    """What devices send: mostly in line, with skips, repeats, old numbers, restarts and boots coming back."""
    following: dict[tuple[str, str], int] = {}
    running: dict[str, int] = {}
    sent: list[Report] = []
    step = st.tuples(st.integers(0, 3), st.integers(0, 11), st.integers(0, 90), st.integers(1, 3))
    for device_number, what, much, content in draw(st.lists(step, max_size=120)):
        device = f"d{device_number}"
        if what == 0:
            running[device] = running.get(device, 0) + 1
        elif what == 1:
            running[device] = max(0, running.get(device, 0) - much % 11)
        boot = f"b{running.get(device, 0)}"
        begin = following.get((device, boot), 0)
        if what == 2:
            begin += much
        elif what in (3, 4, 5):
            begin = max(0, begin - much)
        count = 1 + much % 5 if what != 6 else 1 + much
        for seq in range(begin, begin + count):
            sent.append((device, boot, seq, content if what in (3, 7) else seq + 1))
        following[device, boot] = max(following.get((device, boot), 0), begin + count)
    return sent


def judged(sequences: Sequences, batch: list[Report]) -> list[Verdict]:
    """The verdicts of one frame's reports."""
    rows = sequences.rows_of([device for device, *_ in batch])
    names = sorted({boot for _, boot, _, _ in batch})
    code = np.array([names.index(boot) for _, boot, _, _ in batch], np.int32)
    seq = np.array([seq for _, _, seq, _ in batch], np.int64)
    digest = np.array([content for *_, content in batch], np.uint64)
    return [Verdict(v) for v in sequences.judge(rows, names, code, seq, digest).tolist()]


def again(sequences: Sequences) -> Sequences:
    """A restored one from its snapshot as bytes."""
    restored = Sequences()
    restored.load([memoryview(part) for part in sequences.dump()])
    return restored


@given(reports(), st.lists(st.integers(1, 60), min_size=1, max_size=6), st.frozensets(st.integers(0, 9)))
@settings(max_examples=300, deadline=None)
def test_verdicts_are_those_of_the_plain_loop_in_any_portions_and_after_any_restore(
    sent: list[Report], sizes: list[int], stops: frozenset[int]
) -> None:
    plain, sequences = Plain(), Sequences()
    want = [plain.judge(*report) for report in sent]
    got: list[Verdict] = []
    for number, size in enumerate(itertools.cycle(sizes)):
        if len(got) == len(sent):
            break
        got += judged(sequences, sent[len(got) : len(got) + size])
        if number in stops:
            sequences = again(sequences)
    assert got == want
    for device in plain.boots:
        assert sequences.missing(device) == plain.missing(device)
    straight = Sequences()
    if sent:
        judged(straight, sent)
    assert again(sequences).dump() == sequences.dump() == straight.dump()


@pytest.mark.parametrize("first", [0, 1])
def test_the_ring_reaches_back_64_numbers_with_and_without_missing_ones(first: int) -> None:
    sequences = Sequences()
    judged(sequences, [("d", "b", seq, seq + 1) for seq in range(first, 100)])
    assert judged(sequences, [("d", "b", 35, 9), ("d", "b", 36, 9)]) == [Verdict.DUPLICATE, Verdict.CONFLICT]


def test_what_an_earlier_start_misses_is_new_when_it_comes_and_only_once() -> None:
    sequences = Sequences()
    judged(sequences, [("d", "b0", 0, 1), ("d", "b0", 5, 1), ("d", "b1", 0, 1)])
    sequences = again(sequences)
    late = [("d", "b0", 3, 1), ("d", "b0", 3, 1), ("d", "b0", 6, 1), ("d", "b0", 9, 1), ("d", "b0", 8, 1)]
    new, known = Verdict.NEW, Verdict.DUPLICATE
    assert judged(sequences, late) == [new, known, new, new, new]
    assert sequences.missing("d") == []
    assert judged(sequences, [("d", "b1", 1, 1), ("d", "b0", 8, 1)]) == [new, known]


def test_the_ninth_earlier_start_is_forgotten() -> None:
    sequences = Sequences()
    assert judged(sequences, [("d", f"b{i}", 0, 1) for i in range(10)]) == [Verdict.NEW] * 10
    assert judged(sequences, [("d", "b1", 0, 1)]) == [Verdict.DUPLICATE]
    assert judged(sequences, [("d", "b0", 0, 1)]) == [Verdict.NEW]  # taken for a new start
    assert judged(sequences, [("d", "b0", 0, 1), ("d", "b0", 0, 2)]) == [Verdict.DUPLICATE, Verdict.CONFLICT]


def test_more_missing_ranges_than_are_remembered_are_taken_for_lost() -> None:
    sequences = Sequences()
    judged(sequences, [("d", "b", 2 * i + 1, 1) for i in range(300)])
    gaps = sequences.missing("d")
    assert (len(gaps), gaps[0], gaps[-1]) == (256, (88, 88), (598, 598))
    assert judged(sequences, [("d", "b", 0, 1), ("d", "b", 88, 1)]) == [Verdict.DUPLICATE, Verdict.NEW]


@given(st.lists(st.integers(0, 2**64 - 1), min_size=RING, max_size=RING), st.integers(0, 2**53 - 200))
@settings(max_examples=50, deadline=None)
def test_every_place_of_the_ring_keeps_its_own_bits(contents: list[int], first: int) -> None:
    sequences = Sequences()
    sent = [("d", "b", first + i, content) for i, content in enumerate(contents)]
    beside = [(name, "b", 0, 2**64 - 1) for name in ("c", "e")]
    judged(sequences, [beside[0], *sent, beside[1]])
    assert judged(sequences, [*sent, *beside]) == [Verdict.DUPLICATE] * (RING + 2)
    for bit in (0, BITS - 1):
        other = [(device, boot, seq, content ^ 1 << bit) for device, boot, seq, content in [*sent, *beside]]
        assert judged(sequences, other) == [Verdict.CONFLICT] * (RING + 2)


def test_a_repeat_that_differs_only_in_bits_that_are_not_kept_counts_as_a_duplicate() -> None:
    sequences = Sequences()
    judged(sequences, [("d", "b", 0, 5)])
    assert judged(sequences, [("d", "b", 0, 5 + (1 << BITS))]) == [Verdict.DUPLICATE]


def test_a_device_at_rest_takes_no_more_than_160_bytes_in_memory_and_in_the_snapshot() -> None:
    sequences, count = Sequences(), 20_000
    names = [f"device-{i:05d}" for i in range(count)]
    rows = sequences.rows_of(names)
    zero = np.zeros(count, np.int64)
    for seq in range(3):
        sequences.judge(rows, ["boot"], zero, zero + seq, np.arange(count, dtype=np.uint64))
    held = sum(len(part) for part in sequences.dump())
    assert held <= 150 * count
    assert held + 8 * count <= 160 * count  # with the table of names, without the room to grow


def test_rows_count_up_from_0_and_names_keep_their_order() -> None:
    sequences = Sequences()
    assert sequences.rows_of(["a", "b", "ä"]).tolist() == [0, 1, 2]
    assert sequences.rows_of(["b", "c", "b", ""]).tolist() == [1, 3, 1, 4]
    many = [f"n{i}" for i in range(5_000)]
    assert sequences.rows_of(many).tolist() == list(range(5, 5_005))
    assert list(sequences.rows) == ["a", "b", "ä", "c", "", *many]
    assert sequences.rows["n77"] == 82
    assert sequences.rows.name(82) == "n77"
    assert "n5000" not in sequences.rows
    assert sequences.missing("n5000") == []
