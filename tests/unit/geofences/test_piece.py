"""Pieces give every point of their box the whole polygon's verdict, with fewer vertices."""

import numpy as np
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st

from geofences.piece import edges, reduce_polygon, reduce_ring

COAST = (
    shapely.Point(0, 0).buffer(5, quad_segs=2_000).difference(shapely.Point(1, 1).buffer(2, quad_segs=500))
)


@given(
    st.floats(-6, 6),
    st.floats(-6, 6),
    st.floats(0.01, 3),
    st.lists(st.tuples(st.floats(0, 1), st.floats(0, 1))),
)
@settings(max_examples=60, deadline=None)
def test_inside_the_box_the_piece_is_the_polygon(
    west: float, south: float, size: float, places: list[tuple[float, float]]
) -> None:
    box = (west, south, west + size, south + size)
    piece = reduce_polygon(COAST, box)
    points = np.array([(0.0, 0.0), (1.0, 1.0), *places]) * size + [west, south]
    points = points.clip([west, south], [west + size, south + size])
    whole = shapely.intersects_xy(COAST, *points.T)
    if piece is None:
        assert not whole.any()
    else:
        shapely.prepare(piece)
        assert (shapely.intersects_xy(piece, *points.T) == whole).all()


def test_a_small_box_at_the_border_leaves_few_vertices() -> None:
    piece = reduce_polygon(COAST, (4.9, -0.05, 5.1, 0.05))
    assert piece is not None
    assert shapely.get_num_coordinates(piece) < 60 < 10_000 < shapely.get_num_coordinates(COAST)


def test_a_box_far_outside_leaves_nothing() -> None:
    assert reduce_polygon(COAST, (7.0, 7.0, 8.0, 8.0)) is None


def test_a_box_wholly_inside_keeps_the_ring_around_it() -> None:
    ring = shapely.get_coordinates(COAST.exterior)
    around = reduce_ring(ring, (-1.0, -1.0, -0.9, -0.9))
    assert around is not None
    assert len(around) < 20
    assert shapely.Polygon(around).contains(shapely.box(-1.0, -1.0, -0.9, -0.9))


def test_kept_vertices_are_vertices_of_the_original() -> None:
    ring = shapely.get_coordinates(COAST.exterior)
    kept = reduce_ring(ring, (3.0, 3.0, 4.0, 4.0))
    assert kept is not None
    assert {tuple(point) for point in kept.tolist()} <= {tuple(point) for point in ring.tolist()}


def test_edges_do_not_run_from_ring_to_ring() -> None:
    squares = np.array(
        [shapely.box(0, 0, 4, 4).difference(shapely.box(1, 1, 2, 2)), shapely.box(9, 9, 10, 10)]
    )
    start, end, owner = edges(squares)
    assert owner.tolist() == [0] * 8 + [1] * 4
    assert np.hypot(*(end - start).T).max() == 4.0
