"""A cover as a command writes it: what is refused, and why."""

from __future__ import annotations

import contextlib
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.cover.policy import CoverError, holds, insures, written

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)


def policy(**more: Any) -> dict[str, Any]:
    """The data of a cover that is all right."""
    given = {
        "number": " C-1 ",
        "insurer": "First",
        "countries": ["LA", "CN", "LA"],
        "from_ms": 10,
        "until_ms": 20,
    }
    return given | more


def test_what_is_written_is_in_one_form() -> None:
    made = written(policy())
    assert (made["number"], made["countries"], made["use"]) == ("C-1", ["CN", "LA"], None)
    want: dict[str, Any] = {"excluded_hours": None, "route": None, "utc_offset_min": {}, "text": None}
    assert made["conditions"] == want
    assert [holds(made, t) for t in (9, 10, 19, 20)] == [False, True, True, False]
    assert [insures(made, country, 15) for country in ("CN", "TH")] == [True, False]


@pytest.mark.parametrize(
    ("more", "says"),
    [
        ({"countries": "CN"}, "countries"),
        ({"countries": [1]}, "country: got 1"),
        ({"countries": ["cn"]}, "two capital letters"),
        ({"until_ms": 10}, "period"),
        ({"from_ms": True}, "period"),
        ({"until_ms": 1 << 70}, "period"),
        ({"number": ""}, "number"),
        ({"insurer": "x" * 201}, "insurer"),
        ({"use": 3}, "use"),
        ({"premium": 3}, "unknown premium"),
        ({"deductible_zones": [3]}, "deductible_zones"),
        ({"conditions": [3]}, "conditions"),
        ({"conditions": {"hours": 3}}, "unknown hours"),
        ({"conditions": {"excluded_hours": {"from_min": 3}}}, "excluded_hours"),
        ({"conditions": {"excluded_hours": {"from_min": 3, "until_min": 1_440}}}, "until_min"),
        ({"conditions": {"excluded_hours": {"from_min": 3, "until_min": 3}}}, "no time at all"),
        ({"conditions": {"utc_offset_min": 3}}, "utc_offset_min"),
        ({"conditions": {"utc_offset_min": {"CN": 1_440}}}, "utc_offset_min of CN"),
        ({"conditions": {"route": ""}}, "route"),
        ({"conditions": {"text": "x" * 2_001}}, "text"),
    ],
)
def test_what_is_wrong_is_named(more: dict[str, Any], says: str) -> None:
    with pytest.raises(CoverError, match=says):
        written(policy(**more))


@given(st.dictionaries(st.sampled_from(sorted(policy())), JSON), JSON)
def test_any_values_are_written_or_refused_with_a_reason(values: dict[str, Any], conditions: Any) -> None:
    made = None
    with contextlib.suppress(CoverError):
        made = written(policy(**values, conditions=conditions))
    assert made is None or made["from_ms"] < made["until_ms"]
