"""Receiver logs against gpsd: every fix that gpsd reports, with its time, position and mode.

gpsd reports an epoch several times until it has learned where a receiver's cycle ends; what counts here
is its last report of each instant. Logs that differ are listed with the reason, and exactly how.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from gateway.payload.nmea import Fix, NmeaSession

LOGS = Path(__file__).parents[3] / "data" / "nmea"
RECEIVED_MS = 1_795_330_800_000
NEAR_DEG = 1e-7  # what the frame keeps


@dataclass(frozen=True)
class Differs:
    """How a log may differ: instants of gpsd's that we lack, or have with another mode or position;
    positions that gpsd reports without a time and we don't; fixes of ours that gpsd lacks."""

    why: str
    missing: frozenset[str] = field(default_factory=frozenset)
    mode: frozenset[str] = field(default_factory=frozenset)
    untimed: int = 0
    extra: int = 0


DIFFERS = {
    "quectel-l76k-binary.log": Differs(
        "the receiver's binary protocol (CASIC); its only sentences are TXT",
        missing=frozenset(
            f"2026-08-06T07:{s // 60:02d}:{s % 60:02d}" for s in range(18 * 60 + 5, 20 * 60 + 14)
        ),
        untimed=1,
    ),
    "tcp-torture.log": Differs(
        "gpsd moves a date before the log's own '# Date:' line by 1,024 weeks; the sentence says 2007-12-23. "
        "The position that gpsd reports without a time is GGA's, with one digit more than RMC's after it",
        missing=frozenset({"2027-08-08T19:32:21"}),
        untimed=1,
    ),
    "gp-320fw-2019-04-07-coldboot.log": Differs(
        "gpsd keeps the time of the last fix for the sentences without time that follow a restart, and gives "
        "the epoch at 00:04:27 the old date although its own ZDA has another",
        missing=frozenset({"2019-04-07T00:04:27"}),
        mode=frozenset({"2019-04-07T00:03:45.030000"}),
    ),
    "garmin-geko201.log": Differs(
        "simulated position of GGA that RMC of the same instant calls invalid", untimed=1
    ),
    "tr737A+.log": Differs(
        "position of a GGA with quality 0 that RMC of the same instant calls invalid", untimed=1
    ),
    "garmin48.log": Differs(
        "the receiver's GLL is a second later than its RMC and GGA; gpsd reports only the GLL's instant",
        extra=6,
    ),
}


def fixes_of(log: str) -> list[Fix]:
    session = NmeaSession()
    data = (LOGS / log).read_bytes()
    if b"# Delay-Cookie: |" in data:  # gpsd's own mark of write boundaries
        head, _, rest = data.partition(b"0.01\n")
        portions = [head, *rest.split(b"|")]
    else:
        portions = [data[at : at + 700] for at in range(0, len(data), 700)]
    found = [fix for portion in portions for fix in session.feed(portion, RECEIVED_MS)]
    return found + session.flush(RECEIVED_MS)


def reports_of(log: str) -> list[dict[str, Any]]:
    lines = (LOGS / f"{log}.chk").read_text("utf-8", "replace").splitlines()
    return [json.loads(line) for line in lines if line.startswith('{"class":"TPV"')]


def instant(report: dict[str, Any]) -> str:
    return datetime.fromisoformat(report["time"].replace("Z", "")).isoformat()


def same_place(fix: Fix, report: dict[str, Any]) -> bool:
    return (
        fix.lat is not None
        and fix.lon is not None
        and abs(fix.lat - report["lat"]) <= NEAR_DEG
        and abs(fix.lon - report["lon"]) <= NEAR_DEG
    )


def utc(t_ms: int) -> str:
    return (datetime.fromisoformat("1970-01-01") + timedelta(milliseconds=t_ms)).isoformat()


@pytest.mark.parametrize("log", sorted(path.name.removesuffix(".chk") for path in LOGS.glob("*.chk")))
def test_a_log_gives_the_fixes_of_gpsd(log: str) -> None:
    differs = DIFFERS.get(log, Differs(""))
    fixes = fixes_of(log)
    ours = {utc(fix.t_ms): fix for fix in fixes if fix.timed}
    reports = reports_of(log)
    theirs = {instant(report): report for report in reports if "time" in report}

    missing = {at for at in theirs if at not in ours}
    mode = {at for at, report in theirs.items() if at in ours and ours[at].fix != report["mode"]}
    place = {
        at
        for at, report in theirs.items()
        if at in ours and report["mode"] >= 2 and "lat" in report and not same_place(ours[at], report)
    }
    untimed = {
        (report["lat"], report["lon"])
        for report in reports
        if "time" not in report and "lat" in report and not any(same_place(fix, report) for fix in fixes)
    }
    extra = [
        fix for at, fix in ours.items() if fix.fix >= 2 and at not in theirs and not at_an_end(fix, fixes)
    ]

    assert missing == differs.missing
    assert mode == differs.mode
    assert place == set()
    assert len(untimed) == differs.untimed
    assert len(extra) == differs.extra
    assert len(ours) == sum(fix.timed for fix in fixes), "one fix an instant"


def at_an_end(fix: Fix, fixes: list[Fix]) -> bool:
    """The first epoch with a position, before gpsd trusts the date or the cycle's end, or the last one,
    whose end gpsd did not see before the log's."""
    return fix is fixes[-1] or fix is next(item for item in fixes if item.fix >= 2)


def test_every_difference_is_of_a_log_that_exists() -> None:
    assert set(DIFFERS) <= {path.name for path in LOGS.glob("*.log")}
    assert all(differs.why for differs in DIFFERS.values())


def test_a_log_without_checksums_gives_nothing_and_says_so() -> None:
    session = NmeaSession()
    data = (LOGS / "hp58534a.log").read_bytes()
    assert session.feed(data, RECEIVED_MS) + session.flush(RECEIVED_MS) == []
    assert session.dropped == 13
