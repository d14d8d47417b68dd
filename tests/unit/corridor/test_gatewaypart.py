"""What the gateway process is given: the broker out of a URL."""

from __future__ import annotations

import pytest

from corridor.gatewaypart import broker_of
from corridor.settings import SettingsError, load, without_password


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
