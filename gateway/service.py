"""The gateway as a running service: MQTT in, log append, answers out.

The order is the promise: a report is decoded, appended, and only when the log has said that it is durable
is it answered. While one append is on its way the next batch gathers, so the batch grows with the load. The
queue between is bounded; what does not fit is told to come back later.
"""

from __future__ import annotations

import asyncio
import contextlib
import gc
import json
import logging
import os
import time
import uuid
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from feeds.deadletters import Letters
from gateway import plain
from gateway.ackkey import AckKey
from gateway.acks import AckBook
from gateway.admission import MAX_BYTES, Admission, Admit, Bucket, Later, Limits, Refuse, has_key
from gateway.batch import Arrived, Batch, Buses, Rejected, form_of, prepare
from gateway.errors import RefusedError
from gateway.holding import Holding, reports
from gateway.metrics import Metrics
from gateway.mqtt import Broker, Connection, NotConnectedError
from gateway.nmea_intake import Line, NmeaIntake, Taken
from gateway.payload import decode, identify
from gateway.presence import Presence
from gateway.recent import Recent
from gateway.refusals import Refusals
from gateway.registry import Registry
from gateway.report_queue import Bounds, ReportQueue
from gateway.signatures import Signatures, claimed, is_signed
from gateway.topic import Channel, every, parse, topic
from streams.log import Log, LogError, LogFullError
from streams.records import Form

log = logging.getLogger("corridor.gateway")

NMEA_SESSION: Final = "corridor-nmea"
"""The one session that all raw NMEA goes to, whichever gateway holds it."""

_TICK_S: Final = 0.1
_LARGE_BYTES: Final = 4 * MAX_BYTES
_LARGE_PER_S: Final = 5.0  # of all devices together: reading one costs up to 75 ms


@dataclass(frozen=True, slots=True)
class GatewaySettings:
    """What a gateway is run with. ``health_file`` is rewritten every second; None writes none.

    Gateways of one ``group`` share the reports, and one of them has the raw NMEA; None: this is the only one.
    ``ack_key``: of all gateways; without it devices that have keys are not answered.
    """

    broker: Broker
    health_file: Path | None = None
    client_id: str = "corridor-gateway"
    bounds: Bounds = field(default_factory=Bounds)
    limits: Limits = field(default_factory=Limits)
    group: str | None = None
    ack_key: AckKey | None = None


async def run_gateway(
    settings: GatewaySettings, log: Log, registry: Registry, deadletters: Letters, stop: asyncio.Event
) -> None:
    """Take reports until ``stop`` is set; then finish what was begun, and answer it.

    The process should be the gateway's own, see ``calm``. Raises LogError when the log can't be read.
    """
    with calm():
        await Gateway(settings, log, registry, deadletters).run(stop)


@contextlib.contextmanager
def calm() -> Iterator[None]:
    """A garbage collector that looks less often: thousands of short lists a second make it look in vain."""
    gc.freeze()
    thresholds = gc.get_threshold()
    gc.set_threshold(100_000, 50, 1_000)
    try:
        yield
    finally:
        gc.set_threshold(*thresholds)
        gc.unfreeze()


