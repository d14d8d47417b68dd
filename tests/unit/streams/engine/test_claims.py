"""Uniqueness: one holder a key, whatever comes twice, late or in another order between partitions."""

from __future__ import annotations

import random
from collections import deque
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from streams.engine.claims import REMEMBERED_MS, Asked, Claims
from streams.engine.post import Message, Post, opened
from streams.homes import home


class Place:
    """A partition that has keys and asks for some."""

    def __init__(self, partition: int, partitions: int) -> None:
        self.post = Post(partition, partitions)
        self.claims = Claims(self.post, self._decided)
        self.ended: dict[str, bool] = {}
        self.holding: dict[str, list[str]] = {}

    def _decided(self, asked: Asked) -> None:
        assert asked.owner not in self.ended, "decided twice"
        self.ended[asked.owner] = not asked.refused
        if not asked.refused:
            self.holding[asked.owner] = asked.got

    def work(self) -> list[tuple[int, Message]]:
        while self.post.here:
            assert self.claims.hear(self.post.here.popleft(), 0, False)
        return [(one.to, message) for one in self.post.handed() for message in opened(one.body)]

    def restored(self) -> None:
        again = Claims(self.post, self._decided)
        again.load(self.claims.dump(), self.claims.closed())
        self.claims = again


def test_one_partition_decides_at_once() -> None:
    place = Place(0, 1)
    place.claims.ask("o1", ["vin:A", "filing:x"], {"n": 1})
    place.claims.ask("o2", ["vin:A", "filing:y"], {"n": 2})
    assert place.work() == []
    assert place.ended == {"o1": True, "o2": False}
    place.claims.ask("o3", ["filing:y"], {})
    place.work()
    assert place.ended["o3"], "what o2 had got was given back"


def test_a_key_given_back_is_free_and_a_closed_one_is_not() -> None:
    place = Place(0, 1)
    place.claims.ask("o1", ["k", "l"], {})
    place.work()
    place.claims.free("k", "o1")
    place.claims.close("l", "o1")
    place.claims.ask("o2", ["k"], {})
    place.claims.ask("o3", ["l"], {})
    place.work()
    assert place.ended == {"o1": True, "o2": True, "o3": False}
    place.restored()
    place.claims.ask("o4", ["l"], {})
    place.claims.ask("o5", ["k"], {})
    place.work()
    assert not place.ended["o4"]
    assert not place.ended["o5"]


def test_another_one_cannot_give_a_key_back() -> None:
    place = Place(0, 1)
    place.claims.ask("o1", ["k"], {})
    place.work()
    place.claims.free("k", "o2")
    place.claims.ask("o3", ["k"], {})
    place.work()
    assert not place.ended["o3"]


def test_an_owner_is_forgotten_after_its_time() -> None:
    claims = Place(0, 2).claims
    claims.hear(["free", "k", "o"], 1_000, True)
    assert claims.dump()["gone"] == [["k", "o", 1_000]]
    claims.prune(1_000 + REMEMBERED_MS)
    assert claims.dump()["gone"]
    claims.prune(1_001 + REMEMBERED_MS)
    assert not claims.dump()["gone"]


def test_other_messages_are_none_of_its_business() -> None:
    place = Place(0, 1)
    for message in (["claim", 1, "o", 0], ["verdict", "k", "o", "yes"], ["passing"], ["free"]):
        assert not place.claims.hear(message, 0, True)


@settings(max_examples=200, deadline=None)
@given(
    st.lists(
        st.tuples(st.integers(0, 3), st.lists(st.sampled_from("abcd"), min_size=1, max_size=3, unique=True)),
        min_size=1,
        max_size=10,
    ),
    st.randoms(use_true_random=False),
)
def test_one_holder_whatever_comes_twice_or_late(
    asks: list[tuple[int, list[str]]], chance: random.Random
) -> None:
    places = [Place(p, 4) for p in range(4)]
    ways: dict[tuple[int, int], deque[Message]] = {}
    sent: list[tuple[int, Message]] = []
    todo = [(p, f"o{n}", keys) for n, (p, keys) in enumerate(asks)]
    ends: list[tuple[int, str]] = []

    def out(source: int) -> None:
        for to, message in places[source].work():
            ways.setdefault((source, to), deque()).append(message)
            sent.append((to, message))

    while todo or any(ways.values()) or ends:
        choice = chance.random()
        standing = [way for way in sorted(ways) if ways[way]]
        if todo and (choice < 0.3 or not standing):
            p, owner, keys = todo.pop(0)
            places[p].claims.ask(owner, keys, {})
            out(p)
        elif standing and choice < 0.8:
            way = chance.choice(standing)
            places[way[1]].claims.hear(ways[way].popleft(), 0, True)
            out(way[1])
        elif sent and choice < 0.9:  # an owner that died sends what it sent before
            to, message = chance.choice(sent)
            places[to].claims.hear(message, 0, True)
            out(to)
        elif choice < 0.95:
            chance.choice(places).restored()
        else:
            held = [(p, o) for p, place in enumerate(places) for o in place.holding]
            if held and chance.random() < 0.3:
                p, owner = chance.choice(held)
                for key in places[p].holding.pop(owner):
                    places[p].claims.free(key, owner)
                out(p)
        held_keys = [key for place in places for keys in place.holding.values() for key in keys]
        assert len(held_keys) == len(set(held_keys)), "a key has two holders"
    assert all(f"o{n}" in places[p].ended for n, (p, _) in enumerate(asks)), "a question has no answer"
    holders: dict[str, Any] = {}
    for place in places:
        for key, owner in place.claims.dump()["holders"]:
            assert home(key, 4) == place.post.partition
            holders[key] = owner
    want = {key: owner for place in places for owner, keys in place.holding.items() for key in keys}
    assert holders == want, "a key is held by nobody who knows"
