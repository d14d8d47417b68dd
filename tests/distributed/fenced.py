"""The broker of ``deploy/mosquitto`` for real, with authorities, devices and gateways of its own."""

from __future__ import annotations

import contextlib
import json
import re
import socket
import ssl
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import aiomqtt

from corridor.authority import Authority
from corridor.brokerrules import rules
from gateway.mqtt import Broker
from tests.distributed import servers
from tests.distributed.process import free_port

SHIPPED: Final = Path(__file__).parents[2] / "deploy" / "mosquitto" / "mosquitto.conf"
GROUP: Final = "corridor"


@dataclass
class Fenced:
    """A running broker: ``server.port`` is the devices' door, ``inner`` that of gateways and admins."""

    folder: Path
    server: servers.Mosquitto
    services: Authority
    devices: Authority
    inner: int

    def gateway(self, name: str = "gateway-1") -> Broker:
        """What a gateway with that certificate connects to."""
        return self._broker(self.inner, self.services, name)

    def device(self, name: str) -> Broker:
        """What a device with that certificate connects to."""
        return self._broker(self.server.port, self.devices, name)

    def client(self, name: str, *, client_id: str | None = None, **more: Any) -> aiomqtt.Client:
        """A device's MQTT 5 client."""
        return self.connect(self.device(name), client_id or name, **more)

    def connect(self, broker: Broker, client_id: str, **more: Any) -> aiomqtt.Client:
        """An MQTT 5 client with the certificate of ``broker``."""
        context = broker.context()
        return aiomqtt.Client(
            broker.host,
            broker.port,
            identifier=client_id,
            protocol=aiomqtt.ProtocolVersion.V5,
            tls_context=None if isinstance(context, bool) else context,
            timeout=more.pop("timeout", 10),
            **more,
        )

    def _broker(self, port: int, authority: Authority, name: str) -> Broker:
        path = authority.folder / name
        ca = str(self.services.folder / "ca.crt")
        return Broker("localhost", port, tls_ca=ca, tls_cert=f"{path}.crt", tls_key=f"{path}.key", tls=True)


@contextlib.contextmanager
def fenced(
    folder: Path, devices: Sequence[str], *, gateways: Sequence[str] = ("gateway-1", "gateway-2")
) -> Iterator[Fenced]:
    """The shipped configuration on free ports and with its files in ``folder``."""
    certs, inner = folder / "certs", free_port()
    services = Authority.make(certs / "services", "Services")
    fleet = Authority.make(certs / "devices", "Devices")
    services.issue("broker", hosts=["localhost", "127.0.0.1"])
    for name in (*gateways, "corridor-admin"):
        services.issue(name)
    for name in devices:
        fleet.issue(name)
    (folder / "dynamic-security.json").write_text(
        json.dumps(rules(devices, gateways, ["corridor-admin"], GROUP))
    )
    text = SHIPPED.read_text()
    (plugin,) = re.findall(r"^plugin (.*)$", text, re.MULTILINE)
    for shipped, here in {
        plugin: str(_plugin(Path(plugin))),
        "/etc/mosquitto/corridor": str(certs),
        "/var/lib/mosquitto": str(folder),
        "listener 8883": "listener @PORT@ 127.0.0.1",
        "listener 8884": f"listener {inner} 127.0.0.1",
        "log_dest stderr": "",
    }.items():
        assert shipped in text, f"the shipped configuration has no {shipped!r}"
        text = text.replace(shipped, here)
    with servers.mosquitto(folder, text) as server:
        yield Fenced(folder, server, services, fleet, inner)


def _plugin(shipped: Path) -> Path:
    """The plugin lies in a folder that is named for the machine's processor."""
    found = [shipped, *Path("/usr/lib").glob(f"*/{shipped.name}"), *Path("/usr/local/lib").glob(shipped.name)]
    return next(path for path in found if path.exists())


def knock(
    broker: Broker, client_id: str, *, will: str | None = None, newest: ssl.TLSVersion | None = None
) -> bool:
    """Connect as MQTT 3.1.1, byte by byte, and go without a word; returns whether the broker let us in.

    ``will`` is the topic of a last will, which the broker is to publish as we did not say good-bye.
    """
    context = broker.context()
    with socket.create_connection((broker.host, broker.port), 5) as plain:
        try:
            if isinstance(context, bool):
                return _greet(plain, client_id, will)
            if newest is not None:
                context.maximum_version = newest
            with context.wrap_socket(plain, server_hostname=broker.host) as secret:
                return _greet(secret, client_id, will)
        except (ssl.SSLError, ConnectionError):
            return False


def _greet(connection: socket.socket, client_id: str, will: str | None) -> bool:
    flags, fields = 0x02, [client_id]
    if will is not None:
        flags, fields = 0x0E, [client_id, will, "offline"]
    body = b"\x00\x04MQTT\x04" + bytes([flags, 0, 60])
    body += b"".join(len(one).to_bytes(2, "big") + one.encode() for one in fields)
    assert len(body) < 128, "the length is one byte here"
    connection.sendall(bytes([0x10, len(body)]) + body)
    answer = connection.recv(4)
    return len(answer) == 4 and answer[0] == 0x20 and answer[3] == 0
