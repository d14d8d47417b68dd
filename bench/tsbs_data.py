"""A fleet as the Time Series Benchmark Suite's use case "iot" makes it, in columns.

Two tables, a row of each for every truck and interval: ``readings`` and ``diagnostics``; eight tags a truck.
The values are clamped random walks with the suite's bounds and steps, cut to its decimals; a tenth of the
rows never arrives and a tenth of the others has a field that is null, as there. Left out, since no answer
depends on them: the order of arrival, and tags that are null. The numbers are others (the suite draws
them in Go).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from feeds.store.influx.lines import Lines

BEGIN_MS: Final = 1_451_606_400_000  # 2016-01-01
INTERVAL_MS: Final = 10_000
FLEETS: Final = ("East", "West", "North", "South")
_DRIVERS: Final = ("Derek", "Rodney", "Albert", "Andy", "Seth", "Trish")
_VERSIONS: Final = ("v1.0", "v1.5", "v2.0", "v2.3")
_MODELS: Final = {"F-150": (2000, 200, 15), "G-2000": (5000, 300, 19), "H-2": (1500, 150, 12)}
_NUMERIC: Final = ("load_capacity", "fuel_capacity", "nominal_fuel_consumption")
_WALKS: Final = {  # least, most, start (times 0..1), largest step, decimals
    "latitude": (-90, 90, 90, 0.005, 5),
    "longitude": (-180, 180, 180, 0.005, 5),
    "elevation": (0, 5000, 500, 10, 0),
    "velocity": (0, 100, 0, 10, 0),
    "heading": (0, 360, 360, 5, 0),
    "grade": (0, 100, 0, 5, 0),
    "fuel_consumption": (0, 50, None, 5, 1),
}
FIELDS: Final = {"readings": tuple(_WALKS), "diagnostics": ("fuel_state", "current_load", "status")}

Array = npt.NDArray[Any]


@dataclass(frozen=True, slots=True)
class Fleet:
    """``tags`` has a row a truck, ``tables`` rows of ``id`` (its row), ``t_ms`` and the fields."""

    tags: pa.Table
    tables: Mapping[str, pa.Table]
    end_ms: int

    @property
    def rows(self) -> int:
        """Of both tables."""
        return sum(table.num_rows for table in self.tables.values())


def fleet(scale: int, hours: float, seed: int = 123) -> Fleet:
    """``scale`` trucks for ``hours``."""
    random, ticks = np.random.default_rng(seed), round(hours * 3_600_000 / INTERVAL_MS)
    model = random.choice(list(_MODELS), scale)
    tags: dict[str, Any] = {
        "id": np.arange(scale),
        "name": [f"truck_{k}" for k in range(scale)],
        "fleet": random.choice(FLEETS, scale),
        "driver": random.choice(_DRIVERS, scale),
        "model": model,
        "device_version": random.choice(_VERSIONS, scale),
    }
    tags |= {name: [float(_MODELS[m][k]) for m in model] for k, name in enumerate(_NUMERIC)}
    columns = {name: _walk(random, scale, ticks, *of) for name, of in _WALKS.items()}
    columns |= _diagnosed(random, scale, ticks)
    t_ms, ids = np.repeat(BEGIN_MS + np.arange(ticks) * INTERVAL_MS, scale), np.tile(np.arange(scale), ticks)
    tables = {}
    for table, fields in FIELDS.items():
        missing = np.where(random.random(len(ids)) < 0.1, random.integers(0, 7, len(ids)) % len(fields), -1)
        values = {name: pa.array(columns[name], mask=missing == k) for k, name in enumerate(fields)}
        arrived = pa.array(random.random(len(ids)) >= 0.1)
        tables[table] = pa.table({"id": ids, "t_ms": t_ms, **values}).filter(arrived).combine_chunks()
    return Fleet(pa.table(tags), tables, BEGIN_MS + ticks * INTERVAL_MS)


def lines(data: Fleet, table: str) -> Lines:
    """A table as line protocol: texts are tags, the numbers of a truck are fields of every row."""
    tags, rows = data.tags, data.tables[table]
    heads = [
        f"{table},name={t['name']},fleet={t['fleet']},driver={t['driver']},model={t['model']},"
        f"device_version={t['device_version']} " + ",".join(f"{n}={t[n]:g}" for n in _NUMERIC)
        for t in tags.to_pylist()
    ]
    parts: list[Any] = [pa.array(heads).take(rows["id"].combine_chunks())]
    for name in FIELDS[table]:
        suffix = "i" if name == "status" else ""
        text = rows[name].combine_chunks().cast(pa.string())
        parts.append(pc.binary_join_element_wise(f",{name}=", text, suffix, ""))
    parts += [" ", rows["t_ms"].combine_chunks().cast(pa.string()), "000000\n"]
    text = pc.binary_join_element_wise(*parts, "", null_handling="skip")
    ends = np.frombuffer(text.buffers()[1], np.int32)[: len(text) + 1].astype(np.int64)
    every = np.arange(len(text))
    return Lines(memoryview(text.buffers()[2]), ends, every, every[:0])


def _walk(
    random: np.random.Generator,
    scale: int,
    ticks: int,
    least: float,
    most: float,
    start: float | None,
    step: float,
    decimals: int,
) -> Array:
    state = np.full(scale, 25.0) if start is None else random.random(scale) * start
    steps = random.uniform(-step, step, (ticks, scale))
    out = np.empty((ticks, scale))
    for k in range(ticks):
        out[k] = state
        state = np.clip(state + steps[k], least, most)
    return _cut(out.ravel(), decimals)


def _diagnosed(random: np.random.Generator, scale: int, ticks: int) -> dict[str, Array]:
    fuel, load, status = np.ones(scale), np.zeros(scale), np.zeros(scale)
    out = {name: np.empty((ticks, scale)) for name in FIELDS["diagnostics"]}
    for k in range(ticks):
        out["fuel_state"][k], out["current_load"][k], out["status"][k] = fuel, load, status
        fuel = fuel - random.random(scale) * 0.001
        fuel = np.where(fuel <= 0, 1.0, fuel)
        load = np.where(random.random(scale) >= 0.95, random.random(scale) * 5000, load)
        status = np.clip(status + random.normal(size=scale), 0, 5)
    return {
        "fuel_state": _cut(out["fuel_state"].ravel(), 1),
        "current_load": _cut(out["current_load"].ravel(), 0),
        "status": out["status"].ravel().astype(np.int64),
    }


def _cut(values: Array, decimals: int) -> Array:
    """Towards zero, as the suite does."""
    cut: Array = np.round(np.trunc(values * 10**decimals) / 10**decimals, decimals)
    return cut
