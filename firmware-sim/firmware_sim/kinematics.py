"""How the trucks move: one row a truck, one step a second, whole columns at a time.

A truck speeds up and brakes within limits, obeys the road's speeds, rests after hours of driving, waits in
the gate's two queues (exit port, then entry port) for a free booth and its minutes of control, unloads at
the end of the road and comes back. Trucks meet only in those queues; on the open road they do not see each
other. Everything random comes from ``noise``, so the state is these few columns and can be saved.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from firmware_sim.noise import F8, I8, Dice
from firmware_sim.route import Route, metres_per_degree

DT_S = 1.0
ACCEL_MS2 = 0.7
BRAKE_MS2 = 0.6  # planned
HARD_BRAKE_MS2 = 2.5  # never more
QUEUE_GAP_M = 22.0
QUEUE_REACH_M = 4_000.0
TANK_L = 600.0
DRIVE, REST, TERMINAL = 0, 1, 2
_RESTS, _EXIT, _ENTRY, _DRIVER, _UNLOAD, _START, _STAMINA = 11, 12, 13, 14, 15, 16, 40


@dataclass(frozen=True, slots=True)
class GateTimes:
    """Minutes of control at the two ports (shortest, longest) and booths at each."""

    exit_min: tuple[float, float] = (6.0, 15.0)
    entry_min: tuple[float, float] = (8.0, 20.0)
    lanes: int = 3


@dataclass(slots=True)
class Trucks:
    """The state: what a restart needs. ``p_m`` is the distance driven on this way, ``ahead`` +1 or -1.

    ``stage`` counts the ports passed on this way (0, 1, 2); ``mode`` is DRIVE, REST or TERMINAL; ``hold``
    the second at which a rest, an unloading or a control ends (0: none); ``rest_at_m`` where the truck
    wants to rest (infinite: nowhere); ``trip`` counts ways.
    """

    p_m: F8
    v_ms: F8
    ahead: I8
    mode: I8
    stage: I8
    hold: F8
    rest_at_m: F8
    drive_s: F8
    trip: I8
    odometer_m: F8
    fuel_used_l: F8
    fuel_l: F8
    engine_s: F8

    def to_json(self) -> dict[str, list[float]]:
        return {name: getattr(self, name).tolist() for name in self.__slots__}

    @classmethod
    def from_json(cls, saved: dict[str, Any]) -> Trucks:
        whole = {"ahead", "mode", "stage", "trip"}
        columns: dict[str, Any] = {
            name: np.array(saved[name], dtype=np.int64 if name in whole else np.float64)
            for name in cls.__slots__
        }
        return cls(**columns)


class World:
    """All trucks on one road at one instant; ``step`` is the passing of a second."""

    def __init__(
        self,
        route: Route,
        seed: int,
        trucks: Trucks,
        t_s: int,
        times: GateTimes,
        *,
        own_min: Mapping[tuple[int, int], tuple[float, float]] | None = None,
        one_way: bool = False,
    ) -> None:
        """``own_min``: minutes of control of single trucks, by (truck, ports passed before)."""
        self.route, self.seed, self.trucks, self.t_s, self.times = route, seed, trucks, t_s, times
        self._own_min, self._one_way = own_min or {}, one_way
        self.dice = Dice(seed, len(trucks.p_m))
        self._all = np.arange(len(trucks.p_m), dtype=np.int64)
        self.driver = 0.86 + 0.12 * self.dice.uniform(self._all, 0, _DRIVER)
        self._stamina_s = self._staminas()
        length = route.length_m
        # Booths by (direction, port), as the distance driven on that way.
        self._booths = {
            (1, 0): route.exit_m,
            (1, 1): route.entry_m,
            (-1, 0): length - route.entry_m,
            (-1, 1): length - route.exit_m,
        }
        self._limits = (route.limit_there, route.limit_back[::-1])

    @property
    def pos_m(self) -> F8:
        """Distance of each truck from the road's start, metres."""
        k = self.trucks
        return np.where(k.ahead > 0, k.p_m, self.route.length_m - k.p_m)

    def step(self) -> None:
        """One second later."""
        k = self.trucks
        stop = self._stops()
        target = np.minimum(self._limit() * self.driver, _stop_speed(stop - k.p_m, k.v_ms))
        grip = ACCEL_MS2 * (1 - 0.75 * k.v_ms / 25.0)
        v = np.clip(target, k.v_ms - HARD_BRAKE_MS2 * DT_S, k.v_ms + grip * DT_S)
        v = np.where((v < 0.15) & (stop - k.p_m < 3), 0.0, np.maximum(v, 0.0))
        v[k.mode != DRIVE] = 0.0
        moved = (k.v_ms + v) / 2 * DT_S
        accel = v - k.v_ms
        k.p_m += moved
        k.v_ms = v
        self.t_s += 1
        self._burn(moved, accel)
        self._hold()

    def _limit(self) -> F8:
        k = self.trucks
        row = np.clip((k.p_m / 25.0).astype(np.int64), 0, len(self.route.m) - 2)
        there, back = self._limits
        return np.where(k.ahead > 0, there[row + 1], back[row + 1])

    def _stops(self) -> F8:
        """Where each truck must stand at the latest: end of the road, rest, place in the queue."""
        k = self.trucks
        stop = np.minimum(self.route.length_m - 40.0, k.rest_at_m)
        for booth, queue in self._queues():
            rank = np.arange(len(queue))
            lanes = self.times.lanes
            beside = min(5.0, 0.8 * QUEUE_GAP_M / lanes)  # all lanes' first places are at the booth
            place = booth - QUEUE_GAP_M * (rank // lanes) - beside * (rank % lanes)
            stop[queue] = np.minimum(stop[queue], np.maximum(place, k.p_m[queue]))
        return stop

    def _queues(self) -> Iterator[tuple[float, I8]]:
        """Each booth's place and the trucks that are on their way to it, the foremost first."""
        k = self.trucks
        for (ahead, port), booth in self._booths.items():
            gap = booth - k.p_m
            near = (k.ahead == ahead) & (k.stage == port) & (gap < QUEUE_REACH_M) & (k.mode == DRIVE)
            found = np.flatnonzero(near)
            if len(found):
                yield booth, found[np.argsort(gap[found], kind="stable")]

    def _burn(self, moved: F8, accel: F8) -> None:
        k = self.trucks
        running = self.engine_on
        litres = np.where(running, 2.2 / 3600 + moved * (0.27e-3 + 0.35e-3 * np.maximum(accel, 0)), 0.0)
        k.odometer_m += moved
        k.fuel_used_l += litres
        k.fuel_l -= litres
        k.engine_s += running * DT_S
        k.drive_s += np.where(k.v_ms > 0.5, DT_S, 0.0)

    @property
    def engine_on(self) -> Any:
        """Whether each truck's engine runs: off while the driver rests or the truck is unloaded."""
        return self.trucks.mode == DRIVE

    def _hold(self) -> None:
        """Begin and end rests, controls and unloading; only trucks at a stand are looked at one by one."""
        k = self.trucks
        done = (k.hold > 0) & (k.hold <= self.t_s)
        if done.any():
            for i in np.flatnonzero(done).tolist():
                self._release(i)
        tired = (k.drive_s > self._stamina_s) & np.isinf(k.rest_at_m)
        if tired.any():
            clear = tired & self._clear_of_gate()
            k.rest_at_m[clear] = k.p_m[clear] + k.v_ms[clear] ** 2 / (2 * 0.4) + 60.0
        standing = (k.v_ms == 0.0) & (k.hold == 0.0)
        if standing.any():
            self._stand(standing)

    def _stand(self, standing: Any) -> None:
        k = self.trucks
        for i in np.flatnonzero(standing & (k.rest_at_m - k.p_m < 6)).tolist():
            k.mode[i] = REST
            k.hold[i] = self.t_s + 60 * self._draw(i, _RESTS, (20, 45))
        for i in np.flatnonzero(standing & (self.route.length_m - k.p_m < 60)).tolist():
            k.mode[i] = TERMINAL
            k.hold[i] = math.inf if self._one_way else self.t_s + 60 * self._draw(i, _UNLOAD, (60, 180))
        for booth, queue in self._queues():
            for i in queue[: self.times.lanes].tolist():
                if standing[i] and booth - k.p_m[i] < QUEUE_GAP_M and k.hold[i] == 0.0:
                    usual = self.times.entry_min if k.stage[i] else self.times.exit_min
                    minutes = self._own_min.get((i, int(k.stage[i])), usual)
                    k.hold[i] = self.t_s + 60 * self._draw(i, _ENTRY if k.stage[i] else _EXIT, minutes)

    def _release(self, i: int) -> None:
        k = self.trucks
        k.hold[i] = 0.0
        if k.mode[i] == DRIVE:
            k.stage[i] += 1
        elif k.mode[i] == REST:
            k.mode[i], k.drive_s[i], k.rest_at_m[i] = DRIVE, 0.0, math.inf
        else:
            k.mode[i], k.stage[i], k.drive_s[i], k.rest_at_m[i] = DRIVE, 0, 0.0, math.inf
            k.p_m[i] = self.route.length_m - k.p_m[i]
            k.ahead[i] = -k.ahead[i]
            k.trip[i] += 1
            self._stamina_s = self._staminas()
        if k.fuel_l[i] < 0.35 * TANK_L and k.stage[i] != 1:
            k.fuel_l[i] = 0.96 * TANK_L

    def _staminas(self) -> F8:
        """After how long at the wheel each driver looks for a rest on this way, seconds."""
        return 12_600 + 3_600 * self.dice.uniform(self._all, self.trucks.trip, _STAMINA)

    def _clear_of_gate(self) -> Any:
        k = self.trucks
        clear = (k.p_m > 3_000) & (k.p_m < self.route.length_m - 6_000)
        for (ahead, _), booth in self._booths.items():
            clear &= (k.ahead != ahead) | (np.abs(booth - k.p_m) > 6_000)
        return clear

    def _draw(self, i: int, channel: int, between: tuple[float, float]) -> float:
        share = float(self.dice.uniform(self._all[i : i + 1], int(self.trucks.trip[i]), channel)[0])
        return between[0] + share * (between[1] - between[0])

    def where(self, rows: I8) -> tuple[F8, F8, F8, F8]:
        """True longitude, latitude (degrees), height (m) and heading (degrees) of the trucks ``rows``.

        Trucks drive on the right: 4 m beside the road's middle.
        """
        r, pos, ahead = self.route, self.pos_m[rows], self.trucks.ahead[rows]
        lon, lat = np.interp(pos, r.m, r.lon), np.interp(pos, r.m, r.lat)
        row = np.clip(np.rint(pos / 25.0).astype(np.int64), 0, len(r.m) - 1)
        heading = (r.heading_deg[row] + np.where(ahead > 0, 0.0, 180.0)) % 360
        east, north = metres_per_degree(lat)
        turn = np.radians(heading)
        lon = lon + 4.0 * np.cos(turn) / east
        lat = lat - 4.0 * np.sin(turn) / north
        return lon, lat, np.interp(pos, r.m, r.alt_m), heading


def _stop_speed(gap_m: F8, v_ms: F8) -> F8:
    """The greatest speed after this step from which planned braking still ends before ``gap_m``."""
    half = BRAKE_MS2 * DT_S / 2
    room = half**2 + 2 * BRAKE_MS2 * np.clip(gap_m, 0.0, 1e7) - BRAKE_MS2 * DT_S * v_ms
    return np.sqrt(np.maximum(room, half**2)) - half


def place_trucks(
    route: Route, seed: int, count: int, *, share_there: float, share_near: float, near_km: float
) -> Trucks:
    """The trucks at the start: spread over the road in both directions, ``share_near`` before the gate."""
    draw = Dice(seed, count).uniforms(np.arange(count), 0, _START, 4)
    ahead = np.where((np.arange(count) * 0.6180339887 + 0.5) % 1 < share_there, 1, -1).astype(np.int64)
    exit_m = np.where(ahead > 0, route.exit_m, route.length_m - route.entry_m)
    p = 2_000 + draw[0] * (route.length_m - 6_000)
    for side in (1, -1):
        mine = np.flatnonzero(ahead == side)
        near = mine[: math.ceil(share_near * len(mine))]
        spread = 1000 * near_km * (np.arange(len(near)) + 0.3) / max(1, len(near))
        p[near] = np.maximum(exit_m[near] - 30 - spread, 100.0)
    gate_m = np.abs(route.entry_m - route.exit_m)
    inside = (p > exit_m) & (p < exit_m + gate_m + 500)
    p[inside] = exit_m[inside] + gate_m + 500
    stage = np.where(p > exit_m, 2, 0).astype(np.int64)
    life = draw[1]
    return Trucks(
        p_m=p,
        v_ms=np.where(exit_m - p > 2500, 12.0, 0.0) * (p > 100) + np.where(p > exit_m, 12.0, 0.0),
        ahead=ahead,
        mode=np.zeros(count, dtype=np.int64),
        stage=stage,
        hold=np.zeros(count),
        rest_at_m=np.full(count, np.inf),
        drive_s=11_000 * draw[2],
        trip=np.zeros(count, dtype=np.int64),
        odometer_m=np.round(80e6 + 500e6 * life),
        fuel_used_l=np.round(30_000 + 170_000 * life),
        fuel_l=TANK_L * (0.4 + 0.55 * draw[3]),
        engine_s=3600 * (2_000 + 9_000 * life),
    )
