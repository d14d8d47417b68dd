"""Reads a scenario from TOML: every key is checked by name, type and range.

A wrong one is one line that names the file, the key, what was got and what is wanted. README.md lists the
keys.
"""

from __future__ import annotations

import math
import tomllib
from collections.abc import Callable
from importlib import resources
from pathlib import Path
from typing import Any

from firmware_sim.cose import ALG_IDS
from firmware_sim.datum import DATUMS
from firmware_sim.errors import ScenarioError
from firmware_sim.faults import (
    CLONED,
    EDITED,
    ROLLED_BACK,
    STOLEN,
    Attack,
    ClockDrift,
    CoverageHole,
    Faults,
    PowerCut,
    Reading,
)
from firmware_sim.kinematics import GateTimes
from firmware_sim.scenario import Scenario, UnitOptions, VehicleOptions
from firmware_sim.wire import MAX_SAMPLES, Form

Check = Callable[[Any], Any]
SEAL_STATES = ("locked", "open", "broken", "tampered", "replaced")


class _Wrong(Exception):
    """A value that fails its check; the text is what is wanted."""


def load(
    path: Path | str, *, trucks: int | None = None, seed: int | None = None, sign_share: float | None = None
) -> Scenario:
    """Read and check a scenario file, or the shipped one of that name (``demo``, ``clearance``, ``load``).

    ``trucks``, ``seed`` and ``sign_share`` override the file's. Raises ``ScenarioError``.
    """
    text, source = _read(path)
    try:
        found = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ScenarioError(f"{source}: not TOML: got {error}, want key = value lines and [tables]") from None
    if trucks is not None:
        found["trucks"] = trucks
    if seed is not None:
        found["seed"] = seed
    if sign_share is not None:
        found["sign_share"] = sign_share
    folder = Path(path).parent if Path(path).is_file() else Path()
    return _scenario(_Table(source, "", found), folder)


def _read(path: Path | str) -> tuple[str, str]:
    shipped = resources.files("firmware_sim") / "scenarios" / f"{path}.toml"
    try:
        if Path(path).name == str(path) and not Path(path).is_file() and shipped.is_file():
            return shipped.read_text("utf-8"), f"{path}.toml"
        return Path(path).read_text("utf-8"), Path(path).name
    except OSError as error:
        raise ScenarioError(
            f"scenario not readable: got {error.strerror} for {path}, want a TOML file"
        ) from None
    except UnicodeDecodeError:
        raise ScenarioError(f"{Path(path).name}: not UTF-8: got other bytes, want a TOML file") from None


class _Table:
    """One table of the file, its keys taken one by one; what is left over at the end is unknown."""

    def __init__(self, source: str, where: str, found: Any) -> None:
        self.source, self.where, self.known = source, where, ["kind"] if where.startswith("fault") else []
        if not isinstance(found, dict):
            raise ScenarioError(f"{source}: {where}: got {_shown(found)}, want a table")
        self.found: dict[str, Any] = found

    def name(self, key: str) -> str:
        return f"{self.source}: {self.where}.{key}" if self.where else f"{self.source}: {key}"

    def take(self, key: str, check: Check, default: Any) -> Any:
        self.known.append(key)
        if key not in self.found:
            return default
        try:
            return check(self.found[key])
        except _Wrong as wrong:
            raise ScenarioError(f"{self.name(key)}: got {_shown(self.found[key])}, want {wrong}") from None

    def table(self, key: str) -> _Table:
        self.known.append(key)
        return _Table(self.source, key, self.found.get(key, {}))

    def tables(self, key: str) -> list[_Table]:
        self.known.append(key)
        rows = self.found.get(key, [])
        if not isinstance(rows, list):
            raise ScenarioError(f"{self.name(key)}: got {_shown(rows)}, want [[{key}]] tables")
        return [_Table(self.source, f"{key}[{i}]", row) for i, row in enumerate(rows)]

    def end(self) -> None:
        for key in self.found:
            if key not in self.known:
                raise ScenarioError(
                    f"{self.name(key)}: unknown key, want one of {', '.join(sorted(self.known))}"
                )


