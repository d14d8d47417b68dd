"""What goes out under one device's name: the chain of its reports, or the lines of a plain receiver.

A sender makes content into the next report of the chain, keeps it in flash memory until the gateway has
answered for it, and hands it to a link when it is due. Where the unit has a key, the report is signed here,
before it is stored, and only a signed answer ends its keeping.
"""

from __future__ import annotations

from collections import deque

from firmware_sim import cose
from firmware_sim.faults import Faults
from firmware_sim.flash import Flash
from firmware_sim.keys import AckKeys, DeviceKey
from firmware_sim.outbox import Outbox
from firmware_sim.wire import MAX_BYTES, TOPIC, Content, Form, decode_ack, encode

MAX_LINES = 4_096


class Sender:
    """The sending side of one device; ``online`` says whether it has a network now, ``client`` its MQTT name.

    A plain receiver (``Form.NMEA``) has no reports: what it says waits in ``lines``, the oldest dropped
    when there is no room, and ends with the broker's PUBACK. With ``key`` (form ``cbor`` only) it signs, and
    takes only what one of ``acks`` has signed for an answer; ``not_believed`` counts the rest.
    """

    def __init__(
        self,
        device: str,
        form: Form,
        flash: Flash,
        faults: Faults | None = None,
        *,
        key: DeviceKey | None = None,
        acks: AckKeys | None = None,
    ) -> None:
        self.device, self.form, self.flash = device, form, flash
        self.faults = faults or Faults()
        self.outbox = Outbox(flash, device)
        self.lines: deque[bytes] = deque(maxlen=MAX_LINES)
        self.online = True
        self.client = device
        self.key, self.acks, self.not_believed = key, acks, 0
        self._seq = 0

    @property
    def plain(self) -> bool:
        """Whether this is a plain receiver: raw sentences, no reports, no acks."""
        return self.form is Form.NMEA

    def use(self, flash: Flash) -> None:
        """Go on with another memory."""
        counters = self.outbox.counters
        self.flash, self.outbox = flash, Outbox(flash, self.device)
        self.outbox.counters = counters

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
        if self.key is not None:
            data = cose.sign1(self.key, TOPIC.format(self.device, "report"), data)
        self.outbox.add(flash.store(self._seq, last_t_ms, data))
        self._seq += 1
        return len(data)

    def answered(self, message: bytes, now_s: float) -> bool:
        """Take an answer of the gateway, if it is one that this unit can believe; returns whether it was."""
        said: bytes | None = message
        if self.key is not None:
            topic = TOPIC.format(self.device, "ack")
            said = None if self.acks is None else self.acks.check(message, topic)
        ack = None if said is None else decode_ack(said)
        if ack is None:
            self.not_believed += 1
            return False
        self.outbox.acknowledge(ack, now_s)
        return True
