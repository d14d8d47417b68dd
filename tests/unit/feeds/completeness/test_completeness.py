"""What came of what a device sent: the same for any order, doubling and splitting of its reports."""

from __future__ import annotations

import random
from dataclasses import dataclass, replace
from hashlib import sha256
from itertools import pairwise
from typing import Any

import cbor2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from feeds.completeness import Start, Starts, chain_at, statement, summary
from feeds.completeness.overlaps import OVERLAP_MS, overlaps
from feeds.completeness.packed import pack, unpack
from feeds.completeness.ranges import add, discard, gaps, holds
from feeds.completeness.spans import spans_of, spans_of_all
from feeds.completeness.start import MOST, SILENCE_MS

T0 = 1_800_000_000_000
MINUTE = 60_000
VIN = "LZZ5CLSB0NA000001"


@dataclass(frozen=True)
class Sent:
    """A report as the ledger has it."""

    boot: str
    boot_n: int | None
    seq: int
    hash: bytes
    prev: bytes | None
    facts: tuple[dict[str, Any], ...] = ()
    spans: tuple[tuple[int, int], ...] = ()


def digest(text: str) -> bytes:
    return sha256(text.encode()).digest()


def journey(*counts: int, chain: bool = True) -> list[Sent]:
    """Starts of a device, of so many reports each, one a minute, every one naming the one before."""
    found: list[Sent] = []
    prev = None
    for boot_n, count in enumerate(counts, 1):
        for seq in range(count):
            own = digest(f"{boot_n} {seq}")
            begin = T0 + len(found) * MINUTE
            spans = ((begin, begin + MINUTE - 1),)
            found.append(Sent(f"b{boot_n}", boot_n, seq, own, prev if chain else None, (), spans))
            prev = own
    return found


def take(reports: list[Sent], starts: Starts | None = None) -> Starts:
    """The reports in this order, judged as the ledger's writer does."""
    starts = starts or Starts()
    came: dict[tuple[str, int], set[bytes]] = {}
    for one in reports:
        before = came.setdefault((one.boot, one.seq), set())
        doubled, conflict = one.hash in before, bool(before) and one.hash not in before
        before.add(one.hash)
        where = ("unit-1", one.boot, one.boot_n, one.seq)
        starts.add(*where, one.hash, one.prev, conflict, doubled, one.facts, one.spans)
    return starts


def told(reports: list[Sent], boot: str = "b1") -> dict[str, Any]:
    return take(reports).statement("unit-1", boot)


def test_a_whole_start() -> None:
    made = told(journey(5))
    assert made == {
        "device": "unit-1",
        "boot": "b1",
        "boot_n": 1,
        "received": [[0, 4]],
        "missing": [],
        "uncounted": 0,
        "doubled": 0,
        "conflicts": 0,
        "chain": {
            "holds": True,
            "breaks": [],
            "broken": 0,
            "contested": [],
            "unlinked": [[0, 0]],
            "first": "holds",
        },
        "tail": "open",
        "twins": [],
        "overlaps": [],
        "overflow": [],
        "silences": [],
        "summed": {"below": 0, "missing": 0, "broken": 0, "silences": 0},
    }


def test_a_hole_is_told_and_a_late_report_closes_it() -> None:
    sent = journey(6)
    starts = take([one for one in sent if one.seq not in (2, 3)])
    made = starts.statement("unit-1", "b1")
    assert (made["received"], made["missing"]) == ([[0, 1], [4, 5]], [[2, 3]])
    assert [starts.chain("unit-1", "b1", seq) for seq in (1, 4, 5)] == ["holds", "unknown", "holds"]
    assert starts.start("unit-1", "b1").missing_before(5) == 2
    for one in (sent[3], sent[2]):
        starts.add("unit-1", "b1", 1, one.seq, one.hash, one.prev, spans=one.spans)
    assert starts.statement("unit-1", "b1") == told(sent)
    assert starts.chain("unit-1", "b1", 4) == "holds"


def test_an_edited_report_breaks_the_chain_where_it_stands() -> None:
    sent = journey(6)
    sent[3] = replace(sent[3], hash=digest("edited"))
    starts = take(sent)
    chain = starts.statement("unit-1", "b1")["chain"]
    assert (chain["holds"], chain["breaks"]) == (False, [4])
    found = [starts.chain("unit-1", "b1", seq) for seq in range(6)]
    assert found == ["holds", "holds", "holds", "broken", "broken", "holds"]


