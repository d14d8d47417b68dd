"""What is rendered is what was told: read back by a plain parser of line protocol."""

import math
import re
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from feeds.store.influx.lines import (
    FIRST_MS,
    INTEGERS,
    MEASURED,
    PAST_LAST_MS,
    Lines,
    has_bits,
    render,
    times,
)
from feeds.store.influx.texts import coded, plain
from feeds.store.names import Names
from feeds.store.schema import Rows, rows_of
from tests.unit.feeds.store.frames import Report, at, frame

_LEGAL = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
_NASTY = st.sampled_from(
    ["", "\\", "a\\", "\\,", ",", "=", " ", "a b", '"', "%", "%5C", "\n", "a\\ b", "é,=", "%"]
)
_NAME = _NASTY | _LEGAL
_VALUE = st.floats(allow_nan=False, allow_infinity=False)
_PIECE = re.compile(r"((?:\\.|[^\\ ])*) ((?:\\.|[^\\ ])*) (-?\d+)")


def lines_of(*reports: Report) -> tuple[Lines, Rows, Names]:
    names = Names()
    rows = rows_of([frame(*reports)], names)
    return render(rows, names), rows, names


def split(text: str, separator: str) -> list[str]:
    """``text`` at each ``separator`` that no backslash stands before."""
    return re.split(rf"(?<!\\){re.escape(separator)}", text)


def unescaped(text: str) -> str:
    return re.sub(r"\\([,= ])", r"\1", text)


def parsed(line: str) -> tuple[dict[str, str], dict[str, Any], int]:
    """Tags, fields and time of a line, as InfluxDB reads it: a backslash always hides what follows."""
    found = _PIECE.fullmatch(line)
    assert found, line
    measurement, *tags = split(found[1], ",")
    assert measurement == "samples"
    fields = {}
    for pair in split(found[2], ","):
        key, value = split(pair, "=")
        fields[unescaped(key)] = int(value[:-1]) if value.endswith("i") else float(value)
    told = dict(split(tag, "=") for tag in tags)
    return {k: unescaped(v) for k, v in told.items()}, fields, int(found[3])


def parsed_all(lines: Lines) -> list[tuple[dict[str, str], dict[str, Any], int]]:
    text = lines.body(0, len(lines)).decode()
    return [parsed(line) for line in text.splitlines()] if "\r" not in text else []


@given(_NAME)
def test_coded_names_come_back(name: str) -> None:
    assert plain(coded(name)) == name
    assert not re.search(r"[\\\x00-\x1f]", coded(name))
    assert coded(name)


@given(_NAME, _NAME)
def test_different_names_stay_different(one: str, other: str) -> None:
    assert (coded(one) == coded(other)) == (one == other)


@given(
    st.lists(st.tuples(_NAME, _NAME), min_size=1, max_size=4),
    st.dictionaries(_NAME.filter(lambda n: n not in ("report", "t_ms", *MEASURED)), _VALUE, max_size=4),
    _VALUE,
)
def test_what_is_rendered_reads_back_equal(
    who: list[tuple[str, str]], extras: dict[str, float], rpm: float
) -> None:
    samples = [at(5, engine_rpm=rpm, sats=7, **extras), at(6, lon=None, odometer_mm=-3)]
    reports = [Report(asset, samples, device=device, seq=k) for k, (asset, device) in enumerate(who)]
    lines, rows, _ = lines_of(*reports)
    text = lines.body(0, len(lines)).decode()
    got = [parsed(line) for line in text.removesuffix("\n").split("\n")]
    assert len(got) == len(lines) == 2 * len(who)
    for k, (asset, device) in enumerate(who):
        tags, fields, ns = got[2 * k]
        assert (plain(tags["asset"]), plain(tags["device"])) == (asset, device)
        assert ns // 10**6 == 5
        assert fields.pop("hash") == rows.samples["hash"][2 * k].as_py()
        assert fields.pop("received_ms") == reports[k].received_ms
        assert fields.pop("has") == has_bits(("lon_e7", "lat_e7", "sats", "engine_rpm"))
        want = {f"x_{coded(name)}": value for name, value in extras.items()}
        assert fields == want | {"lon_e7": 1016900000, "lat_e7": 211800000, "sats": 7, "engine_rpm": rpm}
        _, fields, ns = got[2 * k + 1]
        assert ns // 10**6 == 6
        assert {n for n in fields if n in MEASURED} == {"lat_e7", "odometer_mm"}


