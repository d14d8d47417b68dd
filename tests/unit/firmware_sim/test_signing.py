"""A unit with a key: what it sends is signed, and it forgets nothing but on a signed answer."""

import hashlib
import stat
from pathlib import Path

import cbor2
import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from hypothesis import given, settings
from hypothesis import strategies as st

from firmware_sim import cose
from firmware_sim.errors import KeyFileError
from firmware_sim.flash import Flash
from firmware_sim.keys import AckKeys, DeviceKey, KeyFolder
from firmware_sim.sender import Sender
from firmware_sim.wire import Content, Form

DEVICE = "sim-0001"
REPORT, ACK = f"corridor/v1/{DEVICE}/report", f"corridor/v1/{DEVICE}/ack"


def holds(key: DeviceKey, message: bytes, external: str) -> bool:
    """An independent reading of RFC 9052: the structure built by hand, the check by the library."""
    tag = cbor2.loads(message)
    protected, unprotected, payload, signature = tag.value
    assert (tag.tag, unprotected) == (18, {})
    assert cbor2.loads(protected) == {1: -8 if key.alg == "EdDSA" else -7, 4: key.id.encode()}
    over = cbor2.dumps(["Signature1", protected, external.encode(), payload])
    try:
        if key.alg == "EdDSA":
            Ed25519PublicKey.from_public_bytes(key.public).verify(signature, over)
        else:
            pair = int.from_bytes(signature[:32], "big"), int.from_bytes(signature[32:], "big")
            assert pair[1] < 1 << 255  # the lower s: nobody makes a second signature of the first
            point = ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), key.public)
            point.verify(encode_dss_signature(*pair), over, ec.ECDSA(hashes.SHA256()))
    except InvalidSignature:
        return False
    return True


def unit(folder: Path, alg: str = "EdDSA", name: str = DEVICE) -> tuple[Sender, KeyFolder]:
    keys = KeyFolder(folder / "keys")
    flash = Flash(folder / f"{name}.flash")
    return Sender(name, Form.CBOR, flash, key=keys.key(name, alg), acks=keys.acks), keys


def stored(sender: Sender) -> list[bytes]:
    return [sender.flash.read(key) for key in sender.flash.keys()]  # noqa: SIM118 - not a dict


def sent(sender: Sender, reports: int = 3, boot: str = "b") -> list[bytes]:
    sender.start(boot)
    for seq in range(reports):
        sender.report(seq, Content({"t": [seq]}))
    return stored(sender)


def believing(keys: KeyFolder) -> DeviceKey:
    """The installation's key, which the unit was given."""
    key = DeviceKey.make("EdDSA")
    keys.believe(DeviceKey.proof(key, "x", 0)["public"])
    return key


def ack(boot: str = "b", last: int = 2) -> bytes:
    return cbor2.dumps({"boot": boot, "durable": [[0, last]]})


@pytest.mark.parametrize("alg", ["EdDSA", "ES256"])
def test_a_report_is_signed_for_its_topic(tmp_path: Path, alg: str) -> None:
    truck, _ = unit(tmp_path, alg)
    assert truck.key is not None
    for seq, report in enumerate(sent(truck)):
        assert report[:1] == b"\xd2"
        assert holds(truck.key, report, REPORT)
        assert not holds(truck.key, report, "corridor/v1/sim-0002/report")
        assert cbor2.loads(cbor2.loads(report).value[2])["seq"] == seq


def test_the_chain_is_over_what_was_sent_and_goes_on_over_restarts(tmp_path: Path) -> None:
    truck, keys = unit(tmp_path)
    first = sent(truck, 2, "one")
    acks = believing(keys)
    assert truck.answered(cose.sign1(acks, ACK, ack("one")), 0.0)
    assert not stored(truck)  # all forgotten, the chain is not
    again, _ = unit(tmp_path)
    assert again.key is not None
    assert truck.key is not None
    assert again.key.id == truck.key.id
    second = sent(again, 2, "two")
    said = [cbor2.loads(cbor2.loads(report).value[2]) for report in second]
    assert [one["prev"] for one in said] == [hashlib.sha256(r).digest() for r in (first[1], second[0])]
    assert [one["boot_n"] for one in said] == [2, 2]


def test_only_a_signed_answer_for_this_unit_ends_the_keeping(tmp_path: Path) -> None:
    truck, keys = unit(tmp_path)
    kept = sent(truck)
    stranger = DeviceKey.make("EdDSA")
    real = DeviceKey.make("EdDSA")
    good = cose.sign1(real, ACK, ack())
    forged = [
        ack(),  # not signed
        b'{"boot":"b","durable":[[0,2]]}',
        good,  # by the installation, which this unit does not know yet
        cose.sign1(stranger, ACK, ack()),
        b"",
        b"\xd2",
        good[:-1],
    ]
    for message in forged:
        assert not truck.answered(message, 0.0)
    keys.believe(real.proof("x", 0)["public"])
    forged.remove(good)
    forged += [
        cose.sign1(real, f"corridor/v1/{DEVICE}/report", ack()),  # said elsewhere
        cose.sign1(real, "corridor/v1/sim-0002/ack", ack()),  # said to another
        good.replace(cbor2.dumps([0, 2]), cbor2.dumps([0, 1])),  # changed on the way
    ]
    for message in forged:
        assert not truck.answered(message, 0.0)
    assert stored(truck) == kept
    assert truck.not_believed == 7 + 9
    assert truck.answered(good, 0.0)
    assert not stored(truck)


