"""Signed reports checked: who signed, for which topic, with a key of the device that published.

Reading and choosing the key is done at once; the arithmetic, nearly all of the cost, goes to a few threads,
where it runs without the interpreter's lock. What is not signed passes untouched. A report that this gateway
has made durable before isn't checked again, only answered.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import lru_cache
from hashlib import sha256
from typing import Final, NamedTuple

from gateway import ed25519
from gateway.arrived import Arrived, Signed
from gateway.batch import Rejected
from gateway.recent import Known, Recent
from gateway.registry import Registry
from gateway.topic import Channel, topic
from streams.records import Form
from streams.signing import cose, keys
from streams.signing.cose import CoseError
from streams.signing.keys import NAMES, DeviceKey

_FIRST: Final = bytes((cose.FIRST,))
_MAP: Final = 5
_LEAST: Final = 16  # signatures that are worth a thread of their own
_THREADS: Final = max(1, min(4, (os.cpu_count() or 1) // 2))  # they and the loop want the same lock


@dataclass(slots=True)
class Checked:
    """What became of a batch: ``sound`` in the order given, what is durable already, what is refused."""

    sound: list[Arrived] = field(default_factory=list)
    known: list[tuple[Arrived, Known]] = field(default_factory=list)
    rejected: list[Rejected] = field(default_factory=list)


class _Task(NamedTuple):
    """A signature to check, of the report at ``place``."""

    place: int
    alg: str
    public: bytes
    over: bytes
    signature: bytes


class _Fault(NamedTuple):
    reason: str
    detail: str


def is_signed(payload: bytes) -> bool:
    """Whether the first byte says so."""
    return payload[:1] == _FIRST


def claimed(payload: bytes, own: Sequence[DeviceKey]) -> bytes | None:
    """What a report claims to say that names one of the keys ``own``, unchecked. None for any other."""
    try:
        told = cose.read(payload)
    except CoseError:
        return None
    named = any(told.kid == one.id.encode() for one in own)
    return told.payload if named else None


class Signatures:
    """Checks the signed reports of batches. ``check`` is for one event loop; ``close`` ends its threads."""

    def __init__(self, registry: Registry, threads: int = _THREADS) -> None:
        self._registry = registry
        self._threads = threads
        self._pool = ThreadPoolExecutor(threads, "signatures")

    async def check(self, arrived: list[Arrived], recent: Recent) -> Checked:
        """What may be taken of ``arrived``. Calling it again for the same gives the same."""
        if not any(is_signed(one.payload) and one.report is None for one in arrived):
            return Checked(arrived)
        checked = Checked()
        tasks, read = self._tasks(arrived, recent, checked)
        held = await self._held(tasks)
        for place, one in enumerate(arrived):
            found = read[place]
            if found is None:
                continue
            if isinstance(found, Arrived) and held.get(place, True):
                checked.sound.append(found)
            elif isinstance(found, _Fault):
                checked.rejected.append(Rejected(one, Form.COSE, *found, None, None))
            else:
                detail = "got a signature that this key did not make for these bytes on this topic"
                checked.rejected.append(Rejected(one, Form.COSE, "bad_signature", detail, None, None))
        return checked

    def close(self) -> None:
        """End the threads; nothing may be under way."""
        self._pool.shutdown()

    def _tasks(
        self, arrived: list[Arrived], recent: Recent, checked: Checked
    ) -> tuple[list[_Task], list[Arrived | _Fault | None]]:
        """The signatures to check; and of each report what it is if its own holds, None when known."""
        tasks: list[_Task] = []
        read: list[Arrived | _Fault | None] = []
        for place, one in enumerate(arrived):
            if one.report is not None or not is_signed(one.payload):
                read.append(one)
                continue
            known = recent.find(one.device, sha256(one.payload).digest())
            if known is not None:
                checked.known.append((one, known))
                read.append(None)
                continue
            found = self._read(place, one)
            if isinstance(found, _Fault):
                read.append(found)
                continue
            task, signed = found
            tasks.append(task)
            read.append(one._replace(signed=signed))
        return tasks, read

    def _read(self, place: int, one: Arrived) -> tuple[_Task, Signed] | _Fault:
        try:
            told = cose.read(one.payload)
        except CoseError as error:
            return _Fault("not_readable", f"signed report not readable: {error}")
        if told.alg not in NAMES:
            return _Fault("not_supported", f"algorithm: got {told.alg}, want -8 (EdDSA) or -7 (ES256)")
        key = self._key(one, told.kid)
        if key is None:
            return _Fault("unknown_key", f"got key id {told.kid[:32]!r}, want that of a key of this device")
        if key.alg != NAMES[told.alg]:
            return _Fault("bad_signature", f"got a signature by {NAMES[told.alg]}, want one by {key.alg}")
        if not told.payload or told.payload[0] >> 5 != _MAP:
            got = told.payload[:1].hex() or "nothing"
            return _Fault("not_readable", f"signed report: got first byte {got}, want a CBOR map")
        over = cose.signed_bytes(told.protected, _topic(one.device), told.payload)
        late = key.revoked_ms is not None and one.received_ms > key.revoked_ms
        signed = Signed(told.payload, key.id, 2 if late else 1)
        return _Task(place, key.alg, key.public, over, told.signature), signed

    def _key(self, one: Arrived, kid: bytes) -> DeviceKey | None:
        """The key of that id that holds or held; a newer registry is asked for when there is none."""
        found = _named(one.fitted.keys, kid)
        if found is None:
            fitted = self._registry.lookup(one.device, kid.decode("ascii", "replace"))
            found = None if fitted is None else _named(fitted.keys, kid)
        return found if found is not None and found.from_ms <= one.received_ms else None

    async def _held(self, tasks: list[_Task]) -> dict[int, bool]:
        """Of each task's report whether its signature holds."""
        if not tasks:
            return {}
        parts = max(1, min(self._threads, len(tasks) // _LEAST))
        loop = asyncio.get_running_loop()
        under_way = [loop.run_in_executor(self._pool, _verify, tasks[n::parts]) for n in range(parts)]
        return dict(pair for part in await asyncio.gather(*under_way) for pair in part)


@lru_cache(32_768)
def _topic(device: str) -> bytes:
    return topic(device, Channel.REPORT).encode()


def _named(own: Sequence[DeviceKey], kid: bytes) -> DeviceKey | None:
    return next((one for one in own if one.id.encode() == kid), None)


def _verify(tasks: list[_Task]) -> list[tuple[int, bool]]:
    return [(one.place, _holds(one)) for one in tasks]


def _holds(one: _Task) -> bool:
    if one.alg == "EdDSA":
        return ed25519.holds(one.public, one.over, one.signature)
    return keys.holds(one.alg, one.public, one.over, one.signature)
