"""The unit: takes samples, makes reports of them, keeps them in its flash memory until they are answered.

It has no clock and no socket: the fleet tells it what is measured and when, a link sends what its sender
holds. A power cut takes the samples that are not yet in a report; everything stored survives.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from firmware_sim import can, gnss
from firmware_sim.candump import CanLog
from firmware_sim.identity import Identity
from firmware_sim.noise import token
from firmware_sim.readings import Readings
from firmware_sim.scenario import UnitOptions, VehicleOptions
from firmware_sim.sender import Sender
from firmware_sim.wire import Content

GNSS = ("lon", "lat", "alt_m", "speed_kmh", "heading_deg", "hdop", "sats", "fix")
MAX_FRAMES = 1_000


@dataclass(slots=True)
class _Buffer:
    """What is measured but not yet in a report: it is lost with the power."""

    t: list[int] = field(default_factory=list)
    rows: list[Mapping[str, Any]] = field(default_factory=list)
    facts: list[dict[str, Any]] = field(default_factory=list)
    frames: list[tuple[int, int, bytes]] = field(default_factory=list)


class Unit:
    """One truck's unit; instants are seconds of simulated time since 1970.

    ``boot_s`` is when it was last switched on, None while it has no power. ``life`` tells boots apart that
    would have the same number: those of a copy, and those after its memory was put back.
    """

    def __init__(
        self,
        who: Identity,
        options: UnitOptions,
        sender: Sender,
        *,
        seed: int,
        start_s: int,
        can_log: CanLog | None = None,
        vehicle: VehicleOptions | None = None,
    ) -> None:
        self.who, self.options, self.sender = who, options, sender
        self.boot_s: int | None = None
        self._seed, self._start_s, self._can_log = seed, start_s, can_log
        self._last_s: int | None = None
        self._off_until_s = 0.0
        self._readings = Readings(who, vehicle or VehicleOptions(), sender.faults)
        self._hole_ms: int | None = None
        self._buffer = _Buffer()
        self.life = ""

    def running(self, t_s: int) -> bool:
        """Whether the unit has power at ``t_s``; a power cut stops it, its end boots it."""
        last, self._last_s = self._last_s, t_s
        if self.boot_s is None and self._off_until_s <= t_s:
            self._boot(t_s)
        if last is None:
            return self.boot_s is not None
        cut = self.sender.faults.cut_between(last - self._start_s, t_s - self._start_s)
        if cut is not None and self.boot_s is not None:
            self.cut(cut.at_s + cut.off_s)
        return self.boot_s is not None

    def cut(self, until_s: float) -> None:
        """Take the unit's power away, until ``until_s`` seconds after the start."""
        self._off_until_s = self._start_s + until_s
        self._buffer, self.boot_s, self.sender.online = _Buffer(), None, False

    def _boot(self, t_s: int) -> None:
        self.boot_s, self._buffer = t_s, _Buffer()
        self._readings.forget()
        if self.sender.plain:
            return
        life = (self.life,) if self.life else ()
        self.sender.start(token(self._seed, self.who.device, self.sender.flash.boot_n, *life))

    def clock_ms(self, t_s: int) -> int:
        """What the unit's own clock shows at ``t_s``."""
        return 1000 * t_s + self.sender.faults.clock_error_ms(t_s - self._start_s)

    def sample(self, t_s: int, row: Mapping[str, Any], lon: float, lat: float) -> None:
        """Take one sample: ``row`` holds the wire's columns, ``lon``/``lat`` where the truck truly is."""
        t_ms = self.clock_ms(t_s)
        self._network(t_s, t_ms, lon, lat)
        if self.sender.plain:
            self.sender.lines.append("".join(f"{s}\r\n" for s in gnss.sentences(t_ms, row)).encode())
            return
        if t_ms <= self.sender.flash.last_t_ms:
            return  # measured before a restart already
        self._bus(t_s, t_ms, row)
        self._buffer.t.append(t_ms)
        self._buffer.rows.append(row)
        if len(self._buffer.t) >= self.options.batch or len(self._buffer.frames) >= MAX_FRAMES:
            self._report()

    def _network(self, t_s: int, t_ms: int, lon: float, lat: float) -> None:
        online = not self.sender.faults.without_network(t_s - self._start_s, lon, lat)
        self.sender.online = online
        if not online and self._hole_ms is None:
            self._hole_ms = t_ms
        elif online and self._hole_ms is not None:
            fact = {"t": t_ms, "kind": "no_coverage", "from": self._hole_ms, "to": t_ms}
            self._buffer.facts.append(fact)
            self._hole_ms = None

    def _bus(self, t_s: int, t_ms: int, row: Mapping[str, Any]) -> None:
        """The bus since the last sample: recorded or simulated frames, and what is read from it."""
        frames, into_s = self._buffer.frames, t_s - self._start_s
        self._buffer.facts += self._readings.seal_facts(t_ms, into_s)
        if self._can_log is not None:
            for at_s, frame in self._can_log.between(max(0, into_s - self.options.cadence_s), into_s):
                frames.append((t_ms + round(1000 * (at_s - into_s)), frame.ident, frame.data))
        elif self.options.can == "frames":
            frames += can.frames(t_ms, row)
            frames += self._readings.frames(t_s, t_ms, into_s)
        elif self.options.can == "columns":
            self._buffer.facts += self._readings.bus_facts(t_ms, into_s)

    def _report(self) -> None:
        buffer, self._buffer = self._buffer, _Buffer()
        content = Content(self._columns(buffer), buffer.facts, can=buffer.frames, datum=self.options.datum)
        if self.options.gnss == "nmea":
            for t_ms, row in zip(buffer.t, buffer.rows, strict=True):
                content.nmea += gnss.sentences(t_ms, row)
        self.sender.report(buffer.t[-1], content)

    def _columns(self, buffer: _Buffer) -> dict[str, list[Any]]:
        columns: dict[str, list[Any]] = {"t": buffer.t}
        frames = self._can_log is not None or self.options.can != "columns"
        for name in buffer.rows[0]:
            left_out = self.options.gnss == "nmea" if name in GNSS else frames
            if not left_out:
                columns[name] = [row[name] for row in buffer.rows]
        return columns