def test_a_second_ack_key_is_believed_beside_the_first(tmp_path: Path) -> None:
    truck, keys = unit(tmp_path)
    sent(truck)
    believing(keys)
    assert not truck.answered(ack(), 0.0)
    second = believing(keys)
    assert truck.answered(cose.sign1(second, ACK, ack()), 0.0)


@given(message=st.binary(max_size=200) | st.binary(max_size=100).map(lambda b: b"\xd2\x84" + b))
def test_no_bytes_but_a_message_are_opened(message: bytes) -> None:
    assert cose.open1(message, ACK) is None


@given(at=st.integers(0, 10_000), flip=st.integers(1, 255))
def test_no_changed_byte_passes(tmp_path_factory: pytest.TempPathFactory, at: int, flip: int) -> None:
    folder = tmp_path_factory.mktemp("keys")
    key = DeviceKey.make("EdDSA")
    keys = KeyFolder(folder)
    keys.believe(key.proof("x", 0)["public"])
    message = bytearray(cose.sign1(key, ACK, ack()))
    message[at % len(message)] ^= flip
    said = keys.acks.check(bytes(message), ACK)
    assert said is None or said == ack()  # a change outside what is signed changes nothing that is said


def test_a_key_is_made_once_and_kept_for_its_owner(tmp_path: Path) -> None:
    keys = KeyFolder(tmp_path)
    key = keys.key(DEVICE, "ES256")
    assert keys.key(DEVICE, "ES256").id == key.id
    assert stat.S_IMODE((tmp_path / f"{DEVICE}.pem").stat().st_mode) == 0o600
    new = keys.renew(DEVICE, "EdDSA")
    assert new.id != key.id
    assert keys.key(DEVICE, "EdDSA").id == new.id
    assert DeviceKey.load(tmp_path / f"{DEVICE}.old").id == key.id


@pytest.mark.parametrize("alg", ["EdDSA", "ES256"])
def test_a_proof_is_signed_by_the_key_that_it_is_for(alg: str) -> None:
    import base64

    key = DeviceKey.make(alg)
    told = key.proof(DEVICE, 1_780_000_000_000)
    assert told["device"] == DEVICE
    assert told["id"] == hashlib.sha256(key.public).hexdigest()[:16]
    message = base64.urlsafe_b64decode(told["proof"] + "==")
    assert holds(key, message, f"corridor/v1/{DEVICE}/key")
    said = cbor2.loads(cbor2.loads(message).value[2])
    assert said == {"device": DEVICE, "public": key.public, "made_ms": 1_780_000_000_000}


def test_files_that_are_no_keys_are_named(tmp_path: Path) -> None:
    keys = KeyFolder(tmp_path)
    (tmp_path / f"{DEVICE}.pem").write_text("nothing")
    with pytest.raises(KeyFileError, match="key not readable: got other bytes in"):
        keys.key(DEVICE, "EdDSA")
    with pytest.raises(KeyFileError, match="ack key not usable: got 'short', want an Ed25519 public key"):
        keys.believe("short")
    (tmp_path / "ack.pub").write_text("!!\n")
    message = cose.sign1(DeviceKey.make("EdDSA"), ACK, ack())
    with pytest.raises(KeyFileError, match="ack key not readable"):
        AckKeys(tmp_path / "ack.pub").check(message, ACK)
    rsa = tmp_path / "p384.pem"
    from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

    other = ec.generate_private_key(ec.SECP384R1())
    rsa.write_bytes(other.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    with pytest.raises(KeyFileError, match="key not usable: got"):
        DeviceKey.load(rsa)


@given(steps=st.lists(st.sampled_from(["report", "restart", "acked", "forged", "power"]), max_size=25))
@settings(max_examples=40, deadline=None)
def test_whatever_happens_the_chain_has_no_hole_and_nothing_unanswered_is_forgotten(
    tmp_path_factory: pytest.TempPathFactory, steps: list[str]
) -> None:
    folder = tmp_path_factory.mktemp("unit")
    truck, keys = unit(folder)
    acks = believing(keys)
    truck.start("s0")
    chain: list[bytes] = []
    kept: list[bytes] = []
    for n, step in enumerate(steps):
        if step == "report":
            truck.report(n, Content({"t": [n]}))
            kept.append(stored(truck)[-1])
            prev = cbor2.loads(cbor2.loads(kept[-1]).value[2]).get("prev")
            assert prev == (chain[-1] if chain else None)
            chain.append(hashlib.sha256(kept[-1]).digest())
        elif step == "restart":
            truck, _ = unit(folder)
            truck.start(f"s{n + 1}")
        elif step == "power":  # cut in the middle of a write
            with truck.flash.path.open("ab") as file:
                file.write(b"R\0\0")
            truck, _ = unit(folder)
            truck.start(f"s{n + 1}")
        else:
            for key in list(truck.flash.keys()):
                said = cbor2.dumps({"boot": key.boot, "durable": [[0, 99]]})
                signer = acks if step == "acked" else DeviceKey.make("EdDSA")
                truck.answered(cose.sign1(signer, ACK, said), 0.0)
            kept = [] if step == "acked" else kept
        assert stored(truck) == kept
