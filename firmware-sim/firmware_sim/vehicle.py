"""What a truck's buses would say: engine, fuel, load and temperatures from how it moves, as columns.

The values follow simple, plausible rules (gears by speed, colder air higher up); they are not a model of
an engine. Names and units are those of the wire.
"""

from __future__ import annotations

import math

import numpy as np

from firmware_sim.kinematics import TANK_L, World
from firmware_sim.noise import F8, I8

_GEARS_KMH = np.array([6.0, 10.0, 15.0, 21.0, 28.0, 37.0, 47.0, 58.0])
_LOAD, _AIR, _HEAT, _SHAKE = 50, 60, 70, 80


def signals(world: World, rows: I8, alt_m: F8) -> dict[str, F8]:
    """The signals of the trucks ``rows`` now; ``alt_m`` is their true height."""
    k, dice, t = world.trucks, world.dice, world.t_s
    shake = dice.normals(rows, t, _SHAKE, 2)
    cargo = dice.uniforms(rows, k.trip[rows], _LOAD, 2)
    speed = k.v_ms[rows] * 3.6
    on = k.mode[rows] == 0
    gear = np.searchsorted(_GEARS_KMH, speed)
    top = np.append(_GEARS_KMH, 92.0)[gear]
    rpm = np.where(speed < 3, 600.0, 780 + 900 * speed / top - 24 * gear)
    rpm = np.where(on, rpm + 12 * shake[0], 0.0)
    hour = (t / 3600 + 7) % 24  # the road's local time
    ambient = 29 - 0.0062 * alt_m + 5 * math.sin((hour - 9) / 12 * math.pi)
    ambient = ambient + dice.wander(rows, t, _AIR, (5_400.0, 1_300.0))
    heat = 86 + 3 * speed / 80 + 1.2 * dice.wander(rows, t, _HEAT, (700.0,))
    loaded = np.where(cargo[0] < np.where(k.ahead[rows] > 0, 0.95, 0.55), 1, 0)
    axle = np.where(loaded, 8_900.0, 4_700.0) + 600 * cargo[1]
    wheel = np.where(speed > 0, speed * (1 + 0.002 * shake[1]), 0.0)
    return {
        "odometer_m": np.floor(k.odometer_m[rows] / 5) * 5,
        "wheel_speed_kmh": np.round(np.maximum(wheel, 0) * 256) / 256,
        "fuel_level_pct": np.round(np.clip(100 * k.fuel_l[rows] / TANK_L, 0, 100) / 0.4) * 0.4,
        "fuel_used_l": np.round(k.fuel_used_l[rows], 3),
        "engine_rpm": np.round(np.maximum(rpm, 0) * 8) / 8,
        "engine_hours_h": np.floor(k.engine_s[rows] / 180) * 0.05,
        "axle_load_kg": np.round(axle * 2) / 2,
        "coolant_c": np.round(np.where(on, heat, np.maximum(ambient, 60.0))),
        "ambient_c": np.round(ambient * 32) / 32,
        "battery_v": np.round(np.where(on, 27.8, 25.4) / 0.05) * 0.05,
    }
