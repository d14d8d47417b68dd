"""Recordings of real receivers and real trucks, published as devices over MQTT (``corridor replay``)."""

from corridor.replay.errors import ReplayError
from corridor.replay.play import Result, replay
from corridor.replay.reading import KINDS, read

__all__ = ["KINDS", "ReplayError", "Result", "read", "replay"]
