"""Whatever an honest fleet grants: its export holds, and what lies beside tells of no more than is in it."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from itertools import count
from pathlib import Path
from typing import Any

import cbor2
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from feeds.grants.assets import assets_of, within
from feeds.ledger.reports import HEAD
from feeds.records.beside import gather
from feeds.records.export import export
from feeds.records.page import heads_of, read_page
from feeds.verify.verifier import verify
from streams.events import Kind
from tests.unit.feeds.records.house import FLEET, HOUR, LOGS, T0, House, asset_of, grant, opened, signer_of

_NUMBERS = count()
TIMES = st.integers(-1, 8).map(lambda half: T0 + half * HOUR // 2)
SPANS = st.tuples(TIMES, TIMES).map(sorted).filter(lambda span: span[0] < span[1])
COVERS = st.lists(st.tuples(st.integers(0, 1), SPANS), max_size=4)


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    """Two trucks in three starts each, an hour apart and with silences, each truck in a log of its own."""
    with opened(tmp_path_factory.mktemp("house")) as made:
        for start in range(3):
            for truck in range(2):
                made.boots[f"unit-fleet-{truck}"] = start + 1
                for piece in range(3):
                    lost = {"t": T0 + start * HOUR, "kind": "overflow", "reports": 1}
                    t_ms = T0 + start * HOUR + piece * HOUR // 3
                    made.report(FLEET, truck, count=2, log=truck, t_ms=t_ms, facts=[lost])
        made.seal()
        yield made


@settings(max_examples=25, deadline=None)
@given(
    covers=COVERS,
    period=st.one_of(st.just([0, None]), SPANS, TIMES.map(lambda begin: [begin, None])),
    which=st.sampled_from(["cover", "tenant", "case", 0, 1]),
    fields=st.sampled_from(["precise", "coarse"]),
    driver=st.booleans(),
)
def test_what_is_granted_holds_and_tells_of_itself_only(
    house: House, covers: list[Any], period: list[Any], which: Any, fields: str, driver: bool
) -> None:
    insurer = f"insurer {next(_NUMBERS)}"
    for truck, (begin, end) in covers:
        cover = {"insurer": insurer, "from_ms": begin, "until_ms": end}
        house.tell(Kind.COVER, f"cover_{next(_NUMBERS)}", 1, FLEET, asset_of(FLEET, truck), cover)
    assets = {"list": [asset_of(FLEET, which)]} if isinstance(which, int) else which
    of = grant(
        consumer=insurer,
        assets=assets,
        kinds=["report"],
        from_ms=max(0, period[0]),
        to_ms=period[1],
        fields=fields,
        driver=driver and fields == "precise",
    )
    heads, spans = heads_of(house.ledgers), assets_of(house.read, of)
    page = read_page(house.ledgers, heads, of, spans, (0,) * LOGS, 1_000)
    for one in page.records:
        assert of.during(one.kept.t_ms)
        assert within(spans[one.kept.asset], one.kept.t_ms)
    read = set()
    for one in page.records:
        assert one.opening is not None
        head = cbor2.loads(one.opening.shown[HEAD][1])
        read.add((head["device"], head["boot"]))
    told = gather(house.read, house.ledgers, of, spans, None).completeness
    assert {(start["device"], start["boot"]) for start in told} == read
    for start in told:
        for lost in start["overflow"]:
            assert of.during(lost["t_ms"])
        for silence in start["silences"]:
            assert any(
                begin <= silence["from_ms"] < silence["to_ms"] <= end
                for times in spans.values()
                for begin, end in times
            )
    with tempfile.TemporaryDirectory() as folder:
        export(house.source, of, Path(folder) / "export", T0 + 100 * HOUR)
        result = verify(Path(folder) / "export", [signer_of(log).verifier for log in range(LOGS)])
    assert result.findings == []
