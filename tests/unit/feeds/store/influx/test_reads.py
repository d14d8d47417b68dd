"""Rows that are being written are left out until they are whole; what is set aside can be found again."""

from pathlib import Path

import pytest

from feeds.deadletters import DeadLetters
from feeds.store.influx.answers import Series
from feeds.store.influx.lines import MEASURED, PAST_LAST_MS, has_bits, render
from feeds.store.influx.parked import letters, refused
from feeds.store.influx.queries import JUDGED_COLUMNS
from feeds.store.influx.store import _TRACK_BITS, _whole
from feeds.store.names import Names
from feeds.store.schema import rows_of
from tests.unit.feeds.store.frames import Report, at, frame

COLUMNS = ["t_ms", "hash", *JUDGED_COLUMNS]


def answer(**values: int | None) -> Series:
    """One row as InfluxDB shows it while some of its fields are written."""
    names = ("time", "has", "hash", *JUDGED_COLUMNS)
    row = {"time": 5_000_077, "hash": 9, "received_ms": 6, "lon_e7": 1, "lat_e7": 2, "sats": 8} | values
    texts = [str(row[n]) if row.get(n) is not None else "null" for n in names]
    return Series({}, names, ",".join(texts).encode())


WRITTEN = has_bits(("lon_e7", "lat_e7", "sats", "engine_rpm"))


def test_a_whole_row_is_served_with_what_it_has() -> None:
    (row,) = _whole([answer(has=WRITTEN)], COLUMNS, _TRACK_BITS, placed=True).to_pylist()
    assert {k: v for k, v in row.items() if v is not None} == {
        "t_ms": 5,
        "hash": 9,
        "received_ms": 6,
        "lon_e7": 1,
        "lat_e7": 2,
        "sats": 8,
    }


@pytest.mark.parametrize("missing", ["has", "hash", "received_ms", "lon_e7", "lat_e7", "sats"])
def test_a_row_of_which_a_field_is_missing_waits(missing: str) -> None:
    found = _whole([answer(**{"has": WRITTEN, missing: None})], COLUMNS, _TRACK_BITS)
    assert found.num_rows == 0


def test_fields_that_were_not_asked_for_do_not_matter() -> None:
    columns = ["t_ms", "hash", "sats"]
    series = Series({}, ("time", "has", "hash", "sats"), f"7000000,{has_bits(MEASURED)},9,8".encode())
    assert _whole([series], columns, has_bits(("sats",))).to_pylist() == [{"t_ms": 7, "hash": 9, "sats": 8}]


def test_a_sample_without_a_position_is_no_place() -> None:
    signal = answer(has=has_bits(("sats",)), lon_e7=None, lat_e7=None)
    assert _whole([signal], COLUMNS, _TRACK_BITS, placed=True).num_rows == 0
    assert _whole([signal], COLUMNS, _TRACK_BITS).num_rows == 1


def test_what_is_set_aside_names_its_report_and_becomes_a_dead_letter(tmp_path: Path) -> None:
    frames = [
        frame(Report("a", [at(1), at(2)], device="unit-1", seq=4)),
        frame(Report("b", [at(PAST_LAST_MS)], device="unit-2", seq=5), Report("c", [at(3)], device="unit-3")),
    ]
    names = Names()
    lines = render(rows_of(frames, names), names)
    first, second, third = refused(frames, lines, [(2, "no"), (1, "nor this")])
    assert [(p.asset, p.device, p.seq, p.t_ms) for p in (first, second, third)] == [
        ("a", "unit-1", 4, 2),
        ("b", "unit-2", 5, PAST_LAST_MS),
        ("c", "unit-3", 0, 3),
    ]
    assert (first.reason, second.line, third.reason) == ("nor this", b"", "no")
    assert third.line == lines.body(2, 3)
    kept = DeadLetters(tmp_path / "deadletters.db")
    kept.add(letters([first, second, third]))
    assert kept.count("t1") == {"store_refused": 3}
    assert [(d.device, d.seq, d.boot) for d in kept.list()] == [
        ("unit-1", 4, "b1"),
        ("unit-2", 5, "b1"),
        ("unit-3", 0, "b1"),
    ]
    assert kept.list()[0].payload == first.line
    kept.close()
