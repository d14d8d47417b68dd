"""The clearance desk in the engine: filings folded, frames beside open cases, a replay, memory.

Filings: each registers its vehicle, is checked, bound and derived; a permit for each follows. Frames: those
of ``bench.engine`` (5,000 trucks on roads), folded by an engine without cases and, in turns of a few
frames, by one with open cases, 5,000 of them of these very trucks. Replay: filings, permits, amendments,
seals and codes from the bus, withdrawals and decisions, by command and event. All by the thread's CPU time.
``--cases``: how many are open; ``--replay``: how many commands and events are replayed, the state compared
byte for byte with the first one's.
"""

from __future__ import annotations

import gc
import itertools
import resource
import sys
import time
from collections.abc import Iterator
from typing import Any, Final

import numpy as np

import geofences
from bench.fleet import ASSETS, T0, frames, roads, zones
from bench.report import Row, parser, tell
from streams.codec import dump_json
from streams.engine import Engine, World, restore, snapshot
from streams.engine.deskstate import dumped
from streams.events import Kind, object_id
from streams.identity.vin import check_digit
from streams.records import LogRecord, RecordKind
from streams.regimes import shipped

_GATE: Final = "mohan-boten"
_TURN: Final = 20  # frames
_SIZE: Final = 2_000


def vin_of(number: int) -> str:
    """A VIN whose check digit holds."""
    vin = f"LZZTESTA0PN{number:06d}"
    return vin[:8] + check_digit(vin) + vin[9:]


def asset_of(number: int) -> str:
    """The asset of that VIN."""
    return object_id(Kind.ASSET, "main", vin_of(number))


def commands(first: int, last: int, more: bool) -> Iterator[tuple[str, dict[str, Any]]]:
    """Name and data of what exporters and officers do for some vehicles; ``more``: also what comes later."""
    for n in range(first, last):
        vin = vin_of(n)
        about = {"asset": asset_of(n)}
        filing = object_id(Kind.FILING, "main", f"R{n}")
        case = object_id(Kind.CASE, filing)
        yield (
            "filing.lodge",
            about
            | {
                "reference": f"R{n}",
                "vin": vin,
                "chassis": vin,
                "kind": "tractor",
                "exporter": f"exporter {n % 12}",
                "consignee": "Vientiane Machinery",
                "gate": _GATE,
                "direction": "CN>LA",
                "window_from_ms": T0,
                "window_until_ms": T0 + 86_400_000 * 10,
                "documents": [{"kind": "export_declaration", "number": f"D{n}", "issued_ms": None}],
                "data": {"filer": "agent", "customs_office": "8600", "transport_mode": "4"},
            },
        )
        yield (
            "permit.grant",
            about
            | {
                "number": f"P{n}",
                "vin": vin,
                "chassis": vin,
                "country": "LA",
                "valid_from_ms": T0 - 1,
                "valid_until_ms": T0 + 86_400_000 * 90,
                "axle_limit_kg": 11_000,
                "emission_class": "EURO5",
                "lighting": "ECE",
                "agent": "agent",
            },
        )
        if more and n % 4 == 0:
            yield "filing.amend", about | {"filing": filing, "changes": {"consignee": "Boten Trade"}}
        if more and n % 10 == 1:
            yield "filing.withdraw", about | {"filing": filing, "reason": "sold"}
        if more and n % 10 == 2:
            order = {"case": case, "decision": "inspect", "reason": "random", "at_ms": None}
            yield "case.decide", about | order


def records(given: Iterator[tuple[str, dict[str, Any]]], position: int) -> Iterator[LogRecord]:
    """Log records of commands, after ``position``."""
    for at, (name, data) in enumerate(given, position + 1):
        body = {
            "id": f"cmd_{at}",
            "command": name,
            "tenant": "main",
            "by": "b",
            "role": "admin",
            "data": data,
        }
        yield LogRecord(0, at, RecordKind.COMMAND, T0 + at, "k", dump_json(body))


def folded(engine: Engine, some: list[LogRecord]) -> tuple[float, int]:
    """Seconds of the thread's time, and events."""
    begun, events = time.thread_time(), 0
    for record in some:
        events += len(engine.fold(record).events)
    return time.thread_time() - begun, events


