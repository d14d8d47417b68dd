"""Who may hand in a report now: what can be told before its content is read.

Limits are per device, so a noisy one hurts itself alone. What is unknown costs the gateway a bounded
amount of memory and of answers, however many devices and messages there are. Time is given by the caller
in seconds of a monotonic clock.
"""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass
from typing import Final

from gateway.registry import Fitted, Registry

MAX_BYTES: Final = 65_536


@dataclass(frozen=True, slots=True)
class Limits:
    """How much one device, and all unknown ones together, may ask for.

    ``rate`` and ``burst`` are reports: 50 a second is fifty times what a truck makes, and a burst of
    2,000 lets a day's backlog of a report every ten seconds through in about two minutes. ``in_flight``
    is twice what the protocol allows a device, because each may have been sent again once.
    """

    rate: float = 50.0
    burst: float = 2_000.0
    in_flight: int = 128
    unknown_answers_per_s: float = 100.0
    unknown_devices: int = 4_096
    answers_per_s: float = 20.0
    unsigned_kept_per_s: float = 10.0


@dataclass(frozen=True, slots=True)
class Admit:
    """Read it; it belongs to ``fitted``."""

    fitted: Fitted


@dataclass(frozen=True, slots=True)
class Refuse:
    """Never: its bytes are at fault. ``keep``: whether a copy is to be kept; too many come to keep all."""

    fitted: Fitted
    reason: str
    detail: str
    keep: bool = True


@dataclass(frozen=True, slots=True)
class Later:
    """Not now. ``answer`` is False when the device has been told often enough."""

    reason: str
    retry_s: int
    answer: bool


UNSIGNED: Final = "got a report that is not signed, want one signed by a key of this device"


def has_key(fitted: Fitted, received_ms: int) -> bool:
    """Whether the device must sign what is received then, and believes signed answers only.

    A revoked key counts too: else who stole it would get on by leaving the signature away.
    """
    return any(one.from_ms <= received_ms for one in fitted.keys)


Verdict = Admit | Refuse | Later


class Bucket:
    """A token bucket: ``rate`` tokens a second, at most ``burst``."""

    __slots__ = ("_burst", "_rate", "_stamp", "_tokens")

    def __init__(self, rate: float, burst: float, now: float) -> None:
        self._rate, self._burst = rate, burst
        self._tokens, self._stamp = burst, now

    def take(self, now: float) -> bool:
        """Take a token if there is one."""
        tokens = self._tokens + (now - self._stamp) * self._rate
        if tokens > self._burst:
            tokens = self._burst
        self._stamp = now
        enough = tokens >= 1.0
        self._tokens = tokens - 1.0 if enough else tokens
        return enough


class _Device:
    __slots__ = ("admit", "answers", "in_flight", "reports", "unsigned")

    def __init__(self, limits: Limits, now: float) -> None:
        self.admit: Admit | None = None  # the verdict, as long as the fitting is the same
        self.reports = Bucket(limits.rate, limits.burst, now)
        self.answers = Bucket(limits.answers_per_s, limits.answers_per_s, now)
        self.unsigned = Bucket(limits.unsigned_kept_per_s, limits.unsigned_kept_per_s, now)
        self.in_flight = 0


class Admission:
    """Judges reports by size, registry, fitting, rate and the state of the log."""

    def __init__(self, registry: Registry, limits: Limits | None = None) -> None:
        self._registry = registry
        self._limits = limits or Limits()
        self._devices: dict[str, _Device] = {}
        self._unknown: OrderedDict[str, float] = OrderedDict()
        self._unknown_answers: Bucket | None = None
        self._closed_until = 0.0

    @property
    def unknown_devices(self) -> list[str]:
        """The unknown devices heard of last, newest last, at most ``Limits.unknown_devices``."""
        return list(self._unknown)

    def close(self, now: float, retry_after: float) -> None:
        """The log takes nothing: everyone is to come back later."""
        self._closed_until = now + retry_after

    def open(self, now: float) -> bool:
        """Whether the log may be tried."""
        return now >= self._closed_until

    def crowded(self, device: str, now: float) -> Later:
        """The verdict when the gateway as a whole has too much to do."""
        return self._later(device, "rate", 5, now)

    def judge(self, device: str, size: int, now: float, *, unsigned_ms: int | None = None) -> Verdict:
        """The verdict on a report of ``size`` bytes. An admitted one is in flight until ``done``.

        ``unsigned_ms``: when it was received, ms since 1970, of one that is not signed. Of a device with a
        key it counts for nothing, not for its rate either: anybody may have sent it.
        """
        if not self._registry.ready:
            return self._later(device, "registry", 5, now)
        fitted = self._registry.lookup(device)
        if fitted is None:
            self._devices.pop(device, None)
            return Later("unknown_device", 60, self._tell_unknown(device, now))
        if unsigned_ms is not None and has_key(fitted, unsigned_ms):
            kept = (self._devices.get(device) or self._state(device, now)).unsigned.take(now)
            return Refuse(fitted, "unsigned", UNSIGNED, kept)
        if size > MAX_BYTES:
            detail = f"report too large: got {size} bytes, want at most {MAX_BYTES}"
            return Refuse(fitted, "too_large", detail)
        state = self._devices.get(device) or self._state(device, now)
        if now < self._closed_until:
            return self._later(device, "disk_full", 10, now)
        if state.in_flight >= self._limits.in_flight or not state.reports.take(now):
            return self._later(device, "rate", 10, now)
        state.in_flight += 1
        if state.admit is None or state.admit.fitted is not fitted:
            state.admit = Admit(fitted)
        return state.admit

    def done(self, device: str) -> None:
        """An admitted report is durable, refused, or given back."""
        state = self._devices.get(device)
        if state is not None and state.in_flight:
            state.in_flight -= 1

    def may_answer(self, device: str, now: float) -> bool:
        """Whether a known device may be told once more that it comes too early."""
        return self._state(device, now).answers.take(now)

    def _later(self, device: str, reason: str, retry_s: int, now: float) -> Later:
        if reason == "registry":
            return Later(reason, retry_s, self._tell_unknown(device, now))
        return Later(reason, retry_s, self.may_answer(device, now))

    def _state(self, device: str, now: float) -> _Device:
        state = self._devices.get(device)
        if state is None:
            state = self._devices[device] = _Device(self._limits, now)
        return state

    def _tell_unknown(self, device: str, now: float) -> bool:
        """One answer a device in five seconds, and so many a second for all of them together."""
        if self._unknown_answers is None:
            per_s = self._limits.unknown_answers_per_s
            self._unknown_answers = Bucket(per_s, per_s, now)
        told = self._unknown.pop(device, None)
        while len(self._unknown) >= self._limits.unknown_devices:
            self._unknown.popitem(last=False)
        if told is not None and now - told < 5.0:
            self._unknown[device] = told
            return False
        answer = self._unknown_answers.take(now)
        self._unknown[device] = now if answer else -5.0
        return answer
