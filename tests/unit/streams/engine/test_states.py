"""State at rest: numbers in few bytes, blobs by row, and engines whose assets rest at every chance."""

from __future__ import annotations

from random import Random
from typing import Any
from unittest.mock import patch

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from streams.engine import Engine, kernel, restore, snapshot
from streams.engine import engine as engine_module
from streams.engine.blobs import Blobs
from streams.engine.ints import WORST, memory, read, write
from streams.engine.names import Listed, Names
from streams.engine.shapes import OddError, Shapes
from streams.engine.states import States
from streams.engine.units import NEVER, NONE
from streams.memory_past import MemoryPast
from streams.texts import texts
from tests.unit.streams.engine.contents import contents, rest_all
from tests.unit.streams.engine.small_world import Feeder, Sample, drive, world
from tests.unit.streams.engine.test_slips import day, reports

INT64 = st.integers(-(1 << 63), (1 << 63) - 1)
ALIKE = st.builds(
    lambda a, b: a + b, st.sampled_from([0, NONE, 1_790_000_000_000, 5]), st.integers(-300, 300)
)


@given(st.lists(INT64 | ALIKE | st.just(NEVER), max_size=150), INT64)
@settings(max_examples=300, deadline=None)
def test_any_numbers_come_back_and_take_at_most_their_worst(numbers: list[int], first: int) -> None:
    given_, out = np.array(numbers, np.int64), np.empty(WORST * len(numbers) + 1, np.uint8)
    end, _ = write(given_, len(numbers), out, 0, memory(first), 5)
    assert end <= WORST * len(numbers)
    back = np.empty(len(numbers) + 1, np.int64)
    count, at, _ = read(out, 0, end, back, len(back), memory(first), 5)
    assert (count, at) == (len(numbers), end)
    assert back[:count].tolist() == numbers


def test_numbers_like_those_before_take_a_byte_or_two() -> None:
    numbers = np.array([1_790_000_000_000, 1_790_000_000_000, 1_790_000_000_100, NONE, NEVER, 63, 0])
    out = np.empty(100, np.uint8)
    end, _ = write(numbers, len(numbers), out, 0, memory(1_790_000_000_000), 5)
    assert end == 1 + 1 + 2 + 1 + 1 + 1 + 1


PLAIN: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | INT64 | st.text(max_size=3), lambda inner: st.lists(inner, max_size=4)
)


@given(st.lists(st.lists(PLAIN, max_size=5), max_size=8))
def test_plain_values_come_back_also_from_a_restored_table(values: list[list[Any]]) -> None:
    shapes = Shapes()
    numbers = [shapes.numbers(value) for value in values]
    again = Shapes(*shapes.dump())
    assert [again.value(some) for some in numbers] == values
    assert [again.numbers(value) for value in values] == numbers


def test_what_is_no_plain_value_or_one_shape_too_many_is_refused() -> None:
    shapes = Shapes()
    with pytest.raises(OddError, match="dict"):
        shapes.numbers([{"a": 1}])
    with patch("streams.engine.shapes._MOST", 2):
        known = [shapes.numbers([1]), shapes.numbers([1, 2])]
        with pytest.raises(OddError):
            shapes.numbers([1, 2, 3])
        assert [shapes.numbers([7]), shapes.numbers([7, 8])] == [[known[0][0], 7], [known[1][0], 7, 8]]


@given(st.lists(st.tuples(st.integers(0, 9), st.none() | st.binary(max_size=90)), max_size=200))
@settings(max_examples=50, deadline=None)
def test_blobs_are_a_dict_of_bytes_whatever_moves(steps: list[tuple[int, bytes | None]]) -> None:
    blobs, want = Blobs(), dict[int, bytes]()
    with patch("streams.engine.blobs.SPARE", 256):
        blobs.data = np.empty(256, np.uint8)
        for row, content in steps:
            if content is None:
                blobs.drop(row)
                want.pop(row, None)
            else:
                blobs.put(row, len(content) & 7, np.frombuffer(content, np.uint8))
                want[row] = content
            assert {r: blobs.content(r) for r in range(10) if blobs.length(r) or r in want} == want
        assert len(blobs.data) <= 4_096
        at, data = (memoryview(part) for part in blobs.dump(10))
        again = Blobs()
        again.load(10, at, data)
        assert all(again.content(row) == content for row, content in want.items())