def _scenario(table: _Table, folder: Path) -> Scenario:
    base = Scenario(name="")
    take = table.take
    trucks = take("trucks", _whole(1, 100_000), base.trucks)
    unit = _unit(table.table("unit"), UnitOptions(), folder)
    gate = table.table("gate")
    times = GateTimes(
        exit_min=gate.take("exit_min", _between(0.1, 600), GateTimes().exit_min),
        entry_min=gate.take("entry_min", _between(0.1, 600), GateTimes().entry_min),
        lanes=gate.take("lanes", _whole(1, 10_000), max(GateTimes().lanes, math.ceil(trucks / 80))),
    )
    gate.end()
    units: dict[int, UnitOptions] = {}
    for row in table.tables("truck"):
        chosen = row.take("trucks", _whole_list, None)
        if not chosen:
            raise ScenarioError(f"{row.name('trucks')}: got nothing, want a list of truck numbers")
        for index in sorted(chosen):
            units[index] = _unit(row, unit, folder)
        row.end()
    scenario = Scenario(
        name=take("name", _text, table.source.removesuffix(".toml")),
        seed=take("seed", _whole(0, 2**31), base.seed),
        trucks=trucks,
        prefix=take("prefix", _device_prefix, base.prefix),
        first=take("from", _text, base.first),
        last=take("to", _text, base.last),
        speed_up=take("speed_up", _number(1, 10_000), base.speed_up),
        start_lag_s=take("start_lag_s", _number(0, 30 * 86_400), base.start_lag_s),
        share_there=take("share_there", _number(0, 1), base.share_there),
        share_near_gate=take("share_near_gate", _number(0, 1), base.share_near_gate),
        near_gate_km=take("near_gate_km", _number(0, 50), base.near_gate_km),
        flash_bytes=take("flash_bytes", _whole(70_000, 1 << 30), base.flash_bytes),
        sign_share=take("sign_share", _number(0, 1), base.sign_share),
        one_way=take("one_way", _yes_or_no, base.one_way),
        gate=times,
        unit=unit,
        units=units,
        vehicles=_vehicles(table, trucks),
        faults=tuple(_fault(row) for row in table.tables("fault")),
        attacks=tuple(_attack(row, trucks) for row in table.tables("attack")),
    )
    table.end()
    return scenario


def _vehicles(table: _Table, trucks: int) -> dict[int, VehicleOptions]:
    found: dict[int, VehicleOptions] = {}
    for row in table.tables("vehicle"):
        take = row.take
        index = take("truck", _whole(0, 99_999), None)
        if index is None or index in found:
            got = "nothing" if index is None else f"{index} again"
            raise ScenarioError(f"{row.name('truck')}: got {got}, want a truck number, each once")
        found[index] = VehicleOptions(
            **{
                name: take(name, _text, None) for name in ("vin", "chassis", "kind", "maker", "name", "fleet")
            },
            plates=take("plates", _texts, None),
            start_km=take("start_km", _number(0.1, 10_000), None),
            axle_load_kg=take("axle_load_kg", _number(0, 32_000), None),
            exit_min=take("exit_min", _between(0.1, 100_000), None),
            entry_min=take("entry_min", _between(0.1, 100_000), None),
            seal=take("seal", _text, None),
            components=take("components", _yes_or_no, False),
        )
        row.end()
    return {index: vehicle for index, vehicle in found.items() if index < trucks}


def _unit(table: _Table, base: UnitOptions, folder: Path) -> UnitOptions:
    take = table.take
    log = take("can_log", _text, None)
    found = UnitOptions(
        form=Form(take("form", _one_of("cbor", "json", "nmea"), base.form)),
        gnss=take("gnss", _one_of("columns", "nmea"), base.gnss),
        can=take("can", _one_of("columns", "frames", "none"), base.can),
        can_log=base.can_log if log is None else _beside(folder, log, table),
        cadence_s=take("cadence_s", _whole(1, 3_600), base.cadence_s),
        batch=take("batch", _whole(1, MAX_SAMPLES), base.batch),
        datum=take("datum", _one_of(*DATUMS), base.datum),
        sign=take("sign", _one_of("none", *ALG_IDS), base.sign),
    )
    if found.sign != "none" and found.form is not Form.CBOR:
        raise ScenarioError(f"{table.name('sign')}: got {found.sign} with form {found.form}, want form cbor")
    if table.where == "unit":
        table.end()
    return found


