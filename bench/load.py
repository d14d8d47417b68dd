"""A load generator that costs little: reports made as one numpy matrix, published over a few sockets.

It heeds what a device heeds: no more than some reports a device without the gateway's ack, on the average
over the devices. Every report is CBOR with 10 samples of 8 values. All have the same length, so a round of
reports is a matrix of bytes in which only seq, times and positions differ. It speaks just enough MQTT 3.1.1
to publish with QoS 1 and to hear the acks; run as ``python -m bench.load`` it prints JSON when it is done.
"""

from __future__ import annotations

import argparse
import json
import os
import selectors
import socket
import struct
import sys
import time
from dataclasses import dataclass, field
from typing import Any, Final

import cbor2
import numpy as np
import numpy.typing as npt

SAMPLES: Final = 10
_PLACE: Final = ("lon", "lat")
# doubles of CBOR: none of them is a whole number or short of digits
_CONSTANT: Final = {
    "alt_m": 500.3,
    "speed_kmh": 60.2,
    "heading_deg": 45.1,
    "hdop": 0.9,
    "fuel_level_pct": 71.3,
    "engine_rpm": 1300.7,
}
_SUBACK: Final = 0x90
_WINDOW: Final = 4_000  # published and not yet acknowledged by the broker, all sockets together

Bytes = npt.NDArray[np.uint8]


def device_name(number: int) -> str:
    """The device's name; all have the same length."""
    return f"load-{number:06d}"


class Template:
    """One report's bytes and where in them the numbers lie that differ from report to report."""

    def __init__(self, boot: str) -> None:
        mark_seq, mark_t = 0x7EDCBA9876543210, 0x7E0000000000F000
        report: dict[str, Any] = {"v": 1, "boot": boot, "boot_n": 1, "seq": mark_seq}
        report["t"] = [mark_t + i for i in range(SAMPLES)]
        for place, name in enumerate(_PLACE):
            report[name] = [1234.5 + place + i / 64 for i in range(SAMPLES)]
        for name, value in _CONSTANT.items():
            report[name] = [value] * SAMPLES
        self.body = cbor2.dumps(report)
        self.seq_at = self.body.index(struct.pack(">Q", mark_seq))
        self.t_at = self.body.index(struct.pack(">Q", mark_t))
        self.place_at = [self.body.index(struct.pack(">d", 1234.5 + n)) for n in range(len(_PLACE))]


def _varint(n: int) -> bytes:
    out = bytearray()
    while True:
        out.append(n % 128 | (128 if n >= 128 else 0))
        n //= 128
        if not n:
            return bytes(out)


def _text(value: str) -> bytes:
    return struct.pack(">H", len(value)) + value.encode()


@dataclass(slots=True)
class Socket:
    """One MQTT connection: what is to be sent, and counts of PUBACKs."""

    connection: socket.socket
    waiting: memoryview = field(default_factory=lambda: memoryview(b""))
    got: bytearray = field(default_factory=bytearray)
    acked: int = 0
    packet_id: int = 0


def connect(host: str, port: int, client_id: str) -> Socket:
    """A connected clean session."""
    connection = socket.create_connection((host, port))
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    body = _text("MQTT") + bytes([4, 2]) + struct.pack(">H", 600) + _text(client_id)
    connection.sendall(b"\x10" + _varint(len(body)) + body)
    answer = connection.recv(4)
    if answer[:2] != b"\x20\x02" or answer[3]:
        raise ConnectionError(f"not accepted by the broker: got {answer.hex()}")
    return Socket(connection)


