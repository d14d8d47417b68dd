"""The fast readers against pynmea2, on generated sentences and on every sentence of the real logs."""

from __future__ import annotations

import re
from datetime import date, time
from pathlib import Path
from typing import Any

import pynmea2
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.payload.nmea.framing import checksum, frame
from gateway.payload.nmea.sentences import KNOT_KMH, Sentence, parse, position, short_date, time_of_day

LOGS = Path(__file__).parents[3] / "data" / "nmea"
KINDS = ("RMC", "GGA", "VTG", "GSA", "GLL", "GNS", "ZDA")


def ours(line: str) -> Sentence:
    sentence = parse(line.encode("latin-1"))
    assert sentence is not None
    return sentence


def theirs(line: str) -> Any:
    return pynmea2.parse(f"${line}*{checksum(line.encode('latin-1')):02X}", check=True)


def near(mine: float | None, value: Any, tolerance: float = 1e-9) -> bool:
    """Equal to what pynmea2 gives, which is text, a number, or nothing."""
    try:
        number = None if value in (None, "") else float(value)
    except ValueError:
        number = None
    if mine is None or number is None:
        return mine is number
    return abs(mine - number) <= tolerance


def same_time(tod_ms: int | None, value: Any) -> bool:
    if not isinstance(value, time):
        return tod_ms is None
    exact = ((value.hour * 60 + value.minute) * 60 + value.second) * 1000 + value.microsecond / 1000
    return tod_ms is not None and abs(tod_ms - exact) <= 0.5


def same_place(mine: Sentence, message: Any) -> bool:
    if mine.lat is None:
        return True
    return near(mine.lat, message.latitude) and near(mine.lon, message.longitude)


def knots(mine: float | None) -> float | None:
    return None if mine is None else mine / KNOT_KMH


def agree(line: str) -> bool:
    """Whether everything that we read of a sentence is what pynmea2 reads."""
    mine, message = ours(line), theirs(line)
    assert (mine.kind, mine.talker) == (message.sentence_type, message.talker)
    if mine.kind == "RMC":
        day = message.datestamp
        if mine.date is not None:
            assert isinstance(day, date)
            assert (mine.date[0] % 100, *mine.date[1:]) == (day.year % 100, day.month, day.day)
        return (
            same_time(mine.tod_ms, message.timestamp)
            and same_place(mine, message)
            and near(knots(mine.speed_kmh), message.spd_over_grnd)
            and near(mine.heading_deg, message.true_course)
        )
    if mine.kind == "GGA":
        return (
            same_time(mine.tod_ms, message.timestamp)
            and same_place(mine, message)
            and near(mine.alt_m, message.altitude)
            and near(mine.sats, message.num_sats)
        )
    if mine.kind == "VTG":
        return mine.speed_kmh is None or (
            near(knots(mine.speed_kmh), message.spd_over_grnd_kts)
            and near(mine.heading_deg, message.true_track)
        )
    if mine.kind == "GSA":
        return mine.mode is None or near(mine.mode, message.mode_fix_type)
    return same_time(mine.tod_ms, message.timestamp) and (mine.kind == "ZDA" or same_place(mine, message))


def sentences_of(log: Path) -> list[str]:
    bodies = frame(log.read_bytes()).bodies
    return [body.decode("latin-1") for body in bodies if body[2:5].decode("latin-1") in KINDS]


@pytest.mark.parametrize("log", sorted(LOGS.glob("*.log")), ids=lambda log: log.name)
def test_every_sentence_of_a_log_reads_as_pynmea2_reads_it(log: Path) -> None:
    for line in sentences_of(log):
        if line[0] == "P":
            continue
        assert agree(line), line


HOURS = st.times().map(lambda t: f"{t:%H%M%S}.{t.microsecond // 1000:03d}")
CLOCK = HOURS | HOURS.map(lambda text: text[:6]) | HOURS.map(lambda text: text[:9]) | st.just("")