def filed(world: World, cases: int) -> tuple[Engine, float, int]:
    """An engine with so many open cases; the seconds for them, and the events."""
    engine, seconds, events = Engine(0, world, regimes=shipped()), 0.0, 0
    for first in range(0, cases, 10_000):
        some = list(records(commands(first, min(cases, first + 10_000), False), engine.position))
        more = folded(engine, some)
        seconds, events = seconds + more[0], events + more[1]
    return engine, seconds, events


def beside(world: World, busy: Engine, seconds: float) -> tuple[float, float]:
    """Samples a second of a new engine, and of ``busy``, folding the same frames in turns."""
    idle = Engine(0, busy.world, regimes=shipped())
    ways = roads(np.random.default_rng(4))
    bodies = frames(_SIZE, ways, np.random.default_rng(5), assets=[asset_of(n) for n in range(ASSETS)])
    engines, gone, done = (idle, busy), [0.0, 0.0], [0, 0]
    warm = 8 * ASSETS * 10 // _SIZE
    turn = 0
    while gone[0] <= seconds:
        some = list(itertools.islice(bodies, _TURN))
        for which in (0, 1) if turn % 2 else (1, 0):
            engine = engines[which]
            begun = time.thread_time()
            for _, body in some:
                at = engine.position + 1
                engine.fold(LogRecord(0, at, RecordKind.FRAME, T0 + at, "k", body))
            if turn * _TURN > warm:
                gone[which] += time.thread_time() - begun
                done[which] += sum(samples for samples, _ in some)
        turn += 1
    return done[0] / gone[0], done[1] / gone[1]


def replay(world: World, wanted: int) -> tuple[float, int, bool]:
    """Seconds to fold so many commands and events, how many they are, whether twice gives the same bytes."""
    states, seconds, count = [], 0.0, 0
    for _ in range(2):
        engine = Engine(0, world, regimes=shipped())
        seconds, count, first = 0.0, 0, 0
        while count < wanted:
            some = list(records(commands(first, first + 2_000, True), engine.position))
            first += 2_000
            more = folded(engine, some)
            seconds, count = seconds + more[0], count + len(some) + more[1]
        states.append((dumped(engine.desk), engine.registry.dump(), engine.number))
    return seconds, count, states[0] == states[1]


def main() -> int:
    """Run all and print the table."""
    options_of = parser(__doc__, 8.0)
    options_of.add_argument("--cases", type=int, default=50_000)
    options_of.add_argument("--replay", type=int, default=100_000)
    options = options_of.parse_args()
    rng = np.random.default_rng(3)
    ways = roads(np.random.default_rng(4))
    known, gates = geofences.world()
    world = World([*known, *zones(2_000, ways, rng)], gates)
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 20)
    filed(world, 500)  # what is made once is made
    rows: list[Row] = []
    engine, seconds, events = filed(world, options.cases)
    rows.append(Row(f"filings folded, a permit each, {options.cases}", options.cases / seconds, "1/s"))
    rows.append(Row("commands and events of these", (2 * options.cases + events) / seconds, "1/s"))
    begun = time.thread_time()
    data = snapshot(engine)
    rows.append(Row("snapshot", time.thread_time() - begun, "s"))
    rows.append(Row("snapshot, an open case", len(data) / options.cases, "B"))
    begun = time.thread_time()
    restore(data, world, regimes=shipped())
    rows.append(Row("restore", time.thread_time() - begun, "s"))
    del data
    resident = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    rows.append(Row("the process at its peak", resident / 1e6, "MB"))
    rows.append(Row("folders packed, an open case", engine.desk.folders.nbytes() / options.cases, "B"))
    idle, busy = beside(world, engine, options.seconds)
    what = f"frames beside {options.cases} open cases"
    rows.append(Row(what, busy, "samples/s", "no cases", busy / idle))
    if options.replay:
        seconds, count, same = replay(world, options.replay)
        rows.append(Row(f"replay of {count} commands and events", seconds, "s"))
        rows.append(Row("the same state twice, to the byte", float(same), "yes"))
    tell("clearance", rows, options.json)
    return 0


if __name__ == "__main__":
    sys.exit(main())