class Gateway:
    """One gateway; everything of it runs on one event loop, appends and file writes in a thread each."""

    def __init__(self, settings: GatewaySettings, log: Log, registry: Registry, deadletters: Letters) -> None:
        self.metrics = Metrics()
        self._me = uuid.uuid4().hex[:12]
        self._settings = settings
        self._log = log
        self._admission = Admission(registry, settings.limits)
        self._registry = registry
        self._refusals = Refusals(deadletters)
        self._recent = Recent()
        self._buses = Buses()
        self._acks = AckBook(keyed=self._keyed)
        self._signatures = Signatures(registry)
        self._taken: list[Arrived] = []
        self._queue = ReportQueue(settings.bounds)
        self._nmea = NmeaIntake(registry)
        self._presence = Presence()
        self._large = Bucket(_LARGE_PER_S, _LARGE_PER_S, time.monotonic())
        self._trouble: str | None = None
        self._appender = ThreadPoolExecutor(1, "append")
        self._files = ThreadPoolExecutor(1, "files")
        self._mqtt = reports(settings.broker, settings.client_id, settings.group, self._me, self.receive)
        self._mqtt_nmea = Connection.acknowledge_after(
            settings.broker,
            NMEA_SESSION,
            [every(Channel.NMEA)],
            self.receive_nmea,
            self._nmea.expect_repeats,
        )
        self._holding: Holding | None = None
        if settings.group is not None:
            self._holding = Holding(
                settings.group, self._me, self._mqtt, self._mqtt_nmea, self._recover, self._nmea.forget
            )

    async def _recover(self) -> None:
        await asyncio.get_running_loop().run_in_executor(self._appender, self._nmea.recover, self._log)

    async def run(self, stop: asyncio.Event) -> None:
        """See ``run_gateway``."""
        loop = asyncio.get_running_loop()
        await loop.run_in_executor(self._appender, plain.warm)
        if self._holding is None:
            await self._recover()
        try:
            async with asyncio.TaskGroup() as group:
                batches = group.create_task(self._append_batches(), name="gateway batches")
                nmea = group.create_task((self._holding or self._mqtt_nmea).run(), name="gateway nmea")
                tasks = [
                    group.create_task(self._mqtt.run(), name="gateway reports"),
                    group.create_task(_every(_TICK_S, self._tick), name="gateway tick"),
                    group.create_task(_every(1.0, self._write_files), name="gateway files"),
                ]
                await stop.wait()
                batches.cancel()
                with contextlib.suppress(asyncio.CancelledError):
                    await batches
                self._send_acks(float("inf"))
                nmea.cancel()  # first: it tells the group by the other connection
                with contextlib.suppress(asyncio.CancelledError):
                    await nmea
                for task in tasks:
                    task.cancel()
        finally:
            self._nmea.abandon()
            await self._write_files()
            self._appender.shutdown()
            self._signatures.close()
            self._files.shutdown()

    def receive(self, name: str, payload: bytes) -> None:
        """A message from the broker: judged at once, read with its batch."""
        found = parse(name)
        if found is None:
            if self._holding is not None and name == self._holding.topic:
                self._holding.hear(payload)
            else:
                self.metrics.ignored_topics += 1
        elif found.channel is Channel.REPORT:
            self._receive_report(found.device, payload)
        elif found.channel is Channel.STATUS and self._registry.lookup(found.device) is not None:
            self._presence.note(found.device, payload)

    async def receive_nmea(self, name: str, payload: bytes) -> None:
        """Raw lines: returns when they are durable, or when they never will be."""
        found = parse(name)
        if found is None:
            self.metrics.ignored_topics += 1
            return
        if self._holding is not None and not await self._holding.ours():
            return
        self.metrics.messages += 1
        self.metrics.payload_bytes += len(payload)
        durable = asyncio.get_running_loop().create_future()

        def done() -> None:
            if not durable.done():
                durable.set_result(None)

        self._nmea.add(Line(found.device, payload, _now_ms(), done))
        self._queue.wake()
        await durable

    def snapshot(self) -> dict[str, Any]:
        """Health and counters, as JSON values."""
        state = "ok"
        if self._trouble is not None:
            state = "log_unavailable"
        elif not self._mqtt.connected:
            state = "broker_away"
        elif not self._registry.ready:
            state = "registry_not_ready"
        return {
            "state": state,
            "detail": self._trouble,
            "broker": {"reports": self._mqtt.state, "nmea": (self._holding or self._mqtt_nmea).state},
            "waiting": {"reports": len(self._queue), "nmea": len(self._nmea), "acks": len(self._acks)},
            "devices": self._presence.counts(),
            "unknown_devices": self._admission.unknown_devices[-20:],
            "dead_letters_lost": self._refusals.lost,
            "metrics": self.metrics.snapshot(),
        }

    def _receive_report(self, device: str, payload: bytes) -> None:
        now = time.monotonic()
        self.metrics.messages += 1
        self.metrics.payload_bytes += len(payload)
        now_ms = _now_ms()
        unsigned_ms = None if is_signed(payload) else now_ms
        verdict = self._admission.judge(device, len(payload), now, unsigned_ms=unsigned_ms)
        if isinstance(verdict, Admit):
            if not self._queue.put(Arrived(device, verdict.fitted, payload, now_ms)):
                self._admission.done(device)
                self._put_off(device, payload, self._admission.crowded(device, now), now)
        elif isinstance(verdict, Later):
            self._put_off(device, payload, verdict, now)
        else:
            self._refuse_unread(device, payload, verdict, now)

    def _put_off(self, device: str, payload: bytes, later: Later, now: float) -> None:
        self.metrics.later[later.reason] += 1
        if not later.answer:
            return
        body: bytes | None = payload
        if is_signed(payload):
            fitted = self._registry.lookup(device)
            body = None if fitted is None else claimed(payload, fitted.keys)
        try:
            report = decode(body or b"")
        except RefusedError:
            return  # who can't be read can't be told which of its reports is meant
        self._acks.later(device, report.form, report.boot, report.seq, later.reason, later.retry_s, now)

    def _refuse_unread(self, device: str, payload: bytes, verdict: Refuse, now: float) -> None:
        arrived = Arrived(device, verdict.fitted, payload, _now_ms())
        boot, seq = None, None
        trusted = not has_key(verdict.fitted, arrived.received_ms)  # of others nobody knows who sent it
        if trusted and len(payload) <= _LARGE_BYTES and self._large.take(now):
            boot, seq = identify(payload)
        rejected = Rejected(arrived, form_of(payload), verdict.reason, verdict.detail, boot, seq)
        self._refuse(rejected, now, keep=verdict.keep)

    def _refuse(self, rejected: Rejected, now: float, keep: bool = True) -> None:
        device, boot, seq = rejected.arrived.device, rejected.boot, rejected.seq
        self.metrics.refused[rejected.reason] += 1
        if keep:
            self._refusals.add(rejected)
        else:
            self._refusals.lost += 1
        if boot is not None and seq is not None and rejected.form is not Form.NMEA:
            self._acks.refused(device, rejected.form, boot, seq, rejected.reason, now)

    async def _append_batches(self) -> None:
        """Gather, prepare, append; on cancellation what was gathered is still appended and answered."""
        appending: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        appending.set_result(None)
        try:
            while True:
                await self._queue.gather(appending)
                batch, lines = await self._take_batch()
                await asyncio.shield(appending)
                appending = asyncio.ensure_future(self._append(batch, lines))
        finally:
            await appending
            while self._taken or len(self._queue):
                await self._append(*await self._take_batch())

    async def _take_batch(self) -> tuple[Batch, Taken]:
        """The next batch; when this is cancelled, what it would have held is the next one's."""
        self._taken = self._taken or self._queue.take()
        checked = await self._signatures.check(self._taken, self._recent)
        self._taken = []
        lines = Taken([], [], [])
        now, now_ms = time.monotonic(), _now_ms()
        if self._registry.ready and self._admission.open(now):
            lines = self._nmea.take(now_ms)
            if lines.unknown:
                self.metrics.later["unknown_device"] += lines.unknown
        batch = prepare(checked.sound + lines.arrived, self._recent, self._buses, now_ms)
        batch.known += checked.known
        batch.rejected += checked.rejected
        for found, known in batch.known:
            self.metrics.repeated += 1
            self._admission.done(found.device)
            self._acks.durable(found.device, *known, now)
        for rejected in batch.rejected + lines.rejected:
            if rejected.form is not Form.NMEA:
                self._admission.done(rejected.arrived.device)
            self._refuse(rejected, now)
        return batch, lines

    async def _append(self, batch: Batch, lines: Taken) -> None:
        began = time.monotonic()
        if batch.records:
            loop = asyncio.get_running_loop()
            try:
                await loop.run_in_executor(self._appender, self._log.append, batch.records)
            except LogError as error:
                self._not_appended(batch, lines, error)
                return
            self.metrics.appended(time.monotonic() - began)
        self._appended(batch)
        self._nmea.settle(lines)

    def _appended(self, batch: Batch) -> None:
        if self._trouble is not None and batch.records:
            log.info("log_available_again")
            self._trouble = None
        self.metrics.durable(batch)
        now = time.monotonic()
        for device, digest, known in batch.kept:
            if known.form is Form.NMEA:
                continue
            self._recent.add(device, digest, known)
            self._admission.done(device)
            self._acks.durable(device, *known, now)

    def _not_appended(self, batch: Batch, lines: Taken, error: LogError) -> None:
        retry_after = error.retry_after if isinstance(error, LogFullError) else 5.0
        if self._trouble is None:
            log.error("log_unavailable reason=%r", str(error))
        self._trouble = str(error)
        now = time.monotonic()
        self._admission.close(now, retry_after)
        self._nmea.put_back(lines)
        for device, _, known in batch.kept:
            if known.form is Form.NMEA:
                continue
            self._admission.done(device)
            self.metrics.later["disk_full"] += 1
            if self._admission.may_answer(device, now):
                self._acks.later(device, *known, "disk_full", 10, now)

    def _tick(self) -> None:
        if self._nmea.due(_now_ms()):
            self._queue.wake()
        self._send_acks(0.0)

    def _send_acks(self, ahead_s: float) -> None:
        """Publish what is due in ``ahead_s``; what is lost now, the devices ask for by sending again."""
        if not self._mqtt.connected:
            return
        key = self._settings.ack_key
        for answer in self._acks.due(time.monotonic() + ahead_s):
            payload = answer.payload
            if answer.signed:
                if key is None:
                    continue
                payload = key.signed(answer.device, payload)
            try:
                self._mqtt.publish(topic(answer.device, Channel.ACK), payload, qos=1)
            except NotConnectedError:
                return
            self.metrics.acks += 1

    def _keyed(self, device: str) -> bool:
        """Whether the device believes signed acks only."""
        fitted = self._registry.lookup(device)
        return fitted is not None and has_key(fitted, _now_ms())

    async def _write_files(self) -> None:
        loop = asyncio.get_running_loop()
        await loop.run_in_executor(self._files, self._refusals.write, self._refusals.take())
        if self._settings.health_file is not None:
            text = json.dumps(self.snapshot() | {"written_ms": _now_ms()})
            await loop.run_in_executor(self._files, _replace, self._settings.health_file, text)


async def _every(seconds: float, work: Callable[[], Any]) -> None:
    while True:
        await asyncio.sleep(seconds)
        done = work()
        if done is not None:
            await done


def _replace(path: Path, text: str) -> None:
    """Write the file whole or not at all; a full disk must not stop the gateway."""
    new = path.with_name(path.name + ".new")
    with contextlib.suppress(OSError):
        new.write_text(text)
        os.replace(new, path)


def _now_ms() -> int:
    return time.time_ns() // 1_000_000
