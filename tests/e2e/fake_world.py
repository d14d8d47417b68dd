"""A small world for the page's test: trucks on a made-up road over a gate, in the shapes of the API.

Everything follows from a number of seconds since the start, so a test can ask for any moment again. The
road joins real places by an invented curve; nothing here is a record of real traffic.
"""

from __future__ import annotations

import math
from bisect import bisect
from datetime import UTC, datetime
from itertools import pairwise
from typing import Any

PLACES = [
    ("Simao", 100.9748, 22.7886),
    ("Jinghong", 100.7341, 21.9910),
    ("Mengla", 101.5507, 21.4686),
    ("Mohan", 101.6877, 21.1908),
    ("Boten", 101.6726, 21.1842),
    ("Nateuy", 101.6451, 21.0586),
    ("Muang Xay", 101.9837, 20.6923),
    ("Luang Prabang", 102.1359, 19.8887),
]
GATE_LON, GATE_LAT = 101.6806, 21.1869
GATE = {"id": "mohan-boten", "name": "Mohan–Boten", "lon": GATE_LON, "lat": GATE_LAT}
OTHER_GATES = [
    ("khorgos", "Khorgos", "CN", "KZ", 80.41, 44.21),
    ("manzhouli-zabaikalsk", "Manzhouli–Zabaikalsk", "CN", "RU", 117.41, 49.63),
    ("suifenhe-pogranichny", "Suifenhe–Pogranichny", "CN", "RU", 131.2, 44.41),
    ("heihe-blagoveshchensk", "Heihe–Blagoveshchensk", "CN", "RU", 127.51, 50.26),
]
MAKERS = ["HOWO", "Shacman", "FAW", "Foton", "Dongfeng", "Sitrak"]
JUMP = 128
FLAGS_AT = {300: 256, 340: JUMP, 341: JUMP | 8, 380: 2}
"""Flags of single fixes of every track, by their number in it."""
EPOCH_MS = 1_790_000_000_000
SPEED_UP = 30.0


