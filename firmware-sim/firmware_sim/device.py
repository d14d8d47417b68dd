"""The unit: takes samples, makes reports of them, keeps them in its flash memory until they are answered.

It has no clock and no socket: the fleet tells it what is measured and when, a link sends what ``outbox``
hands out. A power cut takes the samples that are not yet in a report; everything stored survives.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from firmware_sim import can, gnss
from firmware_sim.candump import CanLog
from firmware_sim.faults import Faults
from firmware_sim.flash import Flash
from firmware_sim.identity import Identity
from firmware_sim.noise import token
from firmware_sim.outbox import Outbox
from firmware_sim.scenario import UnitOptions
from firmware_sim.wire import MAX_BYTES, Content, Form, encode

GNSS = ("lon", "lat", "alt_m", "speed_kmh", "heading_deg", "hdop", "sats", "fix")
VIN_EVERY_S = 600
MAX_LINES = 512
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

    ``online`` says whether there is a mobile network now; ``lines`` are the messages of a plain receiver,
    which has no flash memory.
    """

    def __init__(
        self,
        who: Identity,
        options: UnitOptions,
        faults: Faults,
        flash: Flash,
        *,
        seed: int,
        start_s: int,
        can_log: CanLog | None = None,
    ) -> None:
        self.who, self.options, self.faults, self.flash = who, options, faults, flash
        self.outbox = Outbox(flash, who.device)
        self.lines: deque[bytes] = deque(maxlen=MAX_LINES)
        self.online = True
        self.boot_s: int | None = None
        self._seed, self._start_s, self._can_log = seed, start_s, can_log
        self._seq = 0
        self._last_s: int | None = None
        self._off_until_s = 0.0
        self._vin_s = 0
        self._hole_ms: int | None = None
        self._buffer = _Buffer()

    @property
    def device(self) -> str:
        return self.who.device

    @property
    def plain(self) -> bool:
        """Whether this is a plain receiver: raw sentences, no reports, no acks."""
        return self.options.form is Form.NMEA

    def running(self, t_s: int) -> bool:
        """Whether the unit has power at ``t_s``; a power cut stops it, its end boots it."""
        last, self._last_s = self._last_s, t_s
        if self.boot_s is None and self._off_until_s <= t_s:
            self._boot(t_s)
        if last is None:
            return True
        cut = self.faults.cut_between(last - self._start_s, t_s - self._start_s)
        if cut is not None and self.boot_s is not None:
            self._off_until_s = self._start_s + cut.at_s + cut.off_s
            self._buffer, self.boot_s, self.online = _Buffer(), None, False
        return self.boot_s is not None

    def _boot(self, t_s: int) -> None:
        self.boot_s, self._seq, self._vin_s = t_s, 0, 0
        self._buffer = _Buffer()
        if self.plain:
            return
        self.flash.start_boot(token(self._seed, self.device, self.flash.boot_n))
        if self.options.can == "columns" and self._can_log is None:
            fact = {"t": self.clock_ms(t_s), "kind": "identity", "vin": self.who.vin, "sa": can.ENGINE}
            self._buffer.facts.append(fact)

    def clock_ms(self, t_s: int) -> int:
        """What the unit's own clock shows at ``t_s``."""
        return 1000 * t_s + self.faults.clock_error_ms(t_s - self._start_s)

    def sample(self, t_s: int, row: Mapping[str, Any], lon: float, lat: float) -> None:
        """Take one sample: ``row`` holds the wire's columns, ``lon``/``lat`` where the truck truly is."""
        t_ms = self.clock_ms(t_s)
        self._network(t_s, t_ms, lon, lat)
        if self.plain:
            self.lines.append("".join(f"{s}\r\n" for s in gnss.sentences(t_ms, row)).encode())
            return
        if t_ms <= self.flash.last_t_ms:
            return  # measured before a restart already
        self._bus(t_s, t_ms, row)
        self._buffer.t.append(t_ms)
        self._buffer.rows.append(row)
        if len(self._buffer.t) >= self.options.batch or len(self._buffer.frames) >= MAX_FRAMES:
            self._report()

    def _network(self, t_s: int, t_ms: int, lon: float, lat: float) -> None:
        self.online = not self.faults.without_network(t_s - self._start_s, lon, lat)
        if not self.online and self._hole_ms is None:
            self._hole_ms = t_ms
        elif self.online and self._hole_ms is not None:
            fact = {"t": t_ms, "kind": "no_coverage", "from": self._hole_ms, "to": t_ms}
            self._buffer.facts.append(fact)
            self._hole_ms = None

    def _bus(self, t_s: int, t_ms: int, row: Mapping[str, Any]) -> None:
        """The bus since the last sample: recorded or simulated frames."""
        frames = self._buffer.frames
        if self._can_log is not None:
            into = t_s - self._start_s
            for at_s, frame in self._can_log.between(max(0, into - self.options.cadence_s), into):
                frames.append((t_ms + round(1000 * (at_s - into)), frame.ident, frame.data))
        elif self.options.can == "frames":
            frames += can.frames(t_ms, row)
            if t_s - self._vin_s >= VIN_EVERY_S:
                self._vin_s = t_s
                frames += can.vin(t_ms, self.who.vin)

    def _report(self) -> None:
        buffer, self._buffer = self._buffer, _Buffer()
        content = Content(self._columns(buffer), buffer.facts, can=buffer.frames)
        if self.options.gnss == "nmea":
            for t_ms, row in zip(buffer.t, buffer.rows, strict=True):
                content.nmea += gnss.sentences(t_ms, row)
        lost = self.flash.make_room(MAX_BYTES)
        if self.flash.overflow:
            fact = {"t": buffer.t[-1], "kind": "overflow", "reports": self.flash.overflow}
            if lost:
                fact |= {"boot": lost[-1].boot, "last_seq": lost[-1].seq}
            content.facts.append(fact)
        report = encode(
            self.options.form, self.flash.boot, self.flash.boot_n, self._seq, self.flash.last_hash, content
        )
        self.outbox.add(self.flash.store(self._seq, buffer.t[-1], report))
        self._seq += 1

    def _columns(self, buffer: _Buffer) -> dict[str, list[Any]]:
        columns: dict[str, list[Any]] = {"t": buffer.t}
        frames = self._can_log is not None or self.options.can != "columns"
        for name in buffer.rows[0]:
            left_out = self.options.gnss == "nmea" if name in GNSS else frames
            if not left_out:
                columns[name] = [row[name] for row in buffer.rows]
        return columns
