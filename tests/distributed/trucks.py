"""Trucks that drive through the gate and back without end, and forget no report before it is acknowledged."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import json
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any, Final

import aiomqtt
import cbor2

from tests.distributed.fenced import Fenced
from tests.integration.devices import as_json
from tests.integration.drives import drive, hours_ago, reports

_AGAIN_S: Final = 5.0
_IN_FLIGHT: Final = 64
_RETRY_S: Final = 0.3


@dataclass
class Truck:
    """One truck's reports: ``waiting`` (by seq, with when they were sent last) and ``durable``."""

    name: str
    waiting: dict[int, tuple[bytes, float]] = field(default_factory=dict)
    durable: dict[int, bytes] = field(default_factory=dict)
    refused: list[Any] = field(default_factory=list)
    gap_s: float = 0.0  # longest time without an answer
    heard: float = 0.0

    def acknowledge(self, ack: dict[str, Any]) -> None:
        """What an answer says of our reports."""
        now = time.monotonic()
        for first, last in ack["durable"]:
            for seq in range(first, last + 1):
                if seq in self.waiting:
                    self.durable[seq] = self.waiting.pop(seq)[0]
        self.refused += ack["refused"]
        if ack["durable"]:
            if self.heard:
                self.gap_s = max(self.gap_s, now - self.heard)
            self.heard = now

    def hashes(self) -> set[bytes]:
        """SHA-256 of each report that is durable."""
        return {sha256(one).digest() for one in self.durable.values()}


class Trucks(threading.Thread):
    """All trucks, on an event loop of their own; each makes a report every ``every_s``."""

    def __init__(self, broker: Fenced, names: list[str], every_s: float = 0.25) -> None:
        super().__init__(name="trucks", daemon=True)
        self.trucks = [Truck(name) for name in names]
        self._broker, self._every_s = broker, every_s
        self._parked, self._home = threading.Event(), threading.Event()

    def run(self) -> None:
        """Until ``end``."""
        asyncio.run(self._all())

    def park(self, within_s: float) -> None:
        """Make no more reports and wait until all are durable; then go home."""
        self._parked.set()
        deadline = time.monotonic() + within_s
        while left := {one.name: len(one.waiting) for one in self.trucks if one.waiting}:
            assert time.monotonic() < deadline, f"not acknowledged within {within_s:g} s: {left}"
            assert self.is_alive(), "the trucks have ended"
            time.sleep(0.1)
        self.end()

    def end(self) -> None:
        """Go home now."""
        self._home.set()
        self.join(20)

    async def _all(self) -> None:
        tasks = [asyncio.create_task(self._one(truck, at)) for at, truck in enumerate(self.trucks)]
        while not self._home.is_set():
            await asyncio.sleep(0.1)
            for task in tasks:
                if task.done():
                    task.result()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _one(self, truck: Truck, number: int) -> None:
        made = _reports(number)
        while True:
            with contextlib.suppress(aiomqtt.MqttError, OSError, TimeoutError):
                async with self._broker.client(truck.name, timeout=5) as client:
                    await client.subscribe(f"corridor/v1/{truck.name}/ack", qos=1)
                    hears = asyncio.create_task(self._hear(client, truck))
                    try:
                        await self._send(client, truck, made, hears)
                    finally:
                        hears.cancel()
                        await asyncio.gather(hears, return_exceptions=True)
            await asyncio.sleep(_RETRY_S)

    async def _hear(self, client: aiomqtt.Client, truck: Truck) -> None:
        async for message in client.messages:
            payload = message.payload
            assert isinstance(payload, bytes)
            truck.acknowledge(json.loads(payload) if payload[:1] == b"{" else cbor2.loads(payload))

    async def _send(
        self, client: aiomqtt.Client, truck: Truck, made: Iterator[bytes], hears: asyncio.Task[None]
    ) -> None:
        due = time.monotonic()
        while not hears.done():
            now = time.monotonic()
            if now >= due and not self._parked.is_set() and len(truck.waiting) < _IN_FLIGHT:
                due = now + self._every_s
                truck.waiting[len(truck.durable) + len(truck.waiting)] = (next(made), 0.0)
            for seq, (payload, sent) in list(truck.waiting.items()):
                if now - sent > _AGAIN_S and seq in truck.waiting:
                    await client.publish(f"corridor/v1/{truck.name}/report", payload, qos=1, timeout=5)
                    if seq in truck.waiting:
                        truck.waiting[seq] = (payload, now)
            await asyncio.sleep(0.05)
        hears.result()


def _reports(number: int) -> Iterator[bytes]:
    """Reports of drives there and back, one after the other, from three days ago on; seq counts on."""
    start, seq = hours_ago(80) + 60_000 * number, 0
    for leg in itertools.count():
        found = reports(drive(start, back=leg % 2 == 1))
        for one in found:
            one["seq"] = seq
            seq += 1
            yield as_json(one)[0]
        start = found[-1]["t"][-1] + 1_800_000
