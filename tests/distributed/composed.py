"""The compose file at work without containers: each role's command with its environment, as processes.

What a container would be given is put in place: names of servers become addresses of real ones, mounted
folders and secrets become folders and files of the test. Nothing else is changed, so what runs is what stands
in ``docker-compose.yml``.
"""

from __future__ import annotations

import contextlib
import os
import secrets
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, Final

import httpx

from corridor.client import Client
from corridor.folder import Local
from tests.distributed import servers
from tests.distributed.fenced import Fenced, fenced
from tests.distributed.process import Server, free_port
from tests.unit.deploy.files import ROOT, compose, roles

ONCE: Final = ("topics", "buckets")
ORDER: Final = ("gateway", "worker", "store", "deliver", "ledger", "api")
_ENTRY: Final = (sys.executable, "-m", "corridor")
_HEALTH: Final = "/opt/corridor/bin/corridor"


class Role(Server):
    """One process of a role; ``port`` is that of its API, ``health`` that of its health and metrics."""

    def __init__(self, name: str, command: Sequence[str], folder: Path, environment: dict[str, str]) -> None:
        super().__init__(name, command, folder, self.healthy)
        self._environment = environment
        self.environment = environment
        self.health = int(environment["CORRIDOR_HEALTH_PORT"])
        self.port = int(environment.get("CORRIDOR_HTTP_PORT", "0"))

    def answer(self) -> httpx.Response | None:
        """What its health says; None when it does not answer."""
        try:
            return httpx.get(f"http://127.0.0.1:{self.health}/health", timeout=5)
        except httpx.HTTPError:
            return None

    def healthy(self) -> bool:
        """Whether it does its work."""
        answer = self.answer()
        return answer is not None and answer.status_code == 200

    def metrics(self) -> str:
        """Its metrics as Prometheus reads them."""
        return httpx.get(f"http://127.0.0.1:{self.health}/metrics", timeout=10).text


@dataclass
class System:
    """Everything of the compose file that runs."""

    folder: Path
    kafka: servers.Kafka
    influx: servers.Influx
    broker: Fenced
    admin_key: str
    roles: dict[str, list[Role]] = field(default_factory=dict)
    posted: list[dict[str, Any]] = field(default_factory=list)
    _more: int = 0

    @cached_property
    def given(self) -> Surroundings:
        """What its processes are given."""
        return Surroundings(self)

    def all(self) -> list[Role]:
        """Every process of a role."""
        return [one for some in self.roles.values() for one in some]

    def another(self, name: str) -> Role:
        """One more process of a role, not started and not looked after."""
        self._more += 1
        return self.given.role(name, 100 + self._more)

    def client(self, number: int = 0) -> Client:
        """A client of one API instance."""
        api = self.roles["api"][number]
        return Client(Local(f"http://127.0.0.1:{api.port}", self.admin_key, "", 0, api.pid))

    def wait(self, seconds: float = 60.0) -> None:
        """Until all is healthy; nothing may have ended by itself."""
        deadline = time.monotonic() + seconds
        for one in self.all():
            while not one.healthy():
                assert one.running, f"{one.name} ended by itself\n{one.tail()}"
                if time.monotonic() > deadline:
                    said = one.answer()
                    raise AssertionError(f"{one.name} not well: {said and said.text}\n{one.tail()}")
                time.sleep(0.05)


@contextlib.contextmanager
def system(
    folder: Path, devices: Sequence[str], only: Sequence[str] = ORDER, **replicas: int
) -> Iterator[System]:
    """The whole system on real servers, healthy. ``replicas``: other numbers than those of the file."""
    with (
        servers.kafka(folder / "kafka") as kafka,
        servers.influx(folder / "influx") as influx,
        fenced(folder / "mosquitto", devices, gateways=["corridor-gateway"]) as broker,
    ):
        made = System(folder, kafka, influx, broker, secrets.token_urlsafe(24))
        given = made.given
        for name in ONCE:
            given.once(name)
        try:
            for name in only:
                count = replicas.get(name, roles()[name].get("deploy", {}).get("replicas", 1))
                made.roles[name] = [given.role(name, number) for number in range(count)]
                for one in made.roles[name]:
                    one.launch()
            made.wait()
            yield made
        finally:
            for one in reversed(made.all()):
                one.stop()


