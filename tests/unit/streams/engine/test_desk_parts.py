"""The small parts of the desk: folders, wakes, post, numbers by row."""

from __future__ import annotations

import numpy as np
import pytest

from streams.codec import CodecError
from streams.engine import folder as folder_module
from streams.engine.byrow import ByRow
from streams.engine.folder import Folders
from streams.engine.names import Names
from streams.engine.post import Post, opened
from streams.engine.units import NEVER
from streams.engine.wakes import MOST, Wakes
from streams.homes import DESK, command_home, home
from streams.texts import texts


def test_a_folder_that_rested_says_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(folder_module, "_OPEN", 2)
    folders = Folders()
    for number in range(5):
        folder = folders.make(f"a{number}", "main")
        folder.objects("filing")["f"] = [1, {"n": number, "text": "桥"}]
    folders.rest()
    assert len(folders) == 5
    assert [folders.make(f"a{n}", "main").data("filing", "f") for n in range(5)] == [
        {"n": n, "text": "桥"} for n in range(5)
    ]
    assert folders.get("a9") is None
    assert "a9" not in folders


def test_an_empty_folder_is_dropped() -> None:
    folders = Folders()
    folders.make("a", "main").crossings["c"] = [1]
    folders.rest(all_=True)
    assert "a" in folders
    folders.make("a", "main").crossings.clear()
    folders.rest(all_=True)
    assert "a" not in folders
    assert len(folders) == 0


def test_wakes_come_in_their_order_and_once() -> None:
    wakes = Wakes([("b", 5), ("a", 5)])
    wakes.set("c", 3)
    wakes.set("c", 7)
    wakes.set("d", 4)
    wakes.set("d", None)
    assert not wakes.due(2)
    assert list(wakes.take(6)) == ["a", "b"]
    assert list(wakes.take(6)) == []
    assert wakes.dump() == [("c", 7)]
    assert list(wakes.take(7)) == ["c"]


def test_at_most_so_many_are_woken_at_once() -> None:
    wakes = Wakes((f"n{n:05d}", 1) for n in range(MOST + 1))
    assert len(list(wakes.take(1))) == MOST
    assert wakes.due(1)
    assert list(wakes.take(1)) == [f"n{MOST:05d}"]


def test_post_at_home_stays_and_post_elsewhere_leaves() -> None:
    post = Post(1, 4)
    post.send(1, ["here"])
    post.send(3, ["there", 1])
    post.send(3, ["there", 2])
    post.everywhere(["all"])
    assert list(post.here) == [["here"]]
    notes = post.handed()
    assert [(note.to, opened(note.body)) for note in notes] == [
        (0, [["all"]]),
        (2, [["all"]]),
        (3, [["there", 1], ["there", 2], ["all"]]),
    ]
    assert post.handed() == []


def test_much_post_is_cut_into_notes() -> None:
    post = Post(0, 2)
    for number in range(5):
        post.send(1, ["big", number, "x" * 150_000])
    notes = post.handed()
    assert len(notes) == 3
    assert [message[1] for note in notes for message in opened(note.body)] == list(range(5))


@pytest.mark.parametrize("rest", [b"7}", b"[7]}", b"[[]]}", b"[[7]]}", b"[["])
def test_a_note_that_is_none_is_refused(rest: bytes) -> None:
    with pytest.raises(CodecError):
        opened(DESK + rest)


def test_numbers_by_row_of_assets_that_come_before_and_after() -> None:
    names, limits = Names(), ByRow()
    limits.set("late", 7, names)
    names.rows(texts(["early", "other"]))
    limits.set("early", 5, names)
    assert limits.of(names, np.array([0, 1])).tolist() == [5, NEVER]
    names.rows(texts(["late"]))
    assert limits.of(names, np.array([2, 0])).tolist() == [7, 5]
    limits.set("early", None, names)
    limits.set("late", 8, names)
    assert limits.of(names, np.array([0, 1, 2])).tolist() == [NEVER, NEVER, 8]
    again = ByRow()
    again.load(limits.values)
    assert again.of(names, np.array([0, 1, 2])).tolist() == [NEVER, NEVER, 8]


@pytest.mark.parametrize("name", ["filing.lodge", "permit.grant", "authority.decide", "coupling.end"])
def test_commands_about_an_asset_go_to_its_home(name: str) -> None:
    places = {command_home({"command": name, "data": {"asset": f"asset_{n}"}}, 8) for n in range(50)}
    assert len(places) == 8
    assert command_home({"command": name, "data": {"asset": "asset_1"}}, 8) == home("asset_1", 8)
    assert command_home({"command": "regime.publish", "data": {"text": ""}}, 8) == 0
