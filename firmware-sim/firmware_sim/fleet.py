"""Many trucks in one process: the world steps, due units take their samples, the state is kept.

Simulated time advances in whole seconds, whatever the pace of the machine, so a fleet's reports depend on
scenario, seed and start alone. The state file is written beside the flash files; a fleet that starts on it
goes on where it was, and what its units had already stored is not measured again.
"""

from __future__ import annotations

import json
import math
import os
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from firmware_sim import gnss, kinematics, route, vehicle
from firmware_sim.attacks import Attacks
from firmware_sim.candump import CanLog
from firmware_sim.datum import shifted
from firmware_sim.device import Unit
from firmware_sim.errors import StateError
from firmware_sim.faults import Attack
from firmware_sim.flash import Flash
from firmware_sim.identity import Identity, invent
from firmware_sim.keys import KeyFolder
from firmware_sim.noise import F8, I8
from firmware_sim.scenario import Scenario
from firmware_sim.sender import Sender

_NAMED = ("vin", "chassis", "plates", "kind", "maker", "name", "fleet")


def start_trucks(scenario: Scenario, road: route.Route) -> kinematics.Trucks:
    """The trucks of a scenario at its start."""
    trucks = kinematics.place_trucks(
        road,
        scenario.seed,
        scenario.trucks,
        share_there=scenario.share_there,
        share_near=scenario.share_near_gate,
        near_km=scenario.near_gate_km,
    )
    for i, own in scenario.vehicles.items():
        if own.start_km is not None:  # rested, under way, to the gate
            place = max(road.exit_m - 1000 * own.start_km, 100.0)
            trucks.p_m[i], trucks.v_ms[i], trucks.ahead[i] = place, 12.0, 1
            trucks.stage[i], trucks.drive_s[i] = 0, 0.0
    return trucks


def identities(scenario: Scenario) -> list[Identity]:
    """Who the trucks of a scenario are, by their number."""
    return _who(scenario, start_trucks(scenario, route.build(scenario.first, scenario.last)))


def _who(scenario: Scenario, trucks: kinematics.Trucks) -> list[Identity]:
    found = []
    for i, ahead in enumerate(trucks.ahead.tolist()):
        told = [(name, getattr(scenario.vehicle(i), name)) for name in _NAMED]
        named = {name: value for name, value in told if value is not None}
        found.append(replace(invent(scenario.seed, scenario.prefix, i, ahead), **named))
    return found


