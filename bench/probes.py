"""Probes: reports that are sent one by one, and how long each takes to be seen at a WebSocket client."""

from __future__ import annotations

import asyncio
import json
import sys
import time
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass
from typing import Any

import aiomqtt
import cbor2
import numpy as np
import websockets

from bench.report import Row
from corridor.folder import Local


@dataclass(frozen=True, slots=True)
class Probe:
    """A device, its asset, and what its report says beside the header."""

    device: str
    asset: str
    facts: tuple[dict[str, Any], ...] = ()


async def send(
    local: Local, probes: Sequence[Probe], seen: Callable[[dict[str, Any]], bool], every_s: float
) -> list[float]:
    """Milliseconds from the publish of each probe's report to the first message of its asset that ``seen``
    says is the answer. Ends the program when one has none.
    """
    sent: dict[str, float] = {}
    took: list[float] = []
    url = local.url.replace("http", "ws", 1) + "/v1/live"
    async with websockets.connect(url) as socket, aiomqtt.Client(local.mqtt_host, local.mqtt_port) as mqtt:
        await socket.send(json.dumps({"type": "hello", "key": local.key, "view": None, "max_hz": 1}))
        listening = asyncio.create_task(_listen(socket, seen, sent, took))
        for probe in probes:
            now = int(time.time() * 1000)
            report = {"v": 1, "boot": "probe", "boot_n": 1, "seq": 0, "t": [now]}
            report |= {"lon": [102.0], "lat": [23.0]}
            if probe.facts:
                report["facts"] = [{"t": now, **fact} for fact in probe.facts]
            sent[probe.asset] = time.perf_counter()
            await mqtt.publish(f"corridor/v1/{probe.device}/report", cbor2.dumps(report), qos=1)
            await asyncio.sleep(every_s)
        await asyncio.sleep(2)
        listening.cancel()
    if len(took) < len(probes):
        raise SystemExit(f"got {len(took)} answers, want {len(probes)}")
    return took


async def _listen(
    socket: Any, seen: Callable[[dict[str, Any]], bool], sent: dict[str, float], took: list[float]
) -> None:
    async for text in socket:
        message = json.loads(text)
        if message["type"] == "event" and seen(message):
            begun = sent.pop(message["asset"], None)
            if begun is not None:
                took.append((time.perf_counter() - begun) * 1000)


async def beside_load(
    local: Local, devices: int, options: Any, work: Coroutine[Any, Any, list[float]]
) -> list[float]:
    """What ``work`` gives beside the load generator at ``options.rate``."""
    words = ["-m", "bench.load", "--port", str(local.mqtt_port), "--devices", str(devices)]
    words += ["--rate", str(options.rate), "--seconds", str(options.seconds + 5)]
    load = await asyncio.create_subprocess_exec(sys.executable, *words, stdout=asyncio.subprocess.DEVNULL)
    await asyncio.sleep(3)
    took = await work
    await load.wait()
    return took


def rows(what: str, quiet: list[float], loaded: list[float], rate: float) -> list[Row]:
    """Median and p99 of both, each as a ratio to the idle one; ``rate``: reports a second."""
    made = []
    for name, took in (("idle", quiet), (f"{rate * 10:,.0f} samples/s", loaded)):
        for percent in (50, 99):
            value, peer = float(np.percentile(took, percent)), float(np.percentile(quiet, percent))
            made.append(Row(f"{what}, {name}, p{percent}", value, "ms", f"idle p{percent}", value / peer))
    return made
