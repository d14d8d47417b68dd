"""Trackers that wrap NMEA sentences in text of their own, against the positions that Traccar expects."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from gateway.payload.nmea import NmeaSession

DATA = Path(__file__).parents[3] / "data" / "trackers"
NEAR_DEG = 1e-5  # Traccar's own tolerance
RECEIVED_MS = 1_795_330_800_000

NOT_FOR_US = {
    "Laipac": "AVRMC is a sentence of its own: a device number before the time, other fields behind",
    "Pt3000": "the sentence has no checksum, so it is dropped and counted",
}


def messages() -> list[dict[str, Any]]:
    """Every message of the set that holds an RMC, GGA, GLL or GNS sentence and tells what it means."""
    lines = (DATA / "traccar-explicit-positions.jsonl").read_text("utf-8").splitlines()
    found = [json.loads(line) for line in lines]
    return [
        message
        for message in found
        if message["kind"] == "text" and re.search(r"[A-Z]{2}(RMC|GGA|GLL|GNS),", message["raw"])
    ]


def test_the_set_is_complete() -> None:
    names = [message["protocol"] for message in messages()]
    assert sorted(names) == [
        "GpsGate",
        "Laipac",
        "Pt3000",
        "Sanav",
        "Tlt2h",
        "Totem",
        "Totem",
        "Xexun",
        "Xexun",
    ]


@pytest.mark.parametrize("message", messages(), ids=lambda message: message["protocol"])
def test_a_wrapped_sentence_gives_the_position(message: dict[str, Any]) -> None:
    session = NmeaSession()
    raw = message["raw"].encode("latin-1")
    fixes = session.feed(raw, RECEIVED_MS) + session.flush(RECEIVED_MS)
    if message["protocol"] in NOT_FOR_US:
        assert fixes == []
        return
    (fix,) = fixes
    want = message["expected"]
    t = datetime.fromtimestamp(fix.t_ms // 1000, UTC).strftime("%Y-%m-%d %H:%M:%S.000")
    assert (t, fix.timed, fix.fix >= 2) == (want["time_utc"], True, want["valid"])
    assert fix.lat is not None
    assert fix.lon is not None
    assert abs(fix.lat - want["lat"]) <= NEAR_DEG
    assert abs(fix.lon - want["lon"]) <= NEAR_DEG


def test_what_others_call_no_position_gives_none() -> None:
    for line in (DATA / "traccar-nmea_t55.jsonl").read_text("utf-8").splitlines():
        message = json.loads(line)
        if message["verify"] == "verifyNull" and "RMC" not in message["raw"]:
            session = NmeaSession()
            raw = message["raw"].encode("latin-1")
            assert session.feed(raw, RECEIVED_MS) + session.flush(RECEIVED_MS) == [], message["raw"]
