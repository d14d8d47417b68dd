"""What is brought when a device's key is enrolled: its proof of possession, and perhaps a certificate.

A proof is one JSON object: device, id, alg, public, proof, and ``certificate`` (PEM) where an authority
vouches for the name. Its signature is checked by the engine; here, that the certificate is the authority's,
holds now, is not on its list, names the device and has the very key.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ec import (
    SECP256R1,
    EllipticCurvePrivateKey,
    EllipticCurvePublicKey,
)
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_pem_private_key
from cryptography.x509.oid import NameOID

from streams.signing.keys import encode, key_id, make_proof, public_of

_FIELDS: Final = ("device", "alg", "public", "proof")


class EnrolmentError(Exception):
    """What was brought can't be enrolled; one line."""


@dataclass(frozen=True, slots=True)
class Brought:
    """A key that a device brings: the JSON values of the command ``device.key``."""

    device: str
    key: Mapping[str, Any]
    certificate: bytes | None = None


@dataclass(frozen=True, slots=True)
class Vouching:
    """Who may vouch for a name: an authority's certificate, and its list of revoked ones if there is one."""

    authority: x509.Certificate
    revoked: x509.CertificateRevocationList | None = None

    @classmethod
    def of(cls, ca: Path, crl: Path | None) -> Vouching:
        """From PEM files. Raises EnrolmentError."""
        try:
            authority = x509.load_pem_x509_certificate(ca.read_bytes())
            found = None if crl is None else x509.load_pem_x509_crl(crl.read_bytes())
        except OSError as error:
            raise EnrolmentError(f"{error.filename}: {error.strerror}") from None
        except ValueError:
            raise EnrolmentError(
                f"authority: got other bytes in {ca} or {crl}, want a certificate and a list (PEM)"
            ) from None
        if found is not None and not found.is_signature_valid(authority.public_key()):  # type: ignore[arg-type]
            raise EnrolmentError(f"list of revoked certificates: {crl} is not signed by {ca}")
        return cls(authority, found)

    def check(self, brought: Brought, now: datetime) -> None:
        """Raises EnrolmentError unless the certificate gives this name to this key, now."""
        if brought.certificate is None:
            raise EnrolmentError(f"{brought.device}: got a proof without certificate, want one with --ca")
        certificate = _certificate(brought.certificate, brought.device)
        names = certificate.subject.get_attributes_for_oid(NameOID.COMMON_NAME)
        said = ", ".join(str(name.value) for name in names) or "nobody"
        if said != brought.device:
            raise EnrolmentError(f"{brought.device}: certificate: got one for {said}, want its own")
        self._issued(certificate, brought.device, now)
        public = certificate.public_key()
        if isinstance(public, Ed25519PublicKey):
            held = public.public_bytes_raw()
        elif isinstance(public, EllipticCurvePublicKey) and isinstance(public.curve, SECP256R1):
            held = public.public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
        else:
            raise EnrolmentError(
                f"{brought.device}: certificate: got a key of another kind, want Ed25519 or P-256"
            )
        if str(brought.key["public"]).rstrip("=") != encode(held):
            raise EnrolmentError(f"{brought.device}: certificate: got that of another key, want the proof's")

    def _issued(self, certificate: x509.Certificate, device: str, now: datetime) -> None:
        try:
            certificate.verify_directly_issued_by(self.authority)
            basic = self.authority.extensions.get_extension_for_class(x509.BasicConstraints).value
        except (ValueError, TypeError, InvalidSignature, x509.ExtensionNotFound):
            raise EnrolmentError(f"{device}: certificate: not issued by the authority of --ca") from None
        if not basic.ca:
            raise EnrolmentError("--ca: got a certificate that may sign no others, want an authority's")
        for one, what in ((certificate, f"{device}: certificate"), (self.authority, "--ca")):
            if not one.not_valid_before_utc <= now <= one.not_valid_after_utc:
                raise EnrolmentError(
                    f"{what}: good from {one.not_valid_before_utc:%Y-%m-%d} to"
                    f" {one.not_valid_after_utc:%Y-%m-%d}, want one that is good on {now:%Y-%m-%d}"
                )
        if self.revoked is None:
            return
        ends = self.revoked.next_update_utc
        if ends is not None and ends < now:
            raise EnrolmentError(
                f"list of revoked certificates ended on {ends:%Y-%m-%d}, want one that holds"
            )
        if self.revoked.get_revoked_certificate_by_serial_number(certificate.serial_number) is not None:
            raise EnrolmentError(f"{device}: certificate: it is revoked")


def proofs(text: str, where: str) -> Iterator[Brought]:
    """The proofs in ``text``, a JSON object a line or one over many. Raises EnrolmentError."""
    rows = [(n, line) for n, line in enumerate(text.splitlines(), 1) if line.strip()]
    if text.lstrip()[:1] == "{" and text.lstrip()[1:2] in ("\n", "\r"):
        rows = [(1, text)]
    if not rows:
        raise EnrolmentError(f"{where}: got nothing, want proofs as JSON lines")
    for number, line in rows:
        try:
            told = json.loads(line)
        except ValueError as error:
            raise EnrolmentError(f"{where}:{number}: not JSON: {error}") from None
        wrong = [f for f in _FIELDS if not isinstance(told, dict) or not isinstance(told.get(f), str)]
        if wrong:
            raise EnrolmentError(f"{where}:{number}: {wrong[0]}: got no text, want a device's proof")
        pem = told.get("certificate")
        key = {name: told[name] for name in ("id", "alg", "public", "proof") if name in told}
        yield Brought(told["device"], key, pem.encode() if isinstance(pem, str) else None)


def with_certificate(path: Path, now: datetime) -> Brought:
    """A certificate's file and, beside it, the private key (``.key``): the proof is made here.

    For authorities that make the keys of devices, as ``corridor certs`` does. Raises EnrolmentError.
    """
    beside = path.with_suffix(".key")
    try:
        pem, private = path.read_bytes(), load_pem_private_key(beside.read_bytes(), None)
    except OSError as error:
        raise EnrolmentError(
            f"{error.filename}: {error.strerror}; want NAME.crt and NAME.key beside it, or a proof"
        ) from None
    except (ValueError, TypeError):
        raise EnrolmentError(f"{beside}: want a private key (PEM, without a password)") from None
    names = _certificate(pem, str(path)).subject.get_attributes_for_oid(NameOID.COMMON_NAME)
    if len(names) != 1 or not isinstance(names[0].value, str):
        raise EnrolmentError(f"{path}: got {len(names)} names, want one common name, the device's")
    if not isinstance(private, Ed25519PrivateKey | EllipticCurvePrivateKey) or (
        isinstance(private, EllipticCurvePrivateKey) and not isinstance(private.curve, SECP256R1)
    ):
        raise EnrolmentError(f"{beside}: got a key of another kind, want Ed25519 or P-256")
    device, (alg, public) = names[0].value, public_of(private)
    proof = make_proof(private, device, int(now.timestamp() * 1000))
    key = {"id": key_id(public), "alg": alg, "public": encode(public), "proof": encode(proof)}
    return Brought(device, key, pem)


def today() -> datetime:
    """Now, UTC."""
    return datetime.now(UTC)


def _certificate(pem: bytes, whose: str) -> x509.Certificate:
    try:
        return x509.load_pem_x509_certificate(pem)
    except ValueError:
        raise EnrolmentError(f"{whose}: got other bytes for a certificate, want PEM") from None
