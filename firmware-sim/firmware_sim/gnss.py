"""The satellite receiver: fixes with noise, cold starts and bad moments, as columns and as NMEA sentences.

Errors wander slowly (atmosphere) with some white noise on top; now and then a truck between steep slopes
gets a fix some hundred metres off with a poor HDOP, or none at all. All of it is computed from seed, truck
and time.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import numpy as np

from firmware_sim.kinematics import World
from firmware_sim.noise import F8, I8
from firmware_sim.route import metres_per_degree

EPISODE_S = 900
_SLOW, _WHITE, _EPISODE, _VIEW, _WARM = 100, 130, 150, 160, 170


def fixes(world: World, rows: I8, since_boot_s: F8) -> tuple[dict[str, F8], F8]:
    """Wire columns (``lon`` ... ``fix``; NaN where there is no value) of the trucks ``rows``, true height.

    ``since_boot_s`` is how long each receiver has been on: no fix for half a minute after a cold start,
    then time only, then 2D, then 3D.
    """
    dice, t = world.dice, world.t_s
    lon, lat, alt, heading = world.where(rows)
    mode, hdop, sats, (off_x, off_y) = _sky(world, rows, since_boot_s)
    east, north = metres_per_degree(lat)
    white = dice.normals(rows, t, _WHITE, 5)
    slow = [dice.wander(rows, t, _SLOW + 8 * axis, (2_300.0, 310.0, 47.0)) for axis in range(3)]
    # A receiver at a stand filters its position.
    size = hdop * np.where(world.trucks.v_ms[rows] < 0.2, 0.3, 1.0)
    ex = size * (1.3 * slow[0] + 0.35 * white[0]) + off_x
    ey = size * (1.3 * slow[1] + 0.35 * white[1]) + off_y
    ez = 2.5 * slow[2] + 0.8 * white[2]
    speed = world.trucks.v_ms[rows] * 3.6
    seen = np.abs(speed + 0.25 * white[3]) * (speed > 0)
    course = (heading + white[4] * np.where(speed > 10, 0.6, 4.0)) % 360
    has, high = mode >= 2, mode >= 3
    columns = {
        "lon": np.where(has, np.round(lon + ex / east, 7), np.nan),
        "lat": np.where(has, np.round(lat + ey / north, 7), np.nan),
        "alt_m": np.where(high, np.round(alt + ez, 1), np.nan),
        "speed_kmh": np.where(has, np.round(seen, 2), np.nan),
        "heading_deg": np.where(has & (speed > 1.5), np.round(course, 1) % 360, np.nan),
        "hdop": np.where(has, np.round(hdop, 1), np.nan),
        "sats": sats,
        "fix": mode,
    }
    return columns, alt


def _sky(world: World, rows: I8, since_boot_s: F8) -> tuple[F8, F8, F8, tuple[F8, F8]]:
    """Fix mode, HDOP, satellites and the error of a reflected signal (m, east and north)."""
    dice, t = world.dice, world.t_s
    on = since_boot_s - 28 - 14 * dice.uniform(rows, 0, _WARM)
    mode = np.select([on < 0, on < 4, on < 10], [0.0, 1.0, 2.0], 3.0)
    episode = dice.uniforms(rows, t // EPISODE_S, _EPISODE, 5)
    view = dice.uniforms(rows, t // 120, _VIEW, 2)
    begin = (EPISODE_S - 60) * episode[1]
    within = (t % EPISODE_S >= begin) & (t % EPISODE_S < begin + 40) & (world.trucks.v_ms[rows] > 1.0)
    reflected, blocked = within & (episode[0] < 0.03), within & (episode[0] > 0.98)
    mode = np.where(blocked, 0.0, mode)
    sats = np.floor(9 + 7 * view[0])
    hdop = 0.6 + 0.5 * view[1] + np.where(mode == 2, 2.5, 0.0)
    hdop = np.where(reflected, 7 + 6 * episode[2], hdop)
    sats = np.select([mode == 0, mode == 1, mode == 2, reflected], [0.0, 2.0, 3.0, 4.0], sats)
    off, side = np.where(reflected, 40 + 110 * episode[3], 0.0), 2 * math.pi * episode[4]
    return mode, hdop, sats, (off * np.cos(side), off * np.sin(side))


def checksum(body: str) -> str:
    """The two hexadecimal digits of NMEA 0183: XOR of all characters between ``$`` and ``*``."""
    total = 0
    for byte in body.encode("ascii"):
        total ^= byte
    return f"{total:02X}"


def _sentence(body: str) -> str:
    return f"${body}*{checksum(body)}"


def _angle(value: float, digits: int, letters: str) -> str:
    """Degrees as ``dddmm.mmmmm,H``; minutes that would round up to 60 carry over."""
    units = round(abs(value) * 60 * 100_000)
    degrees, rest = divmod(units, 60 * 100_000)
    return f"{degrees:0{digits}d}{rest / 100_000:08.5f},{letters[value < 0]}"


def sentences(t_ms: int, fix: Mapping[str, Any]) -> list[str]:
    """One epoch as RMC, GGA, GSA and VTG, each with its checksum; ``fix`` holds the wire's columns."""
    when = datetime.fromtimestamp(t_ms / 1000, UTC)
    mode, timed = int(fix["fix"] or 0), (fix["fix"] or 0) >= 1
    hms = f"{when:%H%M%S}.{when.microsecond // 1000:03d}" if timed else ""
    date = f"{when:%d%m%y}" if timed else ""
    sats = int(fix["sats"] or 0)
    if mode < 2 or fix["lon"] is None:
        return [
            _sentence(f"GPRMC,{hms},V,,,,,,,{date},,,N"),
            _sentence(f"GPGGA,{hms},,,,,0,{sats:02d},,,,,,,"),
            _sentence("GPGSA,A,1,,,,,,,,,,,,,,,"),
            _sentence("GPVTG,,,,,,,,,N"),
        ]
    place = f"{_angle(fix['lat'], 2, 'NS')},{_angle(fix['lon'], 3, 'EW')}"
    kmh, hdop = fix["speed_kmh"], fix["hdop"]
    knots, course = f"{kmh / 1.852:.2f}", "" if fix["heading_deg"] is None else f"{fix['heading_deg']:.1f}"
    high = "" if fix["alt_m"] is None else f"{fix['alt_m']:.1f}"
    prns = ",".join([f"{p:02d}" for p in range(1, min(sats, 12) + 1)] + [""] * (12 - min(sats, 12)))
    return [
        _sentence(f"GPRMC,{hms},A,{place},{knots},{course},{date},,,A"),
        _sentence(f"GPGGA,{hms},{place},1,{min(sats, 12):02d},{hdop:.1f},{high},M,-30.0,M,,"),
        _sentence(f"GPGSA,A,{mode},{prns},{hdop * 1.6:.1f},{hdop:.1f},{hdop * 1.2:.1f}"),
        _sentence(f"GPVTG,{course},T,,M,{knots},N,{kmh:.2f},K,A"),
    ]