def test_two_reports_under_one_number() -> None:
    sent = journey(4)
    starts = take([*sent, replace(sent[2], hash=digest("other"))])
    made = starts.statement("unit-1", "b1")
    assert (made["conflicts"], made["chain"]["contested"]) == (1, [[2, 2]])
    assert not made["chain"]["holds"]
    found = [starts.chain("unit-1", "b1", seq) for seq in range(4)]
    assert found == ["holds", "holds", "broken", "unknown"]


def test_a_doubled_report_is_counted_and_nothing_else() -> None:
    sent = journey(3)
    made = told([*sent, sent[1], sent[1]])
    assert made == told(sent) | {"doubled": 2}


def test_a_tail_that_was_cut_off_shows_at_the_next_start() -> None:
    sent = journey(4, 2)
    assert told(sent)["tail"] == "whole"
    assert told(sent, "b2")["chain"]["first"] == "holds"
    cut = [one for one in sent if (one.boot, one.seq) != ("b1", 3)]
    assert told(cut)["tail"] == "cut"
    made = told(cut, "b2")
    assert made["chain"]["first"] == "unknown"
    assert take(cut).chain("unit-1", "b2", 0) == "unknown"
    assert told([one for one in sent if one.seq])["tail"] == "unknown"


def test_a_chain_that_begins_anew_is_broken() -> None:
    sent = journey(3, 3)
    sent[3] = replace(sent[3], prev=None)
    starts = take(sent)
    assert starts.statement("unit-1", "b2")["chain"]["breaks"] == [0]
    assert starts.chain("unit-1", "b2", 0) == "broken"


def test_two_starts_of_one_count_are_copies() -> None:
    sent = journey(3, 3)
    copy = [replace(one, boot="copy", hash=digest(f"copy {one.seq}")) for one in sent[3:]]
    copy = [replace(one, prev=copy[n - 1].hash if n else one.prev) for n, one in enumerate(copy)]
    starts = take([*sent, *copy])
    assert starts.statement("unit-1", "b2")["twins"] == ["copy"]
    assert starts.statement("unit-1", "copy")["twins"] == ["b2"]
    assert not starts.statement("unit-1", "b2")["chain"]["holds"]
    assert starts.chain("unit-1", "b2", 1) == starts.chain("unit-1", "copy", 1) == "broken"
    assert starts.chain("unit-1", "b1", 1) == "holds"


def test_two_starts_that_tell_of_the_same_times_are_said() -> None:
    """A copy that goes on under another count, while the true device does too."""
    sent = journey(20, 30)
    moved = [
        replace(one, spans=tuple((a - 10 * MINUTE, b - 10 * MINUTE) for a, b in one.spans))
        if one.boot == "b2"
        else one
        for one in sent
    ]
    assert told(sent, "b1")["overlaps"] == told(sent, "b2")["overlaps"] == []
    times = {"from_ms": T0 + 10 * MINUTE, "to_ms": T0 + 20 * MINUTE - 1}
    starts = take(moved)
    made = [starts.statement("unit-1", boot) for boot in ("b1", "b2")]
    assert [one["overlaps"] for one in made] == [[{"boot": "b2", **times}], [{"boot": "b1", **times}]]
    assert summary("unit-1", made)["overlaps"] == 1
    assert summary("unit-1", made)["text"].endswith("1 time told by two starts")
    random.Random(7).shuffle(moved)
    assert take(moved).statement("unit-1", "b2") == made[1]


@given(st.lists(st.tuples(st.integers(0, 4), st.integers(0, 99), st.integers(0, 40)), max_size=12))
def test_overlaps_are_those_of_each_two_starts(drawn: list[tuple[int, int, int]]) -> None:
    starts = {f"b{one[0]}": Start() for one in drawn}
    for number, begin, long in drawn:
        starts[f"b{number}"].tell((), [(begin * MINUTE, (begin + long) * MINUTE)])
    found = overlaps(starts)
    for boot, own in starts.items():
        wanted = [
            (max(first, low), min(last, high), other)
            for first, last in own.covered
            for other, another in starts.items()
            for low, high in another.covered
            if other != boot and min(last, high) - max(first, low) >= OVERLAP_MS
        ]
        got = [(one["from_ms"], one["to_ms"], one["boot"]) for one in found.get(boot, [])]
        assert sorted(got) == sorted(wanted)
        assert [one[0] for one in got] == sorted(one[0] for one in got)


def test_a_device_without_a_chain_is_neither_whole_nor_broken() -> None:
    starts = take(journey(3, 3, chain=False))
    assert [starts.chain("unit-1", "b2", seq) for seq in range(3)] == ["unknown"] * 3
    assert starts.statement("unit-1", "b2")["chain"]["unlinked"] == [[0, 2]]
    alike = [replace(one, boot_n=1) for one in journey(2, 2, chain=False)]
    assert told(alike, "b2")["twins"] == []