def _beside(folder: Path, name: str, table: _Table) -> Path:
    shipped = Path(str(resources.files("firmware_sim") / "data"))
    for path in (folder / name, shipped / name):
        if path.is_file():
            return path
    raise ScenarioError(f"{table.name('can_log')}: got {name!r}, want a candump file beside the scenario")


def _fault(row: _Table) -> tuple[frozenset[int] | float, Faults]:
    whose: frozenset[int] | float = row.take("share", _number(0, 1), 1.0)
    whose = row.take("trucks", _whole_list, whose)
    kind = row.found.get("kind")
    if not isinstance(kind, str) or kind not in _KINDS:
        raise ScenarioError(
            f"{row.name('kind')}: got {_shown(kind)}, want one of {', '.join(sorted(_KINDS))}"
        )
    fault = _KINDS[kind](row)
    row.end()
    return whose, fault


def _attack(row: _Table, trucks: int) -> Attack:
    kind, truck = row.take("kind", _one_of(CLONED, STOLEN, ROLLED_BACK, EDITED), None), _whole(0, trucks - 1)
    of, at_s = row.take("of", truck, None), row.take("at_s", _whole(1, 10**9), None)
    on = row.take("on", truck, None) if kind in (CLONED, STOLEN) else None
    back_s = row.take("back_s", _whole(1, 10**9), None) if kind == ROLLED_BACK else 0
    for name, value in (("kind", kind), ("of", of), ("at_s", at_s), ("back_s", back_s)):
        if value is None:
            raise ScenarioError(f"{row.name(name)}: got nothing, want it told")
    if kind in (CLONED, STOLEN) and on in (None, of):
        got = "nothing" if on is None else "the same truck"
        raise ScenarioError(
            f"{row.name('on')}: got {got}, want another truck, which the attacker's unit is in"
        )
    if back_s >= at_s:
        raise ScenarioError(f"{row.name('back_s')}: got {back_s}, want less than at_s ({at_s})")
    row.end()
    return Attack(kind, of, at_s, on, back_s)


def _coverage(row: _Table) -> Faults:
    hole = CoverageHole(
        from_s=row.take("from_s", _number(0, 1e9), 0.0),
        to_s=row.take("to_s", _number(0, 1e9), math.inf),
        lon=row.take("lon", _number(-180, 180), None),
        lat=row.take("lat", _number(-90, 90), None),
        radius_m=row.take("radius_m", _number(1, 1e6), 0.0),
    )
    area = (hole.lon is not None, hole.lat is not None, hole.radius_m > 0)
    if any(area) and not all(area):
        raise ScenarioError(
            f"{row.name('radius_m')}: got part of an area, want lon, lat and radius_m together"
        )
    if not any(area) and math.isinf(hole.to_s):
        raise ScenarioError(f"{row.name('to_s')}: got nothing, want to_s, or an area (lon, lat, radius_m)")
    return Faults(holes=(hole,))


def _power(row: _Table) -> Faults:
    off_s = row.take("off_s", _number(1, 86_400), PowerCut(0).off_s)
    at = row.take("at_s", _number_list, None)
    if not at:
        raise ScenarioError(f"{row.name('at_s')}: got nothing, want a list of seconds since the start")
    return Faults(cuts=tuple(PowerCut(at_s, off_s) for at_s in at))


def _drift(row: _Table) -> Faults:
    return Faults(
        drift=ClockDrift(
            offset_s=row.take("offset_s", _number(-1e9, 1e9), 0.0),
            ppm=row.take("ppm", _number(-1e5, 1e5), 0.0),
        )
    )


