"""What a frame tells the desk beside where assets are: the facts of its reports, and axle loads.

Only rows that have any are looked at, and of loads those above a limit.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from streams.codec import FrameView
from streams.engine import bus, cases
from streams.engine.columns import Array
from streams.engine.units import NONE

if TYPE_CHECKING:
    from streams.engine.engine import Engine


def facts_heard(engine: Engine, frame: FrameView, asset_row: Array) -> None:
    """Give the desk the facts of the reports; ``asset_row``: of each report, -1: it does not count."""
    numbers, told = frame.texts("facts")
    if not len(numbers):
        return
    (device, devices), (boot, boots) = frame.names("device"), frame.names("boot")
    seq = frame.numbers("seq", NONE)
    names, starts = devices.strings(), boots.strings()
    for number, text in zip(numbers.tolist(), told, strict=True):
        row = int(asset_row[number])
        if row >= 0:
            report = names[device[number]], starts[boot[number]], int(seq[number])
            bus.facts(engine.desk, row, engine.names[row], engine.tenants[row], report, text)


def loads_heard(engine: Engine, frame: FrameView, row: Array) -> None:
    """Give the desk the axle loads above a limit; ``row``: of each sample its asset's, -1 for none."""
    desk, kg = engine.desk, frame.numbers("axle_load_kg", -1)
    above = desk.axles.above(engine.rows, row, kg)
    if not above:
        return
    t = frame.numbers("t_ms", NONE)
    report = frame.numbers("report", NONE)
    (device, devices), (boot, boots) = frame.names("device"), frame.names("boot")
    seq = frame.numbers("seq", NONE)
    at = np.array(above)
    order = at[np.lexsort((t[at], -kg[at], row[at]))].tolist()
    done = -1
    for one in order:  # of each asset the heaviest, of equal ones the first
        if row[one] == done:
            continue
        done = int(row[one])
        asset, number = engine.names[done], int(report[one])
        folder = desk.folders.get(asset)
        if folder is not None:
            place = devices.strings()[device[number]], boots.strings()[boot[number]], int(seq[number])
            desk.cause = dict(zip(("kind", "device", "boot", "seq"), ("report", *place), strict=True))
            cases.loaded(desk, folder, int(kg[one]), int(t[one]))