class Surroundings:
    """What stands for the containers' surroundings."""

    def __init__(self, system: System) -> None:
        self._system, self._file = system, compose()
        folder = system.folder
        self._addresses = {
            "kafka:9092": system.kafka.address,
            "http://influxdb:8086": system.influx.url,
            "mqtts://mosquitto:8884": f"mqtts://localhost:{system.broker.inner}",
            "0.0.0.0": "127.0.0.1",
        }
        values = {"admin_key": system.admin_key, "influx_token": system.influx.token}
        kept = folder / "secrets"
        kept.mkdir(mode=0o700)
        for name, value in values.items():
            (kept / name).write_text(value)
        certs = system.broker.services.folder.parent
        (kept / "gateway_key").write_bytes((certs / "services" / "corridor-gateway.key").read_bytes())
        self._mounts = {
            "./deploy/certs": certs,
            "./deploy/webhooks": folder / "webhooks",
            "shared": folder / "shared",
            "ledger": folder / "ledger",
            "ledger-keys": folder / "ledger-keys",
        }
        for name in ("shared", "webhooks", "ledger", "ledger-keys"):
            (folder / name).mkdir(exist_ok=True)
        if not (folder / "webhooks" / "webhooks.toml").exists():
            shutil.copy(ROOT / "deploy" / "webhooks" / "webhooks.toml", folder / "webhooks")

    def environment(self, service: Mapping[str, Any], data: Path) -> dict[str, str]:
        """The environment of a process for ``service``: the file's, with what stands for its surroundings."""
        paths = {"/run/secrets": str(self._system.folder / "secrets")}
        for volume in service.get("volumes", []):
            source, target = volume.split(":")[:2]
            paths[target] = str(self._mounts[source])
        made = {name: value for name, value in os.environ.items() if not name.startswith("CORRIDOR_")}
        made["CORRIDOR_DATA_DIR"] = str(data)  # as in the image
        for name, value in service["environment"].items():
            for there, here in self._addresses.items():
                value = value.replace(there, here)
            for target, source in paths.items():
                if value == target or value.startswith(f"{target}/"):
                    value = source + value.removeprefix(target)
            made[name] = value
        made["CORRIDOR_HEALTH_PORT"] = str(free_port())
        if "CORRIDOR_HTTP_PORT" in made:
            made["CORRIDOR_HTTP_PORT"] = str(free_port())
        return made

    def once(self, name: str) -> None:
        """Run a service that ends by itself."""
        service = self._file["services"][name]
        environment = self.environment(service, self._system.folder / name)
        done = subprocess.run(
            [*_ENTRY, *service["command"]],
            env=environment,
            capture_output=True,
            text=True,
            check=False,
            timeout=90,
        )
        assert done.returncode == 0, f"{name}: {done.stdout}{done.stderr}"

    def role(self, name: str, number: int) -> Role:
        """One process of a service, not started; its health is asked by the service's own check."""
        service = self._file["services"][name]
        folder = self._system.folder / f"{name}-{number}"
        folder.mkdir()
        environment = self.environment(service, folder / "data")
        assert service["healthcheck"]["test"] == ["CMD", _HEALTH, "health"]
        return Role(f"{name}-{number}", [*_ENTRY, *service["command"]], folder, environment)


def health_of(role: Role) -> int:
    """The exit code of the container's own health check for this process."""
    return subprocess.run(
        [*_ENTRY, "health"], env=role.environment, capture_output=True, check=False, timeout=30, cwd=ROOT
    ).returncode
