"""Recordings of real receivers and trucks through broker, gateway, log, engine, store and API.

What comes out is compared with what the decoders give for the same bytes in one piece; those are held
against gpsd and the makers' own data by the unit tests.
"""

from __future__ import annotations

import asyncio
import random
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import asdict
from datetime import datetime
from pathlib import Path
from typing import Any

import cbor2
import pytest

from bench.system import System, running
from gateway.can import TransportState
from gateway.payload import decode
from gateway.payload.nmea import Fix, NmeaSession
from streams.codec import decode_frame, load_json
from streams.records import RecordKind
from streams.sqlite_log import SqliteLog
from tests.integration.devices import EVER, device, fit, http, report, until
from tests.unit.gateway.can.candump import read_log

DATA = Path(__file__).parents[1] / "data"
LOGS = sorted((DATA / "nmea").glob("*.log"))
CAN_LOG = "FCBF0606_truck_tp.log"
EARLIEST_MS, LATEST_MS = 631_152_000_000, 4_102_444_800_000  # 1990 to 2100, what a gateway takes
pytestmark = [pytest.mark.integration, pytest.mark.timeout(240)]


@pytest.fixture(scope="module")
def system(tmp_path_factory: pytest.TempPathFactory) -> Iterator[System]:
    with running(tmp_path_factory.mktemp("recordings")) as found:
        yield found


def cut(data: bytes, rng: random.Random) -> list[bytes]:
    """The bytes in portions: most of a few lines, some of a byte or two."""
    portions = []
    while data:
        size = rng.choice((1, 2, 90, 700, 3_000, 16_000))
        size = rng.randint(1, size)
        portions.append(data[:size])
        data = data[size:]
    return portions


def expected(data: bytes, received_ms: int) -> list[Fix]:
    session = NmeaSession()
    found = session.feed(data, received_ms) + session.flush(received_ms)
    return [fix for fix in found if fix.lat is not None and EARLIEST_MS <= fix.t_ms <= LATEST_MS]


def place(row: Fix | dict[str, Any]) -> tuple[Any, ...]:
    """Position and movement in the units of the log."""
    values = row if isinstance(row, dict) else asdict(row)
    scales = {"lon": 1e7, "lat": 1e7, "alt_m": 1e3, "speed_kmh": 1e2, "heading_deg": 1e2, "hdop": 1e2}
    scaled = [None if values[name] is None else round(values[name] * by) for name, by in scales.items()]
    return (*scaled, values["sats"], values["fix"])


def instant_ms(row: dict[str, Any]) -> int:
    return round(datetime.fromisoformat(row["t"]).timestamp() * 1000)


async def publish(system: System, name: str, data: bytes) -> None:
    async with device(system.local, name) as one:
        for portion in cut(data, random.Random(name)):
            await one.publish(portion, "nmea")


def test_receiver_logs_give_the_fixes_that_the_decoder_gives_in_one_piece(system: System) -> None:
    assets = {log: fit(system, f"nmea-{n}", f"WNMEATEST0{n:07d}") for n, log in enumerate(LOGS)}

    raw = {log: log.read_bytes() for log in LOGS}

    async def publish_all() -> None:
        for first in range(0, len(LOGS), 8):
            some = range(first, min(first + 8, len(LOGS)))
            await asyncio.gather(*(publish(system, f"nmea-{n}", raw[LOGS[n]]) for n in some))

    asyncio.run(publish_all())
    now_ms = int(time.time() * 1000)
    wanted = {log: expected(raw[log], now_ms) for log in LOGS}
    assert sum(len(fixes) for fixes in wanted.values()) > 500
    with http(system) as client:

        def track(log: Path) -> list[dict[str, Any]]:
            answer = client.get(f"/v1/assets/{assets[log]}/track", params=EVER)
            items: list[dict[str, Any]] = answer.raise_for_status().json()["items"]
            return items

        waiting = set(LOGS)

        def all_there() -> bool:
            waiting.difference_update([log for log in waiting if len(track(log)) >= len(wanted[log])])
            return not waiting

        until(all_there)
        for log in LOGS:
            got, want = track(log), wanted[log]
            timed = sorted((fix.t_ms, place(fix)) for fix in want if fix.timed)
            undated = sorted(place(fix) for fix in want if not fix.timed)
            found = [(instant_ms(row), place(row)) for row in got]
            dated = {at for at, _ in timed}
            assert sorted(row for row in found if row[0] in dated) == timed, log.name
            assert sorted(row for at, row in found if at not in dated) == undated, log.name


