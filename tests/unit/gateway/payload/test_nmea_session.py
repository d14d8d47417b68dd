"""Epochs, dates and cut sentences, as a stream of bytes."""

from __future__ import annotations

from datetime import UTC, datetime
from functools import reduce
from operator import xor
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gateway.payload.nmea import Fix, NmeaSession
from gateway.payload.nmea.framing import MAX_SENTENCE, frame

LOGS = Path(__file__).parents[3] / "data" / "nmea"
RECEIVED_MS = 1_795_330_800_000


def line(body: str) -> bytes:
    return f"${body}*{reduce(xor, body.encode()):02X}\r\n".encode()


def gga(clock: str, lat: str = "2111.4047") -> bytes:
    return line(f"GPGGA,{clock},{lat},N,10140.8883,E,1,09,0.9,720.0,M,-30.0,M,,")


def rmc(clock: str, day: str, status: str = "A") -> bytes:
    return line(f"GPRMC,{clock},{status},2111.4047,N,10140.8883,E,010.0,045.0,{day},,,A")


def all_of(data: bytes, portions: int | None = None) -> list[Fix]:
    session = NmeaSession()
    step = portions or len(data) or 1
    found = [
        fix for at in range(0, len(data), step) for fix in session.feed(data[at : at + step], RECEIVED_MS)
    ]
    return found + session.flush(RECEIVED_MS)


def times(fixes: list[Fix]) -> list[str]:
    return [datetime.fromtimestamp(fix.t_ms / 1000, UTC).strftime("%Y-%m-%dT%H:%M:%S") for fix in fixes]


def test_the_sentences_of_an_epoch_are_one_fix() -> None:
    fixes = all_of(gga("073659.00") + rmc("073659.00", "221126") + gga("073700.00"))
    assert fixes[0] == Fix(
        t_ms=1_795_333_019_000,
        timed=True,
        fix=3,
        lon=101 + 40.8883 / 60,
        lat=21 + 11.4047 / 60,
        alt_m=720.0,
        speed_kmh=10 * 1.852,
        heading_deg=45.0,
        hdop=0.9,
        sats=9,
    )
    assert times(fixes) == ["2026-11-22T07:36:59", "2026-11-22T07:37:00"]


def test_a_fix_is_given_when_the_next_epoch_begins() -> None:
    session = NmeaSession()
    assert session.feed(rmc("073659", "221126"), RECEIVED_MS) == []
    assert len(session.feed(rmc("073700", "221126"), RECEIVED_MS)) == 1
    assert len(session.flush(RECEIVED_MS)) == 1
    assert session.flush(RECEIVED_MS) == []


def test_midnight_passes_without_a_date() -> None:
    data = rmc("235959", "311226") + gga("000000") + gga("000001") + gga("235958")
    assert times(all_of(data)) == [
        "2026-12-31T23:59:59",
        "2027-01-01T00:00:00",
        "2027-01-01T00:00:01",
        "2026-12-31T23:59:58",  # late, not a day later
    ]


def test_without_any_date_the_day_is_that_of_the_receipt() -> None:
    (fix,) = all_of(gga("070000"))  # received at 07:00:00
    assert (fix.timed, times([fix])) == (False, ["2026-11-22T07:00:00"])
    (late,) = all_of(gga("235900"))
    assert (late.timed, times([late])) == (False, ["2026-11-21T23:59:00"])


def test_an_invalid_rmc_gives_no_date_and_no_position() -> None:
    assert all_of(rmc("000039", "010108", "V")) == []
    fix, none = all_of(rmc("073659", "221126") + line("GPGGA,073700,,,,,0,00,,,M,,M,,"))
    assert (fix.fix, none.fix, none.lon) == (2, 1, None)
    assert times([none]) == ["2026-11-22T07:37:00"]


def test_bad_sentences_are_counted_and_the_rest_is_used() -> None:
    session = NmeaSession()
    good = rmc("073659", "221126")
    bad = good.replace(b"045.0", b"046.0")
    missing = good.partition(b"*")[0] + b"\r\n"
    glued = b"$GPGSV,3,1,11,23,87,27$GPN" + good
    fixes = session.feed(bad + missing + glued, RECEIVED_MS) + session.flush(RECEIVED_MS)
    assert len(fixes) == 1
    assert session.dropped == 4  # two, and the two beginnings before the good one


@pytest.mark.parametrize("prefix", [b"", b"866104027972994,", b"\xb5\x62\x01\x07\x00$", b"/$PUBX,40*"])
def test_what_stands_before_a_sentence_does_not_matter(prefix: bytes) -> None:
    assert times(all_of(prefix + rmc("073659", "221126").strip())) == ["2026-11-22T07:36:59"]


def test_a_sentence_that_lost_its_dollar_is_read() -> None:
    assert times(all_of(b"imei:1," + rmc("073659", "221126")[1:])) == ["2026-11-22T07:36:59"]


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow], max_examples=40)
@given(
    st.integers(1, 60), st.sampled_from(["gp-320fw-2019-04-07-coldboot", "iTrek", "skytraq", "venus634lp"])
)
def test_where_messages_are_cut_does_not_matter(step: int, log: str) -> None:
    data = (LOGS / f"{log}.log").read_bytes()
    assert all_of(data, step) == all_of(data)


@settings(deadline=None)
@given(st.lists(st.binary(max_size=60) | st.just(rmc("073659", "221126")), max_size=12))
def test_any_bytes_are_survived_and_memory_stays_one_sentence(portions: list[bytes]) -> None:
    session = NmeaSession()
    for portion in portions:
        session.feed(portion, RECEIVED_MS)
        assert len(session._rest) <= MAX_SENTENCE + 4


@pytest.mark.parametrize("filler", [b"$", b"$AB,", b"GPRMC,", b"$GPRMC,1*", b"A" * 50])
def test_a_flood_is_read_in_time_that_grows_with_its_size(filler: bytes) -> None:
    flood = filler * (65_536 // len(filler))
    assert frame(flood).bodies == []
    assert len(frame(flood).rest) <= MAX_SENTENCE + 4
