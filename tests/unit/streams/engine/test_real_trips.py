"""The engine on a drive that nobody here made: along a border, over and over, and never across."""

from __future__ import annotations

from importlib.resources import as_file, files

import geofences
from corridor.replay import read
from streams.engine import Engine, World
from streams.events import Kind
from tests.unit.streams.engine.small_world import T0, Feeder, Sample


def muse_border() -> list[Sample]:
    """The positions of the recorded truck near Muse; times in seconds after the first."""
    with as_file(files("corridor.replay").joinpath("recordings/muse-border.jsonl.gz")) as path:
        pieces = read(path, None).pieces
    rows = sorted((t, row) for piece in pieces for t, row in piece.rows if row.get("lon") is not None)
    begin = rows[0][0]
    return [
        Sample((t - begin) / 1000, row["lon"], row["lat"], speed=row.get("speed_kmh"), asset="muse")
        for t, row in rows
    ]


def test_the_truck_along_the_border_near_muse_never_crosses_it() -> None:
    samples = muse_border()
    assert len(samples) > 150
    feed = Feeder(Engine(0, World(*geofences.world())))
    for i in range(0, len(samples), 10):
        feed.feed(samples[i : i + 10])
    assert feed.latest(Kind.CROSSING) == []
    countries = [v["country"] for v in feed.latest(Kind.VISIT) if v["zone_kind"] == "country"]
    assert countries == ["MM"]
    assert feed.engine.state["bt"][0] == T0 + round(samples[-1].t_s * 1000)
    assert feed.latest(Kind.TRIP)