def test_a_trucks_bus_gives_its_vin_and_its_signals(system: System) -> None:
    asset = fit(system, "bus-1", "WBSTESTCA00000001")
    frames = read_log(CAN_LOG)
    reports = [
        report(seq, can=[list(frame) for frame in frames[at : at + 300]])
        for seq, at in enumerate(range(0, len(frames), 300))  # cuts transfers in two as well
    ]

    async def send() -> list[int]:
        async with device(system.local, "bus-1") as one:
            return await one.durable(*(cbor2.dumps(one) for one in reports))

    assert asyncio.run(send()) == list(range(len(reports)))
    facts = [fact for one in facts_of(system, "bus-1") for fact in one]
    vins = {fact["vin"] for fact in facts if fact["kind"] == "identity" and "vin" in fact}
    bus = TransportState()
    decoded = [decode(cbor2.dumps(one), bus) for one in reports]
    assert facts == [fact for one in decoded for fact in one.facts]
    assert vins == {"1L06130RELP969468"}
    with http(system) as client:
        names = "engine_rpm,wheel_speed_kmh,coolant_c,engine_hours_h,fuel_rate_lph,oil_temperature_c"
        path = f"/v1/assets/{asset}/signals"
        found = until(lambda: client.get(path, params={**EVER, "names": names}).json()["items"])
    for name in names.split(","):
        columns = [(one.columns | one.extras).get(name, []) for one in decoded]
        want = [value for column in columns for value in column if value is not None]
        assert want, name
        assert [row[name] for row in found if row[name] is not None] == pytest.approx(want, abs=0.01), name


def facts_of(system: System, name: str) -> list[list[dict[str, Any]]]:
    """Facts of the device's reports, in the log's order."""
    log = SqliteLog(system.folder / "log.db")
    try:
        found, position = [], 0
        while records := log.read(0, position, 16 << 20):
            position = records[-1].position
            for record in records:
                if record.kind is RecordKind.FRAME:
                    rows = decode_frame(record.body).reports.to_pylist()
                    found += [load_json(r["facts"]) for r in rows if r["device"] == name and r["facts"]]
        return found
    finally:
        log.close()


def replay(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "corridor", "replay", "--data-dir", str(folder), *words]
    return subprocess.run(command, capture_output=True, text=True, timeout=100)


@pytest.mark.parametrize(
    ("file", "points"),
    [
        ("replay/around-visnjan-with-car.gpx", None),
        ("replay/uci-go-track-points.csv", 39),
        ("nmea/tcp-torture.log", None),
        (f"can/{CAN_LOG}", 0),
    ],
)
def test_replay_publishes_a_recording_as_a_new_truck(system: System, file: str, points: int | None) -> None:
    name = f"again-{Path(file).suffix[1:]}-{Path(file).stem}"[:40]
    done = replay(system.folder, str(DATA / file), "--at-once", "--device", name)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "0 refused, 0 without an answer" in done.stdout
    asset = system.client().get(f"/v1/devices/{name}")["asset"]
    with http(system) as client:

        def track() -> list[Any]:
            items: list[Any] = client.get(f"/v1/assets/{asset}/track", params=EVER).json()["items"]
            return items

        if points == 0:
            params: dict[str, str | int] = {**EVER, "names": "engine_rpm"}
            until(lambda: client.get(f"/v1/assets/{asset}/signals", params=params).json()["items"])
        elif file.startswith("nmea"):
            want = [place(fix) for fix in expected((DATA / file).read_bytes(), 0)]
            until(lambda: len(track()) >= len(want))
            assert sorted(map(place, track())) == sorted(want)
        else:
            until(lambda: len(track()) >= (points or 100))
            assert points is None or len(track()) == points


@pytest.mark.parametrize("content", [b"%PDF-1.7 no recording\n", b"", b"\x1f\x8bnot gzip", b"a,b\n1,2\n"])
def test_replay_of_another_kind_of_file_is_one_line_and_code_2(
    system: System, tmp_path: Path, content: bytes
) -> None:
    path = tmp_path / "something.bin"
    path.write_bytes(content)
    done = replay(system.folder, str(path), "--no-register")
    assert done.returncode == 2
    assert done.stdout == ""
    assert len(done.stderr.splitlines()) == 1
    assert "something.bin" in done.stderr
    assert "want" in done.stderr


def test_replay_without_a_system_is_one_line_and_code_2(tmp_path: Path) -> None:
    done = replay(tmp_path, str(LOGS[0]))
    assert done.returncode == 2
    assert done.stderr == (
        "corridor replay: no system runs on the data folder: start `corridor up`, or give --mqtt HOST:PORT\n"
    )