def a_state(rng: Random) -> Any:
    state = kernel.NEW.copy()
    for name in kernel.STATE.names or ():
        size = kernel.STATE[name].itemsize * 8 - 1
        state[name] = rng.choice([0, 1, -1, rng.randrange(-(1 << size), 1 << size)])
    state["set"] = -1
    return state


def test_states_and_objects_of_any_rows_that_rest_and_wake_stay_what_they_are() -> None:
    rng, states = Random(7), States()
    states.add(300)
    want = {row: a_state(rng) for row in range(300)}
    objects: dict[int, Any] = {}
    for row, place in enumerate(states.places(np.arange(300)).tolist()):
        states.hot[place] = want[row]
    for turn in range(30):
        for row in rng.sample(range(300), 40):
            places = states.places(np.array([row]))
            want[row] = states.hot[places[0]] = a_state(rng)
            if turn % 3:
                numbers = [rng.randrange(1 << rng.randrange(1, 60)) for _ in range(rng.randrange(1, 90))]
                objects[row] = rng.choice([numbers, bytes(rng.randrange(9_000))])
                states.keep(row, objects[row])
            else:
                assert states.take(row) == objects.pop(row, None)
        awake = states.owner[: states.used]
        states.rest(np.array(rng.sample(awake.tolist(), len(awake) // 2), np.int64))
        look = states.look(np.arange(300))
        assert all(look[row] == want[row][0] for row in range(300))
        assert all(states.peek(row) == objects.get(row) for row in range(300))
        assert states.newest().tolist() == [int(want[row]["t"][0]) for row in range(300)]
        if turn % 10 == 9:
            again = States()
            again.load(300, [memoryview(part) for part in states.dump()])
            states = again


@pytest.mark.parametrize("seed", range(2))
def test_who_rests_changes_no_event_and_nothing_that_is_known(seed: int) -> None:
    rng = Random(seed)
    pasts = MemoryPast(), MemoryPast()
    awake, resting = (Feeder(Engine(0, world(), None, past)) for past in pasts)
    for number, report in enumerate(reports(day(rng)[:250], rng)):
        told = awake.feed(report, received_s=20_000)
        assert resting.feed(report, received_s=20_000) == told
        assert resting.engine.latest(np.array([0]))["set"] >= 0
        if number % 3 == 0:
            rest_all(resting.engine)
        if number % 40 == 39:
            held = restore(snapshot(resting.engine), world(), None, pasts[1])
            resting = Feeder(held, dict(resting.seq), resting.events)
    assert resting.events == awake.events
    assert contents(resting.engine) == contents(awake.engine)


def test_an_asset_silent_for_ten_minutes_rests_and_tells_its_latest_position() -> None:
    feed = Feeder(Engine(0, world()))
    feed.each(drive(0, -0.3, -0.2))
    feed.feed([Sample(900, 0.3, asset="a2")])
    before = feed.engine.latest(np.arange(2))
    feed.engine.seal()
    assert not feed.engine.states.resting(np.arange(2)).any()
    with patch.object(engine_module, "_REST_MS", -1):
        feed.engine.seal()
    assert feed.engine.states.resting(np.arange(2)).all()
    after = feed.engine.latest(np.arange(2))
    assert {name: column.tolist() for name, column in after.items()} == {
        name: column.tolist() for name, column in before.items()
    }


def test_names_are_listed_by_row_and_by_slice() -> None:
    names = Names()
    rows = names.rows(texts(["a", "ä", "", "dd"]))
    listed = Listed(names, lambda: len(names))
    assert (list(listed), listed[1], listed[-1]) == (["a", "ä", "", "dd"], "ä", "dd")
    assert [listed[1:3], listed[2:], listed[3:1], listed[::2]] == [["ä", ""], ["", "dd"], [], ["a", ""]]
    coded = Listed(names, lambda: 3, lambda: rows[[3, 3, 0]])
    assert (list(coded), coded[1:]) == (["dd", "dd", "a"], ["dd", "a"])
    with pytest.raises(IndexError, match="got 3"):
        coded[3]
