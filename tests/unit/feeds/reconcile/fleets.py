"""Lists of vehicles for tests, and the faults that people make in them."""

from __future__ import annotations

import csv
import io
import random
from collections.abc import Sequence

from feeds.reconcile import Result, Side, VehicleList, load, reconcile
from streams.identity import vin

Pair = list[str]
LEGAL = vin.ALPHABET
MAKERS = ("LZZTESTA", "LFWTESTB", "LZGTESTC", "HZZTESTG", "WDBTESTE")  # the last uses no check digit


def right(text: str) -> str:
    """``text`` with the check digit that belongs to it."""
    return f"{text[:8]}{vin.check_digit(text)}{text[9:]}"


def vehicles(count: int, seed: int = 0, scheme: str = "OEM") -> list[Pair]:
    """VINs of serial numbers in a row, each its own; chassis numbers by ``scheme``, all far apart."""
    rng = random.Random(seed)
    numbers = rng.sample(range(1, 10**6), count)
    made = []
    for n in range(count):
        code = right(f"{MAKERS[n % 5]}0{'NPRST'[n % 5]}N{n + 1:06d}")
        oem = f"{chr(65 + n % 26)}{numbers[n]:06d}{numbers[-1 - n]:06d}"
        made.append([code, {"OEM": oem, "VIN": code, "VIS8": code[9:]}[scheme]])
    return made


def as_list(
    side: Side, rows: Sequence[Sequence[str]], header: Sequence[str] = ("VIN", "chassis")
) -> VehicleList:
    """The list as a CSV file has it; row n of ``rows`` stands in line n + 2."""
    out = io.StringIO()
    csv.writer(out).writerows([header, *rows])
    return load(side, f"{side}.csv", out.getvalue().encode())


def compared(
    made: Sequence[Sequence[str]],
    filed: Sequence[Sequence[str]],
    known: Sequence[Sequence[str]] | None = None,
) -> Result:
    registry = None if known is None else as_list(Side.REGISTRY, known)
    return reconcile(as_list(Side.PRODUCTION, made), as_list(Side.FILINGS, filed), registry)


def slipped(code: str, rng: random.Random, alphabet: str = LEGAL) -> str:
    """``code`` with one slip: a character wrong, missing, too many, neighbours exchanged, or a look-alike."""
    while True:
        at, kind = rng.randrange(len(code)), rng.randrange(5)
        if kind == 0:
            made = code[:at] + rng.choice(alphabet) + code[at + 1 :]
        elif kind == 1:
            made = code[:at] + code[at + 1 :]
        elif kind == 2:
            made = code[:at] + rng.choice(alphabet) + code[at:]
        elif kind == 3:
            made = code[:at] + code[at : at + 2][::-1] + code[at + 2 :]
        else:
            looks = {"0": "O", "1": "I", "8": "B", "5": "S", "2": "Z", "A": "А", "B": "8", "S": "5", "Z": "2"}
            made = code[:at] + looks.get(code[at], code[at]) + code[at + 1 :]
        if made != code:
            return made
