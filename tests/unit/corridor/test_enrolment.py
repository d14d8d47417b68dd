"""What is brought for enrolling a key, and when an authority's word for it counts."""

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.types import CertificatePublicKeyTypes
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID

from corridor.authority import Authority
from corridor.enrolment import Brought, EnrolmentError, Vouching, proofs, with_certificate
from firmware_sim.keys import DeviceKey
from streams.signing.keys import check_proof, decode, encode, make_proof, public_of

NOW = datetime.now(UTC)


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority.make(tmp_path / "devices", "Fleet devices")


def vouching(authority: Authority) -> Vouching:
    return Vouching.of(authority.folder / "ca.crt", authority.folder / "crl.pem")


def test_a_key_that_the_authority_certified_is_vouched_for(authority: Authority) -> None:
    brought = with_certificate(authority.issue("trk-1"), NOW)
    vouching(authority).check(brought, NOW)
    told = brought.key
    check_proof("trk-1", told["alg"], decode(told["public"], "p"), decode(told["proof"], "p"))
    assert (brought.device, told["alg"]) == ("trk-1", "ES256")


def test_a_certificate_over_an_ed25519_key_counts_too(authority: Authority, tmp_path: Path) -> None:
    ca_key = authority._key
    key = Ed25519PrivateKey.generate()
    pem = made(authority._certificate.subject, ca_key, key.public_key(), "trk-2")
    alg, public = public_of(key)
    told = {"alg": alg, "public": encode(public), "proof": encode(make_proof(key, "trk-2", 0))}
    vouching(authority).check(Brought("trk-2", told, pem), NOW)


def made(
    issuer: x509.Name,
    key: ec.EllipticCurvePrivateKey,
    public: CertificatePublicKeyTypes,
    name: str,
    from_: datetime = NOW - timedelta(days=1),
) -> bytes:
    builder = x509.CertificateBuilder().subject_name(
        x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    )
    builder = builder.issuer_name(issuer).public_key(public).serial_number(x509.random_serial_number())
    builder = builder.not_valid_before(from_).not_valid_after(from_ + timedelta(days=30))
    return builder.sign(key, hashes.SHA256()).public_bytes(Encoding.PEM)


def _none(brought: Brought, authority: Authority) -> Brought:
    return replace(brought, certificate=None)


def _other_name(brought: Brought, authority: Authority) -> Brought:
    return replace(brought, device="trk-9")


def _other_key(brought: Brought, authority: Authority) -> Brought:
    return replace(
        brought, key={**brought.key, "public": DeviceKey.make("ES256").proof("trk-1", 0)["public"]}
    )


def _other_authority(brought: Brought, authority: Authority) -> Brought:
    other = Authority.make(authority.folder.parent / "other", "Fleet devices")  # of the same name
    return with_certificate(other.issue("trk-1"), NOW)


def _revoked(brought: Brought, authority: Authority) -> Brought:
    authority.revoke("trk-1")
    return brought


def _ended(brought: Brought, authority: Authority) -> Brought:
    public = x509.load_pem_x509_certificate(brought.certificate or b"").public_key()
    old = NOW - timedelta(days=60)
    return replace(
        brought, certificate=made(authority._certificate.subject, authority._key, public, "trk-1", old)
    )


def _p384(brought: Brought, authority: Authority) -> Brought:
    public = ec.generate_private_key(ec.SECP384R1()).public_key()
    return replace(brought, certificate=made(authority._certificate.subject, authority._key, public, "trk-1"))


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (_none, "trk-1: got a proof without certificate, want one with --ca"),
        (_other_name, "trk-9: certificate: got one for trk-1, want its own"),
        (_other_key, "trk-1: certificate: got that of another key, want the proof's"),
        (_other_authority, "trk-1: certificate: not issued by the authority of --ca"),
        (_revoked, "trk-1: certificate: it is revoked"),
        (_ended, "trk-1: certificate: good from"),
        (_p384, "trk-1: certificate: got a key of another kind, want Ed25519 or P-256"),
    ],
)
def test_what_no_authority_vouches_for_is_refused(
    authority: Authority, change: Callable[[Brought, Authority], Brought], says: str
) -> None:
    brought = change(with_certificate(authority.issue("trk-1"), NOW), authority)
    with pytest.raises(EnrolmentError) as caught:
        vouching(authority).check(brought, NOW)
    assert str(caught.value).startswith(says)


def test_a_list_that_ended_or_is_anothers_lets_nobody_in(authority: Authority, tmp_path: Path) -> None:
    brought = with_certificate(authority.issue("trk-1"), NOW)
    with pytest.raises(EnrolmentError, match="list of revoked certificates ended on"):
        vouching(authority).check(brought, NOW + timedelta(days=91))
    other = Authority.make(tmp_path / "other", "Others")
    with pytest.raises(EnrolmentError, match=r"list of revoked certificates: .* is not signed by"):
        Vouching.of(authority.folder / "ca.crt", other.folder / "crl.pem")


def test_a_devices_certificate_is_no_authority(authority: Authority) -> None:
    device = authority.issue("trk-1")
    key = authority.folder / "trk-1.key"
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    signer = load_pem_private_key(key.read_bytes(), None)
    assert isinstance(signer, ec.EllipticCurvePrivateKey)
    mine = DeviceKey.make("ES256")
    public = ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), mine.public)
    issuer = x509.load_pem_x509_certificate(device.read_bytes()).subject
    forged = made(issuer, signer, public, "trk-2")
    with pytest.raises(EnrolmentError, match="--ca: got a certificate that may sign no others"):
        Vouching.of(device, None).check(Brought("trk-2", mine.proof("trk-2", 0), forged), NOW)


def test_proofs_are_read_a_line_each_or_as_one_object() -> None:
    told = DeviceKey.make("EdDSA").proof("trk-1", 0)
    lines = f"{json.dumps(told)}\n\n{json.dumps(told | {'certificate': 'PEM'})}\n"
    first, second = proofs(lines, "f")
    assert (first.device, first.certificate, second.certificate) == ("trk-1", None, b"PEM")
    assert dict(first.key) == {name: told[name] for name in ("id", "alg", "public", "proof")}
    (one,) = proofs(json.dumps(told, indent=1), "f")
    assert one == first


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "f: got nothing, want proofs as JSON lines"),
        ("{}", "f:1: device: got no text, want a device's proof"),
        ("[1]", "f:1: device: got no text, want a device's proof"),
        ('\n{"device":', "f:2: not JSON"),
        ('{"device":"a","alg":"EdDSA","public":5,"proof":"x"}', "f:1: public: got no text"),
    ],
)
def test_a_file_without_proofs_is_refused(text: str, says: str) -> None:
    with pytest.raises(EnrolmentError) as caught:
        list(proofs(text, "f"))
    assert str(caught.value).startswith(says)


def test_a_certificate_alone_is_not_enough(authority: Authority, tmp_path: Path) -> None:
    path = authority.issue("trk-1")
    (authority.folder / "trk-1.key").unlink()
    with pytest.raises(EnrolmentError, match=r"No such file or directory; want NAME\.crt and NAME\.key"):
        with_certificate(path, NOW)
    (authority.folder / "trk-1.key").write_text("?")
    with pytest.raises(EnrolmentError, match="want a private key"):
        with_certificate(path, NOW)
    with pytest.raises(EnrolmentError, match="want a certificate and a list"):
        Vouching.of(authority.folder / "trk-1.key", None)
