"""The gateway as a running service: MQTT in, log append, answers out.

The order is the promise: a report is decoded, appended, and only when the log has said that it is durable
is it answered. While one append is on its way the next batch gathers, so the batch grows with the load. The
queue between is bounded; what does not fit is told to come back later.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import os
import time
from collections import OrderedDict, deque
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from feeds.deadletters import DeadLetter, DeadLetters, DeadLettersError
from gateway.acks import AckBook
from gateway.admission import Admission, Admit, Later, Limits, Refuse
from gateway.batch import Arrived, Batch, Rejected, form_of, prepare
from gateway.errors import RefusedError
from gateway.metrics import Metrics
from gateway.mqtt import Broker, Connection, NotConnectedError
from gateway.payload import decode
from gateway.recent import Known, Recent
from gateway.registry import Registry
from gateway.topic import Channel, every, parse, topic
from streams.log import Log, LogError, LogFullError

log = logging.getLogger("corridor.gateway")

_STATUS_DEVICES: Final = 20_000
_DEAD_LETTERS_WAITING: Final = 16 << 20
_TICK_S: Final = 0.1


@dataclass(frozen=True, slots=True)
class GatewaySettings:
    """What a gateway is run with. ``health_file`` is rewritten every second; None writes none."""

    broker: Broker
    health_file: Path | None = None
    client_id: str = "corridor-gateway"
    linger_s: float = 0.02
    max_batch_reports: int = 1_000
    max_batch_bytes: int = 4 << 20
    max_queue_reports: int = 20_000
    max_queue_bytes: int = 64 << 20
    limits: Limits = field(default_factory=Limits)


async def run_gateway(
    settings: GatewaySettings,
    log: Log,
    registry: Registry,
    deadletters: DeadLetters,
    stop: asyncio.Event,
) -> None:
    """Take reports until ``stop`` is set; then finish what was begun, and answer it."""
    await Gateway(settings, log, registry, deadletters).run(stop)


class Gateway:
    """One gateway; everything of it runs on one event loop, appends and file writes in a thread each."""

    def __init__(
        self, settings: GatewaySettings, log: Log, registry: Registry, deadletters: DeadLetters
    ) -> None:
        self.metrics = Metrics()
        self._settings = settings
        self._log = log
        self._admission = Admission(registry, settings.limits)
        self._registry = registry
        self._deadletters = deadletters
        self._recent = Recent()
        self._acks = AckBook()
        self._queue: deque[Arrived] = deque()
        self._queue_bytes = 0
        self._some = asyncio.Event()
        self._enough = asyncio.Event()
        self._dead: list[DeadLetter] = []
        self._dead_bytes = 0
        self._online: OrderedDict[str, bool] = OrderedDict()
        self._trouble: str | None = None
        self._threads = ThreadPoolExecutor(1, "append")
        self._files = ThreadPoolExecutor(1, "files")
        filters = [every(Channel.REPORT), every(Channel.STATUS)]
        self._reports = Connection(settings.broker, settings.client_id, filters, self.receive)

    async def run(self, stop: asyncio.Event) -> None:
        """See ``run_gateway``."""
        batches = asyncio.create_task(self._append_batches(), name="gateway batches")
        try:
            async with asyncio.TaskGroup() as group:
                tasks = [
                    group.create_task(self._reports.run(), name="gateway reports"),
                    group.create_task(self._every(_TICK_S, self._send_acks), name="gateway acks"),
                    group.create_task(self._every(1.0, self._write_files), name="gateway files"),
                ]
                await stop.wait()
                batches.cancel()
                with contextlib.suppress(asyncio.CancelledError):
                    await batches
                self._send_acks(float("inf"))
                for task in tasks:
                    task.cancel()
        finally:
            batches.cancel()
            await self._write_files()
            self._threads.shutdown()
            self._files.shutdown()

    def receive(self, name: str, payload: bytes) -> None:
        """A message from the broker: judged at once, read with its batch."""
        found = parse(name)
        if found is None:
            self.metrics.ignored_topics += 1
        elif found.channel is Channel.STATUS:
            self._note_status(found.device, payload)
        else:
            self._receive_report(found.device, payload)

    def snapshot(self) -> dict[str, Any]:
        """Health and counters, as JSON values."""
        state = "ok"
        if self._trouble is not None:
            state = "log_unavailable"
        elif not self._reports.connected:
            state = "broker_away"
        elif not self._registry.ready:
            state = "registry_not_ready"
        return {
            "state": state,
            "detail": self._trouble,
            "broker": {"reports": self._reports.state},
            "queue": len(self._queue),
            "online": sum(self._online.values()),
            "offline": len(self._online) - sum(self._online.values()),
            "unknown_devices": self._admission.unknown_devices[-20:],
            "metrics": self.metrics.snapshot(),
        }

    def _receive_report(self, device: str, payload: bytes) -> None:
        now = time.monotonic()
        self.metrics.messages += 1
        self.metrics.payload_bytes += len(payload)
        verdict = self._admission.judge(device, len(payload), now)
        if isinstance(verdict, Later):
            self._put_off(device, payload, verdict, now)
            return
        fitted = verdict.fitted if isinstance(verdict, Admit) else self._registry.lookup(device)
        if fitted is None:
            return
        arrived = Arrived(device, fitted, payload, _now_ms())
        if isinstance(verdict, Refuse):
            self._refuse(Rejected(arrived, form_of(payload), verdict.reason, verdict.detail, None, None), now)
        elif self._has_room(len(payload)):
            self._enqueue(arrived)
        else:
            self._admission.done(device)
            self._put_off(device, payload, Later("rate", 5, self._admission.may_answer(device, now)), now)

    def _has_room(self, size: int) -> bool:
        fits = self._queue_bytes + size <= self._settings.max_queue_bytes
        return fits and len(self._queue) < self._settings.max_queue_reports

    def _enqueue(self, arrived: Arrived) -> None:
        self._queue.append(arrived)
        self._queue_bytes += len(arrived.payload)
        self._some.set()
        full = len(self._queue) >= self._settings.max_batch_reports
        if full or self._queue_bytes >= self._settings.max_batch_bytes:
            self._enough.set()

    def _put_off(self, device: str, payload: bytes, later: Later, now: float) -> None:
        self.metrics.later[later.reason] += 1
        if not later.answer:
            return
        try:
            report = decode(payload)
        except RefusedError:
            return  # who can't be read can't be told which of its reports is meant
        self._acks.later(device, report.form, report.boot, report.seq, later.reason, later.retry_s, now)

    def _refuse(self, rejected: Rejected, now: float) -> None:
        arrived, form, reason, detail, boot, seq = rejected
        self.metrics.refused[reason] += 1
        if boot is not None and seq is not None:
            self._acks.refused(arrived.device, form, boot, seq, reason, now)
        if self._dead_bytes > _DEAD_LETTERS_WAITING:
            self.metrics.dead_letters_lost += 1
            return
        self._dead_bytes += len(arrived.payload)
        channel = Channel.NMEA if arrived.report is not None else Channel.REPORT
        name = topic(arrived.device, channel)
        tenant = arrived.fitted.tenant
        self._dead.append(
            DeadLetter(
                arrived.received_ms, tenant, arrived.device, name, reason, detail, arrived.payload, boot, seq
            )
        )

    def _note_status(self, device: str, payload: bytes) -> None:
        if self._registry.lookup(device) is None:
            return
        self._online.pop(device, None)
        self._online[device] = payload == b"online"
        while len(self._online) > _STATUS_DEVICES:
            self._online.popitem(last=False)

    async def _append_batches(self) -> None:
        """Gather, prepare, append; on cancellation what was gathered is still appended and answered."""
        appending: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        appending.set_result(None)
        try:
            while True:
                await self._gather(appending)
                batch = self._take_batch()
                await asyncio.shield(appending)
                appending = asyncio.ensure_future(self._append(batch))
        finally:
            await appending
            while self._queue:
                await self._append(self._take_batch())

    async def _gather(self, appending: asyncio.Future[None]) -> None:
        await self._some.wait()
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._enough.wait(), self._settings.linger_s)
        if not self._enough.is_set() and not appending.done():
            enough = asyncio.ensure_future(self._enough.wait())
            waiting: set[asyncio.Future[Any]] = {appending, enough}
            try:
                await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
            finally:
                enough.cancel()

    def _take_batch(self) -> Batch:
        taken: list[Arrived] = []
        size = 0
        while self._queue and len(taken) < self._settings.max_batch_reports:
            if size >= self._settings.max_batch_bytes:
                break
            taken.append(self._queue.popleft())
            size += len(taken[-1].payload)
        self._queue_bytes -= size
        if not self._queue:
            self._some.clear()
        full = len(self._queue) >= self._settings.max_batch_reports
        if not full and self._queue_bytes < self._settings.max_batch_bytes:
            self._enough.clear()
        batch = prepare(taken, self._recent, _now_ms())
        now = time.monotonic()
        for arrived, known in batch.known:
            self.metrics.repeated += 1
            self._admission.done(arrived.device)
            self._acks.durable(arrived.device, *known, now)
        for rejected in batch.rejected:
            self._admission.done(rejected.arrived.device)
            self._refuse(rejected, now)
        return batch

    async def _append(self, batch: Batch) -> None:
        if not batch.records:
            return
        loop = asyncio.get_running_loop()
        began = time.monotonic()
        try:
            await loop.run_in_executor(self._threads, self._log.append, batch.records)
        except LogError as error:
            self._not_appended(batch, error)
        else:
            self.metrics.appended(time.monotonic() - began)
            self._appended(batch)

    def _appended(self, batch: Batch) -> None:
        if self._trouble is not None:
            log.info("log_available_again")
            self._trouble = None
        metrics, now = self.metrics, time.monotonic()
        metrics.reports += len(batch.kept)
        metrics.samples += batch.samples
        metrics.frames += len(batch.records)
        metrics.frame_bytes += sum(len(record.body) for record in batch.records)
        for item in batch.kept:
            report = item.report
            known = Known(report.form, report.boot, report.seq)
            self._recent.add(item.device, item.hash, known)
            self._admission.done(item.device)
            self._acks.durable(item.device, *known, now)

    def _not_appended(self, batch: Batch, error: LogError) -> None:
        retry_after = error.retry_after if isinstance(error, LogFullError) else 5.0
        if self._trouble is None:
            log.error("log_unavailable reason=%r", str(error))
        self._trouble = str(error)
        now = time.monotonic()
        self._admission.close(now, retry_after)
        for item in batch.kept:
            self._admission.done(item.device)
            self.metrics.later["disk_full"] += 1
            report = item.report
            if self._admission.may_answer(item.device, now):
                self._acks.later(item.device, report.form, report.boot, report.seq, "disk_full", 10, now)

    def _send_acks(self, ahead_s: float = 0.0) -> None:
        """Publish what is due in ``ahead_s``; what is lost now, the devices ask for by sending again."""
        if not self._reports.connected:
            return
        for answer in self._acks.due(time.monotonic() + ahead_s):
            try:
                self._reports.publish(topic(answer.device, Channel.ACK), answer.payload, qos=1)
            except NotConnectedError:
                return
            self.metrics.acks += 1

    async def _write_files(self) -> None:
        letters, self._dead, self._dead_bytes = self._dead, [], 0
        loop = asyncio.get_running_loop()
        if letters:
            try:
                await loop.run_in_executor(self._files, self._deadletters.add, letters)
            except DeadLettersError as error:
                self.metrics.dead_letters_lost += len(letters)
                log.error("dead_letters_lost count=%d reason=%r", len(letters), str(error))
        if self._settings.health_file is not None:
            text = json.dumps(self.snapshot() | {"written_ms": _now_ms()})
            with contextlib.suppress(OSError):
                await loop.run_in_executor(self._files, _replace, self._settings.health_file, text)

    async def _every(self, seconds: float, work: Callable[[], Any]) -> None:
        while True:
            await asyncio.sleep(seconds)
            done = work()
            if done is not None:
                await done


def _replace(path: Path, text: str) -> None:
    new = path.with_name(path.name + ".new")
    new.write_text(text)
    os.replace(new, path)


def _now_ms() -> int:
    return time.time_ns() // 1_000_000
