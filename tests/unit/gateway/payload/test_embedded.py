"""Raw NMEA and CAN inside reports, merged with the samples that the device decoded itself."""

from __future__ import annotations

import base64
from functools import reduce
from operator import xor
from typing import Any

import cbor2
import orjson
import pytest

from gateway.can import TransportState
from gateway.errors import RefusedError
from gateway.payload import decode
from gateway.report import Report

T0 = 1_795_332_960_000  # 2026-11-22T07:36:00Z


def line(body: str) -> str:
    return f"${body}*{reduce(xor, body.encode()):02X}\r\n"


RMC = line("GNRMC,073600.00,A,2111.4047,N,10140.8883,E,010.0,045.0,221126,,,A")
RMC_2 = line("GNRMC,073601.00,A,2111.4047,N,10140.8883,E,010.0,045.0,221126,,,A")
EEC1 = bytes.fromhex("207D87481400F087")


def report(**more: Any) -> Report:
    return decode(cbor2.dumps({"v": 1, "boot": "b", "seq": 0, **more}))


def test_sentences_become_samples() -> None:
    found = report(nmea=RMC + RMC_2 + "$GPGGA,broken*00\r\n")
    assert found.columns["t"] == [T0, T0 + 1000]
    assert found.columns["lat"] == [21 + 11.4047 / 60] * 2
    assert found.columns["speed_kmh"] == pytest.approx([18.52, 18.52])
    assert found.columns["fix"] == [2, 2]
    assert found.dropped == 1


@pytest.mark.parametrize("form", [RMC, RMC.encode(), [RMC], [RMC.encode()]])
def test_sentences_may_be_text_bytes_or_a_list(form: Any) -> None:
    assert report(nmea=form).columns["t"] == [T0]


def test_json_carries_bytes_as_base64url() -> None:
    sent = {
        "v": 1,
        "boot": "b",
        "seq": 0,
        "nmea": base64.urlsafe_b64encode(RMC.encode()).decode(),
        "can": [[T0, 0x0CF00400, base64.urlsafe_b64encode(EEC1).decode().rstrip("=")]],
    }
    found = decode(orjson.dumps(sent))
    assert (found.columns["t"], found.columns["engine_rpm"]) == ([T0], [649.0])


def test_what_the_device_decoded_is_not_replaced() -> None:
    found = report(
        t=[T0, T0 + 1000],
        engine_rpm=[700, None],
        speed_kmh=[None, 3.5],
        can=[[T0 + 10, 0x0CF00400, EEC1], [T0 + 1010, 0x0CF00400, EEC1], [T0 + 9000, 0x0CF00400, EEC1]],
        nmea=RMC,
    )
    assert found.columns["t"] == [T0, T0 + 1000, T0 + 9000]
    assert found.columns["engine_rpm"] == [700, 649.0, 649.0]
    assert found.columns["speed_kmh"] == pytest.approx([18.52, 3.5, None])
    assert found.extras["engine_torque_pct"] == [10.0, 10.0, 10.0]


def test_an_instant_given_twice_stays_twice() -> None:
    found = report(t=[T0, T0], sats=[None, 6], lat=[None, 1.0], nmea=RMC)
    assert found.columns["t"] == [T0, T0]
    assert found.columns["lat"] == [21 + 11.4047 / 60, 1.0]


def test_samples_are_in_the_order_of_their_instants() -> None:
    found = report(t=[T0 + 5000, T0 - 5000], sats=[5, 6], nmea=RMC)
    assert found.columns["t"] == [T0 - 5000, T0, T0 + 5000]
    assert found.columns["sats"] == [6, None, 5]


def test_a_sentence_without_a_date_takes_the_day_of_the_report() -> None:
    gll = line("GPGLL,2111.30,N,10141.00,E,073559,A")
    assert report(nmea=gll).columns["t"] == []
    assert report(nmea=gll).dropped == 1
    assert report(t=[T0], lon=[None], nmea=gll).columns["t"] == [T0 - 1000, T0]


def test_frames_that_no_bus_carries_are_counted() -> None:
    found = report(can=[[T0, 2**29, b""], [T0, 0x0CF00400, bytes(9)], [T0, 0x123, bytes(8)]])
    assert (found.columns["t"], found.dropped) == ([], 3)


def test_a_transfer_spans_reports_by_the_state() -> None:
    parts = ["201200 03FFECFE00", "014C5A5A54455354", "024136504E303030", "033030312AFFFFFF"]
    frames = [[T0 + n, 0x18ECFF00 if n == 0 else 0x18EBFF00, bytes.fromhex(p)] for n, p in enumerate(parts)]
    bus = TransportState()
    for portion in (frames[:2], frames[2:]):
        last = decode(cbor2.dumps({"v": 1, "boot": "b", "seq": 0, "can": portion}), bus)
    assert last.facts == [{"t": T0 + 3, "kind": "identity", "source": 0, "vin": "LZZTESTA6PN000001"}]


@pytest.mark.parametrize(
    "more",
    [
        {"t": [1.5], "nmea": RMC},
        {"t": ["x"], "can": []},
        {"can": {}},
        {"can": [[T0, 1, "x"]]},
        {"can": [[None, 1, b""]]},
        {"nmea": {"a": 1}},
    ],
)
def test_what_can_not_be_merged_is_refused(more: dict[str, Any]) -> None:
    with pytest.raises(RefusedError) as caught:
        report(**more)
    assert (caught.value.reason, caught.value.seq) == ("bad_field", 0)