class Publisher:
    """Publishes rounds of reports, one a device, over a few sockets; and hears the gateway's acks."""

    def __init__(self, host: str, port: int, devices: int, sockets: int, boot: str, in_flight: int) -> None:
        self.devices = devices
        self.in_flight = in_flight * devices if in_flight else 1 << 62
        self.sockets = [connect(host, port, f"load-{os.getpid()}-{i}") for i in range(sockets)]
        self.ears = connect(host, port, f"load-{os.getpid()}-ears")
        for first in range(0, devices, 100):  # each device for itself: a broker keeps little of one's acks
            some = range(first, min(first + 100, devices))
            filters = b"".join(_text(f"corridor/v1/{device_name(d)}/ack") + b"\x01" for d in some)
            body = struct.pack(">H", first // 100 + 1) + filters
            self.ears.connection.sendall(b"\x82" + _varint(len(body)) + body)
        self._wait_subscribed((devices + 99) // 100)
        self.durable = 0
        self.refused: list[Any] = []
        self.later = 0
        self.template = self.make_template(boot)
        self.sent = 0
        self._selector = selectors.DefaultSelector()
        for one in (*self.sockets, self.ears):
            one.connection.setblocking(False)
            self._selector.register(one.connection, selectors.EVENT_READ, one)
        body = self.template.body
        topic = [_text(f"corridor/v1/{device_name(d)}/report") for d in range(devices)]
        head = b"\x32" + _varint(len(topic[0]) + 2 + len(body))
        self._id_at = len(head) + len(topic[0])
        packets = b"".join(head + t + b"\x00\x00" + body for t in topic)
        self._packets = np.frombuffer(bytearray(packets), np.uint8).reshape(devices, -1)

    def make_template(self, boot: str) -> Template:
        """What every report is made of."""
        return Template(boot)

    def fill(
        self, seq: int, first: int, t_ms: npt.NDArray[np.int64], places: npt.NDArray[np.float64]
    ) -> Bytes:
        """The packets of one report of each of n devices, see ``publish``."""
        count = places.shape[1]
        rows, template = self._packets[first : first + count], self.template
        body_at = self._id_at + 2
        self._field(rows, body_at + template.seq_at, 1, ">i8")[:] = seq
        self._field(rows, body_at + template.t_at, SAMPLES, ">i8")[:] = t_ms
        for at, values in zip(template.place_at, places, strict=True):
            self._field(rows, body_at + at, SAMPLES, ">f8")[:] = values
        return rows

    def publish(
        self, seq: int, first: int, t_ms: npt.NDArray[np.int64], places: npt.NDArray[np.float64]
    ) -> None:
        """Publish one report of each of n devices from ``first`` on: ``t_ms`` int64[samples] of all of them,
        ``places`` float64[2, n, samples] longitudes and latitudes. Returns when the window allows the next.
        """
        count, rows = places.shape[1], self.fill(seq, first, t_ms, places)
        for number, one in enumerate(self.sockets):  # a device always comes by the same one
            mine = rows[count * number // len(self.sockets) : count * (number + 1) // len(self.sockets)]
            ids = (np.arange(len(mine)) + one.packet_id) % 65_535 + 1
            one.packet_id = (one.packet_id + len(mine)) % 65_535
            self._field(mine, self._id_at, 1, ">u2")[:, 0] = ids
            one.waiting = mine.data.cast("B") if len(mine) else one.waiting
        self.sent += count
        while self.turn(0.0) or self.sent - self.acked > _WINDOW or self.sent - self.durable > self.in_flight:
            self.turn(0.002)

    @staticmethod
    def _field(rows: Bytes, at: int, count: int, dtype: str) -> npt.NDArray[Any]:
        """A view of ``count`` numbers in each row from byte ``at`` on, a head of one byte before each."""
        size = np.dtype(dtype).itemsize
        strides = (rows.strides[0], size + 1)
        return np.ndarray((len(rows), count), dtype, rows, at, strides)

    def _wait_subscribed(self, answers: int) -> None:
        """What is acknowledged before the broker has the subscriptions, nobody would hear."""
        got, at = self.ears.got, 0
        while answers:
            while (packet := _packet(got, at)) is None:
                data = self.ears.connection.recv(65_536)
                if not data:
                    raise ConnectionError("the broker closed the connection")
                got += data
            answers -= packet[0] == _SUBACK
            at = packet[2]
        del got[:at]

    @property
    def acked(self) -> int:
        """PUBACKs so far: the broker has them, which promises nothing yet."""
        return sum(one.acked for one in self.sockets)

    def turn(self, timeout_s: float) -> bool:
        """Send and receive what can be; True while something waits to be sent."""
        for key, _ in self._selector.select(timeout_s):
            self._receive(key.data)
        for one in self.sockets:
            if one.waiting:
                try:
                    count = one.connection.send(one.waiting[:262_144])
                except BlockingIOError:
                    continue
                one.waiting = one.waiting[count:]
        return any(one.waiting for one in self.sockets)

    def _receive(self, one: Socket) -> None:
        try:
            data = one.connection.recv(262_144)
        except BlockingIOError:
            return
        if not data:
            raise ConnectionError("the broker closed the connection")
        one.got += data
        if one is self.ears:
            self._hear()
        else:
            whole = len(one.got) // 4
            one.acked += whole  # nothing but PUBACKs comes here, 4 bytes each
            del one.got[: whole * 4]

    def _hear(self) -> None:
        got, at = self.ears.got, 0
        acks = bytearray()
        while (packet := _packet(got, at)) is not None:
            kind, start, end = packet
            if kind >> 4 == 3:
                topic = struct.unpack_from(">H", got, start)[0]
                payload_at = start + 2 + topic
                if kind & 6:
                    acks += b"\x40\x02" + got[payload_at : payload_at + 2]
                    payload_at += 2
                self._count(bytes(got[payload_at:end]))
            at = end
        del got[:at]
        if acks:
            self.ears.connection.setblocking(True)
            self.ears.connection.sendall(acks)
            self.ears.connection.setblocking(False)

    def _count(self, payload: bytes) -> None:
        if payload[:1] == b"\xd2":  # signed: whether it holds is for others to test
            payload = cbor2.loads(payload).value[2]
        ack = cbor2.loads(payload) if payload[:1] != b"{" else json.loads(payload)
        self.durable += sum(last - first + 1 for first, last in ack.get("durable", ()))
        self.refused += ack.get("refused", ())
        self.later += sum(r[1] - r[0] + 1 for r in ack.get("later", ()))

    def close(self) -> None:
        """Close all sockets."""
        for one in (*self.sockets, self.ears):
            one.connection.close()


def _packet(got: bytearray, at: int) -> tuple[int, int, int] | None:
    """(first byte, start of body, end) of the whole packet at ``at``, None while it is not all there."""
    length, shift, i = 0, 0, at + 1
    while i < len(got):
        length |= (got[i] & 127) << shift
        shift += 7
        i += 1
        if not got[i - 1] & 128:
            return (got[at], i, i + length) if i + length <= len(got) else None
    return None


def drive(options: argparse.Namespace) -> dict[str, Any]:
    """Publish at ``rate`` reports a second for ``seconds``, then wait until all are durable."""
    from bench.signed_load import SignedPublisher

    publisher = (SignedPublisher if options.signed else Publisher)(
        options.host, options.port, options.devices, options.sockets, options.boot, options.in_flight
    )
    rng = np.random.default_rng(7)
    start = np.array([101.0, 20.0])[:, None, None] + rng.random((2, options.devices, 1))
    step_ms = int(1000 * options.devices / options.rate) // SAMPLES
    t_ms = int(time.time() * 1000) - int(options.seconds * 1000) - 60_000
    chunk = max(1, min(options.devices, int(options.rate / 50)))

    def round_of(seq: int) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.float64]]:
        steps = seq * SAMPLES + np.arange(SAMPLES)
        return t_ms + steps * step_ms, start + steps * 1e-6

    rounds, used = int(options.seconds * options.rate / options.devices) + 1, 0.0
    if isinstance(publisher, SignedPublisher):
        publisher.sign(rounds, round_of)
        used = time.process_time()
    seq, begun = 0, time.monotonic()
    while time.monotonic() - begun < options.seconds and seq < rounds:
        times, places = round_of(seq)
        for first in range(0, options.devices, chunk):
            due = begun + publisher.sent / options.rate
            while (wait := due - time.monotonic()) > 0:
                publisher.turn(min(wait, 0.005))
            publisher.publish(seq, first, times, places[:, first : first + chunk])
        seq += 1
    published_s = time.monotonic() - begun
    quiet = time.monotonic()
    last = publisher.durable
    while publisher.durable < publisher.sent and time.monotonic() - quiet < options.patience:
        publisher.turn(0.05)
        if publisher.durable != last:
            last, quiet = publisher.durable, time.monotonic()
    durable_s = time.monotonic() - begun
    publisher.close()
    return {
        "sent": publisher.sent,
        "puback": publisher.acked,
        "durable": publisher.durable,
        "refused": len(publisher.refused),
        "first_refused": publisher.refused[:3],
        "later": publisher.later,
        "published_s": published_s,
        "durable_s": durable_s,
        "report_bytes": len(publisher.template.body),
        "cpu_s": time.process_time() - used,
    }


def main() -> int:
    """See the module's text."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--devices", type=int, default=1_000)
    parser.add_argument("--sockets", type=int, default=4)
    parser.add_argument("--rate", type=float, default=10_000.0, help="reports a second")
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument(
        "--patience", type=float, default=20.0, help="seconds without an ack before giving up"
    )
    parser.add_argument(
        "--in-flight",
        type=int,
        default=48,
        help="unacknowledged reports a device (the protocol allows 64); 0: any",
    )
    parser.add_argument("--boot", default="load-boot-1")
    parser.add_argument("--signed", type=int, default=0, help="1: signed, all before the first is published")
    print(json.dumps(drive(parser.parse_args())))
    return 0


if __name__ == "__main__":
    sys.exit(main())
