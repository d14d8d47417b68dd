"""The embedded MQTT broker: rumqttd (by ``iotcore``) behind a front door, in a process of its own.

``python -m gateway.broker --port N`` prints one line of JSON with its ports when it is ready, and ends
when its standard input closes, so it never outlives who started it. It can't hold a device to its own
topics, hence it binds nothing but loopback. Docs: ``docs/mqtt.md``.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import logging
import os
import socket
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from ipaddress import ip_address
from typing import Final

from gateway.errors import GatewayError
from gateway.frontdoor import FrontDoor

MAX_PACKET: Final = 1 << 20
"""The largest packet: far above the largest report, so that the gateway can refuse it by name."""

_CONFIG: Final = """\
id = 0
[router]
id = 0
max_connections = 10010
max_outgoing_packet_count = 1000
max_segment_size = 1024
max_segment_count = 2
[router.custom_segment."corridor/v1/+/report"]
max_segment_size = 8388608
max_segment_count = 8
[router.custom_segment."corridor/v1/+/nmea"]
max_segment_size = 8388608
max_segment_count = 8
[router.custom_segment."corridor/v1/+/status"]
max_segment_size = 65536
max_segment_count = 8
{listeners}"""
"""rumqttd keeps what it has delivered until its filter's segments are full, for each filter on its own. So
every device's acks get 2 KB (some thirty acks), what the gateway reads 64 MB."""

_LISTENER: Final = """\
[{section}.1]
name = "{section}"
listen = "127.0.0.1:{port}"
next_connection_delay_ms = 0
[{section}.1.connections]
connection_timeout_ms = 10000
max_payload_size = {max_packet}
max_inflight_count = 1000
dynamic_filters = true
"""


class BrokerError(GatewayError):
    """The embedded broker can't run as asked; the message says why and what to do."""


@dataclass(frozen=True, slots=True)
class Ports:
    """Where the broker listens: ``public`` for every client, the others speak one protocol version."""

    public: int
    mqtt311: int
    mqtt5: int


def check_bind(host: str) -> None:
    """Raises BrokerError unless ``host`` is a loopback address."""
    try:
        loopback = host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        loopback = False
    if not loopback:
        raise BrokerError(
            f"the embedded broker can't hold each device to its own topics: got bind address {host}, want "
            "a loopback address; to serve other machines run Mosquitto or EMQX with access rules and give "
            "its --mqtt-url (docs/mqtt.md)"
        )


class BrokerProcess:
    """The broker as a child process, for as long as the ``with`` block runs."""

    def __init__(self, process: subprocess.Popen[str], ports: Ports) -> None:
        self.process = process
        self.ports = ports

    def stop(self) -> None:
        """Close its standard input and wait until it has gone."""
        with contextlib.suppress(OSError):
            if self.process.stdin is not None:
                self.process.stdin.close()
        try:
            self.process.wait(5)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        if self.process.stdout is not None:
            self.process.stdout.close()


@contextlib.contextmanager
def running(port: int = 0, host: str = "127.0.0.1") -> Iterator[BrokerProcess]:
    """Start the broker as a child, wait until it is ready, stop it at the end. Raises BrokerError."""
    check_bind(host)
    command = [sys.executable, "-m", "gateway.broker", "--port", str(port), "--bind", host]
    pipe = subprocess.PIPE
    process = subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=pipe, text=True)
    assert process.stdout is not None
    assert process.stderr is not None
    line = process.stdout.readline()
    if not line:
        _, said = process.communicate()
        error = said.strip().splitlines()
        raise BrokerError(error[-1] if error else f"broker ended with code {process.returncode}")
    threading.Thread(target=_drain, args=(process.stderr,), daemon=True).start()
    child = BrokerProcess(process, Ports(**json.loads(line)))
    try:
        yield child
    finally:
        child.stop()


def _drain(stream: object) -> None:
    with contextlib.suppress(ValueError):
        for line in stream:  # type: ignore[attr-defined]
            sys.stderr.write(line)
    stream.close()  # type: ignore[attr-defined]


def main(arguments: list[str] | None = None) -> int:
    """Run the broker until standard input closes. Returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m gateway.broker", description=__doc__)
    parser.add_argument("--port", type=int, default=1883, help="the public port, 0 for any free one")
    parser.add_argument("--bind", default="127.0.0.1", help="the loopback address to bind")
    options = parser.parse_args(arguments)
    try:
        check_bind(options.bind)
        asyncio.run(_serve(options.bind, options.port))
    except (BrokerError, OSError) as error:
        reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        print(f"broker on {options.bind}:{options.port} not started: {reason}", file=sys.stderr)
        return 2
    return 0


async def _serve(host: str, port: int) -> None:
    out = _silence()
    _allow_many_files()
    inner = _start_rumqttd()
    await _reachable(inner.values())
    server = await FrontDoor(inner).listen(host, port)
    public = server.sockets[0].getsockname()[1]
    os.write(out, json.dumps(asdict(Ports(public, inner[4], inner[5]))).encode() + b"\n")
    os.close(out)
    await asyncio.get_running_loop().run_in_executor(None, _wait_for_end_of_input)
    os._exit(0)  # rumqttd's threads have no way to stop


def _silence() -> int:
    """Send file descriptor 1 to nowhere (rumqttd prints a line a packet); the old one is returned."""
    kept = os.dup(1)
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 1)
    os.close(nowhere)
    return kept


def _allow_many_files() -> None:
    """Four descriptors a client: as many as the system lets us have."""
    try:
        import resource
    except ImportError:  # Windows has no such limit
        return
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    with contextlib.suppress(ValueError, OSError):
        resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, hard), hard))


def _start_rumqttd() -> dict[int, int]:
    """Start rumqttd on its own threads; the ports by protocol level."""
    from iotcore.iotcore import IotCoreBroker

    logging.getLogger("rumqttd").setLevel(logging.CRITICAL + 1)  # it logs every packet as an error
    inner = dict(zip((4, 5), _free_ports(2), strict=True))
    listeners = "".join(
        _LISTENER.format(section=f"v{level}", port=port, max_packet=MAX_PACKET)
        for level, port in inner.items()
    )
    handle, path = tempfile.mkstemp(suffix=".toml")  # made with mode 0600
    try:
        with os.fdopen(handle, "w") as file:
            file.write(_CONFIG.format(listeners=listeners))
        broker = IotCoreBroker(config_path=path)
        broker.check_ports()
        broker.start()
    finally:
        os.unlink(path)
    return inner


def _free_ports(count: int) -> list[int]:
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    try:
        return [int(found.getsockname()[1]) for found in sockets]
    finally:
        for found in sockets:
            found.close()


async def _reachable(ports: object, timeout_s: float = 10.0) -> None:
    deadline = asyncio.get_running_loop().time() + timeout_s
    for port in ports:  # type: ignore[attr-defined]
        while True:
            try:
                _, writer = await asyncio.open_connection("127.0.0.1", port)
            except OSError as error:
                if asyncio.get_running_loop().time() > deadline:
                    raise BrokerError(f"no listener on port {port} after {timeout_s:g} s") from error
                await asyncio.sleep(0.02)
            else:
                writer.close()
                break


def _wait_for_end_of_input() -> None:
    while os.read(0, 4096):
        pass


if __name__ == "__main__":
    raise SystemExit(main())