def angle(degrees: int, width: int) -> st.SearchStrategy[str]:
    def text(whole: int, minutes: int, decimals: int) -> str:
        return f"{whole:0{width}d}{minutes / 10**decimals:0{3 + decimals}.{decimals}f}"

    return st.integers(1, 7).flatmap(
        lambda decimals: st.builds(
            text, st.integers(0, degrees - 1), st.integers(0, 60 * 10**decimals - 1), st.just(decimals)
        )
    )


def amount(high: float) -> st.SearchStrategy[str]:
    return st.just("") | st.floats(0, high).map(lambda value: f"{value:.2f}")


TALKER = st.sampled_from(["GP", "GN", "GL", "BD", "GA", "IN"])
PLACE = st.tuples(angle(90, 2), st.sampled_from("NS"), angle(180, 3), st.sampled_from("EW")).map(",".join)
DAY = st.dates(date(1980, 1, 1), date(2067, 12, 31)).map(lambda day: f"{day:%d%m%y}") | st.just("")


@given(TALKER, CLOCK, st.sampled_from("AVD"), PLACE | st.just(",,,"), amount(300), amount(360), DAY)
def test_rmc_agrees(talker: str, clock: str, status: str, at: str, speed: str, course: str, day: str) -> None:
    assert agree(f"{talker}RMC,{clock},{status},{at},{speed},{course},{day},,,A")


@given(TALKER, CLOCK, PLACE | st.just(",,,"), st.integers(0, 8), st.integers(0, 40), amount(50), amount(8000))
def test_gga_agrees(talker: str, clock: str, at: str, quality: int, sats: int, hdop: str, alt: str) -> None:
    assert agree(f"{talker}GGA,{clock},{at},{quality},{sats:02d},{hdop},{alt},M,0.0,M,,")


@given(TALKER, amount(360), amount(300))
def test_vtg_agrees(talker: str, course: str, speed: str) -> None:
    assert agree(f"{talker}VTG,{course},T,,M,{speed},N,,K,A")


@given(st.binary(max_size=300))
def test_the_checksum_is_the_xor_of_all_bytes(body: bytes) -> None:
    want = 0
    for byte in body:
        want ^= byte
    assert checksum(body) == want


@pytest.mark.parametrize(
    ("text", "want"),
    [
        ("000000", 0),
        ("235959.999", 86_399_999),
        ("073658.9", 27_418_900),
        ("12345", None),
        ("250000", None),
        ("12a456", None),
        ("123456.x", None),
        ("", None),
    ],
)
def test_times_of_day(text: str, want: int | None) -> None:
    assert time_of_day(text) == want


@pytest.mark.parametrize(
    ("text", "want"),
    [
        ("220899", (1999, 8, 22)),
        ("010180", (1980, 1, 1)),
        ("311279", (2079, 12, 31)),
        ("2208-1", None),  # a real receiver's
        ("001399", None),
        ("000000", None),
    ],
)
def test_dates_of_two_digit_years(text: str, want: tuple[int, int, int] | None) -> None:
    assert short_date(text) == want


@pytest.mark.parametrize(
    "fields",
    [
        ["36000.0000", "N", "72000.0000", "E"],  # a real receiver without a fix
        ["4807", "N", "01131.000", "E"],
        ["", "", "", ""],
        ["48x7.0", "N", "01131.000", "E"],
        ["4807.038", "N", "01131.0e9", "E"],
    ],
)
def test_impossible_positions_are_none(fields: list[str]) -> None:
    assert position(fields, 0) == (None, None)


@pytest.mark.parametrize("body", [b"PGRMC,A,1", b"GPGSV,3,1,11", b"GPTXT,01", b"XX", b"GPRMB,A,,,,,,,,,,,,V"])
def test_other_sentences_are_left_alone(body: bytes) -> None:
    assert parse(body) is None


@given(st.sampled_from(KINDS), st.text(st.characters(codec="latin-1"), max_size=80))
def test_no_content_breaks_the_reader(kind: str, text: str) -> None:
    try:
        sentence = parse(f"GP{kind},{text}".encode("latin-1"))
    except ValueError:
        return
    assert sentence is not None
    assert not re.search("nan|inf", repr(sentence))
