"""Grades of what real receivers, trucks and the simulator's fleet measured: no false alarm, and true ones."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from firmware_sim import gnss, route, vehicle
from firmware_sim.faults import CoverageHole
from firmware_sim.kinematics import GateTimes, World, place_trucks
from gateway.can.bus import decode_can
from gateway.payload.nmea import NmeaSession
from streams.engine.derive import flags
from streams.engine.grades import Grades, Neighbours, grade
from streams.engine.rows import Rows
from streams.engine.units import NONE
from tests.unit.gateway.can.candump import read_log
from tests.unit.streams.engine.real_trips import tracks

NMEA = sorted((Path(__file__).parents[3] / "data" / "nmea").glob("*.log"))
TRUCKS, STEP_S, HOURS = 12, 10, 2
_SCALES = {"lon": 1e7, "lat": 1e7, "speed": 100, "heading": 100, "hdop": 100, "odometer": 1000, "wheel": 100}


def rows_of(columns: dict[str, list[Any]]) -> Rows:
    """Rows of columns in the units of the wire, None or NaN where nothing was measured; t in ms."""
    n = len(columns["t"])
    values = {"asset": np.zeros(n, np.int64), "position": np.arange(n)}
    for name in ("t", "lon", "lat", "speed", "heading", "hdop", "sats", "fix", "odometer", "wheel"):
        column = np.array(columns.get(name, [None] * n), np.float64)
        known = np.rint(np.nan_to_num(column) * _SCALES.get(name, 1)).astype(np.int64)
        values[name] = np.where(np.isnan(column), NONE, known)
    return Rows(received=values["t"].copy(), **values)


def judged(rows: Rows) -> Any:
    found = np.zeros(len(rows), np.int64)
    placed = np.flatnonzero((rows.lon != NONE) & (rows.lat != NONE))
    found[placed] = flags(rows.take(placed))
    return found


def alarms(found: Grades) -> set[str]:
    """The grades that accuse."""
    return {found.jamming.grade, found.spoofing.grade} - {"none", "unknown"}


@pytest.mark.parametrize("name", sorted(tracks()))
def test_recorded_drives_are_clean_by_the_speed_that_was_measured(name: str) -> None:
    # the receiver's own speed, measured by Doppler, stands in for the wheels, which nobody published
    samples = tracks()[name]
    columns: dict[str, list[Any]] = {
        "t": [one.t for one in samples],
        "lon": [one.lon * 1e-7 for one in samples],
        "lat": [one.lat * 1e-7 for one in samples],
        "speed": [None if one.speed is None else one.speed / 100 for one in samples],
    }
    rows = rows_of(columns | {"wheel": columns["speed"]})
    found = grade(rows, judged(rows))
    assert not alarms(found), found.spoofing
    fast = len(samples) > 1 and all(one.speed is not None for one in samples)
    assert found.spoofing.compared > 0 or not fast or found.believed < 2


@pytest.mark.parametrize("path", NMEA, ids=lambda path: path.stem)
def test_recorded_receivers_are_clean(path: Path) -> None:
    session = NmeaSession()
    fixes = session.feed(path.read_bytes(), 1_780_000_000_000) + session.flush(1_780_000_000_000)
    names = {"t": "t_ms", "lon": "lon", "lat": "lat", "speed": "speed_kmh", "heading": "heading_deg"}
    names |= {"hdop": "hdop", "sats": "sats", "fix": "fix"}
    columns = {name: [getattr(fix, of) for fix in fixes] for name, of in names.items()}
    alone = rows_of(columns)
    assert not alarms(grade(alone, judged(alone)))
    wheeled = rows_of(columns | {"wheel": columns["speed"]})
    assert not alarms(grade(wheeled, judged(wheeled)))


@pytest.mark.parametrize("name", ["FCBF0606_truck_tp.log", "11111111_truck.log.gz"])
def test_a_recorded_bus_without_a_receiver_is_not_judged(name: str) -> None:
    samples = decode_can(read_log(name)).samples
    names = {"wheel": "wheel_speed_kmh", "odometer": "odometer_m"}
    columns: dict[str, list[Any]] = {"t": [t for t, _ in samples]}
    columns |= {name: [values.get(of) for _, values in samples] for name, of in names.items()}
    rows = rows_of(columns)
    found = grade(rows, judged(rows))
    assert (found.jamming.grade, found.spoofing.grade) == ("unknown", "unknown")
    assert found.samples == len(samples) > 0


@cache
def fleet() -> dict[str, Any]:
    """Two hours of a simulated fleet at a gate and on the road: arrays of (sample, truck)."""
    road = route.build()
    trucks = place_trucks(road, 4, TRUCKS, share_there=0.5, share_near=0.5, near_km=3)
    world, rows = World(road, 4, trucks, 1_780_000_000, GateTimes()), np.arange(TRUCKS)
    taken: dict[str, list[Any]] = {}
    for second in range(HOURS * 3600):
        world.step()
        if second % STEP_S:
            continue
        columns, alt = gnss.fixes(world, rows, np.full(TRUCKS, 1e4))
        columns |= vehicle.signals(world, rows, alt)
        columns["t"] = np.full(TRUCKS, 1000.0 * world.t_s)
        for name, column in columns.items():
            taken.setdefault(name.split("_")[0], []).append(column)
    return {name: np.array(column) for name, column in taken.items()}


def of_truck(truck: int, jammed: np.ndarray[Any, Any] | None = None) -> Rows:
    """A truck's rows, without a fix where ``jammed``."""
    columns = {name: column[:, truck] for name, column in fleet().items()}
    if jammed is not None:
        for name in ("lon", "lat", "speed", "heading", "hdop"):
            columns[name] = np.where(jammed[:, truck], np.nan, columns[name])
        columns["fix"] = np.where(jammed[:, truck], 0, columns["fix"])
    return rows_of({name: column.tolist() for name, column in columns.items()})


