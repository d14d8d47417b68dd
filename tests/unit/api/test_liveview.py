"""The latest positions, by version: what a client has not seen, and no more."""

from __future__ import annotations

import json
from typing import Any

import numpy as np

from api.liveview import TenantView
from tests.unit.api.world import positions

NOTHING = np.zeros(0, bool)
ALL = (-180.0, -90.0, 180.0, 90.0)


def put(view: TenantView, *rows: tuple[str, float, float]) -> None:
    table = positions(*((asset, "main", lon, lat) for asset, lon, lat in rows))
    view.merge(table, np.arange(len(rows)))


def assets(message: bytes | None) -> list[str]:
    return [] if message is None else [item[0] for item in json.loads(message)["items"]]


def test_row_has_the_units_and_order_of_the_wire() -> None:
    view = TenantView()
    put(view, ("a", 101.6541, 21.15))
    message = view.since(-1)
    assert message is not None
    row: list[Any] = ["a", 101.6541, 21.15, 42.5, None, 1795330800000, "moving", "CN"]
    assert json.loads(message) == {"type": "positions", "items": [row]}


def test_only_what_changed_since_is_sent() -> None:
    view = TenantView()
    put(view, ("a", 1, 1), ("b", 2, 2))
    seen = view.version
    put(view, ("b", 3, 3))
    put(view, ("c", 4, 4))
    put(view, ("b", 5, 5))
    assert assets(view.since(-1)) == ["a", "b", "c"]
    assert assets(view.since(seen)) == ["b", "c"]
    assert view.since(view.version) is None
    assert json.loads(view.since(seen) or b"")["items"][0][1] == 5


def test_what_two_clients_missed_alike_is_encoded_once() -> None:
    view = TenantView()
    put(view, ("a", 1, 1))
    assert view.since(0) is view.since(0)
    before = view.since(0)
    put(view, ("a", 2, 2))
    assert view.since(0) is not before


def test_box_shows_what_is_inside_and_what_left_since() -> None:
    view = TenantView()
    put(view, ("in", 1, 1), ("out", 50, 50))
    box = (0.0, 0.0, 10.0, 10.0)
    assert view.changes(-1, box, NOTHING).tolist() == [0]
    shown, seen = view.inside(box), view.version
    put(view, ("in", 60, 60), ("out", 51, 51))
    assert view.changes(seen, box, shown).tolist() == [0]
    shown, seen = view.inside(box), view.version
    put(view, ("in", 61, 61), ("new", 2, 2))
    assert view.changes(seen, box, shown).tolist() == [2]


def test_box_may_span_the_180th_meridian() -> None:
    view = TenantView()
    put(view, ("east", 179, 0), ("west", -179, 0), ("far", 0, 0))
    assert view.inside((170, -10, -170, 10)).tolist() == [True, True, False]
    assert view.inside(ALL).tolist() == [True, True, True]


def test_many_assets_are_held() -> None:
    view = TenantView()
    put(view, *((f"a{n}", n / 100, 1) for n in range(1000)))
    put(view, *((f"a{n}", n / 100, 2) for n in range(500, 1500)))
    assert len(view) == 1500
    rows = {row[0]: row[2] for row in json.loads(view.since(-1) or b"")["items"]}
    assert (rows["a0"], rows["a499"], rows["a500"], rows["a1499"]) == (1, 1, 2, 2)