def rfc3339(ms: float) -> str:
    """The instant as the API writes it."""
    return datetime.fromtimestamp(ms / 1000, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _road() -> tuple[list[tuple[float, float]], list[float]]:
    points: list[tuple[float, float]] = []
    for (_, x0, y0), (_, x1, y1) in pairwise(PLACES):
        far = math.hypot(x1 - x0, y1 - y0)
        steps = max(4, int(far * 60))
        for k in range(steps):
            p = k / steps
            bend = (
                math.sin(p * math.pi) * (0.06 * math.sin(p * 19 + x0) + 0.03 * math.sin(p * 47)) * min(1, far)
            )
            points.append(
                (x0 + (x1 - x0) * p - (y1 - y0) / far * bend, y0 + (y1 - y0) * p + (x1 - x0) / far * bend)
            )
    points.append(PLACES[-1][1:])
    metres = [0.0]
    for (x0, y0), (x1, y1) in pairwise(points):
        metres.append(metres[-1] + math.hypot((x1 - x0) * math.cos(math.radians(y0)), y1 - y0) * 111_195)
    return points, metres


ROAD, METRES = _road()
LENGTH_M = METRES[-1]
GATE_M = METRES[min(range(len(ROAD)), key=lambda i: math.dist(ROAD[i], (GATE_LON, GATE_LAT)))]


def on_road(metres: float) -> tuple[float, float, float]:
    """Longitude, latitude and direction (degrees) at a distance along the road."""
    at = min(max(metres, 0.0), LENGTH_M - 1)
    i = bisect(METRES, at) - 1
    part = (at - METRES[i]) / (METRES[i + 1] - METRES[i])
    (x0, y0), (x1, y1) = ROAD[i], ROAD[i + 1]
    heading = math.degrees(math.atan2((x1 - x0) * math.cos(math.radians(y0)), y1 - y0)) % 360
    return x0 + (x1 - x0) * part, y0 + (y1 - y0) * part, heading


class Truck:
    """One truck that drives up and down the road and waits at the gate."""

    def __init__(self, number: int, count: int) -> None:
        self.number = number
        self.asset = f"asset_{number:024x}"
        self.maker = MAKERS[number % len(MAKERS)]
        self.name = f"{self.maker} {number + 1:02d}"
        self.vin = f"LZZ5ELND{number % 10}KA{100_000 + number * 137:06d}"
        self.speed_mps = (54 + number * 7 % 22) / 3.6
        self.southward = number % 2 == 0
        self.start_m = (GATE_M * 0.55 + number / count * LENGTH_M * 0.55) % LENGTH_M

    def state(self, seconds: float) -> tuple[str, float]:
        """The state's name and the distance along the road, northward trucks counting from the far end."""
        if self.number % 11 == 10:
            return "silent", self.start_m
        if self.number % 9 == 4:
            return "stopped", self.start_m
        if self.number % 8 == 3:
            return "at_gate", GATE_M + (-500 if self.southward else 700) - self.number * 6
        way = (self.speed_mps * SPEED_UP * seconds) % LENGTH_M
        metres = self.start_m + way if self.southward else self.start_m - way
        return "moving", metres % LENGTH_M

    def row(self, seconds: float) -> list[Any]:
        """The row of a positions message."""
        state, metres = self.state(seconds)
        lon, lat, heading = on_road(metres)
        moving = state == "moving"
        t_ms = EPOCH_MS + int(seconds * 1000 * SPEED_UP) - (3_600_000 if state == "silent" else 0)
        speed = self.speed_mps * 3.6 if moving else 0.0
        direction = heading if self.southward else (heading + 180) % 360
        return [
            self.asset,
            lon,
            lat,
            round(speed, 1),
            direction,
            t_ms,
            state,
            "CN" if metres < GATE_M else "LA",
        ]

    def track(self, seconds: float, points: int) -> list[dict[str, Any]]:
        """Samples of the last hours before a moment."""
        now_ms = EPOCH_MS + seconds * 1000 * SPEED_UP
        rows = []
        _, here = self.state(seconds)
        for k in range(points):
            back = (points - 1 - k) / points * 5 * 3600
            rest = 0.0 if (k // 40) % 4 == 3 else 1.0
            lon, lat, _ = on_road(here - back * self.speed_mps * (0.6 if self.southward else -0.6))
            speed = round(rest * (52 + 14 * math.sin(k / 9) + 5 * math.sin(k / 2.3)), 1)
            flags = FLAGS_AT.get(k, 0)
            if flags & JUMP:
                lat += 0.02
            rows.append(
                {
                    "t": rfc3339(now_ms - back * 1000),
                    "lon": lon,
                    "lat": lat,
                    "speed_kmh": speed,
                    "flags": flags,
                }
            )
        return rows

    def signals(self, seconds: float, names: list[str], points: int) -> list[dict[str, Any]]:
        """Signals over the same hours; what this truck does not send is null."""
        rows = []
        for k, sample in enumerate(self.track(seconds, points)):
            speed = sample["speed_kmh"]
            made = {
                "speed_kmh": speed,
                "engine_rpm": 620 + speed * 14 + 40 * math.sin(k),
                "fuel_level_pct": 84 - k * 0.12,
                "coolant_c": 82 + 5 * math.sin(k / 17),
                "axle_load_kg": 9450 + 30 * math.sin(k / 5),
                "battery_v": 27.4 + 0.3 * math.sin(k / 7),
            }
            rows.append({"t": sample["t"], **{name: made.get(name) for name in names}})
        return rows


def bracket(ms: float, half_s: float) -> dict[str, Any]:
    """Bounds and estimate of an instant."""
    return {
        "earliest": rfc3339(ms - half_s * 1000),
        "latest": rfc3339(ms + half_s * 1000),
        "estimate": rfc3339(ms),
        "lon": GATE_LON,
        "lat": GATE_LAT,
    }


STAGES = ["approach", "exit_port", "exit_port_left", "line", "entry_port", "leave"]
CROSSING_STATES = ["approaching", "at_exit_port", "between", "between", "at_entry_port", "completed"]
STAGE_AFTER_S = [0, 1500, 3800, 4100, 4500, 6900]


def crossing(truck: Truck, begin_ms: float, reached: int) -> dict[str, Any]:
    """A crossing that has reached stage number ``reached``."""
    way = ("CN", "LA") if truck.southward else ("LA", "CN")
    times = [begin_ms + after * 1000 + truck.number * 31_000 for after in STAGE_AFTER_S]
    done = reached == len(STAGES) - 1
    return {
        "gate": GATE["id"],
        "gate_name": GATE["name"],
        "direction": ">".join(way),
        "from": way[0],
        "to": way[1],
        "state": CROSSING_STATES[reached],
        "stages": {
            name: bracket(times[k], 40 + (k * 50 + truck.number * 7) % 90) if k <= reached else None
            for k, name in enumerate(STAGES)
        },
        "dwell_s": {
            name: (times[k + 1] - times[k]) / 1000 if k < reached else None
            for k, name in ((0, "approach"), (1, "exit_port"), (2, "between"), (4, "entry_port"))
        },
        "confidence": 0.62 if truck.number % 4 == 1 else 1,
        "duration_s": (times[-1] - times[0]) / 1000 if done else None,
        "why": {"changed": ["state", "stages"], "positions": [100 + reached, 101 + reached, 109]},
    }


def off_gate(truck: Truck, at_ms: float) -> dict[str, Any]:
    """A border crossed away from any gate."""
    made = crossing(truck, at_ms, 3)
    stages = {name: bracket(at_ms, 45) if name == "line" else None for name in STAGES}
    nothing: dict[str, Any] = {"gate": None, "gate_name": None, "dwell_s": {}, "confidence": 1}
    return {**made, **nothing, "state": "off_gate", "stages": stages}


def visit(truck: Truck, begin_ms: float, closed: bool) -> dict[str, Any]:
    """A visit to the port of the side that the truck comes from."""
    side = "CN" if truck.southward else "LA"
    return {
        "zone": f"{GATE['id']}-{side.lower()}-port",
        "zone_name": "Mohan port" if side == "CN" else "Boten port",
        "zone_kind": "port",
        "gate": GATE["id"],
        "country": side,
        "state": "closed" if closed else "open",
        "how": "path",
        "enter": bracket(begin_ms, 6),
        "leave": bracket(begin_ms + 1_480_000, 5) if closed else None,
        "dwell_s": 1480.0 if closed else None,
    }


def zones() -> dict[str, Any]:
    """Zones of the gate as a FeatureCollection."""
    features = []
    for side, kind, name, metres, wide in [
        ("CN", "approach", "Mohan approach", -3000, 0.036),
        ("LA", "approach", "Boten approach", 3000, 0.036),
        ("CN", "port", "Mohan port", -560, 0.0042),
        ("LA", "port", "Boten port", 640, 0.0042),
    ]:
        lon, lat, heading = on_road(GATE_M + metres)
        turned = math.radians(90 - heading)
        ring = []
        for k in range(24):
            angle = k / 24 * math.tau
            x, y = math.cos(angle) * wide * 1.35, math.sin(angle) * wide * 0.8
            ring.append(
                [
                    lon + x * math.cos(turned) - y * math.sin(turned),
                    lat + x * math.sin(turned) + y * math.cos(turned),
                ]
            )
        properties = {
            "id": f"{GATE['id']}-{side.lower()}-{kind}",
            "kind": kind,
            "name": name,
            "gate": GATE["id"],
            "country": side,
            "version": "0" * 8,
        }
        geometry = {"type": "Polygon", "coordinates": [[*ring, ring[0]]]}
        features.append(
            {"type": "Feature", "id": properties["id"], "properties": properties, "geometry": geometry}
        )
    return {"type": "FeatureCollection", "features": features}


def gates(queue: dict[str, int]) -> list[dict[str, Any]]:
    """Gates as /v1/gates lists them."""
    line = [
        [101.66, 21.1772],
        [101.6701, 21.1826],
        [101.6806, 21.1869],
        [101.6905, 21.1845],
        [101.70, 21.1781],
    ]
    first = {
        **GATE,
        "a": {"country": "CN", "zone": "mohan-boten-cn-port"},
        "b": {"country": "LA", "zone": "mohan-boten-la-port"},
        "line": {"type": "LineString", "coordinates": line},
        "queue": queue,
        "recent": [],
    }
    rest: list[dict[str, Any]] = [
        {
            "id": gate,
            "name": name,
            "a": {"country": a, "zone": f"{gate}-a"},
            "b": {"country": b, "zone": f"{gate}-b"},
            "line": None,
            "lon": lon,
            "lat": lat,
            "queue": {f"{a}>{b}": 0, f"{b}>{a}": 0},
            "recent": [],
        }
        for gate, name, a, b, lon, lat in OTHER_GATES
    ]
    return [first, *rest]
