"""Tracks that others recorded, and ways in which they might have arrived."""

from __future__ import annotations

import csv
from functools import cache
from pathlib import Path
from random import Random

from tests.property.delivery import Delivery, Report
from tests.reference import Sample

DATA = Path(__file__).parents[3] / "data" / "trajectories"
FILES = ("portal-tajo.csv", "uci.csv", "covesa.csv", "gpxpy.csv", "osm/osm.csv")


@cache
def tracks() -> dict[str, list[Sample]]:
    """All tracks by name, in the order of the source."""
    found: dict[str, list[Sample]] = {}
    for file in FILES:
        with (DATA / file).open() as lines:
            for row in csv.DictReader(lines):
                speed = row["speed_ckmh"]
                found.setdefault(row["track"], []).append(
                    Sample(
                        int(row["t_ms"]),
                        int(row["lon_e7"]),
                        int(row["lat_e7"]),
                        int(speed) if speed else None,
                        received=int(row["received_ms"]),
                    )
                )
    return found


def in_order(samples: list[Sample], size: int = 10) -> Delivery:
    """As they were recorded, a report a frame."""
    return _delivered([samples[n : n + size] for n in range(0, len(samples), size)], 1)


def disordered(samples: list[Sample], seed: int) -> Delivery:
    """Cut (parts are missing), in reports that are shuffled, some of them doubled, in frames of some."""
    chance = Random(seed)
    size = chance.choice([1, 5, 20])
    reports = [samples[n : n + size] for n in range(0, len(samples), size)]
    first = chance.randrange(len(reports))
    kept = reports[:first] + reports[first + len(reports) // 6 :]
    for report in kept:
        chance.shuffle(report)
    arriving = kept + chance.sample(kept, len(kept) // 8)
    near = chance.choice([3, 30, len(arriving)])  # how far a report may be from its place
    places = sorted(range(len(arriving)), key=lambda n: n + chance.uniform(0, near))
    return _delivered([arriving[n] for n in places], chance.choice([1, 4, 50]))


def _delivered(reports: list[list[Sample]], frame: int) -> Delivery:
    """Reports of one asset; equal ones are the same report again. Each sample keeps its own receipt as far as
    a report has one: the latest of its samples."""
    numbers: dict[tuple[Sample, ...], int] = {}
    made = [
        Report(
            "a0",
            numbers.setdefault(tuple(report), len(numbers)),
            tuple(report),
            max(sample.received or sample.t for sample in report),
        )
        for report in reports
    ]
    return Delivery(tuple(tuple(made[n : n + frame]) for n in range(0, len(made), frame)))
