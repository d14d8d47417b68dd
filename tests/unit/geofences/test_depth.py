"""The quick ways to a verdict about one polygon, against those by shapely alone."""

from __future__ import annotations

from unittest.mock import patch

import numpy as np
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st
from shapely import MultiPolygon, Polygon

from geofences import path
from geofences.border import Border
from geofences.depth import beyond, surely_beyond
from geofences.world import world


def shape(seed: int) -> Polygon | MultiPolygon:
    """A ragged polygon around (102, 18), of some 0.1 degree and 5 to 300 corners; some have a hole or a
    second part."""
    rng = np.random.default_rng(seed)
    angle = np.sort(rng.uniform(0, 2 * np.pi, int(rng.integers(5, 300))))
    radius = rng.uniform(0.05, 0.1, len(angle))
    area = Polygon(np.stack([102 + radius * np.cos(angle), 18 + radius * np.sin(angle)], axis=1)).buffer(0)
    if seed % 3 == 1:
        area = area.difference(shapely.Point(102, 18).buffer(0.02))
    if seed % 3 == 2:
        area = area.union(shapely.box(102.12, 18.0, 102.15, 18.02))
    assert isinstance(area, Polygon | MultiPolygon)
    return area


@given(st.integers(0, 100_000), st.integers(1_000, 4_000_000))
@settings(max_examples=60, deadline=None)
def test_what_is_surely_beyond_is_beyond(seed: int, mm: int) -> None:
    area, rng = shape(seed), np.random.default_rng(seed)
    border = Border(area)
    places = [*rng.uniform([101.85, 17.85], [102.2, 18.15], (20, 2)).tolist()]
    places += [[x + rng.normal(0, 1e-4), y] for x, y in shapely.get_coordinates(area)[::9].tolist()]
    said = [surely_beyond(border, x, y, mm) for x, y in places]
    assert None not in said
    assert said == [beyond(area, x, y, mm) for x, y in places]


def test_a_place_as_far_as_asked_is_in_doubt() -> None:
    border = Border(shapely.box(102.0, 18.0, 102.1, 18.1))
    assert surely_beyond(border, 102.05, 18.1 + 1_000 / 111_320, 1_000_000) is None
    assert surely_beyond(border, 102.05, 18.1 + 1_001 / 111_320, 1_000_000) is True
    assert surely_beyond(border, 102.05, 18.1 + 999 / 111_320, 1_000_000) is False
    assert surely_beyond(border, 102.05, 18.2, 10) is None  # so near that rounding would count
    assert surely_beyond(border, 102.05, 89.0, 1_000_000) is None


@pytest.mark.parametrize("country", ["CN", "LA", "TH", "VN", "MM"])
def test_depth_beyond_countries_is_that_of_shapely(country: str) -> None:
    zones, _ = world()
    (area,) = [zone.geometry for zone in zones if zone.country == country and zone.kind == "country"]
    border, rng = Border(area), np.random.default_rng(5)
    corners = shapely.get_coordinates(area)
    near = corners[rng.integers(0, len(corners), 60)] + rng.normal(0, 0.003, (60, 2))
    assert [surely_beyond(border, x, y, 250_000) for x, y in near.tolist()] == [
        beyond(area, x, y, 250_000) for x, y in near.tolist()
    ]


@given(st.integers(0, 100_000))
@settings(max_examples=60, deadline=None)
def test_reach_beside_a_short_way_is_that_of_its_lines(seed: int) -> None:
    area, rng = shape(seed), np.random.default_rng(seed)
    border = Border(area)
    corners = shapely.get_coordinates(area)
    start = corners[rng.integers(0, len(corners), 40)] + rng.choice([0.0, 1e-5, -3e-4], (40, 2))
    ways = np.hstack([start, start + rng.normal(0, 0.004, start.shape)]).tolist()
    got = [path.reach(border, *way) for way in ways]
    with patch.object(Border, "beside", return_value=None):
        assert got == [path.reach(border, *way) for way in ways]
    if isinstance(area, Polygon):
        assert sum(border.beside(*way) is not None for way in ways) > 5
