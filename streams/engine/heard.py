"""What a frame tells beside where assets are: facts of its reports, axle loads, and what came too late.

Only rows that have any are looked at, and of loads those above a limit.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from streams.codec import FrameView
from streams.engine import bus, cases
from streams.engine.columns import Array
from streams.engine.registry import Fact
from streams.engine.rows import Rows
from streams.engine.units import NONE
from streams.events import Change, Kind, object_id

if TYPE_CHECKING:
    from streams.engine.engine import Engine


def facts_heard(engine: Engine, frame: FrameView, asset_row: Array) -> None:
    """Give desk and covers the facts of the reports; ``asset_row``: of each report, -1: it does not count."""
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
            facts = bus.read(text)
            bus.facts(engine.desk, row, engine.names[row], engine.tenants[row], report, facts)
            for fact in facts:
                if fact["kind"] == "no_coverage":
                    engine.covers.said(engine.names[row], fact.get("from"), fact.get("to"))


def loads_heard(engine: Engine, frame: FrameView, row: Array) -> None:
    """Give the desk the axle loads above a limit; ``row``: of each sample its asset's, -1 for none."""
    desk, kg = engine.desk, frame.numbers("axle_load_kg", -1)
    above = np.flatnonzero((kg > desk.limits.of(engine.rows, row)) & (row >= 0))
    if not len(above):
        return
    t = frame.numbers("t_ms", NONE)
    report = frame.numbers("report", NONE)
    (device, devices), (boot, boots) = frame.names("device"), frame.names("boot")
    seq = frame.numbers("seq", NONE)
    order = above[np.lexsort((t[above], -kg[above], row[above]))].tolist()
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


def late_said(engine: Engine, rows: Rows, frame: FrameView, report: Array, late: Array) -> None:
    """Tell of the samples that came too late, an object for each report; ``late``: bool a row."""
    (device, devices), (boot, boots) = frame.names("device"), frame.names("boot")
    for number in np.unique(report[late]).tolist():
        t = rows.t[late & (report == number)]
        row = int(rows.asset[np.flatnonzero(report == number)[0]])
        told: dict[str, Any] = {
            "device": devices.strings()[int(device[number])],
            "boot": boots.strings()[int(boot[number])],
            "seq": int(frame.numbers("seq", NONE)[number]),
        }
        asset = engine.names[row]
        id_ = object_id(Kind.LATE, asset, *told.values())
        data = {
            **told,
            "samples": len(t),
            "first_ms": int(t.min()),
            "last_ms": int(t.max()),
            "why": {"changed": [], "positions": [engine.position]},
        }
        fact = Fact(Kind.LATE, id_, 1, engine.tenants[row], asset, data)
        engine.say(fact, Change.CREATED, int(t.max()))
