"""What a message costs each MQTT client as a subscriber that does nothing with it.

All hear the same QoS 1 messages from the embedded broker at the same rate, each in a process of its own,
whose CPU time is divided by the messages it got. ``gathered`` is gmqtt as the gateway uses it: busy packets
are taken apart by the read, and the PUBACKs of one read leave by one system call.
"""

from __future__ import annotations

import asyncio
import json
import os
import socket
import struct
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from typing import Any, Final

from bench.report import Row, parser, tell
from gateway.broker import running

TOPIC: Final = "corridor/v1/+/report"
_PAYLOAD: Final = os.urandom(700)
_PEER: Final = "paho"
_WARM_S: Final = 0.5


class Count:
    """Messages and CPU time from the first message after the warm-up on."""

    def __init__(self) -> None:
        self.messages = 0
        self.first: float | None = None
        self.cpu = 0.0

    def one(self, *_: object) -> None:
        """A message came."""
        now = time.monotonic()
        if self.first is None:
            self.first = now
        if now - self.first < _WARM_S:
            self.cpu = time.process_time()
        else:
            self.messages += 1


def _paho(port: int, count: Count, wait: Callable[[], None]) -> None:
    from paho.mqtt.client import Client
    from paho.mqtt.enums import CallbackAPIVersion

    client = Client(CallbackAPIVersion.VERSION2, "bench")
    client.on_message = count.one
    client.connect("127.0.0.1", port)
    client.loop_start()
    client.subscribe(TOPIC, 1)
    wait()
    client.loop_stop()


def _iotcore(port: int, count: Count, wait: Callable[[], None]) -> None:
    from iotcore import IotCore

    client = IotCore("127.0.0.1", port, convert_to_str=False, start_broker=False)
    client.subscribe(TOPIC, lambda _topic, _data: count.one(), qos=1)
    client.start()
    wait()
    client.stop()


def _aiomqtt(port: int, count: Count, wait: Callable[[], None]) -> None:
    import aiomqtt

    async def hear() -> None:
        async with aiomqtt.Client("127.0.0.1", port) as client:
            await client.subscribe(TOPIC, qos=1)
            async for _ in client.messages:
                count.one()

    async def run() -> None:
        task = asyncio.create_task(hear())
        await asyncio.get_running_loop().run_in_executor(None, wait)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)

    asyncio.run(run())


def _gmqtt(port: int, count: Count, wait: Callable[[], None]) -> None:
    import gmqtt

    async def run() -> None:
        client = gmqtt.Client("bench")
        client.on_message = count.one
        await client.connect("127.0.0.1", port)
        client.subscribe(TOPIC, qos=1)
        await asyncio.get_running_loop().run_in_executor(None, wait)
        await client.disconnect()

    asyncio.run(run())


def _gathered(port: int, count: Count, wait: Callable[[], None]) -> None:
    from gateway.mqtt import Broker, Connection

    async def run() -> None:
        connection = Connection(Broker("127.0.0.1", port), "bench", [TOPIC], count.one)
        task = asyncio.create_task(connection.run())
        await asyncio.get_running_loop().run_in_executor(None, wait)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)

    asyncio.run(run())


CLIENTS: Final = {
    "paho": _paho,
    "aiomqtt": _aiomqtt,
    "iotcore": _iotcore,
    "gmqtt": _gmqtt,
    "gathered": _gathered,
}


def subscribe(name: str, port: int) -> None:
    """Be the subscriber ``name`` until standard input closes, then print what it cost."""
    count = Count()
    CLIENTS[name](port, count, _until_input_ends)
    print(json.dumps({"messages": count.messages, "cpu_s": time.process_time() - count.cpu}))


def publish(port: int, rate: float, seconds: float) -> int:
    """Publish with QoS 1 at ``rate`` a second; gives how many."""
    with socket.create_connection(("127.0.0.1", port)) as link:
        link.sendall(_packet(0x10, b"\x00\x04MQTT\x04\x02\x00\x3c\x00\x04load"))
        threading.Thread(target=_swallow, args=(link,), daemon=True).start()
        began, sent = time.monotonic(), 0
        while (passed := time.monotonic() - began) < seconds:
            due = int(passed * rate) - sent
            link.sendall(b"".join(_publish(sent + n) for n in range(due)))
            sent += due
            time.sleep(0.005)
        time.sleep(0.5)
        link.shutdown(socket.SHUT_RDWR)
    return sent


def _publish(number: int) -> bytes:
    name = f"corridor/v1/d{number % 500}/report".encode()
    head = struct.pack(">H", len(name)) + name + struct.pack(">H", number % 65_535 + 1)
    return _packet(0x32, head + _PAYLOAD)


def _packet(kind: int, body: bytes) -> bytes:
    length, size = bytearray(), len(body)
    while size > 127:
        length.append(size & 127 | 128)
        size >>= 7
    length.append(size)
    return bytes([kind]) + bytes(length) + body


def _swallow(link: socket.socket) -> None:
    while link.recv(65_536):
        pass


def _until_input_ends() -> None:
    while sys.stdin.buffer.read(1):
        pass


def measure(name: str, rate: float, seconds: float) -> tuple[float, float]:
    """CPU microseconds a message of the subscriber, and the share of messages that it got."""
    with running() as broker:
        ports = broker.ports
        port = ports.mqtt5 if name in ("gmqtt", "gathered") else ports.mqtt311
        command = [sys.executable, "-m", "bench.mqtt_clients", "--subscriber", name, "--port", str(port)]
        pipe = subprocess.PIPE
        with subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True) as process:
            time.sleep(1.5)
            sent = publish(ports.mqtt311, rate, seconds + _WARM_S)
            out, _ = process.communicate()
    found: dict[str, Any] = json.loads(out)
    return found["cpu_s"] / max(1, found["messages"]) * 1e6, found["messages"] / max(1, sent - rate * _WARM_S)


def main() -> int:
    """Measure every client and print the table."""
    options = parser(__doc__, 5.0)
    options.add_argument("--rate", type=float, default=4_000, help="messages a second")
    options.add_argument("--subscriber", choices=CLIENTS, help="be this subscriber (used by itself)")
    options.add_argument("--port", type=int, help="where the broker is (used by itself)")
    given = options.parse_args()
    if given.subscriber:
        subscribe(given.subscriber, given.port)
        return 0
    costs = {name: measure(name, given.rate, given.seconds) for name in CLIENTS}
    peer = costs[_PEER][0]
    rows = [
        Row(f"{name}: CPU a message", cost, "us", _PEER, cost / peer) for name, (cost, _) in costs.items()
    ]
    rows += [Row(f"{name}: messages heard", share * 100, "%") for name, (_, share) in costs.items()]
    tell("mqtt_clients", rows, given.json)
    return 0 if all(share > 0.98 for _, share in costs.values()) else 1


if __name__ == "__main__":
    raise SystemExit(main())
