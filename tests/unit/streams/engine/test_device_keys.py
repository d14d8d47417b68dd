"""Keys of a device as commands make them: enrolled with a proof, revoked, kept over everything else."""

from __future__ import annotations

from itertools import count
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from streams.codec import dump_json
from streams.engine import Engine, restore, snapshot
from streams.events import Event, Kind
from streams.records import LogRecord, RecordKind
from streams.signing import keys
from streams.signing.keys import PrivateKey
from tests.unit.streams.engine.small_world import T0, world

ED = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
EC = ec.derive_private_key(0x1234_5678_9ABC, ec.SECP256R1())
VIN = "1M8GDM9AXKP042788"


class Log:
    """An engine and the commands that it is told, one a second."""

    def __init__(self) -> None:
        self.engine = Engine(0, world())
        self.position = 0
        self._ids = count(1)

    def tell(self, name: str, data: dict[str, Any], tenant: str = "main") -> list[Event]:
        self.position += 1
        told = {"id": f"cmd_{next(self._ids)}", "command": name, "tenant": tenant, "by": "x", "data": data}
        now = T0 + 1_000 * self.position
        record = LogRecord(0, self.position, RecordKind.COMMAND, now, "", dump_json(told))
        return self.engine.fold(record).events

    def fit(self) -> str:
        """Register a vehicle and fit unit-1 to it."""
        asset = self.tell("asset.register", {"vin": VIN})[0].id
        self.tell("device.fit", {"device": "unit-1", "asset": asset})
        return asset

    def held(self) -> list[dict[str, Any]]:
        held: list[dict[str, Any]] = self.engine.registry.devices["unit-1"]["data"]["keys"]
        return held


def enrolment(key: PrivateKey, device: str = "unit-1", **more: Any) -> dict[str, Any]:
    alg, public = keys.public_of(key)
    proof = keys.encode(keys.make_proof(key, device, T0))
    told = {"id": keys.key_id(public), "alg": alg, "public": keys.encode(public), "proof": proof}
    return {"device": device, "key": told, **more}


def error(events: list[Event]) -> str | None:
    """The code of the refusal; None for what was done."""
    (answer,) = (event for event in events if event.kind is Kind.COMMAND)
    return None if answer.data["ok"] else answer.data["error"]["code"]


@pytest.fixture
def log() -> Log:
    made = Log()
    made.fit()
    return made


@pytest.mark.parametrize("key", [ED, EC])
def test_a_key_is_enrolled_and_shown_in_the_device(log: Log, key: PrivateKey) -> None:
    device, answer = log.tell("device.key", enrolment(key))
    alg, public = keys.public_of(key)
    assert (device.kind, device.revision, answer.data["ok"]) == (Kind.DEVICE, 2, True)
    want = {
        "id": keys.key_id(public),
        "alg": alg,
        "public": keys.encode(public),
        "from_ms": T0 + 3_000,
        "revoked_ms": None,
    }
    assert device.data["keys"] == [want]
    assert keys.device_keys(device.data["keys"])[0].public == public


def test_two_keys_hold_until_the_first_is_revoked(log: Log) -> None:
    log.tell("device.key", enrolment(ED, from_ms=T0))
    log.tell("device.key", enrolment(EC))
    first, second = log.held()
    assert (first["from_ms"], second["from_ms"]) == (T0, T0 + 4_000)
    assert (
        error(log.tell("device.key.revoke", {"device": "unit-1", "key": first["id"], "at_ms": T0 + 9}))
        is None
    )
    assert [one["revoked_ms"] for one in log.held()] == [T0 + 9, None]


def test_a_revocation_moves_back_never_on(log: Log) -> None:
    """A theft that is found to be older makes more suspect; none makes anything good again."""
    log.tell("device.key", enrolment(ED))
    revoke = {"device": "unit-1", "key": log.held()[0]["id"]}
    assert error(log.tell("device.key.revoke", revoke)) is None
    assert log.held()[0]["revoked_ms"] == T0 + 4_000
    assert error(log.tell("device.key.revoke", revoke | {"at_ms": T0 + 5_000})) == "ended"
    assert error(log.tell("device.key.revoke", revoke | {"at_ms": T0 + 1_000})) is None
    assert log.held()[0]["revoked_ms"] == T0 + 1_000


def test_a_revoked_key_can_not_come_back(log: Log) -> None:
    log.tell("device.key", enrolment(ED))
    log.tell("device.key.revoke", {"device": "unit-1", "key": log.held()[0]["id"]})
    assert error(log.tell("device.key", enrolment(ED))) == "duplicate"


def test_keys_stay_over_every_change_of_the_fitting(log: Log) -> None:
    """Taking a unit off and fitting it again must not let it send unsigned reports."""
    log.tell("device.key", enrolment(ED))
    before = log.held()
    log.tell("device.unfit", {"device": "unit-1"})
    assert log.held() == before
    other = log.tell("asset.register", {"vin": "1HGCM82633A004352"})[0].id
    log.tell("device.fit", {"device": "unit-1", "asset": other})
    assert log.held() == before


def test_what_is_refused(log: Log) -> None:
    good = enrolment(ED)
    other = enrolment(ED, "unit-2")
    told = good["key"]

    def changed(**key: Any) -> dict[str, Any]:
        return good | {"key": told | key}

    assert error(log.tell("device.key", good | {"device": "unit-9"})) == "unknown"
    assert error(log.tell("device.key", good, tenant="other")) == "unknown"
    assert error(log.tell("device.key", changed(proof=other["key"]["proof"]))) == "bad_key"
    assert error(log.tell("device.key", changed(proof="!"))) == "bad_key"
    assert error(log.tell("device.key", changed(proof=""))) == "bad_key"
    assert error(log.tell("device.key", changed(public="AAAA"))) == "bad_key"
    assert error(log.tell("device.key", changed(alg="ES256"))) == "bad_key"
    assert error(log.tell("device.key", changed(alg="none"))) == "bad_key"
    assert error(log.tell("device.key", changed(id="0" * 16))) == "bad_key"
    assert "keys" not in log.engine.registry.devices["unit-1"]["data"]
    assert error(log.tell("device.key.revoke", {"device": "unit-1", "key": "0" * 16})) == "unknown"
    assert error(log.tell("device.key.revoke", {"device": "unit-9", "key": told["id"]})) == "unknown"


def test_a_device_has_a_bounded_number_of_keys(log: Log) -> None:
    for number in range(1, 65):
        key = Ed25519PrivateKey.from_private_bytes(bytes(31) + bytes((number,)))
        assert error(log.tell("device.key", enrolment(key))) is None
    assert error(log.tell("device.key", enrolment(ED))) == "too_many_keys"


def test_a_snapshot_keeps_the_keys_and_none_looks_as_before(log: Log) -> None:
    bare = snapshot(log.engine)
    log.tell("device.key", enrolment(ED))
    again = restore(snapshot(log.engine), world())
    assert again.registry.devices == log.engine.registry.devices
    assert b'"keys"' not in bare
