"""The surroundings of a route reach half a width to every side, wherever on earth."""

from __future__ import annotations

import numpy as np
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st

from geofences import geodesy
from geofences.errors import GeometryRefusedError
from geofences.route_zone import route_zone


def beside(lon: float, lat: float, course: float, length_m: float, off_m: float) -> tuple[float, float]:
    """The point beside the middle of a leg, at a right angle."""
    end = geodesy.destination(np.array([lon]), np.array([lat]), np.array([course]), np.array([length_m]))
    half = np.array([0.5])
    middle = geodesy.interpolate(np.array([lon]), np.array([lat]), *end, half)
    onward = geodesy.bearing_deg(*middle, *end)
    x, y = geodesy.destination(*middle, onward + 90, np.array([off_m]))
    return float(x[0]), float(y[0])


@settings(deadline=None, max_examples=60)
@given(
    st.floats(-179, 179),
    st.floats(-70, 70),
    st.floats(0, 360),
    st.sampled_from([100.0, 5_000.0, 80_000.0]),
    st.sampled_from([20.0, 500.0, 5_000.0]),
)
def test_half_the_width_is_right_to_a_hundredth(
    lon: float, lat: float, course: float, length_m: float, width_m: float
) -> None:
    end = geodesy.destination(np.array([lon]), np.array([lat]), np.array([course]), np.array([length_m]))
    zone = route_zone(np.array([lon, end[0][0]]), np.array([lat, end[1][0]]), width_m)
    assert zone.is_valid
    for side in (1, -1):
        inner = beside(lon, lat, course, length_m, side * 0.99 * width_m / 2)
        outer = beside(lon, lat, course, length_m, side * 1.01 * width_m / 2)
        assert shapely.intersects_xy(zone, *inner)
        assert not shapely.intersects_xy(zone, *outer)


def test_a_route_over_the_antimeridian_has_a_part_on_each_side() -> None:
    zone = route_zone(np.array([179.9, -179.9]), np.array([66.0, 66.0]), 2_000)
    assert zone.geom_type == "MultiPolygon"
    assert zone.is_valid
    for lon in (179.95, -179.95, 180.0, -180.0):
        assert shapely.intersects_xy(zone, lon, 66.0)
    assert -180 <= zone.bounds[0] <= zone.bounds[2] <= 180


def test_a_route_of_many_legs_is_one_area() -> None:
    lon = np.asarray(101 + np.arange(500) * 0.002, np.float64)
    lat = np.asarray(21 + 0.01 * np.sin(np.arange(500) / 7), np.float64)
    zone = route_zone(lon, lat, 200)
    assert zone.geom_type == "Polygon"
    assert shapely.intersects_xy(zone, lon, lat).all()


@pytest.mark.parametrize(
    ("lon", "lat", "width", "message"),
    [
        ([101], [21], 100, "got 1 longitudes and 1 latitudes, want 2 to 100000"),
        ([101, 102], [21], 100, "got 2 longitudes and 1 latitudes"),
        ([101, 101], [21, 21], 100, "route has no length"),
        ([101, 102], [21, 99], 100, "route, position 1 is out of range: got 102.0 99.0"),
        ([101, np.nan], [21, 21], 100, "position 1 is out of range"),
        ([101, 102], [21, 21], 0, "width: got 0 m, want 1 to 50000 m"),
        ([101, 102], [21, 21], float("nan"), "width: got nan m"),
    ],
)
def test_what_is_no_route_is_refused(lon: list[float], lat: list[float], width: float, message: str) -> None:
    with pytest.raises(GeometryRefusedError) as caught:
        route_zone(np.array(lon), np.array(lat), width)
    assert message in str(caught.value)
