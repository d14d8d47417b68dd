"""Samples that InfluxDB refuses for good, with what is needed to find out why."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from feeds.deadletters import DeadLetter
from feeds.store.influx.lines import Lines
from streams.records import Frame


@dataclass(frozen=True, slots=True)
class Parked:
    """One sample. ``line`` is how it was sent, empty when it never was; ``boot`` and ``seq`` its report's."""

    tenant: str
    device: str
    asset: str
    boot: str
    seq: int
    received_ms: int
    t_ms: int
    reason: str
    line: bytes


def refused(frames: Sequence[Frame], lines: Lines, why: Sequence[tuple[int, str]]) -> list[Parked]:
    """Lines that were refused (number, reason), and rows that could not be rendered."""
    wanted = [(int(lines.rows[k]), reason, lines.body(k, k + 1)) for k, reason in why]
    wanted += [(int(row), "instant not between 1677 and 2200", b"") for row in lines.unfit]
    return [_parked(frames, row, reason, line) for row, reason, line in sorted(wanted)]


def letters(parked: Sequence[Parked]) -> list[DeadLetter]:
    """``parked`` as dead letters: reason ``store_refused``, topic ``store``, the line as payload."""
    return [
        DeadLetter(
            received_ms=one.received_ms,
            tenant=one.tenant,
            device=one.device,
            topic="store",
            reason="store_refused",
            detail=f"{one.asset} at {one.t_ms} ms: {one.reason}",
            payload=one.line,
            boot=one.boot,
            seq=one.seq,
        )
        for one in parked
    ]


def _parked(frames: Sequence[Frame], row: int, reason: str, line: bytes) -> Parked:
    for frame in frames:
        if row < frame.samples.num_rows:
            break
        row -= frame.samples.num_rows
    report = frame.samples["report"][row].as_py()

    def told(column: str) -> str | int:
        value: str | int = frame.reports[column][report].as_py()
        return value

    return Parked(
        **{name: str(told(name)) for name in ("tenant", "device", "asset", "boot")},
        seq=int(told("seq")),
        received_ms=int(told("received_ms")),
        t_ms=frame.samples["t_ms"][row].as_py(),
        reason=reason,
        line=line,
    )
