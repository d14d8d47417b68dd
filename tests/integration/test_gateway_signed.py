"""Devices with keys and attackers on the broker: what is answered, with what, and what is not."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import cbor2
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from gateway.ackkey import AckKey, load_or_make
from gateway.broker import BrokerProcess, running
from streams.signing import cose, keys
from streams.signing.keys import DeviceKey
from tests.integration.test_gateway import V5, device, gateway, until
from tests.unit.gateway.reports import T0, payload
from tests.unit.gateway.test_nmea import gga, rmc

KEY = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
STRANGER = Ed25519PrivateKey.from_private_bytes(bytes(32))
PUBLIC = keys.public_of(KEY)[1]
ENROLLED = DeviceKey(keys.key_id(PUBLIC), "EdDSA", PUBLIC, 0)


@pytest.fixture(scope="module")
def broker() -> Iterator[BrokerProcess]:
    with running() as found:
        yield found


def body(seq: int, **more: object) -> bytes:
    return cbor2.dumps(
        {"v": 1, "boot": "b1", "seq": seq, "t": [T0 + seq], "lon": [101.5], "lat": [21.5]} | more
    )


def signed(payload: bytes, by: Ed25519PrivateKey = KEY, name: str = "truck") -> bytes:
    topic = f"corridor/v1/{name}/report".encode()
    return cose.write(cose.EDDSA, ENROLLED.id.encode(), topic, payload, by.sign)


def opened(message: bytes, key: AckKey, name: str = "truck") -> dict[str, object]:
    """What an ack says whose signature holds."""
    told = cose.read(message)
    over = cose.signed_bytes(told.protected, f"corridor/v1/{name}/ack".encode(), told.payload)
    assert told.kid == key.id.encode()
    assert keys.holds("EdDSA", key.public, over, told.signature)
    said: dict[str, object] = cbor2.loads(told.payload)
    return said


async def test_signed_reports_are_durable_and_answered_with_a_signature(
    broker: BrokerProcess, tmp_path: Path
) -> None:
    key = load_or_make(tmp_path / "ack.pem")
    async with gateway(broker, tmp_path, ack_key=key, truck=ENROLLED) as found:
        async with device(broker, "truck", V5) as truck, device(broker, "d1", V5) as other:
            raws = [signed(body(seq)) for seq in range(15)] + [signed(body(15, speed_kmh=[900]))]
            await truck.send(*raws)
            await other.send(payload(0))
            said = opened(await truck.ack(), key)
            assert said == {
                "boot": "b1",
                "durable": [[0, 14]],
                "refused": [[15, "impossible_value"]],
                "later": [],
            }
            assert await other.durable(1) == [0]
            await truck.send(raws[3])
            assert opened(await truck.ack(), key)["durable"] == [[3, 3]]
        rows = {(row["device"], row["seq"]): row for row in found.reports()}
        assert len(rows) == len(found.reports()) == 16
        assert rows["truck", 3]["raw"] == raws[3]
        assert (rows["truck", 3]["signature"], rows["truck", 3]["key"]) == (1, ENROLLED.id)
        assert (rows["d1", 0]["signature"], rows["d1", 0]["key"]) == (None, None)


async def test_who_publishes_as_a_truck_with_a_key_is_kept_out_and_gets_nothing_forgotten(
    broker: BrokerProcess, tmp_path: Path
) -> None:
    """Each of these, answered, would make the truck forget its report 7, or believe that it came."""
    key = load_or_make(tmp_path / "ack.pem")
    async with gateway(broker, tmp_path, ack_key=key, truck=ENROLLED) as found:
        async with device(broker, "truck", V5) as truck:
            await truck.send(
                payload(7),
                body(7),
                body(7, speed_kmh=[900]),
                body(7, filler=b"x" * 70_000),
                signed(body(7), by=STRANGER),
                signed(body(7, filler=b"x" * 70_000), by=STRANGER),
                signed(body(7), name="d1"),
                b"\xd2garbage",
            )
            await truck.send(rmc(1) + gga(1), channel="nmea")
            await until(lambda: sum(found.letters.count().values()) == 9)
            await truck.send(signed(body(7)))
            assert opened(await truck.ack(), key) == {
                "boot": "b1",
                "durable": [[7, 7]],
                "refused": [],
                "later": [],
            }
        assert found.letters.count("demo") == {
            "unsigned": 5,
            "bad_signature": 2,
            "too_large": 1,
            "not_readable": 1,
        }
        assert [row["raw"] for row in found.reports()] == [signed(body(7))]


async def test_a_truck_with_a_revoked_key_is_taken_marked_and_answered_but_not_unsigned(
    broker: BrokerProcess, tmp_path: Path
) -> None:
    key = load_or_make(tmp_path / "ack.pem")
    revoked = DeviceKey(ENROLLED.id, "EdDSA", PUBLIC, 0, 1)
    async with gateway(broker, tmp_path, ack_key=key, truck=revoked) as found:
        async with device(broker, "truck", V5) as truck:
            await truck.send(signed(body(0)))
            assert opened(await truck.ack(), key)["durable"] == [[0, 0]]
            await truck.send(payload(0, boot="bare"))
            await truck.send(rmc(1) + gga(1), channel="nmea")
            await until(lambda: found.letters.count("demo") == {"unsigned": 2})
            await truck.send(signed(body(1)))
            said = opened(await truck.ack(), key)
            assert said == {"boot": "b1", "durable": [[1, 1]], "refused": [], "later": []}
        rows = found.reports()
        assert [(row["signature"], row["key"]) for row in rows] == [(2, ENROLLED.id), (2, ENROLLED.id)]


async def test_a_truck_whose_key_is_to_hold_later_is_answered_as_before(
    broker: BrokerProcess, tmp_path: Path
) -> None:
    """Until then it can't sign, so it believes what is not signed."""
    key = load_or_make(tmp_path / "ack.pem")
    later = DeviceKey(ENROLLED.id, "EdDSA", PUBLIC, 2**50)
    async with gateway(broker, tmp_path, ack_key=key, truck=later) as found:
        async with device(broker, "truck", V5) as truck:
            await truck.send(payload(0))
            assert await truck.durable(1) == [0]
        assert [(row["signature"], row["key"]) for row in found.reports()] == [(None, None)]
