"""``corridor doctor`` on real brokers: the shipped one withstands every attack, an acl_file does not."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Iterator
from hashlib import pbkdf2_hmac
from pathlib import Path

import pytest

from corridor.__main__ import main
from corridor.attacks import attack
from gateway.mqtt import Broker
from tests.distributed import servers
from tests.distributed.fenced import Fenced, fenced

_ACL = """\
listener @PORT@ 127.0.0.1
allow_anonymous false
password_file @FOLDER@/passwords
acl_file @FOLDER@/acl
"""

_RULES = """\
user gateway
topic read corridor/v1/+/report
topic read corridor/v1/+/nmea
topic read corridor/v1/+/status
topic write corridor/v1/+/ack
pattern write corridor/v1/%u/report
pattern write corridor/v1/%u/nmea
pattern write corridor/v1/%u/status
pattern read corridor/v1/%u/ack
"""


@pytest.fixture(scope="module")
def broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Fenced]:
    with fenced(tmp_path_factory.mktemp("fenced"), ["attacker"]) as found:
        yield found


async def test_the_shipped_broker_withstands_a_device(broker: Fenced) -> None:
    found = await attack(broker.gateway(), broker.device("attacker"), "attacker")
    assert {one.check: one.well for one in found} == dict.fromkeys(
        ["broker", "publish", "read", "ack", "share", "id"], True
    )


def test_the_command_says_so(broker: Fenced, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    gateway, device = broker.gateway(), broker.device("attacker")
    config = tmp_path / "corridor.toml"
    config.write_text(
        f'mqtt_url = "mqtts://localhost:{broker.inner}"\nmqtt_ca_file = "{gateway.tls_ca}"\n'
        f'mqtt_cert_file = "{gateway.tls_cert}"\nmqtt_key_file = "{gateway.tls_key}"\nhttp_port = 0\n'
    )
    words = ["doctor", "--config", str(config), "--data-dir", str(tmp_path / "data"), "--device", "attacker"]
    words += ["--device-cert", str(device.tls_cert), "--device-key", str(device.tls_key)]
    assert main([*words, "--device-port", str(device.port)]) == 0
    said = capsys.readouterr().out
    assert "can't publish as another device" in said
    assert "BAD" not in said


async def test_a_broker_with_an_acl_file_lets_a_device_steal(tmp_path: Path) -> None:
    """Mosquitto 2.0 checks an acl_file when it delivers, not when somebody subscribes."""
    (tmp_path / "acl").write_text(_RULES)
    lines = [_password(name, "secret") for name in ("gateway", "attacker")]
    (tmp_path / "passwords").write_text("\n".join(lines) + "\n")
    with servers.mosquitto(tmp_path, _ACL) as server:
        gateway, device = (
            Broker(server.host, server.port, name, "secret") for name in ("gateway", "attacker")
        )
        found = {one.check: one.well for one in await attack(gateway, device, "attacker")}
    assert found == {
        "broker": True,
        "publish": True,
        "read": True,
        "ack": True,
        "share": False,
        "id": False,
    }


def _password(name: str, secret: str) -> str:
    """A line as mosquitto_passwd writes it: PBKDF2 with SHA-512, its iterations, salt and hash."""
    salt = name.encode().ljust(12, b"0")
    digest = pbkdf2_hmac("sha512", secret.encode(), salt, 101, 64)
    return f"{name}:$7$101${b64encode(salt).decode()}${b64encode(digest).decode()}"
