"""How many partitions and workers carry a fleet, by simulation: queues, skew, a zone that fails, a backlog.

What a worker folds a second is a figure that was measured (``--worker``), the rest follows: assets fall onto
partitions by the hash that the system uses, partitions onto workers as evenly as they can, frames come at
random. Within a step of 20 ms a worker shares itself among its partitions by what waits in each.
"""

from __future__ import annotations

import argparse
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from bench.report import Row, parser, tell
from streams.homes import home

_STEP_S: Final = 0.02
_FRAME: Final = 350.0  # samples of a record: tens of kilobytes
_LATE: Final = 3.0  # what a late sample costs, in samples that come in order
_ZONES: Final = 3
Counts = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Plan:
    """What is simulated. ``worker``: samples/s that one worker folds; ``rebalance_s``: until partitions of
    workers that are gone are folded again; ``burst``: how much more than the mean the trucks send at peak."""

    trucks: int
    hz: float
    partitions: int
    workers: int
    worker: float
    rebalance_s: float = 15.0
    burst: float = 1.3

    @property
    def load(self) -> float:
        """Samples a second, at peak."""
        return self.trucks * self.hz * self.burst


@dataclass(frozen=True, slots=True)
class Outcome:
    """``skew``: fullest partition over the mean; ``busiest``: share of its capacity that the busiest worker
    needs; ``lag_s``: of records, p50, p99 and the longest; ``caught_up_s``: after the failure, until no
    record waits longer than a second (-1: never)."""

    skew: float
    busiest: float
    lag_s: tuple[float, float, float]
    caught_up_s: float


def assets_of(partitions: int, trucks: int, sample: int = 200_000) -> Floats:
    """Share of the trucks in each partition, float[partitions]; by the hash of made-up asset ids.

    Beyond ``sample`` the counts of a sample are blurred to the size of the fleet, which keeps their spread.
    """
    n = min(sample, trucks)
    found = np.bincount([home(f"asset_{i:024x}", partitions) for i in range(n)], minlength=partitions)
    if n < trucks:  # the spread of a larger fleet is smaller by the root
        mean = n / partitions
        blurred: Floats = (mean + (found - mean) * np.sqrt(n / trucks)) / n
        return blurred
    share: Floats = found / n
    return share


def run(
    plan: Plan, seconds: float, fails_at: float | None = None, backlog_s: float = 0.0, seed: int = 7
) -> Outcome:
    """Simulate ``seconds``. At ``fails_at`` a third of the workers (one zone of three) are gone for good.

    ``backlog_s``: at a quarter of the time one truck in a hundred sends so many seconds of samples at once.
    """
    random = np.random.default_rng(seed)
    share = assets_of(plan.partitions, plan.trucks)
    mean = plan.load * _STEP_S * share
    owner = np.arange(plan.partitions) % plan.workers
    zone = np.arange(plan.workers) % _ZONES
    waiting = np.zeros(plan.partitions)  # samples
    lags, late_since, caught_up = [], -1.0, -1.0
    busiest = np.bincount(owner, mean, plan.workers).max() / (plan.worker * _STEP_S)
    silent_until, orphans = -1.0, np.empty(0, np.int64)
    for step in range(int(seconds / _STEP_S)):
        now = step * _STEP_S
        if fails_at is not None and late_since < 0 and now >= fails_at:
            late_since, silent_until = now, now + plan.rebalance_s
            left = np.flatnonzero(zone != 0)
            orphans = np.flatnonzero(zone[owner] == 0)
            owner[orphans] = left[np.arange(len(orphans)) % len(left)]
        if backlog_s and late_since < 0 and now >= seconds / 4:
            late_since = now
            waiting += plan.trucks * plan.hz * share * 0.01 * backlog_s * _LATE
        waiting += random.poisson(mean / _FRAME) * _FRAME
        before = waiting.copy()
        capacity = np.full(plan.workers, plan.worker * _STEP_S)
        served = _served(waiting, owner, capacity, orphans if now < silent_until else None)
        waiting -= served
        # what waits behind a record: its worker's whole queue, at the worker's pace
        queue = np.bincount(owner, (before + waiting) / 2, plan.workers)
        lag = (queue / plan.worker)[owner]
        if now < silent_until:
            lag[orphans] = now - late_since
        lags.append(lag.astype(np.float32))
        if late_since >= 0 and now > silent_until:
            if lag.max() > 1.0:
                caught_up = -1.0
            elif caught_up < 0:
                caught_up = now - late_since
    all_lags = np.concatenate(lags)
    p50, p99 = np.percentile(all_lags, [50, 99])
    return Outcome(
        float(share.max() * plan.partitions),
        float(busiest),
        (float(p50), float(p99), float(all_lags.max())),
        caught_up,
    )


def _served(waiting: Floats, owner: Counts, capacity: Floats, silent: Counts | None) -> Floats:
    """How much of each partition its owner folds in a step: in proportion when there is too much."""
    wanted = waiting.copy()
    if silent is not None:
        wanted[silent] = 0.0
    asked = np.bincount(owner, wanted, len(capacity))
    part = np.minimum(1.0, capacity / np.maximum(asked, 1e-9))
    return wanted * part[owner]


def workers_for(plan: Plan, most: float) -> int:
    """The fewest workers of which the busiest is busy at most ``most`` with a zone gone."""
    share = assets_of(plan.partitions, plan.trucks) * plan.load
    for workers in range(_ZONES, plan.partitions + 1):
        left = workers - -(-workers // _ZONES)
        loads = np.bincount(np.arange(plan.partitions) % left, share, left)
        if loads.max() <= most * plan.worker:
            return workers
    return 0


def main() -> None:
    """Simulate the fleet and print the table."""
    options = _options()
    rows = []
    for partitions in (64, 128, 256):
        plan = Plan(options.trucks, options.hz, partitions, partitions, options.worker)
        workers = workers_for(plan, 0.8)
        if not workers:
            rows.append(Row(f"{partitions} partitions: too few for {options.trucks:,} trucks", 0, "workers"))
            continue
        plan = Plan(options.trucks, options.hz, partitions, workers, options.worker)
        calm = run(plan, options.seconds / 4)
        failed = run(plan, options.seconds, options.seconds / 4)
        back = run(plan, 8 * options.seconds, backlog_s=8 * 3600.0)
        name = f"{partitions} partitions"
        rows += [
            Row(f"{name}: workers, a third of them spare", workers, "workers"),
            Row(f"{name}: fullest partition over the mean", calm.skew, "x"),
            Row(f"{name}: busiest worker", calm.busiest * 100, "%"),
            Row(f"{name}: wait for the engine, p50", calm.lag_s[0] * 1000, "ms"),
            Row(f"{name}: wait for the engine, p99", calm.lag_s[1] * 1000, "ms"),
            Row(f"{name}: longest lag when a zone fails", failed.lag_s[2], "s"),
            Row(f"{name}: caught up after", failed.caught_up_s, "s"),
            Row(f"{name}: one truck in 100 sends 8 h: caught up after", back.caught_up_s, "s"),
        ]
    tell("scale", rows, options.json)


def _options() -> argparse.Namespace:
    made = parser(__doc__, 240.0)
    made.add_argument("--trucks", type=int, default=1_000_000)
    made.add_argument("--hz", type=float, default=1.0, help="samples a second of one truck")
    made.add_argument("--worker", type=float, default=100_000.0, help="samples/s of one worker, as measured")
    return made.parse_args()


if __name__ == "__main__":
    main()