def _vin_on_bus(row: _Table) -> Faults:
    vin, junk = row.take("vin", _bus_text(8, 17), None), row.take("junk", _hex, b"")
    if vin is None:
        raise ScenarioError(f"{row.name('vin')}: got nothing, want the VIN that the bus has")
    return Faults(readings=(Reading("vin", vin, row.take("at_s", _number(0, 1e9), 0.0), junk),))


def _replaced_ecu(row: _Table) -> Faults:
    serial = row.take("serial", _bus_text(1, 40), None)
    if serial is None:
        raise ScenarioError(f"{row.name('serial')}: got nothing, want the other unit's serial number")
    return Faults(readings=(Reading("ecu", serial, row.take("at_s", _number(0, 1e9), 0.0)),))


def _seal(row: _Table) -> Faults:
    state = row.take("state", _one_of(*SEAL_STATES), "broken")
    return Faults(readings=(Reading("seal", state, row.take("at_s", _number(0, 1e9), 0.0)),))


_KINDS: dict[str, Callable[[_Table], Faults]] = {
    "coverage": _coverage,
    "power_cut": _power,
    "clock_drift": _drift,
    "duplicate": lambda row: Faults(duplicate=row.take("probability", _number(0, 1), 0.1)),
    "vin_on_bus": _vin_on_bus,
    "replaced_ecu": _replaced_ecu,
    "seal": _seal,
    "reorder": lambda row: Faults(reorder=row.take("probability", _number(0, 1), 0.1)),
}


def _whole(low: int, high: int) -> Check:
    def check(value: Any) -> int:
        if type(value) is not int or not low <= value <= high:
            raise _Wrong(f"a whole number from {low} to {high}")
        return value

    return check


def _number(low: float, high: float) -> Check:
    def check(value: Any) -> float:
        if type(value) not in (int, float) or not low <= value <= high:
            raise _Wrong(f"a number from {low:g} to {high:g}")
        return float(value)

    return check


def _between(low: float, high: float) -> Check:
    def check(value: Any) -> tuple[float, float]:
        good = type(value) is list and len(value) == 2 and all(type(v) in (int, float) for v in value)
        if not good or not low <= value[0] <= value[1] <= high:
            raise _Wrong(f"[shortest, longest] minutes from {low:g} to {high:g}")
        return float(value[0]), float(value[1])

    return check


def _one_of(*words: str) -> Check:
    def check(value: Any) -> str:
        if value not in words:
            raise _Wrong(" or ".join(words))
        return str(value)

    return check


def _text(value: Any) -> str:
    if type(value) is not str or not value:
        raise _Wrong("text")
    return value


def _texts(value: Any) -> tuple[str, ...]:
    if type(value) is not list or not value or not all(type(v) is str and v for v in value):
        raise _Wrong("a list of texts")
    return tuple(value)


def _yes_or_no(value: Any) -> bool:
    if type(value) is not bool:
        raise _Wrong("true or false")
    return bool(value)


def _bus_text(low: int, high: int) -> Check:
    def check(value: Any) -> str:
        good = type(value) is str and value.isascii() and "*" not in value
        if not good or not low <= len(value) <= high:
            raise _Wrong(f"{low} to {high} ASCII characters without *")
        return str(value)

    return check


def _hex(value: Any) -> bytes:
    try:
        return bytes.fromhex(value)
    except (TypeError, ValueError):
        raise _Wrong("bytes as hexadecimal digits") from None


def _device_prefix(value: Any) -> str:
    good = type(value) is str and 0 < len(value) <= 40 and value.isascii()
    if not good or not value.replace("-", "").replace("_", "").isalnum():
        raise _Wrong("up to 40 letters, digits, - and _")
    return str(value)


def _whole_list(value: Any) -> frozenset[int]:
    if type(value) is not list or not all(type(v) is int and v >= 0 for v in value):
        raise _Wrong("a list of truck numbers, counted from 0")
    return frozenset(value)


def _number_list(value: Any) -> list[float]:
    if type(value) is not list or not all(type(v) in (int, float) and 0 <= v < 1e9 for v in value):
        raise _Wrong("a list of seconds since the start")
    return [float(v) for v in value]


def _shown(value: Any) -> str:
    if value is None:
        return "nothing"
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."
