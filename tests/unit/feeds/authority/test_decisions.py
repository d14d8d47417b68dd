"""Decisions as they are sent: taken whole, or refused with what is wrong."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from feeds.authority.decisions import DecisionError, command_of, decision_of
from feeds.authority.http import pushed
from feeds.webhooks.signing import headers

GOOD = {
    "message": "m-1",
    "authority": "boten-customs",
    "case": "case_1",
    "request": "release_1",
    "decision": "release",
    "reason": "clean",
    "at": "2026-11-22T14:05:00+07:00",
}
SECRET = b"k" * 32


def test_a_decision_becomes_a_command_of_its_authority() -> None:
    found = decision_of(GOOD, "boten-customs")
    command = command_of(found, "boten-customs", "main", "asset_1")
    assert command | {"id": ""} == {
        "id": "",
        "command": "authority.decide",
        "tenant": "main",
        "by": "boten-customs",
        "role": "authority",
        "data": {
            "asset": "asset_1",
            "case": "case_1",
            "authority": "boten-customs",
            "message": "m-1",
            "request": "release_1",
            "decision": "release",
            "reason": "clean",
            "at_ms": 1_795_331_100_000,
        },
    }


def test_the_same_message_is_the_same_command_and_another_authoritys_is_not() -> None:
    one = decision_of(GOOD, "boten-customs")
    again = decision_of(GOOD | {"reason": "as before"}, "boten-customs")
    ids = [command_of(each, "boten-customs", "main", "a")["id"] for each in (one, again)]
    assert ids[0] == ids[1]
    assert command_of(one, "mohan-customs", "main", "a")["id"] != ids[0]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"authority": "mohan-customs"}, "authority: got mohan-customs, want boten-customs"),
        ({"decision": "free"}, "decision: got 'free', want of release, inspect"),
        ({"message": ""}, "message: got '', want text"),
        ({"message": "x" * 201}, "message: got"),
        ({"case": None}, "case: got 'None', want text"),
        ({"request": 7}, "request: got '7', want text"),
        ({"reason": "x" * 2_001}, "reason: got"),
        ({"at": "2026-11-22T14:05:00"}, "want RFC 3339 with an offset"),
        ({"at": 5}, "want RFC 3339 with an offset"),
        ({"at": "1901-01-01T00:00:00Z"}, "want an instant since 1970"),
        ({"extra": 1}, "got extra, want of at, authority"),
    ],
)
def test_what_is_wrong_is_told(change: dict[str, Any], said: str) -> None:
    with pytest.raises(DecisionError) as error:
        decision_of(GOOD | change, "boten-customs")
    assert said in str(error.value)


@given(
    value=st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(max_size=20),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from([*GOOD, "x"]), inner),
        max_leaves=12,
    )
)
def test_whatever_is_sent_is_a_decision_or_refused(value: Any) -> None:
    try:
        found = decision_of(value, "boten-customs")
    except DecisionError:
        return
    assert found.message
    assert found.decision in ("release", "inspect", "detain", "wait", "withdraw")


def test_what_is_pushed_must_be_signed_by_the_connectors_secret() -> None:
    body = json.dumps([GOOD, {"message": "bad"}]).encode()
    good = headers(SECRET, "m-1", 1_000, body)
    found = pushed(
        SECRET, {name.title(): value for name, value in good.items()}, body, "boten-customs", 1_000
    )
    assert found is not None
    assert [one.message for one in found.decisions] == ["m-1"]
    assert list(found.bad) == ["1"]
    assert pushed(b"x" * 32, good, body, "boten-customs", 1_000) is None
    assert pushed(SECRET, good, body + b" ", "boten-customs", 1_000) is None
    assert pushed(SECRET, good, body, "boten-customs", 1_400) is None
    assert pushed(SECRET, {}, body, "boten-customs", 1_000) is None
    junk = b"{"
    told = pushed(SECRET, headers(SECRET, "m", 1_000, junk), junk, "boten-customs", 1_000)
    assert told is not None
    assert told.bad == {"body": "got no JSON"}
