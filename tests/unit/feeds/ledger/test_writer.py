"""From frames and events to entries: every group opens, each record once, on from where the book is."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from dataclasses import replace
from hashlib import sha256
from pathlib import Path
from typing import Any

import cbor2
import numpy as np
import orjson
import pyarrow as pa
import pytest

from feeds.completeness import statement, unpack
from feeds.ledger.book import Book, EventKey, Kept, ReportKey
from feeds.ledger.entry import EntryKind, Opening, check_opening, decode, salts_of
from feeds.ledger.errors import FormatError, LedgerAwayError
from feeds.ledger.events import groups_of
from feeds.ledger.framed import FrameReports, sound
from feeds.ledger.reports import BUS, COARSE, PLACE, read_signals
from feeds.ledger.writer import LedgerWriter
from streams.codec import encode_frame
from streams.events import Change, Event, Kind
from streams.memory_log import MemoryLog
from streams.records import EXTRAS, REPORTS, SAMPLES, Form, Frame, NewRecord, RecordKind

MIN32 = np.iinfo(np.int32).min


def frame(*reports: dict[str, Any]) -> Frame:
    """Reports as dicts: ``samples`` lists of columns of SAMPLES, all else columns of REPORTS."""
    rows: list[dict[str, Any]] = []
    samples: list[dict[str, Any]] = []
    extras: list[dict[str, Any]] = []
    for number, one in enumerate(reports):
        raw = one.get("raw", f"raw {one['seq']}".encode())
        base = {
            "device": "unit-1",
            "asset": "asset_1",
            "tenant": "main",
            "boot": "b1",
            "boot_n": 4,
            "hash": sha256(raw).digest(),
            "received_ms": 1_800_000_000_000,
            "form": Form.CBOR,
            "dropped": 0,
            "raw": raw,
        }
        for sample in one.get("samples", ()):
            for name, value in sample.get("extras", {}).items():
                extras.append({"sample": len(samples), "name": name, "value": value})
            samples.append({**{k: v for k, v in sample.items() if k != "extras"}, "report": number})
        row = {k: v for k, v in one.items() if k != "samples"}
        rows.append({**base, **row, "samples": len(one.get("samples", ()))})
    tables = ((rows, REPORTS), (samples, SAMPLES), (extras, EXTRAS))
    return Frame(*(_batch(table, schema) for table, schema in tables))


def _batch(rows: list[dict[str, Any]], schema: pa.Schema) -> pa.RecordBatch:
    columns = []
    for field in schema:
        values = [row.get(field.name) for row in rows]
        plain = pa.types.is_dictionary(field.type)
        columns.append(
            pa.array(values, pa.string()).dictionary_encode() if plain else pa.array(values, field.type)
        )
    return pa.RecordBatch.from_arrays(columns, schema=schema)


SAMPLE = {
    "t_ms": 1_700_000_123_456,
    "lon_e7": 1_016_912_345,
    "lat_e7": 211_812_345,
    "speed_ckmh": 6012,
    "fix": 3,
}


def only(*reports: dict[str, Any]) -> dict[str, bytes]:
    """The groups of the first report of a frame."""
    return groups_in(frame(*reports))[0]


def groups_in(made: Frame) -> list[dict[str, bytes]]:
    """The groups of each report of a frame."""
    reports = FrameReports([sound(made, 1)])
    count = len(reports.rows)
    return [cbor2.loads(one.groups) for one in reports.seal(range(count), [False] * count, 0, bytes)]


def test_the_groups_of_a_report() -> None:
    facts = [{"t": 1, "kind": "seal", "state": "on"}, {"t": 2, "kind": "driver", "card": "D1"}]
    bus = {"odometer_mm": 77, "extras": {"tyre_kpa": 800.5}}
    groups = only({"seq": 9, "facts": orjson.dumps(facts).decode(), "samples": [SAMPLE | bus, SAMPLE]})
    assert set(groups) == {"whole", "head", "place", "coarse", "signals", "driver", "facts"}
    assert groups["whole"] == b"raw 9"
    head = cbor2.loads(groups["head"])
    assert groups["head"] == cbor2.dumps(head, canonical=True)
    assert head == {
        "device": "unit-1",
        "asset": "asset_1",
        "boot": "b1",
        "boot_n": 4,
        "seq": 9,
        "prev": None,
        "hash": sha256(b"raw 9").digest(),
        "received_ms": 1_800_000_000_000,
        "form": 2,
        "topic": "corridor/v1/unit-1/report",
        "samples": 2,
        "signature": 0,
        "key": None,
        "verdict": "new",
    }
    place = np.frombuffer(groups["place"], PLACE)
    assert len(groups["place"]) == 2 * 35
    assert place[0].tolist() == (
        1_700_000_123_456,
        1_016_912_345,
        211_812_345,
        MIN32,
        6012,
        MIN32,
        MIN32,
        -32768,
        3,
    )
    coarse = np.frombuffer(groups["coarse"], COARSE)
    assert coarse.tolist() == [(1_699_999_800_000, 1_017_000_000, 212_000_000)]
    rows, extras = read_signals(groups["signals"])
    assert (rows["odometer_mm"].tolist(), extras) == ([77, np.iinfo(np.int64).min], [(0, "tyre_kpa", 800.5)])
    assert np.isnan(rows["fuel_level_pct"]).all()
    assert cbor2.loads(groups["driver"]) == [facts[1]]
    assert cbor2.loads(groups["facts"]) == [facts[0]]


def test_groups_without_content_are_left_out() -> None:
    assert set(only({"seq": 1})) == {"whole", "head"}
    assert set(only({"seq": 1, "samples": [{"t_ms": 5}]})) == {"whole", "head", "place"}
    assert set(only({"seq": 1, "samples": [SAMPLE]})) == {"whole", "head", "place", "coarse"}


def test_each_report_has_its_own_samples_and_signals() -> None:
    near = SAMPLE | {"lon_e7": 1_020_000_000}
    made = frame(
        {"seq": 1, "samples": [SAMPLE, SAMPLE, near, SAMPLE]},
        {"seq": 2},
        {"seq": 3, "samples": [near, {"t_ms": 8, "fuel_level_pct": 50.0, "extras": {"a": 1.0}}]},
    )
    first, second, third = groups_in(made)
    times = [row.t_ms for row in FrameReports([sound(made, 1)]).rows]
    assert len(np.frombuffer(first["coarse"], COARSE)) == 3
    assert "place" not in second
    assert np.frombuffer(third["place"], PLACE)["t_ms"].tolist() == [SAMPLE["t_ms"], 8]
    rows, extras = read_signals(third["signals"])
    assert rows["fuel_level_pct"].tolist()[1] == 50.0
    assert extras == [(1, "a", 1.0)]
    assert times == [SAMPLE["t_ms"], 1_800_000_000_000, SAMPLE["t_ms"]]


def test_lines_of_a_plain_receiver_came_on_their_own_topic() -> None:
    head = cbor2.loads(only({"seq": 1, "form": Form.NMEA})["head"])
    assert head["topic"] == "corridor/v1/unit-1/nmea"


def test_a_frame_whose_samples_belong_to_nobody() -> None:
    whole = frame({"seq": 1, "samples": [SAMPLE, SAMPLE]})
    with pytest.raises(FormatError, match="got 1, want 2"):
        sound(replace(whole, samples=whole.samples.slice(1)), 1)


@pytest.mark.parametrize(
    "content",
    [b"", b"\xff", cbor2.dumps(5), cbor2.dumps([["t_ms"], b"x", []]), cbor2.dumps([["x"], b"", []])],
)
def test_signals_that_are_none(content: bytes) -> None:
    with pytest.raises(FormatError):
        read_signals(content)


def event(number: int, revision: int = 1, **data: Any) -> Event:
    fields: dict[str, Any] = {"state": "open"} | data
    id_ = f"visit_{number}"
    where = ("main", "asset_1", 5, 6)
    return Event(0, number, 3, Kind.VISIT, id_, revision, Change.CREATED, *where, fields)


def test_the_groups_of_an_event() -> None:
    data = {
        "enter": {"lon_e7": 1, "lat_e7": 2, "t_ms": 3},
        "path": [{"lon_e7": 4, "a/b": {"lat_e7": 5}}],
        "driver": "D",
    }
    groups = groups_of(replace(event(1), data=data | {"state": "open"}))
    assert set(groups) == {"whole", "head", "body", "place", "driver"}
    body = orjson.loads(groups["body"])
    assert body == {"state": "open", "enter": {"t_ms": 3}, "path": [{"a/b": {}}]}
    assert orjson.loads(groups["place"]) == {
        "/enter/lon_e7": 1,
        "/enter/lat_e7": 2,
        "/path/0/lon_e7": 4,
        "/path/0/a~1b/lat_e7": 5,
    }
    assert orjson.loads(groups["driver"]) == {"/driver": "D"}
    whole = orjson.loads(groups["whole"])
    assert whole["data"] == data | {"state": "open"}
    assert not {"partition", "number", "position"} & set(whole)
    assert groups["whole"] == orjson.dumps(whole, option=orjson.OPT_SORT_KEYS)


class Told:
    """Events as a read model gives them."""

    def __init__(self, *events: Event) -> None:
        self.events = list(events)

    def partition_after(
        self, partition: int, number: int, tenant: str | None, kinds: Sequence[Kind] = (), limit: int = 100
    ) -> list[Event]:
        assert (partition, tenant) == (0, None)
        return [one for one in self.events if one.number > number][:limit]

    def last_number(self, partition: int) -> int:
        return max((one.number for one in self.events), default=0)


def logged(log: MemoryLog, *reports: dict[str, Any]) -> None:
    """One frame more."""
    log.append([NewRecord(0, RecordKind.FRAME, 5, "", encode_frame(frame(*reports)))])


def opens(kept: Kept) -> None:
    """Every group of a record is what its entry commits to."""
    assert kept.groups is not None
    assert kept.salts is not None
    salts = salts_of(list(kept.groups), kept.salts)
    shown = {name: (salts[name], content) for name, content in kept.groups.items()}
    check_opening(decode(kept.entry), Opening(shown, {}))


def test_records_become_entries_that_open(tmp_path: Path) -> None:
    log, told, book = MemoryLog(1), Told(event(1), event(2, 7)), Book(tmp_path / "book.db")
    log.append([NewRecord(0, RecordKind.TICK, 5, "", b"{}")])
    logged(log, {"seq": 1, "samples": [SAMPLE]}, {"seq": 2})
    writer = LedgerWriter(log, told, book, 0)
    assert writer.lag() == 2
    assert writer.step() == 4
    assert (writer.step(), writer.lag(), book.size) == (0, 0, 4)
    kept = book.records(0, 4, 9)
    for one in kept:
        opens(one)
    entries = [decode(one.entry) for one in kept]
    assert [(one.kind, one.position, one.number) for one in entries] == [
        (EntryKind.REPORT, 2, 0),
        (EntryKind.REPORT, 2, 1),
        (EntryKind.EVENT, 3, 1),
        (EntryKind.EVENT, 3, 2),
    ]
    assert book.find(EventKey("visit_2", 7)) == 3
    assert book.find(ReportKey("unit-1", "b1", 2, sha256(b"raw 2").digest())) == 1


def test_a_report_that_came_twice_is_one_entry(tmp_path: Path) -> None:
    log, book = MemoryLog(1), Book(tmp_path / "book.db")
    writer = LedgerWriter(log, Told(), book, 0)
    logged(log, {"seq": 1}, {"seq": 2}, {"seq": 1})
    logged(log, {"seq": 2})
    writer.step()
    logged(log, {"seq": 1})
    writer.step()
    assert book.size == 2
    again = LedgerWriter(log, Told(), book, 0)
    assert again.step() == 0


def test_other_bytes_under_a_number_say_so(tmp_path: Path) -> None:
    log, book = MemoryLog(1), Book(tmp_path / "book.db")
    logged(log, {"seq": 1}, {"seq": 2})
    LedgerWriter(log, Told(), book, 0).step()
    logged(log, {"seq": 1, "raw": b"others"}, {"seq": 3})
    LedgerWriter(log, Told(), book, 0).step()
    verdicts = [cbor2.loads(one.groups["head"])["verdict"] for one in book.records(0, 9, 9) if one.groups]
    assert verdicts == ["new", "new", "conflict", "new"]


def test_other_bytes_within_one_step_say_so_too(tmp_path: Path) -> None:
    log, book = MemoryLog(1), Book(tmp_path / "book.db")
    logged(log, {"seq": 1}, {"seq": 1, "raw": b"others"}, {"seq": 1})
    LedgerWriter(log, Told(), book, 0).step()
    verdicts = [cbor2.loads(one.groups["head"])["verdict"] for one in book.records(0, 9, 9) if one.groups]
    assert verdicts == ["new", "conflict"]


def test_a_frame_that_can_not_be_read_is_passed_over(tmp_path: Path) -> None:
    log, book = MemoryLog(1), Book(tmp_path / "book.db")
    log.append([NewRecord(0, RecordKind.FRAME, 5, "", b"no frame")])
    logged(log, {"seq": 1})
    writer = LedgerWriter(log, Told(), book, 0)
    writer.step()
    assert (writer.parked, book.size, writer.lag()) == (1, 1, 0)


def test_what_failed_comes_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    log, book = MemoryLog(1), Book(tmp_path / "book.db")
    logged(log, {"seq": 1})
    writer = LedgerWriter(log, Told(event(1)), book, 0)

    def away(*_: object) -> int:
        raise LedgerAwayError("full")

    with monkeypatch.context() as patch:
        patch.setattr(book, "append", away)
        with pytest.raises(LedgerAwayError):
            writer.step()
    assert (book.size, writer.lag()) == (0, 1)
    writer.step()
    assert (book.size, writer.lag()) == (2, 0)


def test_frames_of_a_step_become_entries_in_order_whatever_they_hold(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Those that are alike are sealed together, and one that can't be read lies between them."""
    monkeypatch.setattr("feeds.ledger.writer._TOGETHER", 3)
    log, book = MemoryLog(1), Book(tmp_path / "book.db")
    bus = [SAMPLE | {"battery_v": 24.5, "extras": {"a": 1.0}}]
    for seq, samples in enumerate(([SAMPLE], [], bus, bus, [SAMPLE], [SAMPLE], [SAMPLE, SAMPLE])):
        logged(log, {"seq": 2 * seq, "samples": samples}, {"seq": 2 * seq + 1, "samples": samples})
        if seq == 4:
            log.append([NewRecord(0, RecordKind.FRAME, 5, "", b"of another version")])
    writer = LedgerWriter(log, Told(), book, 0)
    assert (writer.step(), writer.parked, book.size) == (8, 1, 14)
    kept = book.records(0, 14, 14)
    entries = [decode(one.entry) for one in kept]
    positions = [1, 2, 3, 4, 5, 7, 8]
    assert [(one.position, one.number) for one in entries] == [(at, n) for at in positions for n in (0, 1)]
    for seq, one in enumerate(kept):
        opens(one)
        assert one.groups is not None
        assert cbor2.loads(one.groups["head"])["seq"] == seq
        assert ("signals" in one.groups) == (seq // 2 in (2, 3))
        if "signals" in one.groups:
            assert read_signals(one.groups["signals"])[1] == [(0, "a", 1.0)]


def test_a_step_that_could_not_take_all_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("feeds.ledger.writer._READ_BYTES", 20_000)
    log, book = MemoryLog(1), Book(tmp_path / "book.db")
    for seq in range(6):
        logged(log, {"seq": seq, "raw": bytes([seq]) * 7_000})
    writer = LedgerWriter(log, Told(), book, 0)
    found = []
    while writer.step():
        found.append((book.size, writer.behind))
    assert found == [(2, True), (4, True), (6, True)]
    assert not writer.behind, "a step that found nothing"
    logged(log, {"seq": 6})
    assert (writer.step(), writer.behind) == (1, False)


def test_a_read_model_made_anew_is_read_again_and_known(tmp_path: Path) -> None:
    log, told, book = MemoryLog(1), Told(event(1), event(2), event(3)), Book(tmp_path / "book.db")
    writer = LedgerWriter(log, told, book, 0)
    writer.step()
    told.events = [event(1), event(2)]
    writer.step()
    assert (book.size, book.place_of("events")) == (3, 2)
    told.events += [event(3), replace(event(4), id="visit_new")]
    writer.step()
    assert book.size == 4


def test_events_that_retention_took_are_told(tmp_path: Path) -> None:
    told, book = Told(event(1)), Book(tmp_path / "book.db")
    writer = LedgerWriter(MemoryLog(1), told, book, 0)
    writer.step()
    told.events = [event(5)]
    writer.step()
    assert (book.size, writer.missed) == (2, 3)


def test_bus_rows_have_the_width_that_is_documented() -> None:
    assert (PLACE.itemsize, COARSE.itemsize, BUS.itemsize) == (35, 16, 84)


def chained(*seqs: int, **more: Any) -> list[dict[str, Any]]:
    """Reports that name the one before."""
    hashes = {seq: sha256(f"raw {seq}".encode()).digest() for seq in range(-1, 20)}
    return [{"seq": seq, "prev": hashes[seq - 1] if seq else None, **more} for seq in seqs]


def told_of(book: Book) -> dict[str, Any]:
    """The statement of the one start."""
    starts = {boot: unpack(data) for boot, data in book.starts_of(["unit-1"])["unit-1"].items()}
    return statement("unit-1", "b1", starts)


def test_what_came_of_a_start_is_kept_with_its_entries(tmp_path: Path) -> None:
    log, book = MemoryLog(1), Book(tmp_path / "book.db")
    logged(log, *chained(0, 1, 4, samples=[SAMPLE | {"t_ms": 1_799_999_999_000}]))
    writer = LedgerWriter(log, Told(), book, 0)
    writer.step()
    assert told_of(book)["missing"] == [[2, 3]]
    logged(log, *chained(3, 2, 4, 1))
    logged(log, {"seq": 2, "raw": b"others"}, {"seq": 2, "raw": b"others"})
    writer.step()
    made = told_of(book)
    assert (made["received"], made["missing"], made["doubled"], made["conflicts"]) == ([[0, 4]], [], 3, 1)
    assert (made["chain"]["contested"], made["boot_n"]) == ([[2, 2]], 4)
    assert book.size == 6


def test_what_came_of_a_start_is_not_kept_without_its_entries(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    log, book = MemoryLog(1), Book(tmp_path / "book.db")
    logged(log, *chained(0, 1))
    writer = LedgerWriter(log, Told(), book, 0)
    writer.step()
    logged(log, *chained(1, 2, 3))

    def full(*_: object) -> int:
        raise LedgerAwayError("full")

    with monkeypatch.context() as patch:
        patch.setattr(book, "_append", full)
        with pytest.raises(LedgerAwayError):
            writer.step()
    assert told_of(book)["received"] == [[0, 1]]
    writer.step()
    assert (told_of(book)["received"], told_of(book)["doubled"]) == ([[0, 3]], 1)


def test_facts_of_a_start_are_read_when_they_tell_of_it(tmp_path: Path) -> None:
    log, book = MemoryLog(1), Book(tmp_path / "book.db")
    facts = [{"t": 5, "kind": "overflow", "reports": 2}, {"t": 5, "kind": "driver", "id": "overflow"}]
    logged(log, {"seq": 0, "facts": orjson.dumps(facts).decode()})
    LedgerWriter(log, Told(), book, 0).step()
    assert told_of(book)["overflow"] == [{"t_ms": 5, "reports": 2, "boot": None, "last_seq": None}]


def test_lines_of_a_plain_receiver_have_no_holes(tmp_path: Path) -> None:
    log, book = MemoryLog(1), Book(tmp_path / "book.db")
    plain = {"form": Form.NMEA, "boot_n": None}
    logged(log, *({"seq": n * 10**9, **plain} for n in (1, 2, 3)))
    writer = LedgerWriter(log, Told(), book, 0)
    writer.step()
    logged(log, {"seq": 2 * 10**9, **plain}, {"seq": 4 * 10**9, **plain})
    writer.step()
    made = told_of(book)
    assert (made["received"], made["missing"], made["uncounted"], made["doubled"]) == ([], [], 4, 1)
    assert book.size == 4


def test_redaction_leaves_what_came(tmp_path: Path) -> None:
    log, book = MemoryLog(1), Book(tmp_path / "book.db")
    logged(log, *chained(0, 1, 3, samples=[SAMPLE | {"t_ms": 1_799_999_999_000}]))
    LedgerWriter(log, Told(), book, 0).step()
    made = told_of(book)
    assert book.redact([0, 1, 2]) == 3
    logged(log, *chained(2, 1))
    LedgerWriter(log, Told(), book, 0).step()
    again = told_of(book)
    assert (again["received"], again["missing"], again["doubled"]) == ([[0, 3]], [], 1)
    assert again["chain"] == made["chain"]


def test_a_book_of_before_there_were_starts_makes_them(tmp_path: Path) -> None:
    log, book = MemoryLog(1), Book(tmp_path / "book.db")
    logged(log, *chained(0, 1, 4, samples=[SAMPLE | {"t_ms": 1_799_999_999_000}]))
    logged(log, {"seq": 1, "raw": b"others"})
    writer = LedgerWriter(log, Told(event(1)), book, 0)
    writer.step()
    made, held = told_of(book), book.starts_of(["unit-1"])["unit-1"]
    book.close()
    with sqlite3.connect(tmp_path / "book.db") as db:
        db.execute("DELETE FROM starts")
    db.close()
    book = Book(tmp_path / "book.db")
    LedgerWriter(log, Told(event(1)), book, 0).step()
    assert (told_of(book), book.starts_of(["unit-1"])["unit-1"]) == (made, held)
