import asyncio
import contextlib
import socket
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from firmware_sim.flash import Flash
from firmware_sim.link import Broker, Link
from firmware_sim.sender import Sender
from firmware_sim.wire import Content, Form
from gateway.broker import Ports, running
from tests.unit.firmware_sim.gateway_double import durable, gateway, until


def sender(folder: Path, name: str, form: Form = Form.CBOR, reports: int = 3) -> Sender:
    found = Sender(name, form, Flash(folder / f"{name}.flash"))
    if form is not Form.NMEA:
        found.start("b")
        for seq in range(reports):
            found.report(seq, Content({"t": [seq]}))
    return found


@contextlib.asynccontextmanager
async def linked(port: int, *senders: Sender) -> AsyncIterator[Link]:
    link = Link(Broker("127.0.0.1", port), senders, senders[0].device)
    task = asyncio.create_task(link.run())
    try:
        yield link
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


@pytest.mark.parametrize("version", ["public", "mqtt5", "mqtt311"])
async def test_reports_go_out_and_are_forgotten_once_answered(
    broker: Ports, tmp_path: Path, version: str
) -> None:
    truck = sender(tmp_path, f"one-{version}")
    async with gateway(broker.public) as heard, linked(getattr(broker, version), truck):
        await until(lambda: len(truck.flash) == 0)
        assert [report["seq"] for report in heard.maps()] == [0, 1, 2]
        assert (truck.device, b"online") in heard.status
    assert truck.outbox.counters.durable == 3


async def test_a_json_unit_is_answered_in_json(broker: Ports, tmp_path: Path) -> None:
    truck = sender(tmp_path, "json", Form.JSON)
    async with gateway(broker.public), linked(broker.public, truck):
        await until(lambda: len(truck.flash) == 0)


async def test_without_an_answer_everything_is_kept(broker: Ports, tmp_path: Path) -> None:
    truck = sender(tmp_path, "silent", reports=70)
    async with gateway(broker.public, lambda *_: None) as heard, linked(broker.public, truck):
        await until(lambda: len(heard.reports) == 64)
        await asyncio.sleep(0.2)
        assert len(heard.reports) == 64  # no more in flight
    assert len(Flash(truck.flash.path)) == 70


async def test_a_refused_report_is_forgotten_and_one_put_off_is_not(broker: Ports, tmp_path: Path) -> None:
    def answer(n: int, report: dict[str, Any]) -> dict[str, Any]:
        if report["seq"] == 1:
            return {"boot": "b", "refused": [[1, "bad_field"]]}
        if report["seq"] == 2 and n == 2:
            return {"boot": "b", "later": [[2, 2, 1, "rate"]]}
        return durable(n, report)

    truck = sender(tmp_path, "mixed")
    async with gateway(broker.public, answer) as heard, linked(broker.public, truck):
        await until(lambda: len(truck.flash) == 0)
    assert [report["seq"] for report in heard.maps()] == [0, 1, 2, 2]
    assert heard.reports[2] == heard.reports[3]
    counters = truck.outbox.counters
    assert (counters.durable, counters.refused, counters.later) == (2, 1, 1)


async def test_many_senders_share_one_connection(broker: Ports, tmp_path: Path) -> None:
    trucks = [sender(tmp_path, f"shared-{i}") for i in range(30)]
    async with gateway(broker.public) as heard, linked(broker.public, *trucks):
        await until(lambda: not any(len(truck.flash) for truck in trucks))
        assert len(heard.reports) == 90
        fresh = trucks[7]
        fresh.report(9, Content({"t": [9]}))
        await until(lambda: len(fresh.flash) == 0)


async def test_lines_of_a_plain_receiver_end_with_the_pubacks(broker: Ports, tmp_path: Path) -> None:
    truck = sender(tmp_path, "plain", Form.NMEA)
    truck.lines.extend(f"$GPRMC,{n}\r\n".encode() for n in range(25))
    async with gateway(broker.public) as heard, linked(broker.public, truck):
        await until(lambda: len(heard.lines) == 25 and not truck.lines)
    assert heard.lines == [f"$GPRMC,{n}\r\n".encode() for n in range(25)]


async def test_without_a_network_the_connection_ends_and_comes_back(broker: Ports, tmp_path: Path) -> None:
    truck = sender(tmp_path, "hole")
    async with gateway(broker.public) as heard, linked(broker.public, truck) as link:
        await until(lambda: len(truck.flash) == 0)
        truck.online = False
        await until(lambda: not link.connected)
        assert heard.status[-1] == ("hole", b"offline")
        truck.report(5, Content({"t": [5]}))
        link.wake(truck)
        await asyncio.sleep(0.2)
        assert len(truck.flash) == 1
        truck.online = True
        await until(lambda: len(truck.flash) == 0)


async def test_a_broker_that_comes_late_is_waited_for(tmp_path: Path) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    truck = sender(tmp_path, "early")
    async with linked(port, truck) as link:
        await until(lambda: link.last_error != "")
        with running(port):
            async with gateway(port):
                await until(lambda: len(truck.flash) == 0)
    assert link.connects == 1


async def test_a_killed_process_is_told_by_the_last_will_and_loses_no_report(
    broker: Ports, tmp_path: Path
) -> None:
    command = [
        "run",
        "demo",
        "--trucks",
        "1",
        "--mqtt",
        f"127.0.0.1:{broker.public}",
        "--state",
        str(tmp_path),
    ]
    async with gateway(broker.public, lambda *_: None) as heard:
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "firmware_sim", *command, "--quiet"
        )
        try:
            await until(lambda: len(heard.reports) > 3, 30)
        finally:
            process.kill()
            await process.wait()
        await until(lambda: ("sim-0000", b"offline") in heard.status)
    flash = Flash(tmp_path / "flash" / "sim-0000.flash")
    assert {flash.read(key) for key in flash.keys()} >= set(heard.reports)  # noqa: SIM118 - not a dict