def test_types_do_not_depend_on_the_values() -> None:
    full: dict[str, Any] = {name: 0 if name in INTEGERS else 0.0 for name in MEASURED}
    lines, _, _ = lines_of(Report("a", [{"t_ms": 1, **full, "tyre": 3}]))
    fields = lines.body(0, 1).decode().split(" ")[1].split(",")
    for name, value in (field.split("=") for field in fields):
        assert value.endswith("i") == (name in INTEGERS or name == "has")


def test_what_can_not_be_told_is_left_out() -> None:
    samples = [at(1, engine_rpm=math.nan, tyre=math.inf, door=1.0), at(2, tyre=-math.inf)]
    lines, _, _ = lines_of(Report("a", samples))
    (_, one, _), (_, two, _) = parsed_all(lines)
    assert {"x_door", "engine_rpm", "x_tyre"} & set(one) == {"x_door"}
    assert one["has"] == two["has"] == has_bits(("lon_e7", "lat_e7"))


def test_instants_out_of_reach_are_set_apart() -> None:
    samples = [
        at(t, tyre=float(k)) for k, t in enumerate((FIRST_MS - 1, FIRST_MS, PAST_LAST_MS - 1, PAST_LAST_MS))
    ]
    lines, _, _ = lines_of(Report("a", samples))
    assert lines.unfit.tolist() == [0, 3]
    assert lines.rows.tolist() == [1, 2]
    assert [fields["x_tyre"] for _, fields, _ in parsed_all(lines)] == [1.0, 2.0]
    assert all(-(2**63) + 1 < ns < 2**63 - 1 for _, _, ns in parsed_all(lines))
    none, _, _ = lines_of(Report("a", samples[:1]))
    assert (len(none), none.body(0, 0), none.unfit.tolist()) == (0, b"", [0])


def test_of_an_extra_told_twice_the_largest_counts() -> None:
    names, one = Names(), frame(Report("a", [at(1, tyre=2.0)], seq=1), Report("a", [at(1, tyre=9.0)], seq=1))
    rows = rows_of([one], names)
    doubled = Rows(rows.samples, rows.extras, rows.received_ms, np.zeros(2, np.int64))
    (_, first, _), (_, second, _) = parsed_all(render(doubled, names))
    assert first["x_tyre"] == 9.0
    assert "x_tyre" not in second


@given(
    st.integers(FIRST_MS, PAST_LAST_MS - 1),
    st.integers(-(2**63), 2**63 - 1),
    st.integers(0, 2**53),
    st.integers(1, 1000),
)
def test_time_keeps_the_instant_and_tells_repeats_apart(t: int, hash8: int, received: int, nth: int) -> None:
    def time_of(hash8: int) -> int:
        hashes = np.array([hash8], np.uint64).view(np.int64)
        return int(times(np.array([t]), hashes, np.array([received]))[0])

    one = time_of(hash8 % 2**64)
    assert one // 10**6 == t
    assert one == time_of(hash8 % 2**64)
    if (hash8 % 2**64) + nth < 2**64:
        assert one != time_of(hash8 % 2**64 + nth)


def test_a_report_received_again_is_told_apart() -> None:
    t, hash8 = np.full(1000, 5), np.full(1000, 77)
    assert len(np.unique(times(t, hash8, 1_800_000_000_000 + np.arange(1000) * 250))) > 990


@pytest.mark.parametrize("count", [0, 1, 7])
def test_bodies_together_are_the_whole(count: int) -> None:
    lines, _, _ = lines_of(Report("a", [at(t) for t in range(count)]))
    parts = b"".join(lines.body(k, k + 1) for k in range(len(lines)))
    assert parts == lines.body(0, len(lines))
    assert parts.count(b"\n") == count