def test_the_numbers_of_a_plain_receiver_mean_nothing() -> None:
    starts = Starts()
    for minute in (0, 1, 15, 16):
        at = T0 + minute * MINUTE
        starts.add("gps", "nmea", None, at * 1_000, digest(str(at)), None, spans=[(at, at)], counted=False)
    made, start = starts.statement("gps", "nmea"), starts.start("gps", "nmea")
    assert (made["received"], made["missing"], made["uncounted"]) == ([], [], 4)
    assert [one["from_ms"] for one in made["silences"]] == [T0 + MINUTE]
    assert start.received((T0 + 20 * MINUTE) * 1_000) is False
    assert start.received(T0 * 1_000) is None
    assert start.missing_before((T0 + MINUTE) * 1_000) is None
    assert starts.chain("gps", "nmea", T0 * 1_000) == "unknown"
    assert unpack(pack(start)) == start
    assert (
        summary("gps", [made])["text"]
        == "4 reports of 1 start came, 0 missing, no chain, 1 silence unexplained"
    )


def test_silences_and_what_the_device_says_of_them() -> None:
    sent = journey(40)
    gone = range(10, 25)
    fact = {"t": T0, "kind": "no_coverage", "from": T0 + 10 * MINUTE, "to": T0 + 25 * MINUTE}
    few = [one for one in sent if one.seq not in gone]
    silence = {"from_ms": T0 + 10 * MINUTE - 1, "to_ms": T0 + 25 * MINUTE, "explained": False}
    assert told(few)["silences"] == [silence]
    said = [replace(one, facts=(fact,)) if one.seq == 30 else one for one in few]
    assert told(said)["silences"] == [silence | {"explained": True}]
    assert told([one for one in sent if one.seq % 9 == 0])["silences"] == []


def test_the_silence_before_a_start_is_its_own() -> None:
    sent = journey(2, 2)
    late = [
        replace(one, spans=tuple((a + SILENCE_MS, b + SILENCE_MS) for a, b in one.spans))
        if one.boot == "b2"
        else one
        for one in sent
    ]
    assert told(sent, "b2")["silences"] == []
    silence = {"from_ms": T0 + 2 * MINUTE - 1, "to_ms": T0 + 2 * MINUTE + SILENCE_MS, "explained": False}
    assert told(late, "b2")["silences"] == [silence]
    assert told(late, "b1")["silences"] == []


def test_what_a_device_dropped_and_the_vins_that_it_heard() -> None:
    facts = (
        {"t": 5, "kind": "overflow", "reports": 3, "boot": "b0", "last_seq": 7},
        {"t": 9, "kind": "overflow", "reports": 1},
        {"t": 9, "kind": "identity", "vin": VIN, "source": 0},
        {"t": 9, "kind": "identity", "vin": "0" * 17, "source": 0},
        {"t": 9, "kind": "identity", "vin": VIN[:9], "source": 0, "truncated": True},
        {"t": 9, "kind": "driver", "id": "D"},
    )
    starts = take([replace(journey(1)[0], facts=facts)])
    assert starts.statement("unit-1", "b1")["overflow"] == [
        {"t_ms": 5, "reports": 3, "boot": "b0", "last_seq": 7},
        {"t_ms": 9, "reports": 1, "boot": None, "last_seq": None},
    ]
    assert starts.start("unit-1", "b1").vins == [VIN]


@pytest.mark.parametrize(
    "fact",
    [
        {},
        {"kind": 5},
        {"kind": "no_coverage"},
        {"kind": "no_coverage", "from": "x", "to": 5},
        {"kind": "no_coverage", "from": 5, "to": 5},
        {"kind": "no_coverage", "from": 0, "to": 2**62},
        {"kind": "overflow"},
        {"kind": "overflow", "t": 1, "reports": "many"},
        {"kind": "identity"},
        {"kind": "identity", "t": 1, "vin": VIN},
        {"kind": "identity", "t": "x", "vin": VIN, "source": 0},
        {"kind": "identity", "t": 1, "vin": 7, "source": 0},
    ],
)
def test_facts_that_say_nothing(fact: dict[str, Any]) -> None:
    start = Start()
    start.tell([fact], [])
    assert start == Start()


