"""The busy part of MQTT: the same packets whatever pieces they come in, and the rest left to gmqtt."""

from __future__ import annotations

import itertools
import struct
from types import SimpleNamespace
from typing import Any

import pytest
from gmqtt.mqtt.constants import MQTTv50, MQTTv311
from gmqtt.mqtt.utils import IdGenerator
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.wire import Wire


class Far:
    """gmqtt's connection and transport as far as a wire sees them."""

    def __init__(self, version: int = MQTTv50) -> None:
        self.heard: list[tuple[str, bytes]] = []
        self.rest: list[tuple[int, bytes]] = []
        self.sent = bytearray()
        self.aborted = False
        self.protocol: Any = None
        self._transport = SimpleNamespace(
            set_protocol=lambda protocol: setattr(self, "protocol", protocol),
            write=self.sent.extend,
            abort=lambda: setattr(self, "aborted", True),
        )
        self._protocol = SimpleNamespace()
        self._last_data_in = 0.0
        self._handler = SimpleNamespace(
            id_generator=IdGenerator(max=5), _connection_state=SimpleNamespace(protocol_version=version)
        )
        self.wire = Wire(self, lambda *message: self.heard.append(message))

    def put_package(self, package: Any) -> None:
        self.rest.append((package.cmd, package.data))


def packet(kind: int, body: bytes) -> bytes:
    length, size = bytearray(), len(body)
    while size > 127:
        length.append(size & 127 | 128)
        size >>= 7
    return bytes([kind]) + bytes(length) + bytes([size]) + body


def publish(
    topic: str, payload: bytes, qos: int, version: int, properties: bytes = b"", number: int = 7
) -> bytes:
    body = struct.pack(">H", len(topic.encode())) + topic.encode()
    body += struct.pack(">H", number) if qos else b""
    body += bytes([len(properties)]) + properties if version == MQTTv50 else b""
    return packet(0x30 | qos << 1, body + payload)


versions = pytest.mark.parametrize("version", [MQTTv311, MQTTv50])


@versions
@pytest.mark.parametrize("qos", [0, 1])
def test_a_message_is_heard_and_acknowledged(version: int, qos: int) -> None:
    far = Far(version)
    for payload in (b"", b"1", bytes(300), bytes(20_000), bytes(70_000)):
        far.protocol.data_received(publish("corridor/v1/d-ü/report", payload, qos, version, number=258))
        assert far.heard.pop() == ("corridor/v1/d-ü/report", payload)
        assert bytes(far.sent) == (b"\x40\x02\x01\x02" if qos else b"")
        far.sent.clear()
    assert far.rest == []
    assert far._last_data_in > 0


@versions
def test_what_is_rare_is_left_to_gmqtt(version: int) -> None:
    far = Far(version)
    expiry = b"\x02\x00\x00\x00\x05"
    rare = [publish("t", b"2", 2, version), publish("t", b"3", 3, version), publish("", b"", 1, version)]
    rare += [b"\x90\x03\x00\x01\x00", b"\xd0\x00", b"\x20\x02\x00\x00", b"\x30\x01\x00", b"\xe0\x00"]
    rare += [b"\x32\x07\x00\xff" + b"t" * 5, b"\x40\x00", b"\x32\x05\x00\x02ttt"]
    if version == MQTTv50:
        rare += [
            publish("t", b"4", 1, version, expiry),
            packet(0x32, b"\x00\x01t\x00\x07"),
            b"\xf0\x02\x18\x00",
        ]
    far.protocol.data_received(b"".join(rare))
    assert [packet(*found) for found in far.rest] == rare
    assert (far.heard, bytes(far.sent), far.aborted) == ([], b"", False)


def test_a_length_of_five_bytes_ends_the_connection() -> None:
    far = Far()
    far.protocol.data_received(publish("t", b"1", 1, MQTTv50) + b"\x32\xff\xff\xff\xff\x01" + bytes(9))
    assert far.aborted
    assert far.heard == [("t", b"1")]
    assert (bytes(far.sent), far.rest) == (b"", [])


