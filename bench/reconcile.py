"""Reconciling 100,000 produced vehicles with 100,000 filings, a fault in every hundredth; CSV and Excel.

CPU time of the thread. Beside it in the same run: the join by a dict that a script would do, which finds only
what is missing and what differs, and not why.
"""

from __future__ import annotations

import csv
import io
import random
import sys
import time
from collections.abc import Callable
from typing import Any

from openpyxl import Workbook

from bench.report import Row, parser, tell
from feeds.reconcile import Result, Side, load, reconcile
from feeds.reconcile.page import page
from feeds.reconcile.plain import plain
from feeds.reconcile.workbook import workbook
from streams.identity import vin

ROWS = 100_000
Pair = list[str]


def vehicles(count: int) -> list[Pair]:
    """VINs of a few makers with right check digits, chassis numbers of the maker's own."""
    made = []
    for n in range(count):
        text = f"L{'ZGFVJ'[n % 5]}ZTESTA0{'NPRST'[n % 4]}N{n:06d}"[:17]
        made.append([f"{text[:8]}{vin.check_digit(text)}{text[9:]}", f"C{n * 7919 % 10_000_019:08d}"])
    return made


def spoil(pairs: list[Pair], rng: random.Random) -> tuple[list[Pair], int]:
    """The filings: shuffled, every hundredth row with a fault; and how many faults were made."""
    filed = [list(pair) for pair in pairs]
    rng.shuffle(filed)
    faults = 0
    for at in range(0, len(filed) - 1, 100):
        code, chassis = filed[at]
        kind = at // 100 % 5
        if kind == 0:
            filed[at][1], filed[at + 1][1] = filed[at + 1][1], chassis
        elif kind == 1:
            filed[at][0] = code[:13] + ("1" if code[13] != "1" else "7") + code[14:]
        elif kind == 2:
            filed[at][1] = chassis[:4] + "X" + chassis[5:]
        elif kind == 3:
            filed[at][0] = code.replace("0", "O", 1)
        else:
            filed[at] = ["", ""]
        faults += 1
    return [pair for pair in filed if pair[0]], faults


def naive(made: list[Pair], filed: list[Pair]) -> int:
    """How many rows of the one are not in the other, or have another chassis number there."""
    held = {pair[0]: pair[1] for pair in made}
    wrong = sum(held.get(code) != chassis for code, chassis in filed)
    seen = {code for code, _ in filed}
    return wrong + sum(code not in seen for code in held)


def as_csv(pairs: list[Pair]) -> bytes:
    out = io.StringIO()
    csv.writer(out).writerows([["VIN", "chassis"], *pairs])
    return out.getvalue().encode()


def as_xlsx(pairs: list[Pair]) -> bytes:
    book = Workbook(write_only=True)
    sheet = book.create_sheet("list")
    for row in (["VIN", "chassis"], *pairs):
        sheet.append(row)
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()


def timed(work: Callable[[], Any]) -> tuple[Any, float]:
    begin = time.thread_time()
    made = work()
    return made, time.thread_time() - begin


def compare(production: bytes, filings: bytes) -> Result:
    return reconcile(load(Side.PRODUCTION, "p", production), load(Side.FILINGS, "f", filings))


def read_and_join(production: bytes, filings: bytes) -> int:
    """The script: read both as CSV and join."""
    made, filed = ([*csv.reader(io.StringIO(data.decode()))][1:] for data in (production, filings))
    return naive(made, filed)


def main() -> int:
    """Print the figures; 1 when a planted fault was not found."""
    options = parser(__doc__, 30).parse_args()
    made = vehicles(ROWS)
    filed, faults = spoil(made, random.Random(6))
    production, filings = as_csv(made), as_csv(filed)
    _, joined = timed(lambda: read_and_join(production, filings))
    result, took = timed(lambda: compare(production, filings))
    books = as_xlsx(made), as_xlsx(filed)
    _, excel = timed(lambda: compare(*books))
    _, told = timed(lambda: (page(result), plain(result)))
    _, written = timed(lambda: workbook(result))
    what = f"{ROWS:,} rows against {len(filed):,}"
    rows = [
        Row(f"{what}, CSV, read and compared", took, "s", "naive dict join", took / joined),
        Row(f"{what}, Excel, read and compared", excel, "s", "naive dict join", excel / joined),
        Row(f"{len(result.findings):,} findings as HTML and JSON", told, "s"),
        Row(f"{len(result.findings):,} findings as Excel", written, "s"),
        Row("faults planted", faults, "rows"),
        Row("faults found", len(result.findings), "findings"),
    ]
    tell("reconcile", rows, options.json)
    return 0 if len(result.findings) == faults else 1


if __name__ == "__main__":
    sys.exit(main())