def test_a_device_that_makes_nothing_but_holes_is_bounded() -> None:
    starts = Starts()
    for seq in range(0, 4 * MOST, 2):
        starts.add("unit-1", "b1", 1, seq, digest(str(seq)), digest("x"), spans=[(seq * 10**6, seq * 10**6)])
    start = starts.start("unit-1", "b1")
    made = starts.statement("unit-1", "b1")
    assert len(start.runs) <= MOST
    assert len(start.covered) <= MOST
    assert made["summed"]["missing"] + len(made["missing"]) == 2 * MOST - 1
    assert start.missing_before(4 * MOST) == 2 * MOST - 1
    assert made["summed"]["silences"] == 2 * MOST - 1 - len(made["silences"])
    assert start.received(0) is None
    assert starts.chain("unit-1", "b1", 2) == "unknown"
    starts.add("unit-1", "b1", 1, 1, digest("1"), digest("0"))
    assert start.missing_before(4 * MOST) == 2 * MOST - 2
    assert len(pack(start)) < 40_000


def test_breaks_without_end_are_counted_and_the_first_ones_told() -> None:
    starts = Starts()
    for seq in range(3_000):
        starts.add("unit-1", "b1", 1, seq, digest(str(seq)), digest("x") if seq else None)
    chain = starts.statement("unit-1", "b1")["chain"]
    assert (chain["broken"], len(chain["breaks"]), chain["breaks"][0]) == (2_999, 1_000, 1)


def test_what_is_not_kept_is_forgotten() -> None:
    held: dict[tuple[str, str], bytes] = {}
    starts = Starts(lambda device, boot: held.get((device, boot)))
    sent = journey(4)
    take(sent[:2], starts)
    held |= {(device, boot): data for device, boot, data in starts.changed()}
    starts.kept()
    assert list(starts.changed()) == []
    take(sent[2:], starts)
    starts.forget()
    assert starts.start("unit-1", "b1").received(2) is False
    take(sent[2:], starts)
    assert starts.statement("unit-1", "b1") == told(sent)


def test_all_starts_in_one_line() -> None:
    sent = [one for one in journey(4, 3) if (one.boot, one.seq) not in (("b1", 3), ("b2", 1))]
    starts = take([*sent, sent[0]])
    made = summary("unit-1", [starts.statement("unit-1", boot) for boot in ("b1", "b2")])
    assert made == {
        "device": "unit-1",
        "starts": 2,
        "received": 5,
        "missing": 1,
        "doubled": 1,
        "conflicts": 0,
        "cut": 1,
        "unbroken": False,
        "silences": 0,
        "overlaps": 0,
        "text": "5 reports of 2 starts came, 1 missing, chain broken, the end of 1 start is missing",
    }
    bare = summary("unit-1", [told(journey(4, chain=False))])
    assert bare["text"] == "4 reports of 1 start came, 0 missing, no chain"
    assert summary("unit-1", [told(journey(4))])["text"].endswith("chain unbroken")


@pytest.mark.parametrize("data", [b"", b"\0", b"\xff", cbor2.dumps(5), cbor2.dumps([1, [], 1])])
def test_a_start_that_is_none_is_refused(data: bytes) -> None:
    with pytest.raises(ValueError, match="what was kept of a start"):
        unpack(data)


def test_a_start_of_another_version_is_refused() -> None:
    with pytest.raises(ValueError, match="got version 2, want 1"):
        unpack(cbor2.dumps([2, [], 1]))


@st.composite
def histories(draw: st.DrawFn) -> list[Sent]:
    """Reports of a device with everything wrong that can be: lost, doubled, edited, contested, copied."""
    sent = journey(*draw(st.lists(st.integers(1, 6), min_size=1, max_size=3)), chain=draw(st.booleans()))
    made: list[Sent] = []
    for one in sent:
        how = draw(st.sampled_from(("as it is", "as it is", "lost", "edited", "other", "no prev", "facts")))
        if how == "lost":
            continue
        if how == "edited":
            one = replace(one, hash=digest(f"edited {one.boot} {one.seq}"))
        elif how == "other":
            made.append(replace(one, hash=digest(f"other {one.boot} {one.seq}"), prev=digest("x")))
        elif how == "no prev":
            one = replace(one, prev=None)
        elif how == "facts":
            gap = {"kind": "no_coverage", "from": T0, "to": T0 + draw(st.integers(1, 20)) * MINUTE}
            lost = {"kind": "overflow", "t": draw(st.integers(0, 9)), "reports": 1}
            one = replace(one, facts=(gap, lost), spans=((T0 - 10**8, T0 - 10**8), *one.spans))
        made.append(one)
    if draw(st.booleans()):
        made += [replace(one, boot="copy") for one in made if one.boot == "b1"]
    return made


