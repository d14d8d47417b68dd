"""Facts of a report: what is known goes to all, everything else to who may know of drivers."""

from __future__ import annotations

from typing import Any

import cbor2
import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from feeds.ledger.facts import KNOWN, split, tells_more
from feeds.ledger.reports import DRIVER, FACTS, facts_groups

T = 1_795_330_800_000
SEAL = {"t": T, "kind": "seal", "seal": "S1", "state": "locked"}
NOTE = {"t": T, "kind": "note", "text": "Somchai drives"}
CODES = [{"spn": 110, "fmi": 3, "count": 1, "conversion": 0}]


@pytest.mark.parametrize(
    "fact",
    [
        SEAL,
        {"t": T, "kind": "identity", "source": 0, "vin": "LZZTESTA6PN000001", "junk": "00"},
        {"t": T, "kind": "component", "source": 0, "make": "A", "model": None, "serial": "1", "unit": None},
        {"t": T, "kind": "fault_code", "source": 0, "mil": "on", "protect": None, "codes": CODES},
        {"t": T, "kind": "no_coverage", "from": T - 1, "to": T},
        {"t": T, "kind": "overflow", "reports": 3, "boot": "b1", "last_seq": 9},
        {"t": T, "kind": "coupling", "vin": "LZZTESTA6PN000001", "state": "coupled"},
    ],
)
def test_what_is_known_is_facts(fact: dict[str, Any]) -> None:
    assert split([fact]) == ([fact], [])
    assert not tells_more(cbor2.dumps([fact]))


@pytest.mark.parametrize(
    "fact",
    [
        NOTE,
        {"t": T, "kind": "driver", "id": "D-77"},
        {"t": T, "kind": "driver_card", "id": "D-77"},
        {"t": {"driver": "D-77"}, "kind": "seal", "seal": "S1"},
        {"t": T},
        {"t": T, "kind": ["seal"]},
        "D-77",
        None,
    ],
)
def test_what_is_not_known_may_tell_of_a_driver(fact: Any) -> None:
    assert split([fact]) == ([], [fact])
    assert tells_more(cbor2.dumps([fact]))


@pytest.mark.parametrize(
    ("more", "left"),
    [
        ({"by": "D-77"}, SEAL),
        ({"seal": {"id": "S1", "by": "D-77"}}, {"t": T, "kind": "seal", "state": "locked"}),
        ({"state": ["locked", "D-77"]}, {"t": T, "kind": "seal", "seal": "S1"}),
    ],
)
def test_of_a_known_fact_what_is_strange_in_it_goes_apart(more: dict[str, Any], left: dict[str, Any]) -> None:
    assert split([SEAL | more]) == ([left], [{"t": T, "kind": "seal", **more}])
    assert tells_more(cbor2.dumps([SEAL | more]))


def test_codes_hold_numbers_only() -> None:
    fact = {"t": T, "kind": "fault_code", "codes": [{**CODES[0], "driver": "D-77"}]}
    assert split([fact]) == ([{"t": T, "kind": "fault_code"}], [fact])


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-9, 9) | st.text(max_size=3),
    lambda some: st.lists(some, max_size=2) | st.dictionaries(st.text(max_size=3), some, max_size=2),
    max_leaves=4,
)
_NAMES = st.sampled_from(sorted({name for keys in KNOWN.values() for name in keys} | {"driver", "by"}))
_FACT = st.builds(
    lambda kind, more: {"t": T, **more, "kind": kind},
    st.sampled_from([*KNOWN, "driver", "note"]),
    st.dictionaries(_NAMES, _JSON, max_size=4),
)


@given(facts=st.lists(_FACT, max_size=4))
def test_nothing_is_lost_and_facts_hold_known_words_only(facts: list[dict[str, Any]]) -> None:
    known, others = split(facts)
    assert split(known) == (known, [])
    for fact in known:
        assert fact.keys() <= KNOWN[fact["kind"]]
    told = [(name, orjson.dumps(value)) for fact in (*known, *others) for name, value in fact.items()]
    assert {(name, orjson.dumps(value)) for fact in facts for name, value in fact.items()} == set(told)


def test_the_groups_of_a_report_are_made_so() -> None:
    groups = facts_groups(orjson.dumps([SEAL, NOTE]).decode())
    assert {name: cbor2.loads(content) for name, content in groups.items()} == {FACTS: [SEAL], DRIVER: [NOTE]}
    assert facts_groups("[]") == {}
