"""What the gateway process is given: the broker out of a URL."""

from __future__ import annotations

import asyncio
import sqlite3
from pathlib import Path
from typing import Any

import pytest

from corridor.ackkeys import ack_key_of, public_ack_key
from corridor.brokers import broker_of
from corridor.gatewaypart import Fittings
from corridor.roles.gateway import Fittings as Table
from corridor.roles.gateway import _ack_key
from corridor.settings import SettingsError, load, without_password
from feeds.readmodel import Fitting
from gateway.ackkey import load_or_make
from gateway.registry import Fitted
from streams.codec import dump_json
from streams.signing.keys import DeviceKey


def test_user_and_password_of_a_broker_url_are_decoded() -> None:
    broker = broker_of(load({"mqtt_url": "mqtts://us%40er:p%40ss%2F@host"}), 1)
    assert (broker.host, broker.port, broker.username, broker.password) == ("host", 8883, "us@er", "p@ss/")


@pytest.mark.parametrize(
    "url", ["http://u:hidden@h", "mqtt://u:hidden@h:99999", "mqtt://u:hidden@h:x", "mqtt:"]
)
def test_a_broker_url_that_can_not_be_is_told_without_its_password(url: str) -> None:
    with pytest.raises(SettingsError, match="want mqtt://host:port") as caught:
        broker_of(load({"mqtt_url": url}), 1)
    assert "hidden" not in str(caught.value)


def test_the_password_of_a_url_is_masked() -> None:
    assert without_password("mqtt://u:p@h:1") == "mqtt://u:**********@h:1"
    assert without_password("mqtt://u:p@a@h:1") == "mqtt://u:**********@h:1"
    assert without_password("mqtt://h:1") == "mqtt://h:1"


class _Read:
    """A read model that can't be read the first times it is asked."""

    def __init__(self, errors: list[Exception]) -> None:
        self.errors = errors

    def devices_changed(self, since: int) -> tuple[list[Fitting], int]:
        if self.errors:
            raise self.errors.pop(0)
        return [Fitting("d", "main", "a", 0, None, 1, "gcj02")], 1


async def test_fittings_are_followed_whatever_goes_wrong_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("corridor.gatewaypart._REFRESH_S", 0.01)
    read: Any = _Read([sqlite3.DatabaseError("malformed"), KeyError("device")])
    fittings = Fittings(read)
    following = asyncio.create_task(fittings.follow())
    async with asyncio.timeout(5):
        while not fittings.ready:
            await asyncio.sleep(0.01)
    assert fittings.lookup("d") == Fitted("a", "main", 0, "gcj02")
    following.cancel()
    await asyncio.gather(following, return_exceptions=True)


class _Enrolling:
    """A read model whose device gets a key, and loses it, as time goes on."""

    def __init__(self, key: DeviceKey) -> None:
        self.keys: tuple[DeviceKey, ...] = ()
        self.key, self.asked = key, 0

    def devices_changed(self, since: int) -> tuple[list[Fitting], int]:
        self.asked += 1
        return [Fitting("d", "main", "a", 0, None, self.asked, keys=self.keys)], self.asked


def test_a_key_that_is_not_known_yet_is_looked_for_at_once() -> None:
    """Else a device that signs as soon as its key was enrolled would be sent away."""
    read: Any = _Enrolling(DeviceKey("a" * 16, "EdDSA", bytes(32), 0))
    fittings = Fittings(read, ready=True)
    fittings.refresh()
    assert fittings.lookup("d") == Fitted("a", "main", 0)
    assert read.asked == 1, "one that is known is not looked for"
    read.keys = (read.key,)
    assert fittings.lookup("d", "a" * 16) == Fitted("a", "main", 0, keys=read.keys)
    assert fittings.lookup("d", "a" * 16) is not None
    assert read.asked == 2
    for _ in range(1_000):
        fittings.lookup("d", "b" * 16)
    assert read.asked < 300, "whoever invents keys does not make the gateway look without end"


def test_the_gateway_of_the_distributed_system_knows_keys_too() -> None:
    key = DeviceKey("a" * 16, "EdDSA", bytes(32), 5, 9)
    data = {"device": "d", "asset": "a", "from_ms": 0, "to_ms": None, "keys": [key.plain()]}
    table = Table(1)
    table.changed([("device:d", dump_json({"position": 1, "tenant": "main", "data": data}))])
    assert table.lookup("d") == Fitted("a", "main", 0, keys=(key,))


def test_several_gateways_must_be_given_their_ack_key(tmp_path: Path) -> None:
    """Each with a key of its own, a device would believe only one of them."""
    assert _ack_key(load({"data_dir": tmp_path})) is None
    assert not (tmp_path / "keys").exists()
    made = _ack_key(load({"data_dir": tmp_path, "ack_key_file": tmp_path / "ack.pem"}))
    assert made is not None
    assert public_ack_key(load({"data_dir": tmp_path, "ack_key_file": tmp_path / "ack.pem"})) == made.public
    (tmp_path / "ack.pem").write_bytes(b"x")
    with pytest.raises(SettingsError, match="ack_key_file"):
        _ack_key(load({"data_dir": tmp_path, "ack_key_file": tmp_path / "ack.pem"}))


def test_who_only_tells_the_ack_key_makes_none(tmp_path: Path) -> None:
    settings = load({"data_dir": tmp_path})
    assert public_ack_key(settings) is None
    key = load_or_make(ack_key_of(settings))
    assert ack_key_of(settings) == tmp_path / "keys" / "ack.pem"
    assert public_ack_key(settings) == key.public
    ack_key_of(settings).write_bytes(b"x")
    assert public_ack_key(settings) is None