@settings(deadline=None)
@given(histories(), st.data())
def test_any_order_doubling_and_splitting_tells_the_same(sent: list[Sent], data: st.DataObject) -> None:
    again = data.draw(st.lists(st.sampled_from(sent), max_size=4)) if sent else []
    plain = [*sent, *again]
    mixed = data.draw(st.permutations(plain))
    whole = take(plain)
    held: dict[tuple[str, str], bytes] = {}
    parts = Starts(lambda device, boot: held.get((device, boot)))
    came: list[Sent] = []
    for one in mixed:  # kept and loaded anew after each
        before = {other.hash for other in came if (other.boot, other.seq) == (one.boot, one.seq)}
        doubled, conflict = one.hash in before, bool(before) and one.hash not in before
        where = ("unit-1", one.boot, one.boot_n, one.seq)
        parts.add(*where, one.hash, one.prev, conflict, doubled, one.facts, one.spans)
        came.append(one)
        if data.draw(st.booleans()):
            held |= {(device, boot): packed for device, boot, packed in parts.changed()}
            parts.kept()
            parts.forget()
    for boot in {one.boot for one in sent}:
        parts.start("unit-1", boot)
    for one in sent:
        assert parts.statement("unit-1", one.boot) == whole.statement("unit-1", one.boot)
        assert parts.chain("unit-1", one.boot, one.seq) == whole.chain("unit-1", one.boot, one.seq)


@settings(deadline=None)
@given(histories())
def test_a_start_comes_back_from_its_bytes(sent: list[Sent]) -> None:
    starts = take(sent)
    for boot, start in starts.of("unit-1").items():
        again = unpack(pack(start))
        assert (boot, again) == (boot, start)


@settings(deadline=None)
@given(histories())
def test_received_and_missing_are_what_came(sent: list[Sent]) -> None:
    starts = take(sent)
    for boot in {one.boot for one in sent}:
        came = {one.seq for one in sent if one.boot == boot}
        made = starts.statement("unit-1", boot)
        received = {seq for first, last in made["received"] for seq in range(first, last + 1)}
        missing = {seq for first, last in made["missing"] for seq in range(first, last + 1)}
        assert received == came
        assert missing == set(range(max(came) + 1)) - came
        start = starts.start("unit-1", boot)
        assert all(start.received(seq) == (seq in came) for seq in range(max(came) + 2))


@given(st.lists(st.tuples(st.integers(0, 40), st.integers(0, 5))), st.integers(0, 45), st.integers(0, 3))
def test_ranges_hold_what_was_added(spans: list[tuple[int, int]], gone: int, apart: int) -> None:
    held: list[list[int]] = []
    other: list[list[int]] = []
    for first, more in spans:
        add(held, first, first + more, apart)
    mixed = spans[:]
    random.Random(1).shuffle(mixed)
    for first, more in mixed:
        add(other, first, first + more, apart)
    assert held == other
    assert all(before[1] + apart < after[0] for before, after in pairwise(held))
    if apart == 1:
        numbers = {n for first, more in spans for n in range(first, first + more + 1)}
        assert {n for n in range(60) if holds(held, n)} == numbers
        between = {n for first, last in gaps(held, 0) for n in range(first, last + 1)}
        assert between == set(range(max(numbers, default=-1) + 1)) - numbers
        discard(held, gone)
        assert {n for n in range(60) if holds(held, n)} == numbers - {gone}


@given(st.lists(st.lists(st.integers(-3, 40_000_000), max_size=6), max_size=5))
def test_spans_of_many_reports_are_those_of_each(times: list[list[int]]) -> None:
    received = np.array([T0 + n for n in range(len(times))], np.int64)
    rows = [np.array([T0 - one * 1_000 for one in some], np.int64) for some in times]
    counts = np.array([len(some) for some in times], np.int32)
    flat = np.concatenate([*rows, np.empty(0, np.int64)])
    found = spans_of_all(flat, counts, received)
    assert found == [spans_of(one, int(at)) for one, at in zip(rows, received, strict=True)]


def test_a_wrong_clock_covers_no_time() -> None:
    times = np.array([631_152_000_000, T0 - 5_000, T0, T0 + 10**9], np.int64)
    assert spans_of(times, T0) == [(T0 - 5_000, T0)]
    assert spans_of(times[:1], T0) == []


def test_a_start_that_did_not_come_is_no_statement() -> None:
    with pytest.raises(KeyError):
        statement("unit-1", "b9", {})
    with pytest.raises(KeyError):
        chain_at("b9", 0, {})
