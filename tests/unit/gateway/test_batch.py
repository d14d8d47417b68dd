import pytest

from gateway.batch import Arrived, Buses, form_of, prepare
from gateway.payload import decode
from gateway.recent import Known, Recent
from gateway.registry import Fitted
from streams.codec import decode_frame
from streams.records import Form, RecordKind
from tests.unit.gateway.reports import T0, admitted, payload

NOW = T0 + 5_000


def arrived(raw: bytes, device: str = "d", partition: int = 0) -> Arrived:
    return Arrived(device, Fitted(f"asset_{device}", "demo", partition), raw, T0)


def test_reports_become_one_frame_a_partition_in_their_order() -> None:
    messages = [arrived(payload(n), f"d{n}", partition=n % 2) for n in range(5)]
    batch = prepare(messages, Recent(), Buses(), NOW)
    assert [(r.partition, r.kind, r.received_ms) for r in batch.records] == [
        (0, RecordKind.FRAME, NOW),
        (1, RecordKind.FRAME, NOW),
    ]
    assert [decode_frame(r.body).reports.column("seq").to_pylist() for r in batch.records] == [
        [0, 2, 4],
        [1, 3],
    ]
    assert batch.samples == 10


def test_a_report_that_is_durable_already_is_only_known() -> None:
    recent, raw = Recent(), payload(3)
    recent.add("d", admitted(raw).hash, Known(Form.JSON, "b1", 3))
    batch = prepare([arrived(raw), arrived(raw, "e")], recent, Buses(), NOW)
    assert [(a.device, known.seq) for a, known in batch.known] == [("d", 3)]
    assert [item.device for item in batch.kept] == ["e"]


def test_what_is_refused_names_its_report_if_it_can_be_trusted() -> None:
    batch = prepare(
        [
            arrived(b"\x00garbage"),
            arrived(payload(4, t=[T0], lon=[1, 2])),
            arrived(payload(5, t=[T0], lon=[1], lat=[99])),
            arrived(payload(6)),
        ],
        Recent(),
        Buses(),
        NOW,
    )
    assert [(r.reason, r.boot, r.seq) for r in batch.rejected] == [
        ("not_readable", None, None),
        ("unequal_columns", "b1", 4),
        ("impossible_value", "b1", 5),
    ]
    assert [item.known.seq for item in batch.kept] == [6]


def test_a_fault_of_the_decoder_costs_one_report(monkeypatch: pytest.MonkeyPatch) -> None:

    def fails(raw: bytes, *more: object) -> object:
        if raw == payload(1):
            raise ZeroDivisionError
        return decode(raw)

    monkeypatch.setattr("gateway.batch.decode", fails)
    batch = prepare([arrived(payload(0)), arrived(payload(1))], Recent(), Buses(), NOW)
    assert [r.detail for r in batch.rejected] == ["decoder failed: ZeroDivisionError()"]
    assert len(batch.kept) == 1


def test_an_answer_is_in_the_form_that_the_first_byte_promises() -> None:
    assert form_of(b"{garbage") is Form.JSON
    assert form_of(b"\xa1") is Form.CBOR
    assert form_of(b"") is Form.CBOR


def test_the_buses_of_the_newest_devices_are_kept() -> None:
    buses = Buses(capacity=2)
    first = buses.of("a")
    assert buses.of("a") is first
    buses.of("b")
    buses.of("c")
    assert buses.of("a") is not first
