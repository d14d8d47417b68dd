import json
import math

import numpy as np
import pytest

from firmware_sim import kinematics, route
from firmware_sim.kinematics import BRAKE_MS2, HARD_BRAKE_MS2, GateTimes, Trucks, World, place_trucks

ROAD = route.build()


def world(count: int = 24, seed: int = 3) -> World:
    trucks = place_trucks(ROAD, seed, count, share_there=0.5, share_near=0.5, near_km=3)
    return World(ROAD, seed, trucks, 1_780_000_000, GateTimes())


def test_speed_and_acceleration_stay_physical_and_trucks_pass_the_gate_stage_by_stage() -> None:
    sim = world()
    stages = [sim.trucks.stage.copy()]
    longest_stop = np.zeros(24)
    for _ in range(3_600):
        before, place = sim.trucks.v_ms.copy(), sim.trucks.p_m.copy()
        sim.step()
        change = sim.trucks.v_ms - before
        assert change.max() <= kinematics.ACCEL_MS2 + 1e-9
        assert change.min() >= -HARD_BRAKE_MS2 - 1e-9
        assert sim.trucks.v_ms.max() < 85 / 3.6
        assert (sim.trucks.p_m - place).min() >= 0
        assert (sim.trucks.p_m - place).max() < 85 / 3.6
        longest_stop = np.where(sim.trucks.v_ms == 0, longest_stop + 1, longest_stop)
        if not np.array_equal(stages[-1], sim.trucks.stage):
            stages.append(sim.trucks.stage.copy())
    passed = (stages[0] == 0) & (sim.trucks.stage == 2)
    assert {1, -1} <= set(sim.trucks.ahead[passed].tolist())
    steps = np.diff(np.array(stages), axis=0)
    assert steps.max() == 1  # nobody skips a port
    assert longest_stop[passed].min() >= 60 * (GateTimes().exit_min[0] + GateTimes().entry_min[0])


def test_trucks_queue_at_the_port_without_standing_in_each_other() -> None:
    sim = world(60)
    for _ in range(900):
        sim.step()
    for ahead in (1, -1):
        waiting = (sim.trucks.ahead == ahead) & (sim.trucks.stage == 0) & (sim.trucks.v_ms == 0)
        places = np.sort(sim.trucks.p_m[waiting])
        assert len(places) > 3
        assert np.diff(places).min() > 1


def test_planned_braking_ends_before_the_stop() -> None:
    gap, speed = 400.0, 20.0
    while speed > 0.05:
        after = min(float(kinematics._stop_speed(np.array([gap]), np.array([speed]))[0]), speed + 0.7)
        assert speed - after <= BRAKE_MS2 * 1.3
        gap -= (speed + after) / 2
        speed = after
        assert gap > -0.5
        if gap < 0.5:
            break


def test_a_truck_at_the_end_of_the_road_unloads_and_comes_back() -> None:
    sim = world(2)
    sim.trucks.p_m[:] = ROAD.length_m - 500
    sim.trucks.stage[:] = 2
    ahead = sim.trucks.ahead.copy()
    for _ in range(200):
        sim.step()
    assert (sim.trucks.mode == kinematics.TERMINAL).all()
    assert (sim.trucks.hold - sim.t_s).min() > 50 * 60
    sim.trucks.hold[:] = sim.t_s + 1
    sim.step()
    assert (sim.trucks.ahead == -ahead).all()
    assert (sim.trucks.trip == 1).all()
    assert (sim.trucks.stage == 0).all()


def test_a_driver_rests_after_hours_at_the_wheel() -> None:
    sim = world(1)
    sim.trucks.p_m[:] = 100_000
    sim.trucks.drive_s[:] = 16_300
    modes = set()
    for _ in range(3_000):
        sim.step()
        modes.add(int(sim.trucks.mode[0]))
    assert modes == {kinematics.DRIVE, kinematics.REST}
    assert sim.trucks.drive_s[0] < 3_600


def test_a_saved_state_goes_on_exactly_as_it_would_have() -> None:
    one = world()
    for _ in range(500):
        one.step()
    saved = json.loads(json.dumps(one.trucks.to_json()))
    two = World(ROAD, 3, Trucks.from_json(saved), one.t_s, GateTimes())
    for _ in range(500):
        one.step()
        two.step()
    assert one.trucks.to_json() == two.trucks.to_json()


def test_position_and_distance_agree() -> None:
    sim = world(4)
    sim.trucks.p_m[:] = 50_000
    rows = np.arange(4)
    for _ in range(20):
        sim.step()
    lon0, lat0, _, _ = sim.where(rows)
    driven = sim.trucks.odometer_m.copy()
    for _ in range(5):
        sim.step()
    lon1, lat1, _, _ = sim.where(rows)
    east, north = route.metres_per_degree((lat0 + lat1) / 2)
    gone = np.hypot((lon1 - lon0) * east, (lat1 - lat0) * north)
    assert gone == pytest.approx(sim.trucks.odometer_m - driven, rel=0.02, abs=0.2)
    assert not math.isnan(float(gone.sum()))
