import numpy as np
import pytest
import shapely
from hypothesis import given
from hypothesis import strategies as st

from feeds.store import thin

E7 = 10_000_000


def line(*points: tuple[float, float]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    t_ms = np.arange(len(points), dtype=np.int64) * 1000
    lon, lat = np.array(points).T
    return t_ms, np.rint(lon * E7).astype(np.int32), np.rint(lat * E7).astype(np.int32)


def walk(n: int, seed: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    random = np.random.default_rng(seed)
    heading = np.cumsum(random.normal(0, 0.1, n))
    steps = np.column_stack((np.cos(heading), np.sin(heading))) * 1e-4
    return line(*map(tuple, np.array([101.0, 21.0]) + np.cumsum(steps, axis=0)))


@given(st.integers(0, 400), st.integers(2, 60), st.integers(0, 5))
def test_track_keeps_ends_order_and_limit(n: int, limit: int, seed: int) -> None:
    if n == 0:
        assert thin.track(*line((0, 0)), limit).tolist() == [0]
        return
    index = thin.track(*walk(n, seed), limit)
    assert len(index) == min(n, limit) or (n > limit and len(index) <= limit)
    assert np.all(np.diff(index) > 0)
    assert (index[0], index[-1]) == (0, n - 1)


def test_track_keeps_the_corner_and_fills_the_rest_evenly_over_time() -> None:
    points = [(100 + k / 1000, 20.0) for k in range(901)] + [(100.9, 20 + k / 1000) for k in range(1, 101)]
    index = thin.track(*line(*points), 12)
    assert {0, 900, 1000} <= set(index.tolist())
    assert np.diff(index).max() <= 120


def test_track_of_2000_points_stays_within_metres_of_a_day() -> None:
    t_ms, lon, lat = walk(86_400, 1)
    index = thin.track(t_ms, lon, lat, 2000)
    kept = shapely.linestrings(np.column_stack((lon, lat))[index])
    far = shapely.distance(shapely.points(lon[::97], lat[::97]), kept).max()
    even = np.linspace(0, len(t_ms) - 1, 2000).astype(int)
    naive = shapely.linestrings(np.column_stack((lon, lat))[even])
    assert far < shapely.distance(shapely.points(lon[::97], lat[::97]), naive).max() / 2


def test_track_over_the_date_line_has_no_false_corner() -> None:
    points = [((179.5 + k / 1000 + 180) % 360 - 180, 65.0) for k in range(1000)]
    points[700] = (points[700][0], 65.1)
    assert 700 in thin.track(*line(*points), 5)


def test_standing_still_is_thinned_too() -> None:
    assert len(thin.track(*line(*[(101.0, 21.0)] * 1000), 10)) <= 10


@given(st.integers(1, 400), st.integers(2, 60), st.integers(0, 5))
def test_series_keeps_ends_order_and_limit(n: int, limit: int, seed: int) -> None:
    values = np.random.default_rng(seed).normal(size=n)
    index = thin.series(np.arange(n, dtype=np.int64) * 1000, values, limit)
    assert len(index) == min(n, limit)
    assert np.all(np.diff(index) > 0)
    assert (index[0], index[-1]) == (0, n - 1)


def test_series_keeps_every_lonely_peak() -> None:
    values = np.zeros(10_000)
    peaks = [55, 1234, 5001, 9876]
    values[peaks] = [1, -2, 3, -4]
    assert set(peaks) <= set(thin.series(np.arange(10_000, dtype=np.int64), values, 100).tolist())


@pytest.mark.parametrize("limit", [1, 0, -3])
def test_limit_below_two_is_refused(limit: int) -> None:
    t_ms, lon, lat = walk(5, 0)
    with pytest.raises(ValueError, match=f"got {limit}, want at least 2"):
        thin.track(t_ms, lon, lat, limit)
    with pytest.raises(ValueError, match=f"got {limit}, want at least 2"):
        thin.series(t_ms, lon.astype(float), limit)


@given(st.integers(1, 400), st.integers(2, 60), st.integers(0, 5), st.sampled_from([0, 0.02, 0.5, 1]))
def test_judged_keeps_ends_order_limit_and_a_tenth_of_what_is_off_the_line(
    n: int, limit: int, seed: int, share: float
) -> None:
    flags = np.where(np.random.default_rng(seed).random(n) < share, 128, 0).astype(np.uint32)
    index = thin.judged(*walk(n, seed), flags, limit)
    assert len(index) <= limit
    assert np.all(np.diff(index) > 0)
    assert (index[0], index[-1]) == (0, n - 1)
    assert int(np.sum(flags[index] > 0)) >= min(int(np.sum(flags > 0)), limit // 10)


def test_judged_draws_the_line_without_what_is_off_it() -> None:
    points = [(100 + k / 1000, 20.0) for k in range(901)] + [(100.9, 20 + k / 1000) for k in range(1, 101)]
    flags = np.zeros(1001, np.uint32)
    for k in range(5, 1000, 10):
        points[k] = (points[k][0], 40.0)
        flags[k] = 128
    index = thin.judged(*line(*points), flags, 22)
    assert 900 in index
    off = index[flags[index] != 0]
    assert len(off) == 2
    assert 300 < np.diff(off)[0] < 700


def test_judged_shows_advice_where_nothing_worse_is() -> None:
    flags = np.zeros(1000, np.uint32)
    flags[[333, 777]] = [256, 512]
    assert {333, 777} <= set(thin.judged(*line(*[(101.0, 21.0)] * 1000), flags, 20).tolist())


def test_judged_without_a_line_is_spread_evenly() -> None:
    index = thin.judged(*walk(1000, 1), np.full(1000, 8, np.uint32), 12)
    assert len(index) == 12
    assert np.diff(index).max() <= 110
