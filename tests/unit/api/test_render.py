"""From engine units to API units by the endings of names, and instants both ways."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from api.render import render
from api.times import format_instant, parse_instant


@pytest.mark.parametrize(
    ("value", "want"),
    [
        ({"t_ms": 0}, {"t": "1970-01-01T00:00:00.000Z"}),
        ({"to_ms": None}, {"to": None}),
        ({"dwell_ms": 1500, "duration_ms": None}, {"dwell_s": 1.5, "duration_s": None}),
        ({"dwell_ms": {"approach": 1500, "between": None}}, {"dwell_s": {"approach": 1.5, "between": None}}),
        ({"countries": {"LA": {"mm": 1500, "ms": 2500}}}, {"countries": {"LA": {"m": 1.5, "s": 2.5}}}),
        ({"lon_e7": 1016499999, "lat_e7": -1}, {"lon": 101.6499999, "lat": -1e-07}),
        ({"distance_mm": 1}, {"distance_m": 0.001}),
        ({"speed_ckmh": 4251}, {"speed_kmh": 42.51}),
        ({"night_permille": 333}, {"night": 0.333}),
        ({"a": [{"b": {"at_ms": 1}}]}, {"a": [{"b": {"at": "1970-01-01T00:00:00.001Z"}}]}),
        ({"name_ms": "text stays", "ok_mm": True}, {"name_ms": "text stays", "ok_mm": True}),
        ({"grace_s": 5, "zone": "z", "n": 3}, {"grace_s": 5, "zone": "z", "n": 3}),
        ({"_ms": 5}, {"_ms": 5}),
        ({"end_ms": 0, "end": {"n": 1}}, {"end": {"t": "1970-01-01T00:00:00.000Z", "n": 1}}),
        ({"end": {"n": 1}, "end_ms": 0}, {"end": {"t": "1970-01-01T00:00:00.000Z", "n": 1}}),
        ({"end_ms": None, "end": None}, {"end": None}),
    ],
)
def test_value_is_rendered(value: Any, want: Any) -> None:
    assert render(value) == want


@given(st.integers(min_value=-62_135_596_800_000, max_value=253_402_300_799_999))
def test_instant_comes_back(t_ms: int) -> None:
    assert parse_instant(format_instant(t_ms)) == t_ms


@pytest.mark.parametrize(
    "text",
    ["", "now", "2026-11-22", "2026-11-22 07:00:00Z", "2026-11-22T07:00:00", "2026-11-22T25:00:00Z", 5, None],
)
def test_what_is_no_instant_is_refused(text: Any) -> None:
    with pytest.raises(ValueError, match="RFC 3339"):
        parse_instant(text)


def test_offset_and_small_letters_are_read() -> None:
    assert parse_instant("2026-11-22t15:00:00.5+08:00") == 1_795_330_800_500
