"""Every regime's table of cases, as a customs officer would read it."""

from __future__ import annotations

from pathlib import Path

import pytest

from streams.clearance.derive import derive
from streams.clearance.regime import Regime, RegimeBook
from streams.regimes import shipped
from tests.regimes.table import Row, rows, told

HERE = Path(__file__).parent
TABLES = sorted(HERE.glob("*.txt"))
ROWS = [row for path in TABLES for row in rows(path)]


def book() -> RegimeBook:
    """The shipped regimes and those that tests add, by nothing but their text."""
    made = RegimeBook()
    for text in (*shipped(), *(path.read_text(encoding="utf-8") for path in sorted(HERE.glob("*.toml")))):
        made.put(text)
    return made


BOOK = book()


def regime_of(name: str) -> Regime:
    """The newest version of a regime."""
    return [one for one in BOOK.all() if one.id == name][-1]


@pytest.mark.parametrize("row", ROWS, ids=lambda row: f"{row.regime}: {row.cells['case']}")
def test_a_case_of_the_table(row: Row) -> None:
    regime = regime_of(row.regime)
    case, now_ms = told(row, regime)
    made = derive(case, regime, now_ms)
    data = made.data
    assert (data["state"], data["stage"]) == (row.cell("state"), row.cell("stage")), row.place
    codes = {one["code"] for one in data["reasons"]}
    want = set(filter(None, (one.strip() for one in row.cell("because").split(","))))
    assert codes == want, f"{row.place}: got {codes}"
    stands = {one["rule"]: one["state"] for one in data["deadlines"]}
    for one in filter(None, (one.strip() for one in row.cell("deadline").split(","))):
        rule, _, state = one.partition(" ")
        assert stands.get(rule) == state, f"{row.place}: {rule}: got {stands}"
    if row.cell("asks"):
        assert made.request == (row.cell("asks") == "yes"), f"{row.place}: asks {made.request}"


def test_every_regime_has_a_table() -> None:
    assert {one.id for one in BOOK.all()} == {row.regime for row in ROWS}
