"""Real servers for tests: Kafka, Mosquitto, InfluxDB, each on free loopback ports with data in a folder.

``make servers`` gets them (``deploy/servers``). Each is a context manager that gives a running server; what
it is told to hold is gone with the folder. A server that runs elsewhere is used instead when it is named by
``CORRIDOR_TEST_KAFKA`` (host:port), ``CORRIDOR_TEST_MOSQUITTO`` (mqtt://host:port) or
``CORRIDOR_TEST_INFLUX_URL`` (with ``CORRIDOR_TEST_INFLUX_TOKEN`` and ``CORRIDOR_TEST_INFLUX_ORG``).
"""

from __future__ import annotations

import contextlib
import getpass
import json
import os
import re
import shutil
import signal
import subprocess
import urllib.error
import urllib.request
import uuid
from base64 import urlsafe_b64encode
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final, TypeVar
from urllib.parse import urlsplit

from tests.distributed.process import Given, Server, ServerError, answers, free_port

_S = TypeVar("_S", bound=Server)

_CACHE: Final = Path(os.environ.get("CORRIDOR_SERVERS") or Path.home() / ".cache" / "corridor-servers")

_KAFKA: Final = """\
process.roles=broker,controller
node.id=1
controller.quorum.voters=1@127.0.0.1:{controller}
listeners=PLAINTEXT://127.0.0.1:{port},CONTROLLER://127.0.0.1:{controller}
advertised.listeners=PLAINTEXT://127.0.0.1:{port}
controller.listener.names=CONTROLLER
listener.security.protocol.map=PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT
log.dirs={data}
auto.create.topics.enable=false
offsets.topic.replication.factor=1
offsets.topic.num.partitions=4
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
transaction.state.log.num.partitions=4
share.coordinator.state.topic.replication.factor=1
share.coordinator.state.topic.min.isr=1
share.coordinator.state.topic.num.partitions=1
group.initial.rebalance.delay.ms=0
group.min.session.timeout.ms=1000
broker.session.timeout.ms=3000
broker.heartbeat.interval.ms=500
initial.broker.registration.timeout.ms=20000
log.cleaner.dedupe.buffer.size=16777216
log.cleaner.threads=1
log.segment.bytes=67108864
num.network.threads=2
num.io.threads=4
background.threads=2
{more}
"""
"""Few threads and partitions: it starts quickly. A killed broker may come back after three seconds."""

_LOG4J: Final = """\
status = error
appender.out.type = Console
appender.out.name = OUT
appender.out.layout.type = PatternLayout
appender.out.layout.pattern = %d{ISO8601} %p %m (%c)%n
rootLogger.level = warn
rootLogger.appenderRef.out.ref = OUT
logger.started.name = kafka.server.KafkaRaftServer
logger.started.level = info
"""

_MOSQUITTO: Final = """\
listener @PORT@ 127.0.0.1
allow_anonymous true
persistence true
persistence_location @FOLDER@/
max_packet_size 1048576
max_inflight_messages 1000
max_queued_messages 100000
"""


class Kafka(Server):
    """One broker that is its own controller. ``address`` is host:port for clients."""

    address = ""
    port = 0


class Mosquitto(Server):
    """One MQTT broker, its first listener on ``port``."""

    host = "127.0.0.1"
    port = 0

    def reload(self) -> None:
        """Make it read its files again (SIGHUP)."""
        os.kill(self.pid, signal.SIGHUP)


class Influx(Server):
    """One InfluxDB server, set up with an organisation, a bucket and a token that may do everything."""

    url = token = org = bucket = ""


class _GivenKafka(Given, Kafka):
    pass


class _GivenMosquitto(Given, Mosquitto):
    pass


class _GivenInflux(Given, Influx):
    pass


