"""What the gateway process is given: the broker out of a URL."""

from __future__ import annotations

import asyncio
import sqlite3
from typing import Any

import pytest

from corridor.brokers import broker_of
from corridor.gatewaypart import Fittings
from corridor.settings import SettingsError, load, without_password
from feeds.readmodel import Fitting
from gateway.registry import Fitted


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
