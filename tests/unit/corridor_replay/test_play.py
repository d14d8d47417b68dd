import asyncio
import itertools
import json
import socket
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from corridor.replay import ReplayError, read, replay
from firmware_sim.link import Broker
from gateway.broker import Ports, running
from tests.unit.firmware_sim.gateway_double import durable, gateway

DATA = Path("tests/data/replay")
CAN = Path("tests/data/can")
RAW = Path("tests/data/nmea/bn-9015.log")


@pytest.fixture(scope="module")
def ports() -> Iterator[Ports]:
    with running() as process:
        yield process.ports


def at(ports: Ports) -> Broker:
    return Broker("127.0.0.1", ports.public)


async def test_a_track_at_once_arrives_whole_and_is_answered(ports: Ports) -> None:
    async with gateway(ports.public) as heard:
        done = await replay([DATA / "around-visnjan-with-car.gpx"], "gpx", at(ports), speed_up=None)
    assert (done.samples, done.kept, done.refused) == (104, 0, 0)
    assert done.durable == done.messages == len(heard.reports)
    times = [t for report in heard.maps() for t in report["t"]]
    assert len(times) == 104
    assert times == sorted(times)


async def test_a_re_timed_track_ends_now(ports: Ports) -> None:
    begun = time.time() * 1000
    async with gateway(ports.public) as heard:
        await replay([DATA / "around-visnjan-with-car.gpx"], "now", at(ports), speed_up=None, retime=True)
    last = max(t for report in heard.maps() for t in report["t"])
    assert begun - 1_000 <= last <= time.time() * 1000


async def test_given_speed_is_kept(ports: Ports, tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text("t,lat,lon\n" + "".join(f"{1_767_323_046 + 10 * n},1,2\n" for n in range(5)))
    begun = time.monotonic()
    async with gateway(ports.public) as heard:
        await replay([path], "paced", at(ports), speed_up=20)
    assert 2.0 <= time.monotonic() - begun < 10
    assert len(heard.reports) >= 2  # it did not wait for the end


async def test_frames_and_a_track_go_out_as_one_device(ports: Ports) -> None:
    files = [CAN / "FCBF0606_truck_tp.log", DATA / "track_with_speed.gpx"]
    async with gateway(ports.public) as heard:
        done = await replay(files, "both", at(ports), speed_up=None)
    assert (done.samples, done.frames) == (3, 1_815)
    frames = [frame for report in heard.maps() for frame in report.get("can", [])]
    assert len(frames) == 1_815
    assert max(map(len, heard.reports)) <= 65_536


async def test_raw_sentences_go_to_the_nmea_topic_as_recorded(ports: Ports) -> None:
    async with gateway(ports.public) as heard:
        done = await replay([RAW], "raw", at(ports), speed_up=None)
    assert b"".join(heard.lines) == b"".join(piece.lines for piece in read(RAW).pieces)
    assert (done.messages, done.durable, done.kept) == (len(heard.lines), len(heard.lines), 0)


async def test_a_stopped_replay_goes_on_where_it_was(ports: Ports, tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text("t,lat,lon\n" + "".join(f"{1_767_323_046 + n},1,2\n" for n in range(40)))

    async def play(speed_up: float | None) -> None:
        await replay([path], "again", at(ports), speed_up=speed_up, retime=True, state=tmp_path)

    async with gateway(ports.public) as heard:
        first = asyncio.create_task(play(8.0))
        while len(heard.reports) < 2:
            await asyncio.sleep(0.02)
        first.cancel()
        await asyncio.gather(first, return_exceptions=True)
        await play(None)
    distinct = {(report["boot"], report["seq"]): report for report in heard.maps()}
    times = sorted(t for report in distinct.values() for t in report["t"])
    assert len(times) == 40
    assert [b - a for a, b in itertools.pairwise(times)] == [1_000] * 39
    assert {report["boot_n"] for report in distinct.values()} == {1, 2}


async def test_without_an_answer_the_reports_are_kept_and_counted(ports: Ports, tmp_path: Path) -> None:
    file = [DATA / "track_with_speed.gpx"]
    async with gateway(ports.public, lambda *_: None):
        done = await replay(file, "mute", at(ports), speed_up=None, state=tmp_path, patience_s=0.3)
    assert (done.kept, done.durable) == (1, 0)
    async with gateway(ports.public, durable) as heard:
        done = await replay(file, "mute", at(ports), speed_up=None, state=tmp_path)
    assert (done.kept, len(heard.reports)) == (0, 2)


async def test_a_refusal_is_told_with_its_reason(ports: Ports) -> None:
    def answer(_: int, report: dict[str, object]) -> dict[str, object]:
        return {"boot": report["boot"], "refused": [[report["seq"], "impossible_value"]]}

    async with gateway(ports.public, answer):
        done = await replay([DATA / "track_with_speed.gpx"], "bad", at(ports), speed_up=None)
    assert (done.refused, done.reasons) == (1, {"impossible_value": 1})


async def test_no_broker_is_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("corridor.replay.play.CONNECT_S", 0.5)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with pytest.raises(ReplayError, match=rf"not reachable: got .*, want .* 127\.0\.0\.1:{port}"):
        await replay([DATA / "track_with_speed.gpx"], "x", Broker("127.0.0.1", port))


async def test_what_does_not_go_together_is_refused(ports: Ports, tmp_path: Path) -> None:
    raw, track = Path("tests/data/nmea/bn-9015.log"), DATA / "track_with_speed.gpx"
    with pytest.raises(ReplayError, match="recordings don't mix: got gpx, nmea"):
        await replay([raw, track], "x", at(ports))
    with pytest.raises(ReplayError, match="raw NMEA is published as recorded"):
        await replay([raw], "x", at(ports), retime=True)
    (tmp_path / "x.flash").write_bytes(json.dumps("no flash").encode())
    with pytest.raises(ReplayError, match="not a flash file"):
        await replay([track], "x", at(ports), state=tmp_path)
