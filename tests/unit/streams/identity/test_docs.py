"""docs/identity.md: its table of causes is what the code says."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from gateway.can.facts import VI, read_facts
from streams.identity.bindings import read_bus
from streams.identity.vin import ALPHABET, VALUES

TEXT = (Path(__file__).parents[4] / "docs" / "identity.md").read_text("utf-8")
ROWS = re.findall(r"^\| `([^`]+)` \| (?:`(\w+)`|-) \| (yes|no) \|", TEXT, re.MULTILINE)


def test_the_table_is_found() -> None:
    assert len(ROWS) >= 13


@pytest.mark.parametrize(("told", "cause", "conflict"), ROWS)
def test_causes_are_those_of_the_table(told: str, cause: str, conflict: str) -> None:
    data = told.encode().decode("unicode_escape").encode("latin-1")
    [fact] = read_facts(0, VI, 0, data + b"*")
    found = read_bus(fact, {"vin": "LZZTESTA6PN000001"})
    assert ("" if found is None else found.cause.value) == cause
    assert (found is not None and found.real) is (conflict == "yes")


def test_blind_spots_of_the_check_digit_are_all_named() -> None:
    named = re.search(r"it is blind between (.*?)\. It finds", TEXT, re.DOTALL)
    assert named is not None
    groups = {frozenset(re.findall(r"\w", group)) for group in named[1].split(";")}
    assert groups == {frozenset(c for c in ALPHABET if VALUES[c] == value) for value in range(1, 10)}
