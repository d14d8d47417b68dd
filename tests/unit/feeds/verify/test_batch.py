"""Reports that are checked by columns: what holds there holds for one that looks at each row alone, and the
findings are the same."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import orjson
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from feeds.records.columns import SCHEMA
from feeds.records.export import export
from feeds.verify.batch import Batches, Held
from feeds.verify.finding import Result
from feeds.verify.verifier import verify
from tests.unit.feeds.records.house import FLEET, T0, House, grant, opened
from tests.unit.feeds.verify.test_verify import KEYS, reseal

PERIOD = {"from_ms": T0 + 1, "to_ms": T0 + 8_001}
GRANTS: list[dict[str, Any]] = [{}, {"driver": True}, {"fields": "coarse"}, PERIOD]


@contextmanager
def alone() -> Iterator[None]:
    """Nothing is checked by columns meanwhile."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Batches, "held", lambda self, batch: [None] * batch.num_rows)
        yield


@pytest.fixture(scope="module")
def exports(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    root = tmp_path_factory.mktemp("house")
    (root / "house").mkdir()
    with opened(root / "house") as made:
        made.report(FLEET, count=6)
        made.report(FLEET, number=1, count=3, log=1)
        made.crossing(FLEET)
        made.seal()
        made.redact(0, 2)
        for number, words in enumerate(GRANTS):
            export(made.source, grant(**words), root / str(number), T0 + 60_000)
    return [root / str(number) for number in range(len(GRANTS))]


def held(folder: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[Result, list[Held | None]]:
    """What verifying says, and what was found by columns."""
    found: list[Held | None] = []
    plain = Batches.held

    def listened(self: Batches, batch: pa.RecordBatch) -> list[Held | None]:
        told = plain(self, batch)
        found.extend(told)
        return told

    monkeypatch.setattr(Batches, "held", listened)
    return verify(folder, KEYS, processes=1), found


@pytest.mark.parametrize("number", range(len(GRANTS)))
def test_every_report_that_shows_its_head_is_checked_by_columns(
    exports: list[Path], number: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    with alone():
        reference = verify(exports[number], KEYS, processes=1)
    result, found = held(exports[number], monkeypatch)
    rows = pq.read_table(exports[number] / "records.parquet").to_pylist()
    assert [one is not None for one in found] == [
        row["kind"] == "report" and not row["redacted"] for row in rows
    ]
    assert result.plain() == reference.plain()
    assert result.findings == []


_BYTES = [field.name for field in SCHEMA if pa.types.is_binary(field.type)]

_WORDS = ("log", "place", "kind", "asset", "t_ms", "entry", "redacted", "assurance", "checks")


def forged(data: st.DataObject, rows: list[dict[str, Any]]) -> None:
    """One value of one row becomes another."""
    row = data.draw(st.sampled_from(rows))
    name = data.draw(st.sampled_from([*SCHEMA.names, *_WORDS, *_WORDS]))
    value = row[name]
    match value:
        case bool():
            row[name] = not value
        case int():
            row[name] = max(0, value + data.draw(st.sampled_from([-86_400_000, -2_000, -1, 1, 256, 2**40])))
            if name == "log":
                row[name] %= 3
        case bytes() if name == "entry":
            at = data.draw(st.integers(0, len(value) - 1))
            row[name] = value[:at] + bytes([value[at] ^ 1]) + value[at + 1 :]
        case bytes():
            at = data.draw(st.integers(0, max(0, len(value) - 1)))
            changed = value[:at] + bytes([value[at] ^ 1]) + value[at + 1 :] if value else b"x"
            row[name] = data.draw(st.sampled_from([changed, None, value[:-1], value + b"\0", b""]))
        case str():
            others = sorted({str(one[name]) for one in rows} | {"report", "crossing", "event", "", "proven"})
            row[name] = data.draw(st.sampled_from(others))
        case None if name in _BYTES:
            row[name] = data.draw(st.sampled_from([b"", bytes(16), bytes(32), b"\xa0"]))
        case None:
            row[name] = "{}"


@settings(
    max_examples=200,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(st.data())
def test_the_same_is_found_as_by_looking_at_each_row_alone(exports: list[Path], data: st.DataObject) -> None:
    source = data.draw(st.sampled_from(exports))
    folder = source.parent / "forged"
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(source, folder)
    rows = pq.read_table(folder / "records.parquet").to_pylist()
    for _ in range(data.draw(st.integers(1, 3))):
        forged(data, rows)
    pq.write_table(pa.Table.from_pylist(rows, SCHEMA), folder / "records.parquet")
    made = orjson.loads((folder / "manifest.json").read_bytes())
    made["feed"] |= data.draw(st.sampled_from([{}, {}, {"from_ms": T0 + 3_000}, {"to_ms": T0 + 3_000}]))
    (folder / "manifest.json").write_bytes(orjson.dumps(made))
    reseal(folder)
    with alone():
        reference = verify(folder, KEYS, processes=1)
    assert verify(folder, KEYS, processes=1).plain() == reference.plain()


def test_a_signature_that_does_not_hold_is_looked_at_alone(house: House, tmp_path: Path) -> None:
    """Of a head that says so: the bytes that are shown are no signed report."""
    export(house.source, grant(driver=True), tmp_path / "export", T0)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("feeds.verify.batch.check_signature", _refuses)
        assert verify(tmp_path / "export", KEYS, processes=1).findings == []  # looked at alone it holds


def _refuses(*words: object) -> bool:
    from feeds.verify.devices import DeviceWordError

    raise DeviceWordError("signature", "no")