def test_a_message_that_is_heard_before_one_that_is_rare_stays_before_it() -> None:
    far = Far()
    order: list[str] = []
    far.wire._handler = lambda topic, _payload: order.append(topic)
    far.put_package = lambda package: order.append("rare")  # type: ignore[method-assign]
    far.protocol.data_received(
        publish("a", b"", 1, MQTTv50) + publish("b", b"", 2, MQTTv50) + publish("c", b"", 1, MQTTv50)
    )
    assert order == ["a", "rare", "c"]


def test_a_packet_of_which_one_byte_has_come_waits_for_no_more_than_its_own() -> None:
    far = Far()
    first, second = publish("t", bytes(50), 1, MQTTv50), publish("t", b"", 1, MQTTv50)
    far.protocol.data_received(first[:9])
    far.protocol.data_received(first[9:] + second[:1])
    far.protocol.data_received(second[1:])
    assert far.heard == [("t", bytes(50)), ("t", b"")]


messages = st.tuples(st.text("ab/ü", min_size=1, max_size=5), st.binary(max_size=300), st.integers(0, 3))


@settings(deadline=None, max_examples=300)
@given(
    st.lists(messages, min_size=1, max_size=12),
    st.lists(st.integers(1, 400)),
    st.sampled_from([MQTTv311, MQTTv50]),
)
def test_pieces_do_not_matter(sent: list[tuple[str, bytes, int]], pieces: list[int], version: int) -> None:
    stream = b"".join(
        b"\xd0\x00" if qos == 3 else publish(topic, payload, qos, version, number=n)
        for n, (topic, payload, qos) in enumerate(sent)
    )
    far, at = Far(version), 0
    for size in itertools.chain(pieces, itertools.repeat(7)):
        if at >= len(stream):
            break
        far.protocol.data_received(stream[at : at + size])
        at += size
    assert far.heard == [(topic, payload) for topic, payload, qos in sent if qos < 2]
    assert len(far.rest) == sum(qos >= 2 for _, _, qos in sent)
    acknowledged = [n for n, (_, _, qos) in enumerate(sent) if qos == 1]
    assert bytes(far.sent) == b"".join(b"\x40\x02" + struct.pack(">H", n) for n in acknowledged)


@versions
@pytest.mark.parametrize("size", [0, 110, 200, 20_000])
def test_what_is_published_is_what_another_hears(version: int, size: int) -> None:
    far, other = Far(version), Far(version)
    far.wire.publish("t/ü".encode(), bytes(size))
    other.protocol.data_received(bytes(far.sent))
    assert other.heard == [("t/ü", bytes(size))]
    assert bytes(other.sent) == b"\x40\x02\x00\x01"


@pytest.mark.parametrize("more", [b"", b"\x10", b"\x10\x00"])
def test_an_id_is_free_again_when_it_is_acknowledged(more: bytes) -> None:
    far = Far()
    for _ in range(4):
        far.wire.publish(b"t", b"")
    with pytest.raises(OverflowError):
        far.wire.publish(b"t", b"")
    far.sent.clear()
    far.protocol.data_received(packet(0x40, b"\x00\x02" + more))
    far.wire.publish(b"t", b"")
    assert bytes(far.sent) == packet(0x32, b"\x00\x01t\x00\x02\x00")
    assert far.rest == []


def test_what_happens_to_the_transport_is_told_to_gmqtt() -> None:
    far = Far()
    told: list[Any] = []
    for name in ("eof_received", "connection_lost", "pause_writing", "resume_writing"):
        setattr(far._protocol, name, lambda *given, name=name: told.append((name, *given)))
    far.protocol.pause_writing()
    far.protocol.resume_writing()
    far.protocol.eof_received()
    far.protocol.connection_lost(None)
    assert told == [("pause_writing",), ("resume_writing",), ("eof_received",), ("connection_lost", None)]
