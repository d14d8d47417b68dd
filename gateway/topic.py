"""The topics of the device protocol: ``corridor/v1/<device>/<channel>``.

Only these names mean anything; what arrives on any other topic is counted by the service and nothing
else.
"""

from __future__ import annotations

import re
from enum import StrEnum
from functools import lru_cache
from typing import Final, NamedTuple

PREFIX: Final = "corridor/v1/"

_TOPIC: Final = re.compile(r"corridor/v1/([A-Za-z0-9_.-]{1,64})/(report|nmea|ack|status)\Z")


class Channel(StrEnum):
    """What a device's topic carries."""

    REPORT = "report"
    NMEA = "nmea"
    ACK = "ack"
    STATUS = "status"


class Topic(NamedTuple):
    """A device's topic, taken apart."""

    device: str
    channel: Channel


@lru_cache(maxsize=32_768)  # some 10 MB; a fleet's topics come again and again
def parse(name: str) -> Topic | None:
    """The topic of that name, None when it is not one of the protocol's."""
    match = _TOPIC.match(name)
    return Topic(match[1], Channel(match[2])) if match else None


def topic(device: str, channel: Channel) -> str:
    """The name of a device's topic."""
    return f"{PREFIX}{device}/{channel.value}"


def every(channel: Channel) -> str:
    """The filter that matches this channel of all devices."""
    return f"{PREFIX}+/{channel.value}"


def shared(group: str, channel: Channel) -> str:
    """The filter by which the gateways of ``group`` share this channel (MQTT 5 section 4.8.2)."""
    return f"$share/{group}/{every(channel)}"


def group_topic(group: str) -> str:
    """Where the gateways of a group tell each other who holds the raw NMEA; no device's topic is like it."""
    return f"corridor/gateways/{group}"