class Fleet:
    """The trucks of a scenario and their units. ``start_s`` counts only for a new state folder."""

    def __init__(self, scenario: Scenario, state: Path, start_s: int) -> None:
        self.scenario, self.state = scenario, state
        road = route.build(scenario.first, scenario.last)
        trucks = start_trucks(scenario, road)
        self.who = _who(scenario, trucks)
        saved = self._load()
        if saved is not None:
            start_s, t_s = saved["start_s"], saved["t_s"]
            trucks = kinematics.Trucks.from_json(saved["trucks"])
        else:
            t_s = start_s
        self.start_s = start_s
        own = [(i, v) for i, v in scenario.vehicles.items()]
        minutes = {
            (i, n): m for i, v in own for n, m in enumerate((v.exit_min, v.entry_min)) if m is not None
        }
        self.world = kinematics.World(
            road, scenario.seed, trucks, t_s, scenario.gate, own_min=minutes, one_way=scenario.one_way
        )
        self._axle_kg = {i: v.axle_load_kg for i, v in own if v.axle_load_kg is not None}
        self.keys = KeyFolder(state / "keys")
        logs: dict[Path, CanLog] = {}
        self.units = [self._unit(i, logs) for i in range(scenario.trucks)]
        riders = {n: self._rider(n, a) for n, a in enumerate(scenario.attacks) if a.on is not None}
        done = [] if saved is None else saved.get("attacks", [])
        self.attacks = Attacks(scenario.attacks, self.units, riders, self._flash, done)
        rows = [*range(scenario.trucks), *(scenario.attacks[n].on or 0 for n in riders)]
        self.units = [*self.units, *riders.values()]
        self._row = np.array(rows, dtype=np.int64)
        cadence = np.array([unit.options.cadence_s for unit in self.units], dtype=np.int64)
        # Units sample at different seconds, so that the load is even.
        self._cadence, self._phase = cadence, np.arange(len(rows)) * 7 % cadence

    @property
    def t_s(self) -> int:
        """Simulated time, seconds since 1970."""
        return self.world.t_s

    def _unit(self, i: int, logs: dict[Path, CanLog]) -> Unit:
        options, log = self.scenario.options(i), None
        if options.can_log is not None:
            log = logs.get(options.can_log) or logs.setdefault(options.can_log, CanLog.open(options.can_log))
        device = self.who[i].device
        flash = self._flash(self.state / "flash" / f"{device}.flash")
        faults, key = self.scenario.faults_of(i), None
        if options.sign != "none":
            key = self.keys.key(device, options.sign)
        sender = Sender(device, options.form, flash, faults, key=key, acks=self.keys.acks)
        seed = self.scenario.seed
        return Unit(
            self.who[i],
            options,
            sender,
            seed=seed,
            start_s=self.start_s,
            can_log=log,
            vehicle=self.scenario.vehicle(i),
        )

    def _flash(self, path: Path) -> Flash:
        return Flash(path, self.scenario.flash_bytes)

    def _rider(self, number: int, attack: Attack) -> Unit:
        """The attacker's unit: in truck ``on``, under the name and with the key of truck ``of``."""
        assert attack.on is not None
        victim, device = self.units[attack.of], self.who[attack.of].device
        client = f"{device}-{attack.kind}-{number}"
        flash = self._flash(self.state / "flash" / f"{client}.flash")
        sender = Sender(device, victim.sender.form, flash, key=victim.sender.key, acks=self.keys.acks)
        sender.client, who = client, replace(self.who[attack.on], device=device)
        unit = Unit(who, victim.options, sender, seed=self.scenario.seed, start_s=self.start_s)
        unit.life = f"{attack.kind}-{number}"
        unit.cut(attack.at_s)
        return unit

    def step(self) -> list[Unit]:
        """One second later; returns the units that took a sample."""
        self.world.step()
        self.attacks.step(self.t_s - self.start_s)
        due = np.flatnonzero((self.t_s + self._phase) % self._cadence == 0)
        if not len(due):
            return []
        units = [self.units[i] for i in due.tolist()]
        awake = [unit.running(self.t_s) for unit in units]
        rows = self._row[due[np.array(awake, dtype=bool)]]
        units = [unit for unit, on in zip(units, awake, strict=True) if on]
        if units:
            self._measure(rows, units)
        return units

    def _measure(self, rows: I8, units: list[Unit]) -> None:
        on_s = np.array([self.t_s - (unit.boot_s or 0) for unit in units], dtype=np.float64)
        columns, alt_m = gnss.fixes(self.world, rows, on_s)
        lon, lat, _, _ = self.world.where(rows)
        self._shift(rows, units, columns)
        columns |= vehicle.signals(self.world, rows, alt_m)
        for i, axle_kg in self._axle_kg.items():
            columns["axle_load_kg"][rows == i] = axle_kg
        values = [_plain(name, column.tolist()) for name, column in columns.items()]
        names = list(columns)
        for unit, x, y, row in zip(units, lon.tolist(), lat.tolist(), zip(*values, strict=True), strict=True):
            unit.sample(self.t_s, dict(zip(names, row, strict=True)), x, y)

    def _shift(self, rows: I8, units: list[Unit], columns: dict[str, F8]) -> None:
        """Put the positions of the units that have a datum of their own where these show them in China."""
        inside = self.world.pos_m[rows] < self.world.route.line_m
        for datum in {unit.options.datum for unit in units} - {"wgs84"}:
            at = np.flatnonzero(inside & np.array([unit.options.datum == datum for unit in units]))
            lon, lat = shifted(columns["lon"][at], columns["lat"][at], datum)
            columns["lon"][at], columns["lat"][at] = lon, lat

    def _load(self) -> dict[str, Any] | None:
        path = self.state / "fleet.json"
        try:
            saved = json.loads(path.read_text("utf-8"))
        except FileNotFoundError:
            return None
        except (OSError, ValueError) as error:
            raise StateError(f"fleet state not readable: got {error}, want the simulator's {path}") from None
        for key, want in self._mark().items():
            if saved.get(key) != want:
                raise StateError(
                    f"state of another fleet: got {key} {saved.get(key)!r} in {path}, want {want!r};"
                    " use another folder"
                )
        result: dict[str, Any] = saved
        return result

    def _mark(self) -> dict[str, Any]:
        s = self.scenario
        return {
            "v": 1,
            "seed": s.seed,
            "count": s.trucks,
            "prefix": s.prefix,
            "road": f"{s.first} - {s.last}",
        }

    def save(self) -> None:
        """Write the state, whole or not at all."""
        state = {
            **self._mark(),
            "start_s": self.start_s,
            "t_s": self.t_s,
            "trucks": self.world.trucks.to_json(),
            "attacks": sorted(self.attacks.done),
        }
        path, new = self.state / "fleet.json", self.state / "fleet.new"
        try:
            new.write_text(json.dumps(state), "utf-8")
            os.replace(new, path)
        except OSError as error:
            raise StateError(
                f"fleet state not writable: got {error.strerror}, want to write {path}"
            ) from None


def _plain(name: str, values: list[float]) -> list[float | int | None]:
    """Wire values: null for what there is not, whole numbers for what is counted."""
    if name in ("sats", "fix"):
        return [int(v) for v in values]
    return [None if math.isnan(v) else round(v, 7) for v in values]