def among(trucks: dict[int, Rows], own: int) -> Grades:
    others = [
        Rows(**{n: getattr(rows, n) for n in Rows.__dataclass_fields__} | {"asset": np.full(len(rows), k)})
        for k, rows in trucks.items()
        if k != own
    ]
    names = Rows.__dataclass_fields__
    all_ = Rows(**{name: np.concatenate([getattr(rows, name) for rows in others]) for name in names})
    return grade(trucks[own], judged(trucks[own]), Neighbours(all_, judged(all_)))


def test_a_simulated_fleet_is_clean() -> None:
    trucks = {k: of_truck(k) for k in range(TRUCKS)}
    for k in trucks:
        found = among(trucks, k)
        assert (found.jamming.grade, found.spoofing.grade) == ("none", "none"), (k, found)
        assert found.spoofing.compared == found.spoofing.windows > 100


def test_a_jammer_on_a_simulated_road_shows_in_those_that_drive_through() -> None:
    wheel, lon, lat = (fleet()[name] for name in ("wheel", "lon", "lat"))
    driver = int(np.argmax((wheel > 30).sum(axis=0)))
    middle = len(wheel) // 2
    hole = CoverageHole(
        lon=float(np.nanmean(lon[middle - 3 : middle + 3, driver])),
        lat=float(np.nanmean(lat[middle - 3 : middle + 3, driver])),
        radius_m=9_000,
    )
    covers = np.vectorize(lambda x, y: bool(np.isfinite(x)) and hole.covers(0.0, x, y))
    jammed = covers(lon, lat) | np.isnan(lon)
    trucks = {k: of_truck(k, jammed) for k in range(TRUCKS)}
    found = among(trucks, driver)
    assert found.jamming.grade in ("possible", "likely")
    longest = max(found.jamming.spans, key=lambda span: span.loss.lost_ms)
    assert longest.loss.lost_ms > 300_000
    assert longest.loss.wheels_mm == pytest.approx(18_000_000, rel=0.4)
    away = [k for k in range(TRUCKS) if jammed[:, k].sum() < 5]
    assert len(away) > TRUCKS / 2
    assert {among(trucks, k).jamming.grade for k in away} == {"none"}