@contextlib.contextmanager
def kafka(
    folder: Path, *, heap_mb: int = 512, settings: Sequence[str] = (), port: int | None = None
) -> Iterator[Kafka]:
    """A broker with its data in ``folder``; ``settings`` are more lines of its properties."""
    folder.mkdir(parents=True, exist_ok=True)
    given = os.environ.get("CORRIDOR_TEST_KAFKA")
    if given:
        there = _GivenKafka("kafka", folder)
        there.address, there.port = given, int(given.rpartition(":")[2])
        yield there
        return
    port, controller, data = port or free_port(), free_port(), folder / "kafka-data"
    properties, log4j, jars = folder / "kafka.properties", folder / "log4j2.properties", _kafka_jars()
    properties.write_text(
        _KAFKA.format(port=port, controller=controller, data=data, more="\n".join(settings))
    )
    log4j.write_text(_LOG4J)
    java = ["java", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-Djava.awt.headless=true"]
    java += [f"-Dlog4j2.configurationFile=file:{log4j}", f"-Dkafka.logs.dir={folder}", "-cp", f"{jars}/*"]
    if not (data / "meta.properties").exists():
        _format(java, properties, data)
    java = ["java", f"-Xmx{heap_mb}m", *java[1:]]
    server = Kafka("kafka", [*java, "kafka.Kafka", str(properties)], folder, lambda: _started(server))
    server.address, server.port = f"127.0.0.1:{port}", port
    yield from _lent(server)


@contextlib.contextmanager
def mosquitto(folder: Path, config: str = _MOSQUITTO, *, port: int | None = None) -> Iterator[Mosquitto]:
    """An MQTT broker; in ``config`` @PORT@ and @FOLDER@ are filled in. By default everybody may do all."""
    folder.mkdir(parents=True, exist_ok=True)
    given = os.environ.get("CORRIDOR_TEST_MOSQUITTO")
    if given and config is _MOSQUITTO:
        there, url = _GivenMosquitto("mosquitto", folder), urlsplit(given)
        there.host, there.port = url.hostname or "127.0.0.1", url.port or 1883
        yield there
        return
    found = port or free_port()
    # Run by root it would become the user mosquitto, who may not read a test's folder.
    text = config.replace("@PORT@", str(found)).replace("@FOLDER@", str(folder))
    (folder / "mosquitto.conf").write_text(f"user {getpass.getuser()}\nlog_dest stderr\n{text}")
    command = [program("mosquitto"), "-c", str(folder / "mosquitto.conf")]
    ports = [found, *map(int, re.findall(r"^listener (\d+)", text, re.MULTILINE))]
    server = Mosquitto("mosquitto", command, folder, lambda: all(map(answers, ports)))
    server.port = found
    yield from _lent(server)


@contextlib.contextmanager
def influx(folder: Path) -> Iterator[Influx]:
    """An InfluxDB server with organisation and bucket ``corridor``."""
    folder.mkdir(parents=True, exist_ok=True)
    given = os.environ.get("CORRIDOR_TEST_INFLUX_URL")
    if given:
        there = _GivenInflux("influxd", folder)
        there.url, there.bucket = given, "corridor"
        there.token = os.environ.get("CORRIDOR_TEST_INFLUX_TOKEN", "")
        there.org = os.environ.get("CORRIDOR_TEST_INFLUX_ORG", "corridor")
        yield there
        return
    port = free_port()
    command = [
        program("influxd"),
        *("--bolt-path", str(folder / "influxd.bolt"), "--sqlite-path", str(folder / "influxd.sqlite")),
        *("--engine-path", str(folder / "engine"), "--http-bind-address", f"127.0.0.1:{port}"),
        *("--reporting-disabled", "--ui-disabled", "--log-level", "warn"),
    ]
    server = Influx("influxd", command, folder, lambda: _healthy(server), quit=signal.SIGINT)
    server.url, server.org, server.bucket = f"http://127.0.0.1:{port}", "corridor", "corridor"
    server.token = uuid.uuid4().hex
    for found in _lent(server):
        _set_up(found)
        yield found


def _lent(server: _S) -> Iterator[_S]:
    try:
        server.start()
        yield server
    finally:
        Server.stop(server)


def _started(server: Kafka) -> bool:
    return "Kafka Server started" in server.said() and answers(server.port)


def _healthy(server: Influx) -> bool:
    try:
        with urllib.request.urlopen(f"{server.url}/health", timeout=2) as answer:
            return bool(answer.status == 200)
    except (urllib.error.URLError, OSError):
        return False


def _set_up(server: Influx) -> None:
    wanted = {"username": "corridor", "password": uuid.uuid4().hex, "org": server.org}
    wanted |= {"bucket": server.bucket, "token": server.token}
    request = urllib.request.Request(
        f"{server.url}/api/v2/setup",
        json.dumps(wanted | {"retentionPeriodSeconds": 0}).encode(),
        {"Content-Type": "application/json"},
    )
    with urllib.request.urlopen(request, timeout=10) as answer:
        assert answer.status == 201, answer.read()


def program(name: str) -> str:
    """Where a program is: on PATH, where Debian puts servers, or where ``make servers`` has put it."""
    folders = [os.environ.get("PATH", os.defpath), "/usr/sbin", "/usr/local/sbin"]
    folders += [str(_CACHE / name), os.environ.get("CORRIDOR_TEST_TLOG") or str(_CACHE / "tlog")]
    found = shutil.which(name, path=os.pathsep.join(folders))
    if found is None:
        raise ServerError(f"{name} is not on this machine: run make servers")
    return found


def _kafka_jars() -> Path:
    kept = _CACHE / "kafka" / "lib"
    if kept.is_dir():
        return kept
    script = shutil.which("kafka-server-start.sh")
    if script is None or shutil.which("java") is None:
        raise ServerError(f"Kafka is not on this machine (looked in {kept} and on PATH): run make servers")
    return Path(script).resolve().parent.parent / "libs"


def _format(java: list[str], properties: Path, data: Path) -> None:
    """Make the folder that a broker starts on."""
    cluster = urlsafe_b64encode(uuid.uuid4().bytes).decode().rstrip("=")
    words = ["kafka.tools.StorageTool", "format", f"--cluster-id={cluster}", "-c", str(properties)]
    done = subprocess.run([*java, *words], capture_output=True, text=True, check=False)
    if done.returncode:
        raise ServerError(f"{data} not formatted\n{done.stdout[-2000:]}{done.stderr[-2000:]}")
