"""Units that send shifted coordinates: GCJ-02 and BD-09 as their makers publish them.

Such a unit shifts what it measures while it is in China and sends it as it is elsewhere. The formulas are
the usual ones, in plain trigonometry; the house that reads the reports has its own.
"""

from __future__ import annotations

import numpy as np

from firmware_sim.noise import F8

DATUMS = ("wgs84", "gcj02", "bd09")
_A_M = 6_378_245.0
_E2 = 0.00669342162296594323


def shifted(lon: F8, lat: F8, datum: str) -> tuple[F8, F8]:
    """What a unit of this datum shows at these places in China; degrees, NaN stays NaN."""
    if datum == "wgs84":
        return lon, lat
    x, y, pi = lon - 105.0, lat - 35.0, np.pi
    waves = 20 * np.sin(6 * pi * x) + 20 * np.sin(2 * pi * x)
    east = 300 + x + 2 * y + 0.1 * x * x + 0.1 * x * y + 0.1 * np.sqrt(np.abs(x))
    east += (waves + 20 * np.sin(pi * x) + 40 * np.sin(pi * x / 3)) * 2 / 3
    east += (150 * np.sin(pi * x / 12) + 300 * np.sin(pi * x / 30)) * 2 / 3
    north = -100 + 2 * x + 3 * y + 0.2 * y * y + 0.1 * x * y + 0.2 * np.sqrt(np.abs(x))
    north += (waves + 20 * np.sin(pi * y) + 40 * np.sin(pi * y / 3)) * 2 / 3
    north += (160 * np.sin(pi * y / 12) + 320 * np.sin(pi * y / 30)) * 2 / 3
    phi = np.radians(lat)
    w = np.sqrt(1 - _E2 * np.sin(phi) ** 2)
    lon = lon + np.degrees(east * w / (_A_M * np.cos(phi)))
    lat = lat + np.degrees(north * w**3 / (_A_M * (1 - _E2)))
    if datum == "gcj02":
        return lon, lat
    radius = np.hypot(lon, lat) + 2e-5 * np.sin(np.radians(lat * 3000))
    angle = np.arctan2(lat, lon) + 3e-6 * np.cos(np.radians(lon * 3000))
    return radius * np.cos(angle) + 0.0065, radius * np.sin(angle) + 0.006
