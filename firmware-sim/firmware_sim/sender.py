"""What goes out under one device's name: the chain of its reports, or the lines of a plain receiver.

A sender makes content into the next report of the chain, keeps it in flash memory until the gateway has
answered for it, and hands it to a link when it is due. Signing will happen here, before a report is stored.
"""

from __future__ import annotations

from collections import deque

from firmware_sim.faults import Faults
from firmware_sim.flash import Flash
from firmware_sim.outbox import Outbox
from firmware_sim.wire import MAX_BYTES, Content, Form, encode

MAX_LINES = 4_096


class Sender:
    """The sending side of one device; ``online`` says whether it has a network now.

    A plain receiver (``Form.NMEA``) has no reports: what it says waits in ``lines``, the oldest dropped
    when there is no room, and ends with the broker's PUBACK.
    """

    def __init__(self, device: str, form: Form, flash: Flash, faults: Faults | None = None) -> None:
        self.device, self.form, self.flash = device, form, flash
        self.faults = faults or Faults()
        self.outbox = Outbox(flash, device)
        self.lines: deque[bytes] = deque(maxlen=MAX_LINES)
        self.online = True
        self._seq = 0

    @property
    def plain(self) -> bool:
        """Whether this is a plain receiver: raw sentences, no reports, no acks."""
        return self.form is Form.NMEA

    def start(self, boot: str) -> None:
        """Begin a boot; its reports count from 0."""
        self.flash.start_boot(boot)
        self._seq = 0

    def report(self, last_t_ms: int, content: Content) -> int:
        """Store the next report of the chain; returns its size in bytes. Raises ``StateError``.

        Where the memory had to drop unanswered reports, this one says so by an ``overflow`` fact.
        """
        lost = self.flash.make_room(MAX_BYTES)
        if self.flash.overflow:
            fact = {"t": last_t_ms, "kind": "overflow", "reports": self.flash.overflow}
            if lost:
                fact |= {"boot": lost[-1].boot, "last_seq": lost[-1].seq}
            content.facts.append(fact)
        flash = self.flash
        data = encode(self.form, flash.boot, flash.boot_n, self._seq, flash.last_hash, content)
        self.outbox.add(flash.store(self._seq, last_t_ms, data))
        self._seq += 1
        return len(data)
