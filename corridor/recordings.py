"""The demo's truck that is not simulated: a recording of a real one along the border near Muse."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from importlib.resources import as_file, files
from pathlib import Path
from typing import Any, Final

from corridor.replay import ReplayError, replay
from firmware_sim.link import Broker

DEVICE: Final = "recorded-muse"
NAME: Final = "Recorded truck, Muse"
_AGAIN_S: Final = 4 * 3600.0  # longer than the recording, so that its times never come back
_log = logging.getLogger("corridor.recordings")


def recorded_trucks() -> list[dict[str, Any]]:
    """The recorded truck as it is registered; its VIN is invented, the recording has none."""
    return [
        {
            "device": DEVICE,
            "vin": "MUSETEST0REC00001",
            "chassis": "REC00001",
            "plates": [],
            "kind": "tractor",
            "maker": "unknown",
            "name": NAME,
            "fleet": "recordings",
        }
    ]


async def play(broker: Broker, state: Path, speed_up: float) -> None:
    """Play the recording with its last sample at the present, and again after some hours, for ever."""
    source = files("corridor.replay").joinpath("recordings/muse-border.jsonl.gz")
    while True:
        with as_file(source) as path, contextlib.suppress(TimeoutError):
            try:
                await replay([path], DEVICE, broker, speed_up=speed_up, retime=True, state=state)
            except ReplayError as error:
                _log.warning("recording_not_played reason=%s", error)
                await asyncio.sleep(5)
                continue
        await asyncio.sleep(_AGAIN_S)
