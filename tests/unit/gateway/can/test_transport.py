"""Transport protocol: interleaved senders, connections, and what must be given up."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.can.j1939 import split
from gateway.can.transport import Message, Transport
from tests.unit.gateway.can.candump import frame

VIN = b"LZZTESTA6PN000001*"
INTERLEAVED = """
1CECFF00 20 2C 00 07 FF EB FE 00
1CECFF0B 20 1B 00 04 FF EB FE 00
1CEBFF00 01 43 4D 4D 4E 53 2A 36
18ECFF2A 20 17 00 04 FF EB FE 00
1CEBFF0B 01 42 4E 44 57 53 2A 45
1CEBFF00 02 4C 20 75 32 31 44 30
18EBFF2A 01 42 4E 44 57 53 2A 46
1CEBFF0B 02 43 38 30 45 53 50 20
1CEBFF00 03 38 39 30 30 30 30 30
18ECFF03 20 11 00 03 FF EB FE 00
18EBFF03 01 41 4C 4C 53 4E 2A 33
18EBFF2A 02 4C 52 32 31 2A 31 37
1CEBFF00 04 30 30 2A 37 34 36 30
1CEBFF0B 03 2A 30 30 30 30 30 30
18EBFF03 02 30 30 30 20 50 54 53
1CEBFF0B 04 30 30 30 30 2A 2A FF
1CEBFF00 05 37 31 39 31 2A 2A 2A
18EBFF2A 03 32 32 30 32 33 31 34
18EBFF03 03 2A 2A 2A FF FF FF FF
1CEBFF00 06 2A 2A 2A 2A 2A 2A 2A
18EBFF2A 04 2A 2A FF FF FF FF FF
1CEBFF00 07 2A 2A FF FF FF FF FF
""".strip().splitlines()


def run(lines: list[str], gap_ms: int = 50, transport: Transport | None = None) -> list[Message]:
    transport = transport or Transport()
    found = []
    for at, line in enumerate(lines):
        t_ms, id29, data = frame(line, at * gap_ms)
        message = transport.feed(t_ms, split(id29), data)
        if message is not None:
            found.append(message)
    return found


def bam(data: bytes, source: int = 0, pgn: int = 65260) -> list[str]:
    packets = -(-len(data) // 7)
    lines = [f"18ECFF{source:02X} 20 {len(data) & 255:02X} {len(data) >> 8:02X} {packets:02X} FF "]
    lines[0] += pgn.to_bytes(3, "little").hex(" ")
    padded = data.ljust(packets * 7, b"\xff")
    lines += [f"18EBFF{source:02X} {n + 1:02X} " + padded[n * 7 : n * 7 + 7].hex(" ") for n in range(packets)]
    return [line.upper() for line in lines]


def test_interleaved_senders_are_kept_apart() -> None:
    found = {message.source: message.data for message in run(INTERLEAVED, gap_ms=20)}
    assert found == {
        0x00: b"CMMNS*6L u21D0890000000*74607191" + b"*" * 12,
        0x0B: b"BNDWS*EC80ESP *0000000000**",
        0x2A: b"BNDWS*FLR21*172202314**",
        0x03: b"ALLSN*3000 PTS***",
    }


def test_a_vin_comes_whole() -> None:
    lines = [
        "18ECFF00 20 12 00 03 FF EC FE 00",
        "18EBFF00 01 4C 5A 5A 54 45 53 54",
        "18EBFF00 02 41 36 50 4E 30 30 30",
        "18EBFF00 03 30 30 31 2A FF FF FF",
    ]
    assert lines == bam(VIN)
    assert run(lines) == [Message(150, 65260, 0, 255, VIN)]


@given(st.binary(min_size=9, max_size=1785), st.integers(0, 253))
def test_every_size_comes_back(data: bytes, source: int) -> None:
    (message,) = run(bam(data, source), gap_ms=10)
    assert (message.source, message.data) == (source, data)


@given(st.data())
def test_a_lost_repeated_or_swapped_packet_gives_nothing(data: st.DataObject) -> None:
    lines = bam(bytes(range(60)))
    at = data.draw(st.integers(1, len(lines) - 2))
    fault = data.draw(st.sampled_from(["lost", "twice", "swapped"]))
    if fault == "lost":
        del lines[at]
    elif fault == "twice":
        lines.insert(at, lines[at])
    else:
        lines[at], lines[at + 1] = lines[at + 1], lines[at]
    transport = Transport()
    assert run(lines, transport=transport) == []
    assert transport.dropped == 1


def test_a_new_announcement_replaces_the_unfinished_one() -> None:
    transport = Transport()
    assert [message.data for message in run(bam(VIN)[:3] + bam(VIN), transport=transport)] == [VIN]
    assert transport.dropped == 1


@pytest.mark.parametrize(("gap_ms", "complete"), [(750, True), (751, False)])
def test_a_broadcast_may_pause_750_ms(gap_ms: int, complete: bool) -> None:
    transport = Transport()
    assert bool(run(bam(VIN), gap_ms, transport)) is complete
    assert transport.dropped == (0 if complete else 1)


def test_silence_gives_up_when_time_goes_on() -> None:
    transport = Transport()
    run(bam(VIN)[:2], transport=transport)
    transport.expire(10_000)
    assert transport.dropped == 1


@pytest.mark.parametrize(
    "announced",
    [
        "18ECFF00 20 08 00 02 FF EC FE 00",  # too short for a transfer
        "18ECFF00 20 12 00 04 FF EC FE 00",  # packets don't fit the size
        "18ECFF00 20 FA 06 FF FF EC FE 00",  # 1786 bytes
        "18ECFF00 20 00 00 00 FF EC FE 00",
    ],
)
def test_sizes_that_do_not_agree_are_not_begun(announced: str) -> None:
    transport = Transport()
    assert run([announced, *bam(VIN)[1:]], transport=transport) == []
    assert transport.dropped == 1


def test_a_connection_is_overheard() -> None:
    lines = [
        "18EC0BF9 10 12 00 03 FF EC FE 00",  # F9 to 0B: request to send
        "18ECF90B 11 02 01 FF FF EC FE 00",  # 0B: clear to send packets 1 and 2
        "18EB0BF9 01 4C 5A 5A 54 45 53 54",
        "18EB0BF9 02 41 36 50 4E 30 30 30",
        "18ECF90B 11 00 FF FF FF EC FE 00",  # wait
        "18ECF90B 11 02 02 FF FF EC FE 00",  # packet 2 again
        "18EB0BF9 02 41 36 50 4E 30 30 30",
        "18EB0BF9 03 30 30 31 2A FF FF FF",
        "18ECF90B 13 12 00 03 FF EC FE 00",
    ]
    assert run(lines, gap_ms=200) == [Message(1400, 65260, 0xF9, 0x0B, VIN)]


@pytest.mark.parametrize("by", ["18ECF90B", "18EC0BF9"])
def test_an_abort_ends_a_connection(by: str) -> None:
    transport = Transport()
    lines = ["18EC0BF9 10 12 00 03 FF EC FE 00", f"{by} FF 03 FF FF FF EC FE 00"]
    lines += ["18EB0BF9 01 4C 5A 5A 54 45 53 54"]
    assert run(lines, transport=transport) == []
    assert transport.dropped == 1


def test_a_flood_of_announcements_stays_small() -> None:
    transport = Transport()
    for source in range(254):
        run(bam(bytes(1785), source)[:1], transport=transport)
    assert len(transport._open) == 32
    assert transport.dropped == 254 - 32


@given(st.lists(st.tuples(st.integers(0, 2**29 - 1), st.binary(max_size=8)), max_size=30))
def test_any_frames_are_survived(frames: list[tuple[int, bytes]]) -> None:
    transport = Transport()
    for id29, data in frames:
        id_ = split(id29 & 0x1F00FFFF | 0xEC0000)
        transport.feed(0, id_, data)
        transport.feed(0, split(id29 & 0x1F00FFFF | 0xEB0000), data)
