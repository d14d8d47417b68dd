"""End to end: QoS 1 reports of 10 samples x 8 values, durable, acknowledged, stored and through the engine.

Everything runs on this machine, the load generator included. In the same run a bare broker feeds a null
subscriber from the same generator: the share of that rate that the whole system reaches is the ratio.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any, Final

from bench.load import SAMPLES
from bench.report import Row, parser, tell
from bench.system import System, read_json, register, running, stored

_NULL_SUBSCRIBER: Final = """
import asyncio, sys, gmqtt
async def main(port):
    client, stop = gmqtt.Client("null"), asyncio.Event()
    client.on_message = lambda *a: 0
    await client.connect("127.0.0.1", port)
    client.subscribe("corridor/v1/+/report", qos=1)
    print("ready", flush=True)
    await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)
asyncio.run(main(int(sys.argv[1])))
"""


def generate(port: int, devices: int, rate: float, seconds: float, **more: Any) -> dict[str, Any]:
    """Run the load generator in a process of its own; its figures."""
    words = [sys.executable, "-m", "bench.load", "--port", str(port), "--devices", str(devices)]
    words += ["--rate", str(rate), "--seconds", str(seconds)]
    for name, value in more.items():
        words += [f"--{name.replace('_', '-')}", str(value)]
    figures: dict[str, Any] = read_json(subprocess.run(words, check=True, stdout=subprocess.PIPE).stdout)
    return figures


def bare_broker(devices: int, rate: float, seconds: float) -> float:
    """Reports a second from the generator through the bare broker to a null subscriber."""
    broker = subprocess.Popen(
        [sys.executable, "-m", "gateway.broker", "--port", "0"], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    assert broker.stdin is not None
    assert broker.stdout is not None
    port = read_json(broker.stdout.readline())["public"]
    null = subprocess.Popen(
        [sys.executable, "-c", _NULL_SUBSCRIBER, str(port)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    assert null.stdin is not None
    assert null.stdout is not None
    try:
        null.stdout.readline()
        figures = generate(port, devices, rate, seconds, patience=0.5, in_flight=0)
        return float(figures["puback"] / figures["published_s"])
    finally:
        for child in (null, broker):
            assert child.stdin is not None
            child.stdin.close()
            child.wait(20)


def whole_system(system: System, options: Any) -> list[Row]:
    """Load a running system and check that nothing was lost; doubling is checked when it has stopped."""
    begun, cpu = time.monotonic(), system.cpu_s()
    figures = generate(system.local.mqtt_port, options.devices, options.rate, options.seconds)
    caught_up_s = system.wait_caught_up(60)
    took, used = time.monotonic() - begun, system.cpu_s()
    reports = figures["sent"]
    if figures["durable"] < reports or figures["refused"]:
        raise SystemExit(f"lost or refused: {figures}")
    rate = reports * SAMPLES / figures["durable_s"]
    rows = [
        Row("durable and acknowledged", rate, "samples/s"),
        Row("reports sent", reports, "reports"),
        Row("last ack after the last publish", figures["durable_s"] - figures["published_s"], "s"),
        Row("engine and store caught up after the last ack", caught_up_s, "s"),
        Row("bytes a report", figures["report_bytes"], "B"),
    ]
    rows += [Row(f"CPU of {name}", 1e6 * (used[name] - cpu[name]) / reports, "us/report") for name in used]
    rows.append(Row("CPU of the load generator", 1e6 * figures["cpu_s"] / reports, "us/report"))
    rows += [Row(f"memory of {name}", mb, "MB") for name, mb in system.memory_mb().items()]
    print(f"took {took:.1f} s, {figures}")
    return rows


def main() -> int:
    """Run and tell."""
    made = parser(__doc__, 60)
    made.add_argument("--devices", type=int, default=1_000)
    made.add_argument("--rate", type=float, default=10_500.0, help="reports a second to publish")
    options = made.parse_args()
    with tempfile.TemporaryDirectory(prefix="corridor-bench-") as root:
        folder = Path(root) / "data"
        register(folder, options.devices)
        with running(folder) as system:
            system.wait_caught_up(30)
            rows = whole_system(system, options)
        samples, different = stored(folder)
    sent = int(rows[1].value) * SAMPLES
    if (samples, different) != (sent, sent):
        raise SystemExit(f"sent {sent} samples, stored {samples}, of these different {different}")
    bare = bare_broker(options.devices, options.rate * 4, min(options.seconds, 10))
    rows[0] = Row(
        rows[0].what,
        rows[0].value,
        rows[0].unit,
        "bare broker to null subscriber",
        rows[0].value / (bare * SAMPLES),
    )
    rows.append(Row("bare broker to null subscriber", bare * SAMPLES, "samples/s"))
    tell("ingest", rows, options.json)
    return 0


if __name__ == "__main__":
    sys.exit(main())
