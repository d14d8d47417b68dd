"""A drive through the gate as the system's tests make it, and what has to come of it."""

from __future__ import annotations

import time
from typing import Any, Final

import numpy as np

from firmware_sim import route
from tests.integration.devices import report

STAGES: Final = ("approach", "exit_port", "line", "entry_port", "leave")


def drive(start_ms: int, *, back: bool = False) -> list[tuple[int, float, float, float]]:
    """(t_ms, lon, lat, km/h) each 10 s from 25 km before the gate to 25 km behind it, with its stops."""
    road = route.build()
    begin, end = road.exit_m - 25_000, road.entry_m + 25_000
    stops = [(road.exit_m, 480), (road.entry_m, 600)]
    if back:
        begin, end, stops = end, begin, stops[::-1]
    metres, t_s = [begin], 0
    rows: list[tuple[int, float, float, float]] = []
    step = 10 * 50 / 3.6 * (1 if end > begin else -1)
    for at, seconds in [*stops, (end, 0)]:
        leg = np.arange(metres[-1], at, step)[1:].tolist()
        metres += [*leg, *[at] * (seconds // 10 + 1)]
    for at in metres:
        lon, lat = (float(np.interp(at, road.m, column)) for column in (road.lon, road.lat))
        standing = bool(rows) and rows[-1][1:3] == (lon, lat)
        rows.append((start_ms + t_s * 1000, lon, lat, 0.0 if standing else 50.0))
        t_s += 10
    return rows


def reports(rows: list[tuple[int, float, float, float]]) -> list[dict[str, Any]]:
    """A report for each 15 samples."""
    found = []
    for seq, at in enumerate(range(0, len(rows), 15)):
        t, lon, lat, speed = (list(column) for column in zip(*rows[at : at + 15], strict=True))
        found.append(report(seq, t=t, lon=lon, lat=lat, speed_kmh=speed))
    return found


def hours_ago(hours: float) -> int:
    return int((time.time() - hours * 3600) * 1000)


def check_crossing(found: dict[str, Any], direction: str) -> None:
    assert found["direction"] == direction
    assert found["gate"] == "mohan-boten"
    assert found["state"] == "completed"
    stages = [found["stages"][name] for name in STAGES]
    for stage in stages:
        assert stage["earliest"] <= stage["estimate"] <= stage["latest"]
    estimates = [stage["estimate"] for stage in stages]
    assert estimates == sorted(estimates)
    assert len(set(estimates)) == len(STAGES)
